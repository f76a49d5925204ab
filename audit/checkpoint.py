"""Signed statements of the recorder: checkpoints over the tree, and compact receipts (FORMAT.md sections 7 to 9).

A checkpoint is a C2SP signed note with an Ed25519 and an ML-DSA-44 line; both must hold, so that breaking one
kind of signature is not enough.  Readers get untrusted bytes and raise CheckpointError for whatever does not hold.
Proofs are checked here against a `Checkpoint`, which only `read_checkpoint` can make: a bare root proves nothing,
because whoever made the proof can make a root for it.

Example: ``verify_inclusion(leaf_hash, 1234, proof, read_checkpoint(note, keys))``.
"""

import base64
import binascii
import re
import struct
from collections.abc import Iterable, Sequence
from dataclasses import InitVar, dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from audit.canonical import decode, encode
from audit.errors import CheckpointError, ConsistencyError, FormatError
from audit.keyring.signatures import SigningKey, VerifierKey
from audit.merkle import EMPTY_ROOT, HASH_BYTES, check_consistency, check_inclusion
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
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\ud800-\udfff]")
"""What C2SP signed-note forbids: ASCII control characters but LF, and text that is not UTF-8."""

_KEY_ID_BYTES = 4
_TIMESTAMP_BYTES = 8
_TEXT_LINES = 3
_RECEIPT_DOMAIN = b"audit/1/receipt\n"


_SIGNED = object()
"""Known to `read_checkpoint` only, so that nobody else makes a `Checkpoint`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What a checkpoint says, whoever says it: this log had this root at this size."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint(Statement):
    """A statement whose signatures have been checked; `read_checkpoint` makes it, and nothing else can."""

    signed: InitVar[object]

    def __post_init__(self, signed: object) -> None:
        """Refuse to be made from anything but checked signatures."""
        if signed is not _SIGNED:
            raise RuntimeError("a checkpoint comes from read_checkpoint only: a bare root proves nothing")


def verify_inclusion(leaf_hash: bytes, index: int, proof: Sequence[bytes], checkpoint: Checkpoint) -> None:
    """Check that a leaf is in the signed tree (RFC 9162 section 2.1.3.2).  Raises InclusionError if it is not."""
    check_inclusion(index=index, size=checkpoint.size, leaf=leaf_hash, proof=proof, root=checkpoint.root)


def verify_consistency(proof: Sequence[bytes], older: Checkpoint, newer: Checkpoint) -> None:
    """Check that the newer tree holds the older one unchanged (RFC 9162 section 2.1.4.2).

    Raises ConsistencyError if it does not, or if they are trees of two logs.  Every tree extends the empty one: an
    older checkpoint of size 0 takes an empty proof and promises nothing.
    """
    if older.origin != newer.origin:
        raise ConsistencyError("the two checkpoints are of two logs; compare checkpoints of one origin")
    check_consistency(old=older.size, new=newer.size, old_root=older.root, new_root=newer.root, proof=proof)


def sign_checkpoint(key: SigningKey, *, size: int, root: bytes, time_s: int) -> str:
    """Return the signed note for a tree."""
    statement = Statement(origin=key.origin, size=size, root=root, time_s=time_s)
    classical, lattice = key.verifier_keys()
    lines = (
        (classical, key.ed25519.sign(statement.text().encode())),
        (lattice, struct.pack(">Q", time_s) + key.mldsa44.sign(statement.cosigned())),
    )
    return statement.text() + "\n" + "".join(_line(verifier, signature) for verifier, signature in lines)


def read_checkpoint(note: str, keys: Sequence[VerifierKey]) -> Checkpoint:
    """Return what a note says once every given key has signed it.  Raises CheckpointError if one has not.

    A note of size 0 must have the root of the empty tree.  Lines of other keys are ignored, as C2SP asks.
    """
    # 1. It has the form of a signed note.
    text, signatures = _split_note(note)
    # 2. The text is a checkpoint, and of the log that the keys are of.
    origin, size, root = _read_text(text)
    if not keys or any(key.name != origin for key in keys):
        raise CheckpointError("checkpoint: it is of another log than these verifier keys")
    if size == 0 and root != EMPTY_ROOT:
        raise CheckpointError("checkpoint: the root of the empty tree is wrong")
    # 3. Every key has signed it.
    lines = [(key, _signature_of(key, signatures)) for key in keys]
    statement = Statement(origin=origin, size=size, root=root, time_s=_signed_time(lines))
    for key, signature in lines:
        _check_signature(statement, key, signature)
    return Checkpoint(origin=origin, size=size, root=root, time_s=statement.time_s, signed=_SIGNED)


def sign_receipt(key: SigningKey, *, sequence: int, leaf_hash: bytes, time_ms: int) -> Receipt:
    """Return the signed promise that a leaf is durable at a place."""
    payload = encode({"v": 1, "origin": key.origin, "seq": sequence, "leaf": leaf_hash.hex(), "time": time_ms})
    signature = key.ed25519.sign(_RECEIPT_DOMAIN + payload)
    compact = f"{RECEIPT_PREFIX}{_to_base64url(payload)}.{_to_base64url(signature)}"
    return Receipt(origin=key.origin, sequence=sequence, leaf_hash=leaf_hash, compact=compact)


def read_receipt(compact: str, keys: Sequence[VerifierKey]) -> Receipt:
    """Return what a compact receipt promises once its signature holds.  Raises CheckpointError if it does not."""
    payload, dot, signature = compact.removeprefix(RECEIPT_PREFIX).partition(".")
    if not dot or len(compact) > MAX_RECEIPT_CHARACTERS or not compact.startswith(RECEIPT_PREFIX):
        raise CheckpointError("receipt: it does not have the form audit1.payload.signature")
    data = _from_base64url(payload)
    _check_receipt(data, _from_base64url(signature), keys)
    return _read_payload(data, compact=compact, origin=keys[0].name)


def hash_from_hex(value: object) -> bytes:
    """Return a hash that stands in a receipt's proof.  Raises FormatError unless it is 32 bytes in hex."""
    try:
        data = bytes.fromhex(value) if isinstance(value, str) else b""
    except ValueError:
        data = b""
    if len(data) != HASH_BYTES:
        raise FormatError("receipt: a proof holds something that is no hash")
    return data


def _line(key: VerifierKey, signature: bytes) -> str:
    return f"{_DASH}{key.name} {base64.b64encode(key.key_id() + signature).decode()}\n"


def _split_note(note: str) -> tuple[str, list[tuple[str, bytes]]]:
    """Return the text of a signed note, and key name and material of its signature lines (C2SP signed-note)."""
    if len(note) > MAX_NOTE_BYTES:
        raise CheckpointError("checkpoint: the note is larger than any checkpoint")
    if _CONTROL.search(note):
        raise CheckpointError("checkpoint: the note holds a control character")
    text, blank, rest = note.rpartition("\n\n")
    if not blank or not rest.endswith("\n"):
        raise CheckpointError("checkpoint: the note has no signatures")
    return text + "\n", [_read_line(line) for line in rest[:-1].split("\n")]


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


def _read_line(line: str) -> tuple[str, bytes]:
    name, space, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not name or not space:
        raise CheckpointError("checkpoint: a signature line is not well formed")
    return name, _from_base64(encoded)


def _signature_of(key: VerifierKey, signatures: Iterable[tuple[str, bytes]]) -> bytes:
    """Return the one signature of a key: a second one would leave open which of them was checked."""
    wanted = (key.name, key.key_id())
    found = [rest[_KEY_ID_BYTES:] for name, rest in signatures if (name, rest[:_KEY_ID_BYTES]) == wanted]
    if len(found) != 1:
        fault = "repeated" if found else "missing"
        raise CheckpointError(f"checkpoint: a signature of the log's keys is {fault}")
    return found[0]


def _signed_time(lines: Iterable[tuple[VerifierKey, bytes]]) -> int:
    """Return the timestamp of the cosignature line; it counts only once `_check_signature` has passed."""
    for key, signature in lines:
        if not key.is_classical() and len(signature) > _TIMESTAMP_BYTES:
            return int(struct.unpack(">Q", signature[:_TIMESTAMP_BYTES])[0])
    return 0


def _check_signature(statement: Statement, key: VerifierKey, signature: bytes) -> None:
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


def _read_payload(data: bytes, *, compact: str, origin: str) -> Receipt:
    """Return what a signed payload promises; a signature does not make another log's promise ours."""
    try:
        members = decode(data)
        sequence, leaf = members.get("seq"), bytes.fromhex(str(members.get("leaf")))
    except (FormatError, ValueError) as error:
        raise CheckpointError("receipt: the signed payload is none") from error
    if members.get("v") != 1 or members.get("origin") != origin:
        raise CheckpointError("receipt: it is of another log than these verifier keys, or of a newer format")
    if type(sequence) is not int or sequence < 0 or len(leaf) != HASH_BYTES:
        raise CheckpointError("receipt: the signed payload lacks a member")
    return Receipt(origin=origin, sequence=sequence, leaf_hash=leaf, compact=compact)


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
