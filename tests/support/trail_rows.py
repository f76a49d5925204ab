"""The rows of a small trail as values, for the pure verification, without files or a recorder."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from audit.checkpoint import sign_checkpoint
from audit.compact import pack
from audit.findings import Report
from audit.keyring import SigningKey
from audit.merkle import Frontier, leaf_hash
from audit.record import Event, Kind, Leaf, facts_document
from audit.terms import COLUMNS, KIND_IDS, column_terms, fact_terms
from audit.verify import RECORD_COLUMNS, Verifier

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


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeRows:
    """Everything that a store holds of a small trail, as the verification gets it."""

    records: list[Row]
    tree: Frontier
    terms: list[Row]
    blocks: list[Row]


@dataclass(slots=True)
class _Numbers:
    """The numbers of terms, given out as they are met."""

    known: dict[tuple[str, str], int]

    def number(self, member: str, value: str) -> int:
        """Return the number of a term."""
        return self.known.setdefault((member, value), len(self.known) + 1)


def make_trail(leaves: Iterable[Leaf], *, facts: bytes = FACTS) -> MadeRows:
    """Return the rows of leaves, the tree over them, and the dictionary of their terms."""
    numbers = _Numbers(known={("kind", kind): number for kind, number in KIND_IDS.items()})
    document = json.loads(facts)
    frontier, rows, blocks = Frontier(), list[Row](), set[Row]()
    for leaf in leaves:
        data = leaf.to_bytes()
        frontier, nodes = frontier.append(leaf_hash(data))
        found = column_terms(leaf, document.get("client", ""))
        ids = {member: numbers.number(member, value) for member, value in found.items()}
        others = fact_terms(leaf.kind, leaf.route, document.get("facts", {}))
        every = [*ids.values(), *(numbers.number(member, value) for member, value in others.items())]
        blocks |= {(number, leaf.sequence // 256) for number in every}
        copies = (leaf.time_ms, leaf.exchange_id or None, leaf.event_id, *(ids.get(member) for member in COLUMNS))
        rows.append((leaf.sequence, *copies, b"".join(nodes), pack(data), pack(facts), None, None))
    terms = [(number, member, value) for (member, value), number in numbers.known.items()]
    return MadeRows(records=rows, tree=frontier, terms=terms, blocks=sorted(blocks))


def make_rows(leaves: Iterable[Leaf]) -> tuple[list[Row], Frontier]:
    """Return the rows of leaves without terms but their kinds, and the tree over them."""
    made = make_trail(leaves)
    return made.records, made.tree


def changed(row: Row, **columns: object) -> Row:
    """Return a row with other values in some of its columns; leaf and facts are given packed."""
    places = {name: place for place, name in enumerate(("sequence", *RECORD_COLUMNS))}
    values = {places[name]: value for name, value in columns.items()}
    return tuple(values.get(place, value) for place, value in enumerate(row))


def note_of(frontier: Frontier, key: SigningKey = KEY) -> str:
    """Return a signed checkpoint over a tree."""
    return sign_checkpoint(key, size=frontier.size, root=frontier.root(), time_s=1)


def kind_rows() -> list[Row]:
    """Return the dictionary with which every trail begins."""
    return [(number, "kind", kind) for kind, number in KIND_IDS.items()]


def block_rows(rows: Iterable[Row]) -> list[Row]:
    """Return the pairs that rows of well-formed kinds need."""
    pairs = {(row[4], row[0] // 256) for row in rows}
    return sorted(pair for pair in pairs if all(type(number) is int and 0 <= number < 2**40 for number in pair))


def verify_rows(rows: Sequence[Row], notes: Sequence[Row] = (), index: Sequence[Row] = ()) -> Report:
    """Return the report on rows that hold no terms but kinds, checkpoints and index rows."""
    verifier = Verifier(KEY.verifier_keys(), salt=SALT)
    verifier.add_checkpoints(notes)
    return finish(verifier, rows, index=index)


def finish(
    verifier: Verifier,
    rows: Sequence[Row],
    *,
    index: Sequence[Row] = (),
    terms: Sequence[Row] | None = None,
    blocks: Sequence[Row] | None = None,
    size_now: int | None = None,
) -> Report:
    """Give the rows to a verifier that has its claims, and return its report."""
    verifier.add_terms(kind_rows() if terms is None else terms)
    verifier.add_blocks(block_rows(rows) if blocks is None else blocks, size=len(rows))
    verifier.add_index(index, size=len(rows))
    verifier.add_records(rows)
    return verifier.finish(size_now=len(rows) if size_now is None else size_now)
