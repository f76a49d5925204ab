"""A reader of one trail: pages of what matches, single exchanges, and where in the trail a moment lies.

An exchange is one row of an answer, at the place of its newest event that matches; the cursor keeps the size of the
trail and the moment of the first page, so that an exchange that goes on meanwhile neither shows twice nor gets lost.
"""

from collections.abc import Iterator, Mapping
from datetime import MAXYEAR, UTC, datetime
from functools import lru_cache

from sqlalchemy import select, type_coerce
from sqlalchemy.types import NULLTYPE

from audit.errors import UnknownRecordError
from audit.keyring import IndexKey, month_after
from audit.query.candidates import MOST_ROWS, Candidates, Span
from audit.query.entry import COLUMNS, Entry, Found, Page, SealedBody, to_entry
from audit.query.matching import Judge, People
from audit.question import Question, to_cursor
from audit.record import month_of
from audit.rows import RAW, Rows, Statement
from audit.store.schema import checkpoint, record

MAX_TIME_MS = 253_402_300_799_999
"""Last moment of the year 9999: a hostile row may name a later one."""

MAX_EVENTS = 1000
"""Events of one exchange that are read at once; an exchange has fewer than twenty, a hostile file may claim more."""

RECENT_EXCHANGES = 16
"""Exchanges whose events are kept while their other events are judged; they stand near each other."""

DECIDED_EXCHANGES = 10_000
"""Exchanges that are known to be answered; one that is forgotten is judged again, with the same verdict."""

_DECEMBER = 12
_ROW = record.c


class Reader:
    """Answers questions from the rows of one trail; used by one thread at a time."""

    def __init__(self, rows: Rows) -> None:
        """Take the open rows; use `open_reader`."""
        self.rows = rows

    def find(self, question: Question, index_keys: Mapping[str, IndexKey]) -> Page:
        """Return one page of what matches; people are found in the months whose index keys are given."""
        span, people = self._span(question), People.of(question, index_keys)
        found: list[Found] = []
        next_before = 0
        for sequence, row in self._rows_of(question, people, span):
            found.append(row)
            next_before = sequence
            if len(found) > question.limit:
                break
        more = len(found) > question.limit
        cursor = to_cursor(before=next_before + 1, top=span.top, as_of_ms=question.as_of_ms) if more else ""
        unsearched = self._unsearched(index_keys, span) if people.is_asked else ()
        return Page(rows=tuple(found[: question.limit]), next_cursor=cursor, months_not_searched=unsearched)

    def every(self, question: Question, index_keys: Mapping[str, IndexKey]) -> Iterator[Found]:
        """Yield everything that matches in the trail as it is now, newest first, without pages."""
        for _, row in self._rows_of(question, People.of(question, index_keys), self._span(question)):
            yield row

    def months_not_searched(self, question: Question, index_keys: Mapping[str, IndexKey]) -> tuple[str, ...]:
        """Return the months in which the question's people cannot be found, as a page tells them."""
        return self._unsearched(index_keys, self._span(question)) if question.patients or question.user else ()

    def exchange(self, exchange_id: str) -> tuple[Entry, ...]:
        """Return the events of an exchange, oldest first; none if it is unknown."""
        statement = select(*COLUMNS).where(_ROW.exchange == exchange_id).order_by(_ROW.sequence).limit(MAX_EVENTS)
        return tuple(entry for entry in self._entries(statement) if entry.leaf.exchange_id == exchange_id)

    def look_up(self, name: str) -> tuple[Entry, ...]:
        """Return the events of an exchange id, event id or sequence number.  Raises UnknownRecordError."""
        found = self._named(name)
        if not found:
            raise UnknownRecordError(
                "Nothing in the trail goes by this name; 'audit query' lists exchanges and their ids."
            )
        exchange_id = found[0].leaf.exchange_id
        return self.exchange(exchange_id) if exchange_id else found

    def span(self, begin: int, *, end: int) -> Iterator[Entry]:
        """Yield every event from `begin` to before `end`, oldest first."""
        place = begin
        chosen = select(*COLUMNS).where(_ROW.sequence < end).order_by(_ROW.sequence).limit(MOST_ROWS)
        while entries := self._entries(chosen.where(_ROW.sequence >= place)):
            yield from entries
            place = entries[-1].leaf.sequence + 1

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

    def first_at(self, time_ms: int, top: int) -> int:
        """Return the first sequence number whose time is not before this moment, `top` at most; found by halving."""
        low, high = 0, top
        while low < high:
            middle = (low + high) // 2
            if self._time_at(middle) < time_ms:
                low = middle + 1
            else:
                high = middle
        return low

    def _rows_of(self, question: Question, people: People, span: Span) -> Iterator[tuple[int, Found]]:
        """Yield the rows that answer a question, each with the place where it stands, newest first."""
        judge = Judge(question, people, top=span.top)
        events_of = lru_cache(RECENT_EXCHANGES)(self.exchange)
        decided: dict[str, None] = {}
        for entry in Candidates(self.rows).newest_first(question, people, judge.narrow, span=span):
            exchange_id = entry.leaf.exchange_id
            # An exchange is decided at its newest candidate: here, or on a page before this one.
            if not judge.is_candidate(entry) or exchange_id in decided:
                continue
            row = judge.row(entry, events_of(exchange_id) if exchange_id and judge.needs_exchange else ())
            if row is not None:
                yield entry.leaf.sequence, row
            if exchange_id and not question.by_event:
                _remember(decided, exchange_id)

    def _named(self, name: str) -> tuple[Entry, ...]:
        if name.isascii() and name.isdigit() and len(name) < len(str(2**53)):
            condition = _ROW.sequence == int(name)
        else:
            condition = (_ROW.event if name.startswith("ev_") else _ROW.exchange) == name
        return self._entries(select(*COLUMNS).where(condition).order_by(_ROW.sequence).limit(1))

    def _span(self, question: Question) -> Span:
        """Return the records that the question is asked of; time never goes back along the trail."""
        top = min(question.top, self.rows.size())
        begin = self.first_at(question.since_ms, top) if question.since_ms else 0
        end = self.first_at(question.until_ms, top) if question.has_end() else top
        return Span(begin=begin, end=min(end, question.before), top=top)

    def _time_at(self, sequence: int) -> int:
        time_ms = self.rows.value(select(RAW["time"]).where(_ROW.sequence >= sequence).order_by(_ROW.sequence).limit(1))
        return time_ms if isinstance(time_ms, int) else 0

    def _unsearched(self, index_keys: Mapping[str, IndexKey], span: Span) -> tuple[str, ...]:
        """Return the months of a range that have records and no index key at hand, by leaping from month to month."""
        months: list[str] = []
        place, end = span.begin, span.end
        while place < end and not self._has_keys(index_keys, place, end):
            month = self._month_at(place)
            if month not in index_keys and month not in months:
                months.append(month)
            place = max(self.first_at(_end_ms(month), end), place + 1)
        return tuple(months)

    def _has_keys(self, index_keys: Mapping[str, IndexKey], begin: int, end: int) -> bool:
        """Say whether every month from the first record's to the last one's has its key: as a rule two look-ups."""
        month, last = self._month_at(begin), self._month_at(end - 1)
        while month <= last and month in index_keys:
            month = month_after(month)
        return month > last

    def _month_at(self, sequence: int) -> str:
        return month_of(min(max(self._time_at(sequence), 0), MAX_TIME_MS))

    def _entries(self, statement: Statement) -> tuple[Entry, ...]:
        return tuple(to_entry(row) for row in self.rows.all(statement))


def _end_ms(month: str) -> int:
    """Return the first moment after a month."""
    year, number = (int(part) for part in month.split("-"))
    if (year, number) == (MAXYEAR, _DECEMBER):
        return MAX_TIME_MS + 1
    following = datetime(year + number // _DECEMBER, number % _DECEMBER + 1, 1, tzinfo=UTC)
    return int(following.timestamp() * 1000)


def _remember(decided: dict[str, None], exchange_id: str) -> None:
    if len(decided) >= DECIDED_EXCHANGES:
        decided.pop(next(iter(decided)))
    decided[exchange_id] = None
