"""Keyed fingerprints, whose sum stands for a set of copies in eight bytes.

The key is drawn anew by each verification, so that whoever changes a trail cannot aim at a sum.
"""

import hashlib

FINGERPRINT_BYTES = 8
"""Two sets share a sum once in 2^64, and nobody can try."""

MASK = 2**64 - 1
"""Sums are taken modulo 2^64."""


def fingerprint_of(value: bytes, salt: bytes) -> int:
    """Return the fingerprint of one member of a set."""
    return int.from_bytes(hashlib.blake2b(value, digest_size=FINGERPRINT_BYTES, key=salt).digest())
