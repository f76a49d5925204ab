"""Write the trail: one connection, one transaction for each batch, durable when `write` returns.

Nothing here decides what is written.  Any failure raises StoreError and leaves open whether the transaction happened;
the caller MUST close, open anew and look (FORMAT.md "Durable steps").  On PostgreSQL the connection holds an advisory
lock for as long as it lives: a second recorder is refused, and after a lost connection the new one is let in only when
the server has ended the old one, so what is read then is what there will be.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from sqlite3 import Connection as SqliteConnection
from typing import Any

from sqlalchemy import CursorResult, Row, Select, func, select
from sqlalchemy.exc import SQLAlchemyError

from audit.compact import pack, unpack
from audit.errors import StoreError
from audit.store.address import Address
from audit.store.connect import connect_writer, reason, told
from audit.store.create import create_tables, is_empty
from audit.store.schema import APPLICATION_ID, SCHEMA_VERSION, checkpoint, record
from audit.store.statements import Statements
from audit.store.stored import StoredCheckpoint, check_schema, node_of
from audit.store.terms import TermBook
from audit.terms import COLUMNS

PAGE_LEAVES = 500
"""Leaves read at once by recovery."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordRow:
    """One event as it goes into the record table."""

    sequence: int
    time_ms: int
    exchange_id: str
    event_id: str
    terms: Mapping[str, str]
    """Those with columns, by member (`terms.column_terms`)."""

    fact_terms: Mapping[str, str]
    """Those without (`terms.fact_terms`)."""

    nodes: bytes
    leaf: bytes
    """As it is hashed; it is packed on its way into the table."""

    facts: bytes
    wrapped_key: bytes | None = None
    ciphertext: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Everything that one transaction writes."""

    records: Sequence[RecordRow] = ()
    index: Sequence[tuple[bytes, int]] = ()
    """Blind index rows: value, sequence."""

    checkpoint: StoredCheckpoint | None = None


class Database:
    """The writer's connection.  Owned by one thread; `audit.log` sees to it that there is one writer only."""

    def __init__(self, address: Address, *, factory: type[SqliteConnection] = SqliteConnection) -> None:
        """Open the database; a new SQLite file gets its tables.  Raises StoreError, or SchemaError with the command."""
        self._address = address
        self._connection = connect_writer(address, factory=factory)
        self._statements = Statements.of(self._connection.dialect)
        try:
            with told(address, cannot="used"):
                self._prepare()
        except StoreError:
            self.close()
            raise
        self._terms = TermBook(self._connection)

    def close(self) -> None:
        """Close the connection; an open transaction is rolled back."""
        with suppress(SQLAlchemyError):
            self._connection.close()

    def size(self) -> int:
        """Return how many records there are."""
        last = self._value(select(func.max(record.c.sequence)))
        return last + 1 if isinstance(last, int) else 0

    def last_time_ms(self) -> int:
        """Return the time of the newest record; 0 if there is none."""
        time_ms = self._value(select(record.c.time).order_by(record.c.sequence.desc()).limit(1))
        return time_ms if isinstance(time_ms, int) else 0

    def node(self, level: int, index: int) -> bytes:
        """Return the hash of a complete tree node (`merkle.NodeReader`)."""
        last = ((index + 1) << level) - 1
        return node_of(self._value(select(record.c.nodes).where(record.c.sequence == last)), level, last)

    def leaves(self, *, start: int) -> Iterator[bytes]:
        """Return the leaves from a place to the end.  Raises FormatError for one that does not unpack."""
        chosen = select(record.c.sequence, record.c.leaf).order_by(record.c.sequence).limit(PAGE_LEAVES)
        while rows := self._rows(chosen.where(record.c.sequence >= start)):
            yield from (_unpack(row.leaf) for row in rows)
            start = rows[-1].sequence + 1

    def exchange(self, exchange_id: str) -> list[tuple[int, str, bytes, bytes]]:
        """Return place, event id, leaf and facts of the records of an exchange, in order."""
        columns = (record.c.sequence, record.c.event, record.c.leaf, record.c.facts)
        rows = self._rows(select(*columns).where(record.c.exchange == exchange_id).order_by(record.c.sequence))
        return [(row.sequence, row.event, _unpack(row.leaf), _unpack(row.facts)) for row in rows]

    def newest_events(self, exchange_ids: Sequence[str]) -> dict[str, str]:
        """Return the event id of the newest record of each exchange that has one."""
        newest = select(func.max(record.c.sequence)).where(record.c.exchange.in_(exchange_ids))
        chosen = select(record.c.exchange, record.c.event).where(
            record.c.sequence.in_(newest.group_by(record.c.exchange).scalar_subquery())
        )
        return {row.exchange: row.event for row in self._rows(chosen)}

    def last_checkpoint(self) -> StoredCheckpoint | None:
        """Return the checkpoint of the largest tree; None before the first."""
        rows = self._rows(select(checkpoint).order_by(checkpoint.c.size.desc()).limit(1))
        return StoredCheckpoint(size=rows[0].size, time_ms=rows[0].time, note=rows[0].note) if rows else None

    def settle(self) -> None:
        """Make everything that can be read durable, by one small durable write that changes no row.

        After a kill or a failed sync SQLite shows a commit that a power loss may still take back; nothing of it may be
        told to anyone before this returns.  It is also how a failed recorder finds that the disk is back.
        """
        with told(self._address, cannot="written"):
            if self._address.is_sqlite:
                self._run("BEGIN IMMEDIATE")
                self._run(f"PRAGMA user_version = {SCHEMA_VERSION}")
                self._run("COMMIT")
            else:
                self._run("SELECT pg_logical_emit_message(true, 'audit', '')")

    def write(self, batch: Batch) -> None:
        """Write a batch in one transaction.  Raises StoreError: it may have happened or not."""
        packed = [(row, pack(row.leaf), pack(row.facts)) for row in batch.records]
        try:
            self._run(self._statements.begin)
            self._write(packed, batch)
            self._run("COMMIT")
        except SQLAlchemyError as error:
            with suppress(SQLAlchemyError):
                self._run("ROLLBACK")
            raise StoreError(f"{self._address} cannot be written: {reason(self._address, error)}") from error

    def _write(self, packed: Sequence[tuple[RecordRow, bytes, bytes]], batch: Batch) -> None:
        records: list[tuple[object, ...]] = []
        blocks: list[tuple[int, int]] = []
        for row, leaf, facts in packed:
            numbers = self._terms.numbers(row.terms)
            others = self._terms.numbers(row.fact_terms)
            blocks += self._terms.note(row.sequence, (*numbers.values(), *others.values()))
            records.append(_values(row, numbers, leaf=leaf, facts=facts))
        note = batch.checkpoint
        for statement, rows in (
            (self._statements.record, records),
            (self._statements.index, batch.index),
            (self._statements.block, blocks),
            (self._statements.checkpoint, [(note.size, note.time_ms, note.note)] if note is not None else []),
        ):
            self._statements.run(self._connection, statement, rows)

    def _prepare(self) -> None:
        """See that this is a trail that may be written, and by nobody else."""
        if self._address.is_sqlite:
            if is_empty(self._connection):
                self._run("BEGIN EXCLUSIVE")
                create_tables(self._connection)
                self._run("COMMIT")
            check_schema(self._connection, self._address)
            return
        if self._run("SHOW fsync").scalar() != "on":
            raise StoreError(f"{self._address} may lose what it acknowledged; set fsync = on at the server")
        check_schema(self._connection, self._address)
        if not self._run(f"SELECT pg_try_advisory_lock({APPLICATION_ID})").scalar():
            raise StoreError(f"another recorder already writes {self._address}; stop it first")

    def _run(self, statement: str) -> CursorResult[Any]:
        return self._connection.exec_driver_sql(statement)

    def _rows(self, statement: Select[*tuple[Any, ...]]) -> Sequence[Row[*tuple[Any, ...]]]:
        with told(self._address, cannot="read"):
            return self._connection.execute(statement).all()

    def _value(self, statement: Select[Any]) -> object:
        rows = self._rows(statement)
        return rows[0][0] if rows else None


def _values(row: RecordRow, numbers: Mapping[str, int], *, leaf: bytes, facts: bytes) -> tuple[object, ...]:
    """Return a row in the order of the table's columns."""
    return (
        row.sequence,
        row.time_ms,
        row.exchange_id or None,
        row.event_id,
        *map(numbers.get, COLUMNS),
        row.nodes,
        leaf,
        facts,
        row.wrapped_key,
        row.ciphertext,
    )


def _unpack(data: object) -> bytes:
    return unpack(data if isinstance(data, bytes) else b"")
