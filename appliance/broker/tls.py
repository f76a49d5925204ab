"""Proves that the other end is the pinned host: by the register's certificates alone.

The machine's own list of certificate authorities is never loaded, environment variables (``SSL_CERT_FILE``,
``SSLKEYLOGFILE``) are not read, and nothing below TLS 1.2 is spoken (NIST SP 800-52r2 3.1).
"""

import hashlib
import hmac
import ssl

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from appliance.policy.register import Endpoint


def client_context(endpoint: Endpoint) -> ssl.SSLContext:
    """Return the context for connections to this endpoint.

    What the register pins is the anchor, a root, an intermediate or the leaf itself (X509_V_FLAG_PARTIAL_CHAIN), so
    that a site may pin as narrowly as its vendor allows.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(cadata=endpoint.ca_pem)
    return context


def is_pinned(certificate: bytes | None, pins: tuple[str, ...]) -> bool:
    """Say whether a leaf (DER) has one of the pinned keys; without pins every verified leaf has (RFC 7469 2.4)."""
    if not pins:
        return True
    if certificate is None:
        return False
    key = x509.load_der_x509_certificate(certificate).public_key()
    digest = hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()
    return any(hmac.compare_digest(digest, pin.lower()) for pin in pins)
