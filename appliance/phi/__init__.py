"""Find protected health information in text and keep what the caller never sent out of the answer.

Nothing here stores or logs text; what leaves this package are kinds, counts, positions and masked text.
"""
