"""The rows of a small trail as values, for the pure verification, without files or a recorder."""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

from audit.checkpoint import sign_checkpoint
from audit.findings import Report
from audit.keyring import SigningKey
from audit.merkle import Frontier, leaf_hash
from audit.record import Event, Kind, Leaf, facts_document
from audit.verify import Verifier

ORIGIN = "hospital.example/a1"
KEY = SigningKey.from_seeds(origin=ORIGIN, ed25519=b"\x03" * 32, mldsa44=b"\x04" * 32)
SALT = b"\x05" * 32
FACTS = facts_document(Event(kind=Kind.EPOCH))

Row = tuple[Any, ...]


def make_leaf(sequence: int, /, **changes: Any) -> Leaf:
    """Return a leaf that fits at a place, but for the changes."""
    members: dict[str, Any] = {
        "origin": ORIGIN,
        "sequence": sequence,
        "event_id": f"ev_{sequence:032x}",
        "kind": Kind.EPOCH if sequence == 0 else Kind.OPERATION,
        "time_ms": 1000 + sequence,
        "month": "2026-11",
        "facts_digest": hashlib.sha256(FACTS).hexdigest(),
    }
    return Leaf(**{**members, **changes})


def make_rows(leaves: Iterable[Leaf]) -> tuple[list[Row], Frontier]:
    """Return the rows of leaves and the tree over them."""
    frontier = Frontier()
    rows: list[Row] = []
    for leaf in leaves:
        data = leaf.to_bytes()
        frontier, nodes = frontier.append(leaf_hash(data))
        copies = (leaf.time_ms, leaf.exchange_id or None, leaf.task or None, leaf.event_id)
        rows.append((leaf.sequence, *copies, b"".join(nodes), data, FACTS, None, None))
    return rows, frontier


def note_of(frontier: Frontier, key: SigningKey = KEY) -> str:
    """Return a signed checkpoint over a tree."""
    return sign_checkpoint(key, size=frontier.size, root=frontier.root(), time_s=1)


def verify_rows(rows: Sequence[Row], notes: Sequence[Row] = (), index: Sequence[Row] = ()) -> Report:
    """Return the report on rows, checkpoints and index rows."""
    verifier = Verifier(KEY.verifier_keys(), salt=SALT)
    verifier.add_checkpoints(notes)
    verifier.add_index(index, size=len(rows))
    verifier.add_records(rows)
    return verifier.finish(size_now=len(rows))
