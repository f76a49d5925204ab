"""The keys that sign checkpoints and receipts, public and private, as values (FORMAT.md section 8).

Pure: it reaches no I/O, so that `verify` can use it.  A public key is believed only where it came from outside the
trail.
"""

import base64
import hashlib
import re
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey

from audit.errors import FormatError

ED25519 = 0x01
"""C2SP signed-note signature type: Ed25519 over the note text."""

MLDSA44 = 0x06
"""C2SP tlog-cosignature signature type: timestamped ML-DSA-44."""

KEY_BYTES = {ED25519: 32, MLDSA44: 1312}
"""Length of the raw public key for each signature type."""

_ORIGIN = re.compile(r"[A-Za-z0-9._/-]{1,100}")


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifierKey:
    """One public key that signs checkpoints, as in a C2SP vkey line."""

    name: str
    signature_type: int
    public: bytes

    def key_id(self) -> bytes:
        """Return the 4 bytes that name this key on a signature line."""
        preimage = self.name.encode() + b"\n" + bytes([self.signature_type]) + self.public
        return hashlib.sha256(preimage).digest()[:4]

    def is_classical(self) -> bool:
        """Say whether this is the Ed25519 key."""
        return self.signature_type == ED25519

    def to_vkey(self) -> str:
        """Return the line ``name+hex key id+base64(type || key)``."""
        encoded = base64.b64encode(bytes([self.signature_type]) + self.public).decode()
        return f"{self.name}+{self.key_id().hex()}+{encoded}"

    @classmethod
    def from_vkey(cls, line: str) -> "VerifierKey":
        """Read a vkey line.  Raises FormatError if it is not one of the two types used here."""
        try:
            name, key_id, encoded = line.split("+", 2)
            material = base64.b64decode(encoded, validate=True)
        except ValueError as error:
            raise FormatError("verifier key: the line is not name+id+key") from error
        key = cls(name=name, signature_type=material[0] if material else 0, public=material[1:])
        if KEY_BYTES.get(key.signature_type) != len(key.public) or not is_origin(name):
            raise FormatError("verifier key: the signature type or the key's length is unknown")
        if key.key_id().hex() != key_id:
            raise FormatError("verifier key: the key id does not fit the key")
        return key

    def load(self) -> Ed25519PublicKey | MLDSA44PublicKey:
        """Return the key in the form that checks signatures.  Raises FormatError for bytes that are no key."""
        try:
            if self.signature_type == ED25519:
                return Ed25519PublicKey.from_public_bytes(self.public)
            return MLDSA44PublicKey.from_public_bytes(self.public)
        except ValueError as error:
            raise FormatError("verifier key: these bytes are no public key") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """The recorder's private checkpoint keys.  They MUST NOT leave its process."""

    origin: str
    ed25519: Ed25519PrivateKey = field(repr=False)
    mldsa44: MLDSA44PrivateKey = field(repr=False)

    @classmethod
    def from_seeds(cls, *, origin: str, ed25519: bytes, mldsa44: bytes) -> "SigningKey":
        """Return the keys that two 32-byte seeds stand for."""
        return cls(
            origin=origin,
            ed25519=Ed25519PrivateKey.from_private_bytes(ed25519),
            mldsa44=MLDSA44PrivateKey.from_seed_bytes(mldsa44),
        )

    def verifier_keys(self) -> tuple[VerifierKey, VerifierKey]:
        """Return the two public keys, Ed25519 first."""
        classical = self.ed25519.public_key().public_bytes_raw()
        lattice = self.mldsa44.public_key().public_bytes_raw()
        return (
            VerifierKey(name=self.origin, signature_type=ED25519, public=classical),
            VerifierKey(name=self.origin, signature_type=MLDSA44, public=lattice),
        )


def is_origin(origin: str) -> bool:
    """Say whether a name can be a log's origin: a schema-less URL of letters, digits, dots, slashes and dashes."""
    return _ORIGIN.fullmatch(origin) is not None
