"""The events that a question may be about, newest first, as far as SQL can leave out the others.

Whichever way rules out most is taken: the exchange asked for, the people's commitments in the blind index, the intents
without outcome, or the blocks of records in which every term asked for occurs.  Reading is lazy and in short
statements, so that the first page of a common question reads no more of a trail of six years than of a small one.
Nothing here decides: `matching` judges every event again on its leaf.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, exists, literal_column, select

from audit.query.entry import COLUMNS, Entry, damaged, to_entry
from audit.query.matching import People
from audit.query.topics import TermFilter
from audit.question import ORPHANED, Question
from audit.rows import Rows, Statement
from audit.store.schema import BLOCK_RECORDS, blind_index, record, term, term_block
from audit.terms import AGREEMENT, DECISION, KIND_IDS
from audit.terms import COLUMNS as TERM_COLUMNS

FIRST_ROWS = 256
"""Rows of the first statement: a page of fifty exchanges with five events each."""

MOST_ROWS = 2048
"""Rows of a later one: without bodies, a few megabytes."""

FIRST_SPAN = 65_536
"""Records in which people are looked for first; each span after it is eight times as long.  Somebody in every record
of the trail is found at its end, and somebody rare by four statements over six years."""

SPAN_GROWTH = 8
GROWTH = 4
"""How much more each statement asks for than the one before, up to the most."""

FIRST_BLOCKS = 16
"""Blocks of the first statement: as many records as most pages read."""

MOST_BLOCKS = 4096
"""Blocks of a later one, 32 KiB of numbers."""

MAX_VALUES = 10_000
"""Values of one term that a filter is asked of; no appliance has as many models, clients or policies.  Above it the
filter narrows nothing and every record is judged."""

_KINDS_WITH_FACTS = {AGREEMENT: KIND_IDS["disclosure"], DECISION: KIND_IDS["decision"]}
_ROW = record.c
_INTENT: ColumnElement[int] = literal_column(str(KIND_IDS["intent"]))
_OUTCOME: ColumnElement[int] = literal_column(str(KIND_IDS["outcome"]))
"""Written into the statement, because a partial index serves a constant only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """The records that a question is asked of, by their numbers."""

    begin: int
    end: int
    """First number that is not asked for any more."""

    top: int
    """Size of the trail; events at it or above happened after the question was first asked."""


@dataclass(frozen=True, slots=True)
class _Group:
    """The numbers of the terms of which one must occur."""

    member: str
    ids: tuple[int, ...]


class Candidates:
    """Finds the events of one trail that a question may be about."""

    def __init__(self, rows: Rows) -> None:
        """Take the open rows."""
        self._rows = rows

    def newest_first(
        self, question: Question, people: People, filters: Sequence[TermFilter], *, span: Span
    ) -> Iterator[Entry]:
        """Yield every event of a span that may match, and others that do not."""
        groups = self._groups(filters)
        if people.is_hopeless or any(not group.ids for group in groups):
            return
        wanted = [_of_group(group) for group in groups]
        if question.exchange_id:
            wanted.append(_ROW.exchange == question.exchange_id)
            yield from self._in_range(wanted, span.begin, span.end)
        elif people.is_asked:
            yield from self._listed(self._of_people(people, groups, span), wanted)
        elif question.state == ORPHANED:
            yield from self._listed(self._orphans(span), wanted)
        else:
            for first, last in self._ranges(groups, span):
                yield from self._in_range(wanted, first, last)

    def _groups(self, filters: Sequence[TermFilter]) -> tuple[_Group, ...]:
        """Return the terms of each filter by their numbers; a filter that too many could fulfil is left out."""
        groups = (self._group(asked) for asked in filters)
        return tuple(group for group in groups if group is not None)

    def _group(self, asked: TermFilter) -> _Group | None:
        chosen = select(term.c.id, term.c.value).where(term.c.member == asked.member)
        if asked.values:
            chosen = chosen.where(term.c.value.in_(sorted(asked.values)))
        rows = self._rows.all(chosen.limit(MAX_VALUES + 1))
        if len(rows) > MAX_VALUES:
            return None
        fitting = (number for number, value in rows if isinstance(value, str) and asked.accepts(value))
        return _Group(asked.member, tuple(number for number in fitting if isinstance(number, int)))

    def _in_range(self, wanted: Sequence[ColumnElement[bool]], begin: int, end: int) -> Iterator[Entry]:
        place, limit = end, FIRST_ROWS
        while True:
            rows = self._newest([_ROW.sequence >= begin, _ROW.sequence < place, *wanted], limit=limit)
            yield from map(to_entry, rows)
            if len(rows) < limit:
                return
            place, limit = _whole(rows[-1][0]), min(limit * GROWTH, MOST_ROWS)

    def _listed(self, lists: Iterator[list[int]], wanted: Sequence[ColumnElement[bool]]) -> Iterator[Entry]:
        """Yield the events with these numbers; the lists come newest first, each within itself too."""
        for numbers in lists:
            yield from map(to_entry, self._newest([_ROW.sequence.in_(numbers), *wanted], limit=len(numbers)))

    def _newest(self, conditions: Sequence[ColumnElement[bool]], *, limit: int) -> Sequence[Row[*tuple[Any, ...]]]:
        return self._rows.all(select(*COLUMNS).where(*conditions).order_by(_ROW.sequence.desc()).limit(limit))

    def _of_people(self, people: People, groups: Sequence[_Group], span: Span) -> Iterator[list[int]]:
        """Yield the numbers of the records that name one of the people, by spans that grow.

        Of somebody in every record, only those in blocks where the terms occur: a service's user has millions.
        """
        names = people.users if people.patients is None else people.patients
        values = [bytes.fromhex(name) for name in sorted(names or ())]
        block = blind_index.c.sequence // BLOCK_RECORDS
        beside = (_beside(group, block) for group in groups)
        chosen = select(blind_index.c.sequence).where(blind_index.c.value.in_(values), *beside).distinct()
        for low, high in growing_spans(span.begin, span.end):
            yield from self._numbers(chosen.where(blind_index.c.sequence >= low), blind_index.c.sequence, high)

    def _orphans(self, span: Span) -> Iterator[list[int]]:
        """Yield the numbers of the intents whose exchange has no outcome in a trail of this size."""
        intent, outcome = record.alias("intent"), record.alias("outcome")
        ended = exists().where(
            outcome.c.exchange == intent.c.exchange, outcome.c.kind == _OUTCOME, outcome.c.sequence < span.top
        )
        chosen = select(intent.c.sequence).where(intent.c.kind == _INTENT, intent.c.sequence >= span.begin, ~ended)
        # Ordered by an expression: by the bare key PostgreSQL would read the whole trail backwards to find a few rows.
        yield from self._numbers(chosen, intent.c.sequence, span.end, order=intent.c.sequence + 0)

    def _numbers(
        self, chosen: Statement, column: ColumnElement[int], end: int, *, order: ColumnElement[int] | None = None
    ) -> Iterator[list[int]]:
        """Yield lists of the numbers below `end`, newest first."""
        place, limit = end, FIRST_ROWS
        ordered = chosen.order_by((column if order is None else order).desc())
        while True:
            numbers = [_whole(row[0]) for row in self._rows.all(ordered.where(column < place).limit(limit))]
            if numbers:
                yield numbers
            if len(numbers) < limit:
                return
            place, limit = numbers[-1], min(limit * GROWTH, MOST_ROWS)

    def _ranges(self, groups: Sequence[_Group], span: Span) -> Iterator[tuple[int, int]]:
        """Yield the half-open ranges of records in whose blocks a term of every group occurs, newest first."""
        begin, end = span.begin, span.end
        if not groups or end <= begin:
            yield begin, end
            return
        block = term_block.c.block
        occurs = [term_block.c.term.in_(groups[0].ids), *(_beside(group, block) for group in groups[1:])]
        chosen = select(block).where(block >= begin // BLOCK_RECORDS, *occurs).distinct().order_by(block.desc())
        place, limit = (end - 1) // BLOCK_RECORDS + 1, FIRST_BLOCKS
        while True:
            blocks = [_whole(row[0]) for row in self._rows.all(chosen.where(block < place).limit(limit))]
            for first, last in _joined(blocks):
                yield max(begin, first * BLOCK_RECORDS), min(end, (last + 1) * BLOCK_RECORDS)
            if len(blocks) < limit:
                return
            place, limit = blocks[-1], min(limit * GROWTH, MOST_BLOCKS)


def growing_spans(begin: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield half-open ranges that cover everything from `begin` to before `end` once, newest first, ever longer."""
    width = FIRST_SPAN
    while end > begin:
        low = max(begin, end - width)
        yield low, end
        end, width = low, width * SPAN_GROWTH


def _of_group(group: _Group) -> ColumnElement[bool]:
    """Return the condition on a record's columns: its term, or the kind of event that alone has such a fact."""
    if group.member in TERM_COLUMNS:
        return _ROW[group.member].in_(group.ids)
    return _ROW.kind == _KINDS_WITH_FACTS[group.member]


def _beside(group: _Group, block: ColumnElement[int]) -> ColumnElement[bool]:
    """Return the condition that a term of this group occurs in a block."""
    other = term_block.alias()
    return exists().where(and_(other.c.block == block, other.c.term.in_(group.ids)))


def _joined(blocks: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield descending numbers as ranges from first to last, so that neighbours are read by one statement."""
    for place, block in enumerate(blocks):
        if place == 0 or blocks[place - 1] != block + 1:
            last = block
        if place + 1 == len(blocks) or blocks[place + 1] != block - 1:
            yield block, last


def _whole(value: object) -> int:
    if not isinstance(value, int):
        raise damaged(repr(type(value).__name__))
    return value
