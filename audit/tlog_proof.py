"""One record's proof in the form that other transparency tools read: a C2SP tlog-proof (FORMAT.md section 9).

Pure.  A caller exchanges its compact receipt for one and keeps it: index, inclusion proof and signed checkpoint, and
the leaf as extra data, so that the file stands alone.  It is untrusted until `verify_proof` has returned; the extra
data, which C2SP leaves unauthenticated, is then the record itself, because its hash leads to the signed root.
Hostile text raises FormatError or VerificationError.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from audit.checkpoint import (
    MAX_NOTE_BYTES,
    MAX_SIZE,
    Checkpoint,
    hash_from_hex,
    read_checkpoint,
    read_receipt,
    verify_inclusion,
)
from audit.errors import FormatError, InclusionError, UnknownRecordError
from audit.keyring.signatures import VerifierKey
from audit.merkle import HASH_BYTES, leaf_hash
from audit.record import Kind, Leaf

HEADER = "c2sp.org/tlog-proof@v1"
"""First line; the number is the format's."""

FILE_SUFFIX = ".tlog-proof"
"""How C2SP asks that such files are named."""

MAX_HASHES = 63
"""Longest inclusion proof in a tree of up to 2^63 records."""

MAX_EXTRA_BYTES = 64 * 1024
"""A leaf has about a kilobyte, and a few more for hundreds of patients."""

MAX_BYTES = 256 * 1024
"""Extra data in base64, hashes, and the largest note."""

_EXTRA = "extra "
_INDEX = "index "


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What a tlog-proof says; nothing of it is checked."""

    index: int
    """Place of the record in the tree."""

    hashes: tuple[bytes, ...]
    """Inclusion proof, the leaf's sibling first; 32 bytes each."""

    note: str
    """The signed checkpoint, verbatim, with the lines of witnesses where there are any."""

    extra: bytes = b""
    """Here: the leaf.  Other logs put other things here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proven:
    """A proof that holds."""

    checkpoint: Checkpoint
    leaf: Leaf | None
    """The record; None if the proof was checked against a receipt and carries no leaf."""

    index: int
    leaf_hash: bytes


def format_proof(proof: Proof) -> str:
    """Return the text of a proof."""
    extra = [_EXTRA + base64.b64encode(proof.extra).decode()] if proof.extra else []
    hashes = [base64.b64encode(value).decode() for value in proof.hashes]
    return "\n".join([HEADER, *extra, f"{_INDEX}{proof.index}", *hashes, "", proof.note])


def read_proof(text: str) -> Proof:
    """Return what the text of a proof says.  Raises FormatError for anything that is no tlog-proof."""
    if len(text) > MAX_BYTES:
        raise FormatError("tlog-proof: it is larger than any proof of a record")
    head, blank, note = text.partition("\n\n")
    header, *lines = head.split("\n")
    if header != HEADER or not blank:
        raise FormatError(f"tlog-proof: it does not begin with {HEADER}, or has no checkpoint")
    if len(note) > MAX_NOTE_BYTES:
        raise FormatError("tlog-proof: its checkpoint is larger than any checkpoint")
    extra = b""
    if lines and lines[0].startswith(_EXTRA):
        extra = _from_base64(lines.pop(0).removeprefix(_EXTRA))
    if not lines or not lines[0].startswith(_INDEX):
        raise FormatError("tlog-proof: the line 'index' is missing")
    index = _read_index(lines.pop(0).removeprefix(_INDEX))
    if len(lines) > MAX_HASHES or len(extra) > MAX_EXTRA_BYTES:
        raise FormatError("tlog-proof: it holds more than any proof of a record")
    return Proof(index=index, hashes=tuple(_read_hash(line) for line in lines), note=note, extra=extra)


def verify_proof(text: str, keys: Sequence[VerifierKey], *, receipt: str = "") -> Proven:
    """Return what a proof proves: of the leaf in it, and of the record that a compact receipt names if one is given.

    Raises FormatError if the text is no proof or says nothing about any record, and VerificationError if it does not
    hold.  The caller MUST take the keys from somewhere it trusts.
    """
    proof = read_proof(text)
    # 1. The checkpoint is signed by every given key.
    checkpoint = read_checkpoint(proof.note, keys)
    # 2. The record is the one that the receipt names.
    promise = read_receipt(receipt, keys) if receipt else None
    if promise is None and not proof.extra:
        raise FormatError("tlog-proof: it carries no record; give the receipt that says which one it is of")
    hashed = promise.leaf_hash if promise is not None and not proof.extra else leaf_hash(proof.extra)
    if promise is not None and (promise.sequence, promise.leaf_hash) != (proof.index, hashed):
        raise InclusionError("the proof is of another record than the receipt")
    # 3. Its hash leads to the signed root.
    verify_inclusion(hashed, proof.index, proof.hashes, checkpoint)
    # 4. The leaf says the place and the log at which it stands.
    leaf = Leaf.from_bytes(proof.extra) if proof.extra else None
    if leaf is not None and (leaf.sequence, leaf.origin) != (proof.index, checkpoint.origin):
        raise InclusionError(f"the record at {proof.index} says that it is another")
    return Proven(checkpoint=checkpoint, leaf=leaf, index=proof.index, leaf_hash=hashed)


def proof_from_receipt(document: Mapping[str, object], *, compact: str = "") -> str:
    """Return the tlog-proof of one record of a full receipt, as the recorder answers it.

    The record is the one that a compact receipt names; without one it is the exchange's release, or its newest record
    if nothing was released.  The proof is not verified: whoever keeps it does that, with keys of their own.  Raises
    UnknownRecordError if the receipt names no record of this exchange, VerificationError if its signature does not
    hold under the recorder's own keys, and FormatError if the document is no full receipt.
    """
    note, records = document.get("checkpoint"), document.get("records")
    if not isinstance(note, str) or not isinstance(records, list) or not records:
        raise FormatError("receipt: it has no checkpoint or no records; ask the recorder for it again")
    parts = [_Part.read(record) for record in records]
    chosen = _named(parts, read_receipt(compact, _keys(document)).leaf_hash) if compact else _released(parts)
    return format_proof(Proof(index=chosen.leaf.sequence, hashes=chosen.hashes, note=note, extra=chosen.data))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """One record of a full receipt."""

    data: bytes
    leaf: Leaf
    hashes: tuple[bytes, ...]

    @classmethod
    def read(cls, record: object) -> "_Part":
        members = record if isinstance(record, Mapping) else {}
        leaf, proof = members.get("leaf"), members.get("proof")
        if not isinstance(leaf, str) or not isinstance(proof, list):
            raise FormatError("receipt: a record lacks its leaf or proof")
        data = leaf.encode("utf-8", "replace")
        return cls(data=data, leaf=Leaf.from_bytes(data), hashes=tuple(hash_from_hex(value) for value in proof))


def _keys(document: Mapping[str, object]) -> tuple[VerifierKey, ...]:
    lines = document.get("keys")
    if not isinstance(lines, list) or not lines or not all(isinstance(line, str) for line in lines):
        raise FormatError("receipt: it has no verifier keys; ask the recorder for it again")
    return tuple(VerifierKey.from_vkey(line) for line in lines)


def _named(parts: Sequence[_Part], promised: bytes) -> _Part:
    for part in parts:
        if leaf_hash(part.data) == promised:
            return part
    raise UnknownRecordError("The receipt is of no record of this exchange; give the one that came with the answer.")


def _released(parts: Sequence[_Part]) -> _Part:
    released = [part for part in parts if part.leaf.kind is Kind.RELEASE]
    return released[-1] if released else parts[-1]


def _read_index(digits: str) -> int:
    is_plain = digits.isascii() and digits.isdigit() and (digits == "0" or not digits.startswith("0"))
    if not is_plain or len(digits) > len(str(MAX_SIZE)):
        raise FormatError("tlog-proof: the index is not a plain decimal number")
    return int(digits)


def _read_hash(line: str) -> bytes:
    value = _from_base64(line)
    if len(value) != HASH_BYTES:
        raise FormatError("tlog-proof: a line of the inclusion proof is no hash")
    return value


def _from_base64(text: str) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise FormatError("tlog-proof: a line is not base64") from error
    if base64.b64encode(data).decode() != text:
        raise FormatError("tlog-proof: a line is not base64 in its one spelling")
    return data
