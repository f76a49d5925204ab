"""Signed statements of the recorder: checkpoints over the tree, and compact receipts (FORMAT.md sections 8 and 9).

A checkpoint is a C2SP signed note with an Ed25519 and an ML-DSA-44 line; both must hold, so that breaking one
kind of signature is not enough.  Readers get untrusted bytes and raise CheckpointError for whatever does not hold.
"""

import base64
import binascii
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from audit.canonical import decode, encode
from audit.errors import CheckpointError, FormatError
from audit.keyring.signatures import SigningKey, VerifierKey
from audit.merkle import HASH_BYTES
from audit.record import Receipt

MAX_NOTE_BYTES = 64 * 1024
"""Sixteen signatures of under 4 KB each, what C2SP asks a reader to accept."""

MAX_SIZE = 2**53 - 1
"""Largest tree size; the largest exact whole number of canonical JSON."""

RECEIPT_PREFIX = "audit1."
"""First characters of a compact receipt; the number is the format's."""

MAX_RECEIPT_CHARACTERS = 1023
"""A receipt travels in an HTTP header."""

_DASH = "\u2014 "
_KEY_ID_BYTES = 4
_TIMESTAMP_BYTES = 8
_TEXT_LINES = 3
_RECEIPT_DOMAIN = b"audit/1/receipt\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """What a checkpoint says: this log had this root at this size."""

    origin: str
    size: int
    root: bytes
    time_s: int
    """Seconds since 1970 UTC at which it was signed, from the ML-DSA-44 line."""

    def text(self) -> str:
        """Return the note text that is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    def cosigned(self) -> bytes:
        """Return the message of the ML-DSA-44 line (c2sp.org/tlog-cosignature, ``cosigned_message``)."""
        name = bytes([len(self.origin)]) + self.origin.encode()
        return b"".join(
            (
                b"subtree/v1\n\x00",
                name,
                struct.pack(">Q", self.time_s),
                name,
                struct.pack(">QQ", 0, self.size),
                self.root,
            )
        )


def sign_checkpoint(key: SigningKey, *, size: int, root: bytes, time_s: int) -> str:
    """Return the signed note for a tree."""
    statement = Checkpoint(origin=key.origin, size=size, root=root, time_s=time_s)
    classical, lattice = key.verifier_keys()
    lines = (
        (classical, key.ed25519.sign(statement.text().encode())),
        (lattice, struct.pack(">Q", time_s) + key.mldsa44.sign(statement.cosigned())),
    )
    return statement.text() + "\n" + "".join(_line(verifier, signature) for verifier, signature in lines)


def read_checkpoint(note: str, keys: Sequence[VerifierKey]) -> Checkpoint:
    """Return what a note says once every given key has signed it.  Raises CheckpointError if one has not."""
    if len(note) > MAX_NOTE_BYTES:
        raise CheckpointError("checkpoint: the note is larger than any checkpoint")
    text, blank, rest = note.rpartition("\n\n")
    if not blank or not keys:
        raise CheckpointError("checkpoint: the note has no signatures")
    origin, size, root = _read_text(text + "\n")
    signatures = dict(_read_line(line) for line in rest.splitlines())
    statement = Checkpoint(origin=origin, size=size, root=root, time_s=_signed_time(signatures, keys))
    for key in keys:
        if key.name != origin:
            raise CheckpointError("checkpoint: it is of another log than these verifier keys")
        _check_signature(statement, key, signatures.get((key.name, key.key_id()), b""))
    return statement


def sign_receipt(key: SigningKey, *, sequence: int, leaf_hash: bytes, time_ms: int) -> Receipt:
    """Return the signed promise that a leaf is durable at a place."""
    payload = encode({"v": 1, "origin": key.origin, "seq": sequence, "leaf": leaf_hash.hex(), "time": time_ms})
    signature = key.ed25519.sign(_RECEIPT_DOMAIN + payload)
    compact = f"{RECEIPT_PREFIX}{_to_base64url(payload)}.{_to_base64url(signature)}"
    return Receipt(origin=key.origin, sequence=sequence, leaf_hash=leaf_hash, compact=compact)


def read_receipt(compact: str, keys: Iterable[VerifierKey]) -> Receipt:
    """Return what a compact receipt promises once its signature holds.  Raises CheckpointError if it does not."""
    payload, dot, signature = compact.removeprefix(RECEIPT_PREFIX).partition(".")
    if not dot or len(compact) > MAX_RECEIPT_CHARACTERS or not compact.startswith(RECEIPT_PREFIX):
        raise CheckpointError("receipt: it does not have the form audit1.payload.signature")
    data = _from_base64url(payload)
    _check_receipt(data, _from_base64url(signature), keys)
    try:
        members = decode(data)
        return Receipt(
            origin=str(members["origin"]),
            sequence=int(str(members["seq"])),
            leaf_hash=bytes.fromhex(str(members["leaf"])),
            compact=compact,
        )
    except (FormatError, KeyError, ValueError) as error:
        raise CheckpointError("receipt: the signed payload lacks a member") from error


def _line(key: VerifierKey, signature: bytes) -> str:
    return f"{_DASH}{key.name} {base64.b64encode(key.key_id() + signature).decode()}\n"


def _read_text(text: str) -> tuple[str, int, bytes]:
    lines = text.split("\n")
    if len(lines) != _TEXT_LINES + 1 or lines[-1]:
        raise CheckpointError("checkpoint: the text is not origin, size and root")
    origin, size, encoded = lines[:_TEXT_LINES]
    if (
        not (size.isascii() and size.isdigit())
        or (size != "0" and size.startswith("0"))
        or len(size) > len(str(MAX_SIZE))
    ):
        raise CheckpointError("checkpoint: the size is not a plain decimal number")
    root = _from_base64(encoded)
    if len(root) != HASH_BYTES:
        raise CheckpointError("checkpoint: the root is not 32 bytes")
    return origin, int(size), root


def _read_line(line: str) -> tuple[tuple[str, bytes], bytes]:
    name, space, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not space:
        raise CheckpointError("checkpoint: a signature line is not well formed")
    material = _from_base64(encoded)
    return (name, material[:_KEY_ID_BYTES]), material[_KEY_ID_BYTES:]


def _signed_time(signatures: dict[tuple[str, bytes], bytes], keys: Iterable[VerifierKey]) -> int:
    """Return the timestamp of the cosignature line; it counts only once `_check_signature` has passed."""
    for key in keys:
        signature = signatures.get((key.name, key.key_id()), b"")
        if not key.is_classical() and len(signature) > _TIMESTAMP_BYTES:
            return int(struct.unpack(">Q", signature[:_TIMESTAMP_BYTES])[0])
    return 0


def _check_signature(statement: Checkpoint, key: VerifierKey, signature: bytes) -> None:
    if not signature:
        raise CheckpointError("checkpoint: a signature of the log's keys is missing")
    loaded = key.load()
    try:
        if isinstance(loaded, Ed25519PublicKey):
            loaded.verify(signature, statement.text().encode())
        else:
            loaded.verify(signature[_TIMESTAMP_BYTES:], statement.cosigned())
    except (InvalidSignature, ValueError) as error:
        raise CheckpointError("checkpoint: a signature of the log's keys does not hold") from error


def _check_receipt(data: bytes, signature: bytes, keys: Iterable[VerifierKey]) -> None:
    for key in keys:
        loaded = key.load()
        if isinstance(loaded, Ed25519PublicKey):
            try:
                loaded.verify(signature, _RECEIPT_DOMAIN + data)
            except InvalidSignature as error:
                raise CheckpointError("receipt: the signature does not hold") from error
            return
    raise CheckpointError("receipt: no Ed25519 verifier key was given")


def _to_base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _from_base64url(text: str) -> bytes:
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise CheckpointError("receipt: it is not base64url") from error
    if _to_base64url(data) != text:
        raise CheckpointError("receipt: it is not base64url in its one spelling")
    return data


def _from_base64(text: str) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise CheckpointError("checkpoint: it is not base64") from error
    if base64.b64encode(data).decode() != text:
        raise CheckpointError("checkpoint: it is not base64 in its one spelling")
    return data
