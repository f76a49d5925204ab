"""Answering questions from a trail: which events match, and what of them can be read without a private key.

Rows are not believed: every event is read through its leaf, and a row that is no leaf raises FormatError instead of
being shown.  An event is found by what SQL can narrow (exchange, task, keyed commitments, a needle in the leaf) and
then judged by `_matches` on the leaf itself.

An exchange is one row of an answer, at the place of its newest event that matches; the cursor keeps the size of the
trail at the first page, so that an exchange that goes on meanwhile neither shows twice nor gets lost.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select, type_coerce
from sqlalchemy.types import NULLTYPE

from audit.canonical import Value, encode
from audit.errors import FormatError, UnknownRecordError
from audit.keyring import IndexKey, month_after
from audit.question import Question, to_cursor
from audit.record import Leaf, month_of, read_facts
from audit.rows import RAW, Rows, Statement
from audit.store.schema import blind_index, checkpoint, record

CANDIDATE_ROWS = 500
"""Rows of one statement without bodies."""

MAX_TIME_MS = 253_402_300_799_999
"""Last moment of the year 9999: a hostile row may name a later one."""

MAX_EVENTS = 10_000
"""Events of one exchange that are read at once; an exchange has fewer than twenty, a hostile file may claim more."""

_ROW = record.c
_ENTRY = (RAW["sequence"], RAW["leaf"], RAW["facts"], _ROW.ciphertext.is_not(None).label("has_body"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One event, as far as it can be read without a private key."""

    leaf: Leaf
    client: str
    """Client id, readable beside the leaf."""

    request_id: str
    trace_id: str
    facts: Mapping[str, Value]
    document: bytes
    """The facts document as it is bound by the leaf."""

    has_body: bool
    """True when a sealed body lies beside the leaf."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One row of an answer: an exchange with all its events, or one event alone."""

    entries: tuple[Entry, ...]
    """Oldest first, at least one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of an answer, newest first."""

    rows: tuple[Found, ...]
    next_cursor: str
    """Empty on the last page."""

    months_not_searched: tuple[str, ...]
    """Months whose records may name the patient or user but whose index key was not at hand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedBody:
    """The sealed bytes beside a leaf."""

    wrapped_key: bytes
    ciphertext: bytes


class Reader:
    """Answers questions from the rows of one trail; used by one thread at a time."""

    def __init__(self, rows: Rows) -> None:
        """Take the open rows; use `open_reader`."""
        self.rows = rows

    def find(self, question: Question, index_keys: Mapping[str, IndexKey]) -> Page:
        """Return one page of what matches; people are found in the months whose index keys are given."""
        top = min(question.top, self.rows.size())
        begin, end = self._bounds(question, top)
        names = _Names.of(question, index_keys)
        rows: list[Found] = []
        next_before = 0
        for entry in self._candidates(question, names, begin=begin, end=end):
            found = self._found(entry, question, names, top=top)
            if found is not None:
                rows.append(found)
                next_before = entry.leaf.sequence
            if len(rows) > question.limit:
                break
        more = len(rows) > question.limit
        shown = tuple(rows[: question.limit])
        cursor = to_cursor(before=next_before + 1, top=top) if more else ""
        unsearched = self._unsearched(index_keys, begin=begin, end=end) if names.is_asked else ()
        return Page(rows=shown, next_cursor=cursor, months_not_searched=unsearched)

    def exchange(self, exchange_id: str) -> tuple[Entry, ...]:
        """Return the events of an exchange, oldest first; none if it is unknown."""
        statement = select(*_ENTRY).where(_ROW.exchange == exchange_id).order_by(_ROW.sequence).limit(MAX_EVENTS)
        return self._entries(statement)

    def look_up(self, name: str) -> tuple[Entry, ...]:
        """Return the events of an exchange id, event id or sequence number.  Raises UnknownRecordError."""
        found = self._named(name)
        if not found:
            raise UnknownRecordError(
                "Nothing in the trail goes by this name; 'audit query' lists exchanges and their ids."
            )
        exchange_id = found[0].leaf.exchange_id
        return self.exchange(exchange_id) if exchange_id else found

    def sealed(self, sequence: int) -> SealedBody | None:
        """Return the sealed body of a record; None if it has none."""
        rows = self.rows.all(select(RAW["wrapped_key"], RAW["ciphertext"]).where(_ROW.sequence == sequence))
        if not rows or not all(isinstance(value, bytes) for value in rows[0]):
            return None
        return SealedBody(wrapped_key=rows[0][0], ciphertext=rows[0][1])

    def latest_checkpoint(self) -> str | None:
        """Return the signed note of the largest tree; None before the first."""
        note = self.rows.value(
            select(type_coerce(checkpoint.c.note, NULLTYPE)).order_by(checkpoint.c.size.desc()).limit(1)
        )
        return note if isinstance(note, str) else None

    def _named(self, name: str) -> tuple[Entry, ...]:
        if name.isascii() and name.isdigit() and len(name) < len(str(2**53)):
            condition = _ROW.sequence == int(name)
        else:
            condition = (_ROW.event if name.startswith("ev_") else _ROW.exchange) == name
        return self._entries(select(*_ENTRY).where(condition).order_by(_ROW.sequence).limit(1))

    def _candidates(self, question: Question, names: "_Names", *, begin: int, end: int) -> Iterator[Entry]:
        """Yield what SQL cannot rule out, newest first."""
        if names.is_hopeless:
            return
        chosen = (
            select(*_ENTRY)
            .where(_ROW.sequence >= begin, *_conditions(question, names))
            .order_by(_ROW.sequence.desc())
            .limit(CANDIDATE_ROWS)
        )
        place = end
        while entries := self._entries(chosen.where(_ROW.sequence < place)):
            yield from entries
            place = entries[-1].leaf.sequence

    def _found(self, entry: Entry, question: Question, names: "_Names", *, top: int) -> Found | None:
        """Return the row that an event stands for: once an exchange, at its newest event that matches."""
        if not _matches(entry, question, names):
            return None
        exchange_id = entry.leaf.exchange_id
        if question.by_event:
            return Found(entries=(entry,))
        if not exchange_id:
            return Found(entries=(entry,)) if question.kind else None
        events = self.exchange(exchange_id)
        newest = max(
            (event.leaf.sequence for event in events if event.leaf.sequence < top and _matches(event, question, names)),
            default=-1,
        )
        return Found(entries=events) if newest == entry.leaf.sequence else None

    def _bounds(self, question: Question, top: int) -> tuple[int, int]:
        """Return the half-open range of sequence numbers in the span; time never goes back along the trail."""
        begin = self._first_at(question.since_ms, top) if question.since_ms else 0
        end = self._first_at(question.until_ms, top) if question.has_end() else top
        return begin, min(end, question.before)

    def _first_at(self, time_ms: int, top: int) -> int:
        """Return the first sequence number whose time is not before this moment, by halving."""
        low, high = 0, top
        while low < high:
            middle = (low + high) // 2
            if self._time_at(middle) < time_ms:
                low = middle + 1
            else:
                high = middle
        return low

    def _time_at(self, sequence: int) -> int:
        time_ms = self.rows.value(select(RAW["time"]).where(_ROW.sequence >= sequence).order_by(_ROW.sequence).limit(1))
        return time_ms if isinstance(time_ms, int) else 0

    def _unsearched(self, index_keys: Mapping[str, IndexKey], *, begin: int, end: int) -> tuple[str, ...]:
        """Return the months of a range that have records and no index key at hand, by leaping from month to month."""
        months: list[str] = []
        place = begin
        while place < end:
            month = self._month_at(place)
            if month not in index_keys and month not in months:
                months.append(month)
            place = max(self._first_at(_first_ms(month_after(month)), end), place + 1)
        return tuple(months)

    def _month_at(self, sequence: int) -> str:
        return month_of(min(self._time_at(sequence), MAX_TIME_MS))

    def _entries(self, statement: Statement) -> tuple[Entry, ...]:
        return tuple(_to_entry(row) for row in self.rows.all(statement))


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class _Names:
    """The keyed commitments that stand for the patient and the user asked for, over the months at hand."""

    patients: frozenset[str] | None
    """None when no patient was asked for."""

    users: frozenset[str] | None

    @classmethod
    def of(cls, question: Question, index_keys: Mapping[str, IndexKey]) -> "_Names":
        keys = index_keys.values()
        return cls(
            patients=frozenset(key.patient(question.patient) for key in keys) if question.patient else None,
            users=frozenset(key.user(question.user) for key in keys) if question.user else None,
        )

    @property
    def is_asked(self) -> bool:
        return self.patients is not None or self.users is not None

    @property
    def is_hopeless(self) -> bool:
        """Say whether somebody is asked for without any key to find them by."""
        return any(names is not None and not names for names in (self.patients, self.users))


def _conditions(question: Question, names: _Names) -> list[ColumnElement[bool]]:
    """Return what SQL can check."""
    columns = ((_ROW.task, question.task), (_ROW.exchange, question.exchange_id))
    needles = (
        (_ROW.facts, "client", question.client),
        (_ROW.leaf, "kind", question.kind),
        (_ROW.leaf, "outcome", question.outcome),
    )
    people = (tokens for tokens in (names.patients, names.users) if tokens is not None)
    return [
        *(column == value for column, value in columns if value),
        *(func.instr(column, _needle(member, value)) > 0 for column, member, value in needles if value),
        *(_ROW.sequence.in_(_sequences_of(tokens)) for tokens in people),
    ]


def _sequences_of(tokens: frozenset[str]) -> Select[Any]:
    return select(blind_index.c.sequence).where(blind_index.c.value.in_([bytes.fromhex(token) for token in tokens]))


def _needle(member: str, value: str) -> bytes:
    """Return how a member is spelled in canonical JSON; finding it elsewhere too does no harm."""
    return encode({member: value})[1:-1]


def _matches(entry: Entry, question: Question, names: _Names) -> bool:
    """Judge an event by its leaf alone."""
    leaf = entry.leaf
    wanted = (
        (question.task, leaf.task),
        (question.client, entry.client),
        (question.kind, leaf.kind.value),
        (question.outcome, leaf.outcome),
        (question.exchange_id, leaf.exchange_id),
    )
    if any(asked and asked != found for asked, found in wanted):
        return False
    if not question.since_ms <= leaf.time_ms < question.until_ms:
        return False
    if names.patients is not None and names.patients.isdisjoint(leaf.patients):
        return False
    return names.users is None or leaf.user in names.users


def _first_ms(month: str) -> int:
    return int(datetime.strptime(month, "%Y-%m").replace(tzinfo=UTC).timestamp() * 1000)


def _to_entry(row: Sequence[object]) -> Entry:
    sequence, leaf_bytes, facts_bytes, has_body = row
    if not isinstance(leaf_bytes, bytes) or not isinstance(facts_bytes, bytes):
        raise FormatError(f"record {sequence} is damaged; run 'audit verify' and keep a copy of the trail.")
    leaf, document = Leaf.from_bytes(leaf_bytes), read_facts(facts_bytes)
    facts = document.get("facts", {})
    if leaf.sequence != sequence or not isinstance(facts, Mapping):
        raise FormatError(f"record {sequence} is damaged; run 'audit verify' and keep a copy of the trail.")
    return Entry(
        leaf=leaf,
        client=_text(document, "client"),
        request_id=_text(document, "request_id"),
        trace_id=_text(document, "trace_id"),
        facts=facts,
        document=facts_bytes,
        has_body=bool(has_body),
    )


def _text(document: Mapping[str, Value], name: str) -> str:
    value = document.get(name, "")
    return value if isinstance(value, str) else ""
