"""Proof of who is calling: the client registry, API keys, and the gateway's own certificates.

Nothing here decides what a caller may do; that is `policy`.  Answers HIPAA 45 CFR 164.312(d).
"""
