"""Wrapping one key under another: AES-256-GCM with what the key is for bound in (FORMAT.md section 10).

Pure: it reaches no I/O.  A wrapped key that is put in another's place, or under another origin's name, MUST NOT open.
"""

import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES = 12
"""AES-GCM nonce (NIST SP 800-38D section 8.2.2); random, and a root wraps a few hundred keys in its life."""


def wrap(key: bytes, plain: bytes, identity: bytes) -> bytes:
    """Return nonce and ciphertext of a key under another."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plain, identity)


def unwrap(key: bytes, wrapped: bytes, identity: bytes) -> bytes | None:
    """Return the key that was wrapped; None if it does not open under this key and identity."""
    if len(wrapped) < NONCE_BYTES:
        return None
    try:
        return AESGCM(key).decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], identity)
    except InvalidTag:
        return None


def root_identity(origin: str) -> bytes:
    """Return what is bound to a root key that a protector wraps."""
    return f"audit/1/root\n{origin}\n".encode()


def next_root_identity(origin: str) -> bytes:
    """Return what is bound to the coming root key while a rotation is under way."""
    return f"audit/1/root-next\n{origin}\n".encode()


def month_identity(origin: str, month: str) -> bytes:
    """Return what is bound to a month's secrets."""
    return f"audit/1/month\n{origin}\n{month}\n".encode()
