"""The full receipt of an exchange: a file that proves its records without the trail (FORMAT.md section 9).

Pure.  It is untrusted until `read_full_receipt` has returned: then the checkpoint is signed by the given keys, and
every record in the file is in the tree that it signs.  The keys in the file are a convenience and never used here.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from audit.canonical import Value, decode, encode
from audit.checkpoint import Checkpoint, hash_from_hex, read_checkpoint, verify_inclusion
from audit.errors import FormatError, InclusionError
from audit.keyring.signatures import VerifierKey
from audit.merkle import NodeReader, inclusion_proof, leaf_hash
from audit.record import Leaf, read_facts

VERSION = 1
"""Member ``v``."""

MAX_BYTES = 16 * 1024 * 1024
"""An exchange has fewer than twenty records of a few kilobytes each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FullReceipt:
    """A receipt that holds."""

    checkpoint: Checkpoint
    leaves: tuple[Leaf, ...]
    leaf_hashes: tuple[bytes, ...]
    facts: tuple[Mapping[str, Value], ...]
    """The readable facts document of each record, as its leaf binds it."""


def read_full_receipt(text: str, keys: Sequence[VerifierKey]) -> FullReceipt:
    """Return what a full receipt proves.  Raises FormatError if it is none, VerificationError if it does not hold."""
    # 1. It is canonical, of a known version, and has its parts.
    members = _read(text)
    note, records = members.get("checkpoint"), members.get("records")
    if not isinstance(note, str) or not isinstance(records, list) or not records:
        raise FormatError("receipt: it has no checkpoint or no records; ask for it again with 'audit receipt'")
    # 2. The checkpoint is signed by every given key.
    checkpoint = read_checkpoint(note, keys)
    # 3. Each record leads to the checkpoint's root.
    parts = [_Part.read(record) for record in records]
    leaves = tuple(_check_part(part, checkpoint) for part in parts)
    return FullReceipt(
        checkpoint=checkpoint,
        leaves=leaves,
        leaf_hashes=tuple(leaf_hash(part.leaf) for part in parts),
        facts=tuple(read_facts(part.facts) for part in parts),
    )


def write_full_receipt(
    records: Sequence[tuple[Leaf, bytes]], *, note: str, keys: Sequence[VerifierKey], node: NodeReader
) -> str:
    """Return the receipt of records, given as leaf and facts, under a checkpoint that signs them all."""
    checkpoint = read_checkpoint(note, keys)
    parts: list[Value] = [
        {
            "leaf": leaf.to_bytes().decode(),
            "facts": facts.decode("utf-8", "replace"),
            "proof": [item.hex() for item in inclusion_proof(leaf.sequence, checkpoint.size, node)],
        }
        for leaf, facts in records
    ]
    vkeys: list[Value] = [key.to_vkey() for key in keys]
    document: dict[str, Value] = {
        "v": VERSION,
        "origin": checkpoint.origin,
        "checkpoint": note,
        "keys": vkeys,
        "records": parts,
    }
    return encode(document).decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    leaf: bytes
    facts: bytes
    proof: tuple[bytes, ...]

    @classmethod
    def read(cls, record: object) -> "_Part":
        if not isinstance(record, Mapping):
            raise FormatError("receipt: a record is no object")
        leaf, facts, proof = record.get("leaf"), record.get("facts"), record.get("proof")
        if not isinstance(leaf, str) or not isinstance(facts, str) or not isinstance(proof, list):
            raise FormatError("receipt: a record lacks its leaf, facts or proof")
        return cls(leaf=leaf.encode(), facts=facts.encode(), proof=tuple(hash_from_hex(item) for item in proof))


def _read(text: str) -> Mapping[str, Value]:
    if len(text) > MAX_BYTES:
        raise FormatError("receipt: it is larger than any receipt")
    try:
        data = text.removesuffix("\n").encode()
    except UnicodeEncodeError as error:
        raise FormatError("receipt: it is not UTF-8 text") from error
    members = decode(data)
    if members.get("v") != VERSION:
        raise FormatError("receipt: its version is unknown; use the release that wrote it")
    return members


def _check_part(part: _Part, checkpoint: Checkpoint) -> Leaf:
    leaf = Leaf.from_bytes(part.leaf)
    if leaf.origin != checkpoint.origin:
        raise InclusionError("the receipt's records are of another log than its checkpoint")
    if leaf.facts_digest != hashlib.sha256(part.facts).hexdigest():
        raise InclusionError(f"the facts of record {leaf.sequence} are not those that its leaf binds")
    verify_inclusion(leaf_hash(part.leaf), leaf.sequence, part.proof, checkpoint)
    return leaf
