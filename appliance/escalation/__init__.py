"""The gateway's side of the door to managed APIs: what may be asked of the broker, and how.

The gateway decides, the broker decides again by itself; this package only carries the question.  It holds
no credential, no provider's address and no HTTP client (design section 3).
"""
