"""Cosignatures: a witness's signed word that it has checked a checkpoint (c2sp.org/tlog-cosignature).

Two kinds, of one statement: Ed25519 (type 0x04) and ML-DSA-44 (type 0x06), both with the time of signing.  Text of a
note is read by `audit.checkpoint` only after the log's own signatures hold; here only lines that a known key has signed
come through, and a line of a known key that does not hold raises CheckpointError.
"""

import base64
import binascii
import hashlib
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey

from audit.checkpoint import Statement
from audit.errors import CheckpointError, FormatError
from audit.keyring.signatures import MLDSA44, is_origin

ED25519_COSIGNATURE = 0x04
"""Signature type of timestamped Ed25519 cosignatures."""

KEY_BYTES = {ED25519_COSIGNATURE: 32, MLDSA44: 1312}
"""Length of the raw public key for each signature type."""

MAX_LINES = 64
"""Signature lines that are looked at; C2SP asks for sixteen."""

_DASH = "\u2014 "
_KEY_ID_BYTES = 4
_TIMESTAMP = struct.Struct(">Q")


@dataclass(frozen=True, slots=True, kw_only=True)
class CosignerKey:
    """One public key of a witness, as in a C2SP vkey line."""

    name: str
    signature_type: int
    public: bytes

    def key_id(self) -> bytes:
        """Return the 4 bytes that name this key on a signature line."""
        preimage = self.name.encode() + b"\n" + bytes([self.signature_type]) + self.public
        return hashlib.sha256(preimage).digest()[:_KEY_ID_BYTES]

    def to_vkey(self) -> str:
        """Return the line ``name+hex key id+base64(type || key)``."""
        material = base64.b64encode(bytes([self.signature_type]) + self.public).decode()
        return f"{self.name}+{self.key_id().hex()}+{material}"

    @classmethod
    def from_vkey(cls, line: str) -> "CosignerKey":
        """Read a vkey line.  Raises FormatError if it is not a cosigner's key."""
        name, _, rest = line.partition("+")
        key_id, plus, encoded = rest.partition("+")
        try:
            material = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError) as error:
            raise FormatError("witness key: the line is not name+id+key") from error
        key = cls(name=name, signature_type=material[0] if material else 0, public=material[1:])
        if not plus or not is_origin(name) or KEY_BYTES.get(key.signature_type) != len(key.public):
            raise FormatError("witness key: it is no cosigner's key (type 04 or 06) with a name and an id")
        if key.key_id().hex() != key_id:
            raise FormatError("witness key: the key id does not fit the key")
        return key

    def check(self, signature: bytes, statement: Statement) -> int:
        """Return the time, in seconds, of a cosignature that holds.  Raises CheckpointError if it does not."""
        try:
            (time_s,) = _TIMESTAMP.unpack(signature[: _TIMESTAMP.size])
            self._load().verify(signature[_TIMESTAMP.size :], self.message(statement, time_s=time_s))
        except (InvalidSignature, ValueError, struct.error) as error:
            raise CheckpointError(f"the cosignature of {self.name} does not hold") from error
        if not time_s:
            raise CheckpointError(f"the cosignature of {self.name} has no time")
        return int(time_s)

    def message(self, statement: Statement, *, time_s: int) -> bytes:
        """Return the bytes that this key signs to cosign a checkpoint at a time."""
        if self.signature_type == ED25519_COSIGNATURE:
            return f"cosignature/v1\ntime {time_s}\n{statement.text()}".encode()
        name, origin = _short(self.name), _short(statement.origin)
        numbers = _TIMESTAMP.pack(0) + _TIMESTAMP.pack(statement.size)
        return b"subtree/v1\n\x00" + name + _TIMESTAMP.pack(time_s) + origin + numbers + statement.root

    def _load(self) -> Ed25519PublicKey | MLDSA44PublicKey:
        if self.signature_type == ED25519_COSIGNATURE:
            return Ed25519PublicKey.from_public_bytes(self.public)
        return MLDSA44PublicKey.from_public_bytes(self.public)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cosigner:
    """A witness's private keys.  They MUST NOT leave its process."""

    name: str
    ed25519: Ed25519PrivateKey = field(repr=False)
    mldsa44: MLDSA44PrivateKey = field(repr=False)

    def public_keys(self) -> tuple[CosignerKey, CosignerKey]:
        """Return the two public keys, Ed25519 first."""
        classical, lattice = self.ed25519.public_key(), self.mldsa44.public_key()
        return (
            CosignerKey(name=self.name, signature_type=ED25519_COSIGNATURE, public=classical.public_bytes_raw()),
            CosignerKey(name=self.name, signature_type=MLDSA44, public=lattice.public_bytes_raw()),
        )

    def sign(self, statement: Statement, *, time_s: int) -> str:
        """Return the signature lines of both keys over a checkpoint that was checked."""
        classical, lattice = self.public_keys()
        signed = (
            (classical, self.ed25519.sign(classical.message(statement, time_s=time_s))),
            (lattice, self.mldsa44.sign(lattice.message(statement, time_s=time_s))),
        )
        lines = (key.key_id() + _TIMESTAMP.pack(time_s) + signature for key, signature in signed)
        return "".join(f"{_DASH}{self.name} {base64.b64encode(line).decode()}\n" for line in lines)


def valid_lines(answer: str, *, statement: Statement, keys: Sequence[CosignerKey]) -> str:
    """Return the signature lines of known keys in a witness's answer; lines of other keys are ignored.

    Raises CheckpointError if a line is no signature line, if one of a known key does not hold, or if there is none.
    """
    known = {(key.name, key.key_id()): key for key in keys}
    valid: dict[tuple[str, bytes], str] = {}
    for place, signature, line in _read_lines(answer):
        if place in known:
            known[place].check(signature, statement)
            valid[place] = line
    if not valid:
        raise CheckpointError("no cosignature of a known key is in the answer")
    return "".join(f"{line}\n" for line in valid.values())


def lines_of(note: str, keys: Iterable[tuple[str, bytes]]) -> str:
    """Return the signature lines of these keys, given by name and id, in a note that was read: no others are kept."""
    wanted = set(keys)
    _, _, lines = note.rpartition("\n\n")
    return "".join(f"{line}\n" for line in lines.split("\n") if _place_of(line) in wanted)


def _place_of(line: str) -> tuple[str, bytes]:
    """Return key name and id of a line of a note that was read, and so is well formed."""
    name, _, encoded = line.removeprefix(_DASH).partition(" ")
    return name, base64.b64decode(encoded)[:_KEY_ID_BYTES]


def _read_lines(answer: str) -> Iterable[tuple[tuple[str, bytes], bytes, str]]:
    lines = answer.split("\n")
    if lines[-1] or len(lines) - 1 > MAX_LINES:
        raise CheckpointError("the answer is not a list of signature lines")
    for line in lines[:-1]:
        name, space, encoded = line.removeprefix(_DASH).partition(" ")
        try:
            material = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError) as error:
            raise CheckpointError("a signature line of the answer is not base64") from error
        if not line.startswith(_DASH) or not space or len(material) <= _KEY_ID_BYTES:
            raise CheckpointError("a signature line of the answer is not well formed")
        yield (name, material[:_KEY_ID_BYTES]), material[_KEY_ID_BYTES:], line


def _short(text: str) -> bytes:
    data = text.encode()
    return bytes([len(data)]) + data
