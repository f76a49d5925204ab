"""Read a trail without being able to change it: for the console, `audit query` and `audit verify`.

Opens the SQLite file read-only.  What it returns is not trusted: whoever owns the file may have changed it, and only
`verify` says whether it holds.  A damaged file raises StoreError, never a library's error.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from sqlite3 import Connection, DatabaseError, connect
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Select, func, null, select
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql import ColumnElement

from audit.errors import StoreError, VerificationError
from audit.store.schema import APPLICATION_ID, SCHEMA_VERSION, blind_index, checkpoint, record

PAGE = 1000
"""Records fetched at once: a few MB with their bodies."""

BUSY_TIMEOUT_S = 5.0
"""A reader waits this long for the writer's commit; one takes milliseconds."""

_DIALECT = sqlite.dialect(paramstyle="qmark")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRecord:
    """One row of the record table, as found."""

    sequence: int
    time_ms: int
    exchange_id: str
    task: str
    event_id: str
    nodes: bytes
    leaf: bytes
    facts: bytes
    wrapped_key: bytes | None = field(repr=False)
    ciphertext: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCheckpoint:
    """One row of the checkpoint table, as found."""

    size: int
    time_ms: int
    note: str


class Reader:
    """Iterate over a trail's tables.  A context manager; owned by one thread."""

    def __init__(self, database: Path) -> None:
        """Open a database file read-only.  Raises StoreError if it is no trail of this version."""
        self._database = database
        if not database.is_file():
            raise StoreError(f"{database} is not there; give the trail's folder, or run 'appliance up' once")
        try:
            # isolation_level None: every read sees the newest commit, and none is held open.
            self._connection = connect(
                f"{database.resolve().as_uri()}?mode=ro", uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None
            )
        except DatabaseError as error:
            raise StoreError(f"{database} cannot be opened; check its owner") from error
        try:
            check_schema(self._connection, database)
        except StoreError:
            self._connection.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def size(self) -> int:
        """Return how many records there are, by their count and not by their numbers."""
        return int(self._one(select(func.count()).select_from(record))[0])

    def records(self, *, start: int = 0, bodies: bool = True) -> Iterator[StoredRecord]:
        """Yield records in order of their place; without bodies, `ciphertext` is None and the scan is cheap."""
        return self._pages(start, bodies=bodies)

    def find(
        self,
        *,
        exchange_id: str | None = None,
        task: str | None = None,
        since_ms: int | None = None,
        until_ms: int | None = None,
        people: Sequence[bytes] = (),
    ) -> Iterator[StoredRecord]:
        """Yield, in order and without bodies, the records that fit every condition; `people` are blind index values."""
        conditions: list[ColumnElement[bool]] = []
        if exchange_id is not None:
            conditions.append(record.c.exchange == exchange_id)
        if task is not None:
            conditions.append(record.c.task == task)
        if since_ms is not None:
            conditions.append(record.c.sequence >= self.first_since(since_ms))
        if until_ms is not None:
            conditions.append(record.c.sequence < self.first_since(until_ms))
        if people:
            named = select(blind_index.c.sequence).where(blind_index.c.value.in_(people))
            conditions.append(record.c.sequence.in_(named))
        return self._pages(0, *conditions, bodies=False)

    def record(self, sequence: int) -> StoredRecord | None:
        """Return one record with its body, or None."""
        return next(self._fetch(_columns(bodies=True).where(record.c.sequence == sequence)), None)

    def event(self, event_id: str) -> StoredRecord | None:
        """Return the record of an event id with its body, or None; a scan, for people rather than programs."""
        return next(self._fetch(_columns(bodies=True).where(record.c.event == event_id)), None)

    def index_values(self, sequence: int) -> tuple[bytes, ...]:
        """Return the blind index values that point to a record, sorted; a scan: `index_rows` serves a whole check."""
        wanted = select(blind_index.c.value).where(blind_index.c.sequence == sequence).order_by(blind_index.c.value)
        return tuple(bytes(row[0]) for row in self._rows(wanted))

    def index_rows(self) -> Iterator[tuple[int, bytes]]:
        """Yield every blind index row as place and value, in order of place."""
        wanted = select(blind_index.c.sequence, blind_index.c.value).order_by(
            blind_index.c.sequence, blind_index.c.value
        )
        return ((int(row[0]), bytes(row[1])) for row in self._rows(wanted))

    def checkpoints(self) -> Iterator[StoredCheckpoint]:
        """Yield the checkpoints, smallest tree first."""
        wanted = select(checkpoint.c.size, checkpoint.c.time, checkpoint.c.note).order_by(checkpoint.c.size)
        return (StoredCheckpoint(size=row[0], time_ms=row[1], note=row[2]) for row in self._rows(wanted))

    def node(self, level: int, index: int) -> bytes:
        """Return the stored hash of a complete tree node (`merkle.NodeReader`).  Raises StoreError if it is missing."""
        last = ((index + 1) << level) - 1
        row = self._one(select(record.c.nodes).where(record.c.sequence == last))
        return node_of(row[0], level, last)

    def first_since(self, time_ms: int) -> int:
        """Return the place of the first record not before a time, by halving: times never go down."""
        low, high = 0, int(self._one(select(func.coalesce(func.max(record.c.sequence) + 1, 0)))[0])
        while low < high:
            middle = (low + high) // 2
            row = self._one(select(record.c.time).where(record.c.sequence == middle))
            low, high = (middle + 1, high) if row[0] < time_ms else (low, middle)
        return low

    def _pages(self, start: int, *conditions: ColumnElement[bool], bodies: bool) -> Iterator[StoredRecord]:
        """Yield page by page, so that a long scan never holds the writer up."""
        place = start
        while True:
            wanted = _columns(bodies=bodies).where(record.c.sequence >= place, *conditions)
            page = list(self._fetch(wanted.order_by(record.c.sequence).limit(PAGE)))
            yield from page
            if len(page) < PAGE:
                return
            place = page[-1].sequence + 1

    def _fetch(self, wanted: Select[Any]) -> Iterator[StoredRecord]:
        return (_to_record(row) for row in self._rows(wanted))

    def _one(self, wanted: Select[Any]) -> tuple[Any, ...]:
        for row in self._rows(wanted):
            return row
        raise StoreError(f"{self._database}: a record is missing; run 'audit verify'")

    def _rows(self, wanted: Select[Any]) -> list[tuple[Any, ...]]:
        compiled = wanted.compile(dialect=_DIALECT, compile_kwargs={"render_postcompile": True})
        parameters = [compiled.params[name] for name in compiled.positiontup or ()]
        try:
            with closing(self._connection.execute(str(compiled), parameters)) as cursor:
                return cursor.fetchall()
        except DatabaseError as error:
            raise StoreError(f"{self._database} cannot be read; it is damaged or locked: run 'audit verify'") from error


def check_schema(connection: Connection, database: Path) -> None:
    """Check that a file is a trail of this version.  Raises StoreError saying what to do otherwise."""
    try:
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
    except DatabaseError as error:
        raise StoreError(f"{database} is no database; restore it from the backup") from error
    if application != APPLICATION_ID:
        raise StoreError(f"{database} is not a trail; give the trail's folder")
    if version != SCHEMA_VERSION:
        age = "older" if version < SCHEMA_VERSION else "newer"
        raise StoreError(f"{database} has schema {version}, {age} than {SCHEMA_VERSION}; use the release that wrote it")


def node_of(nodes: object, level: int, sequence: int) -> bytes:
    """Return the hash of one level from a record's `nodes`.  Raises StoreError if it is not there."""
    size = 32
    if not isinstance(nodes, bytes) or len(nodes) < (level + 1) * size:
        raise StoreError(f"record {sequence}: its tree nodes are damaged; run 'audit verify'")
    return nodes[level * size : (level + 1) * size]


def _columns(*, bodies: bool) -> Select[Any]:
    sealed = (record.c.wrapped_key, record.c.ciphertext)
    return select(
        record.c.sequence,
        record.c.time,
        record.c.exchange,
        record.c.task,
        record.c.event,
        record.c.nodes,
        record.c.leaf,
        record.c.facts,
        *(sealed if bodies else (null(), null())),
    )


def _to_record(row: tuple[Any, ...]) -> StoredRecord:
    """Return a row as a record.  Raises VerificationError if the file's owner gave it other types than ours."""
    sequence, time_ms, exchange, task, event, *blobs = row
    texts_fit = all(isinstance(text, str | None) for text in (exchange, task)) and isinstance(event, str)
    numbers_fit = isinstance(sequence, int) and isinstance(time_ms, int)
    blobs_fit = all(isinstance(blob, bytes) for blob in blobs[:3]) and all(
        isinstance(b, bytes | None) for b in blobs[3:]
    )
    if not (numbers_fit and texts_fit and blobs_fit):
        raise VerificationError(f"record {sequence!r}: its row has values of other types than were written")
    nodes, leaf, facts, wrapped_key, ciphertext = blobs
    return StoredRecord(
        sequence=sequence,
        time_ms=time_ms,
        exchange_id=exchange or "",
        task=task or "",
        event_id=event,
        nodes=nodes,
        leaf=leaf,
        facts=facts,
        wrapped_key=wrapped_key,
        ciphertext=ciphertext,
    )
