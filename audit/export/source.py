"""What a bundle takes from the trail: rows of a range or of an exchange, their tree nodes, and checkpoints.

Rows are read in order and a few at a time, so that neither memory nor the shared lock grows with the range.  Nothing
is judged here but that a row has the parts that a bundle needs; `verify_bundle` judges what comes out.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy import select, type_coerce
from sqlalchemy.types import NULLTYPE

from audit.compact import unpack
from audit.errors import FormatError
from audit.query import Reader
from audit.question import MAX_LIMIT, ask
from audit.record import Leaf
from audit.rows import RAW
from audit.store.schema import checkpoint, record

SCAN_ROWS = 500
"""Records of one statement, without bodies: half a megabyte."""

BODY_ROWS = 20
"""Records of one statement with their bodies: as many as are read at once when each is the largest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """One record as it leaves: the bytes that the tree hashes, and what lies beside them."""

    leaf: Leaf
    data: bytes
    """The leaf's bytes as they were hashed; a newer release may have put members there that `leaf` does not know."""

    facts: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """One sealed body."""

    sequence: int
    wrapped_key: bytes = field(repr=False)
    ciphertext: bytes = field(repr=False)


class Source:
    """Reads one trail for bundles; used by one thread at a time."""

    def __init__(self, reader: Reader) -> None:
        """Take the open trail."""
        self._reader = reader
        self._rows = reader.rows

    def node(self, level: int, index: int) -> bytes:
        """Return the stored hash of a complete tree node.  Raises StoreError if it is missing."""
        return self._rows.node(level, index)

    def first_at(self, time_ms: int, top: int) -> int:
        """Return the first place whose record is not before a moment, or `top`."""
        return self._reader.first_at(time_ms, top)

    def of_exchange(self, exchange_id: str, top: int) -> list[int]:
        """Return the places of an exchange below `top`, in order."""
        return [entry.leaf.sequence for entry in self._reader.exchange(exchange_id) if entry.leaf.sequence < top]

    def key_history(self, top: int) -> list[int]:
        """Return the places below `top` of the records about keys, in order; the trail's beginning is the first."""
        places, cursor, now = {0}, "", datetime.now(UTC)
        while True:
            question = ask({"topic": "keys", "cursor": cursor}, now=now, limit=MAX_LIMIT, by_event=True)
            page = self._reader.find(question, {})
            places.update(entry.leaf.sequence for found in page.rows for entry in found.entries)
            cursor = page.next_cursor
            if not cursor:
                return sorted(place for place in places if place < top)

    def span(self, begin: int, end: int) -> Iterator[Stored]:
        """Yield the records of a range, in order.  Raises FormatError for a row that is none."""
        columns = (RAW["sequence"], RAW["leaf"], RAW["facts"])
        chosen = select(*columns).order_by(record.c.sequence).limit(SCAN_ROWS)
        place = begin
        while rows := self._rows.all(chosen.where(record.c.sequence >= place, record.c.sequence < end)):
            yield from (_stored(row) for row in rows)
            place = rows[-1][0] + 1

    def each(self, places: Iterable[int]) -> Iterator[Stored]:
        """Yield the records at some places."""
        for place in places:
            yield from self.span(place, place + 1)

    def bodies(self, begin: int, end: int, *, exchange_id: str = "") -> Iterator[Body]:
        """Yield the sealed bodies of a range, or of an exchange within it, in order."""
        columns = (RAW["sequence"], RAW["wrapped_key"], RAW["ciphertext"])
        chosen = select(*columns).where(record.c.ciphertext.is_not(None)).order_by(record.c.sequence).limit(BODY_ROWS)
        if exchange_id:
            chosen = chosen.where(record.c.exchange == exchange_id)
        place = begin
        while rows := self._rows.all(chosen.where(record.c.sequence >= place, record.c.sequence < end)):
            yield from (_body(row) for row in rows)
            place = rows[-1][0] + 1

    def notes(self, begin: int, end: int) -> Iterator[str]:
        """Yield the checkpoints over trees from one size to below another, smallest first."""
        columns = (checkpoint.c.size, type_coerce(checkpoint.c.note, NULLTYPE))
        chosen = select(*columns).order_by(checkpoint.c.size).limit(SCAN_ROWS)
        size = begin
        while rows := self._rows.all(chosen.where(checkpoint.c.size >= size, checkpoint.c.size < end)):
            for found, note in rows:
                if not isinstance(note, str):
                    raise _damaged(f"the checkpoint of {found} records")
                yield note
            size = rows[-1][0] + 1


def _stored(row: Sequence[object]) -> Stored:
    sequence, packed_leaf, packed_facts = row
    if not isinstance(packed_leaf, bytes) or not isinstance(packed_facts, bytes):
        raise _damaged(f"record {sequence}")
    data, facts = unpack(packed_leaf), unpack(packed_facts)
    leaf = Leaf.from_bytes(data)
    if leaf.sequence != sequence:
        raise _damaged(f"record {sequence}")
    return Stored(leaf=leaf, data=data, facts=facts)


def _body(row: Sequence[object]) -> Body:
    sequence, wrapped_key, ciphertext = row
    if not isinstance(sequence, int) or not isinstance(wrapped_key, bytes) or not isinstance(ciphertext, bytes):
        raise _damaged(f"the sealed body of record {sequence}")
    return Body(sequence=sequence, wrapped_key=wrapped_key, ciphertext=ciphertext)


def _damaged(what: str) -> FormatError:
    return FormatError(f"{what} is damaged; run 'audit verify' and keep a copy of the trail")
