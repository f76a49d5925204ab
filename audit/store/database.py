"""Write the trail: one SQLite connection, one transaction for each batch, durable when `write` returns.

Rollback journal in TRUNCATE mode with ``synchronous=EXTRA``: WAL loses commits at NORMAL and has a corruption bug
before SQLite 3.51.3.  Nothing here decides what is written.  Any failure raises StoreError and leaves open whether
the transaction happened; the caller MUST close, open anew and look (FORMAT.md "Durable steps").
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from sqlite3 import Connection, connect
from sqlite3 import Error as SqliteError
from typing import Any

from sqlalchemy import insert
from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateIndex, CreateTable, Table

from audit.errors import StoreError
from audit.store.schema import APPLICATION_ID, SCHEMA_VERSION, blind_index, checkpoint, metadata, record
from audit.store.stored import StoredCheckpoint, check_schema, node_of

BUSY_TIMEOUT_S = 30.0
"""A commit waits this long for readers to leave; a reader's page takes milliseconds."""

FILE_MODE = 0o600
"""The owner reads and writes; nobody else anything."""

_DIALECT = sqlite.dialect(paramstyle="qmark")


def _insert(table: Table) -> str:
    return str(insert(table).compile(dialect=_DIALECT))


_INSERT_RECORD = _insert(record)
_INSERT_INDEX = _insert(blind_index)
_INSERT_CHECKPOINT = _insert(checkpoint).replace("INSERT", "INSERT OR REPLACE", 1)

RecordRow = tuple[int, int, str | None, str | None, str, bytes, bytes, bytes, bytes | None, bytes | None]
"""A row in the order of the record table's columns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Everything that one transaction writes."""

    records: Sequence[RecordRow] = ()
    index: Sequence[tuple[bytes, int]] = ()
    """Blind index rows: value, sequence."""

    checkpoint: StoredCheckpoint | None = None


class Database:
    """The writer's connection.  Owned by one thread; `audit.log` sees to it that there is one writer only."""

    def __init__(self, path: Path, *, factory: type[Connection] = Connection) -> None:
        """Open the file, made with its tables if it is not there.  Raises StoreError if it is not ours."""
        self._path = path
        try:
            path.touch(mode=FILE_MODE)
            self._connection = connect(
                path, timeout=BUSY_TIMEOUT_S, isolation_level=None, factory=factory, check_same_thread=False
            )
        except (OSError, SqliteError) as error:
            raise StoreError(f"{path} cannot be opened: {_reason(error)}") from error
        try:
            self._prepare()
        except SqliteError as error:
            self.close()
            raise StoreError(f"{path} cannot be used: {_reason(error)}") from error
        except StoreError:
            self.close()
            raise

    def close(self) -> None:
        """Close the file; an open transaction is rolled back."""
        with suppress(SqliteError):
            self._connection.close()

    def size(self) -> int:
        """Return how many records there are."""
        return int(self._one("SELECT coalesce(max(sequence) + 1, 0) FROM record")[0])

    def last_time_ms(self) -> int:
        """Return the time of the newest record; 0 if there is none."""
        return int(
            self._one("SELECT coalesce(max(time), 0) FROM (SELECT time FROM record ORDER BY sequence DESC LIMIT 1)")[0]
        )

    def node(self, level: int, index: int) -> bytes:
        """Return the hash of a complete tree node (`merkle.NodeReader`)."""
        last = ((index + 1) << level) - 1
        return node_of(self._one("SELECT nodes FROM record WHERE sequence = ?", last)[0], level, last)

    def leaves(self, *, start: int) -> list[bytes]:
        """Return the leaves from a place to the end."""
        return [row[0] for row in self._rows("SELECT leaf FROM record WHERE sequence >= ? ORDER BY sequence", start)]

    def exchange(self, exchange_id: str) -> list[tuple[int, str, bytes, bytes]]:
        """Return place, event id, leaf and facts of the records of an exchange, in order."""
        return self._rows(
            "SELECT sequence, event, leaf, facts FROM record WHERE exchange = ? ORDER BY sequence", exchange_id
        )

    def previous_event(self, exchange_id: str) -> str:
        """Return the event id of the newest record of an exchange; empty if there is none."""
        rows = self._rows("SELECT event FROM record WHERE exchange = ? ORDER BY sequence DESC LIMIT 1", exchange_id)
        return rows[0][0] if rows else ""

    def last_checkpoint(self) -> StoredCheckpoint | None:
        """Return the checkpoint of the largest tree; None before the first."""
        rows = self._rows("SELECT size, time, note FROM checkpoint ORDER BY size DESC LIMIT 1")
        return StoredCheckpoint(size=rows[0][0], time_ms=rows[0][1], note=rows[0][2]) if rows else None

    def write(self, batch: Batch) -> None:
        """Write a batch in one transaction.  Raises StoreError: it may have happened or not."""
        note = batch.checkpoint
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany(_INSERT_RECORD, batch.records)
            self._connection.executemany(_INSERT_INDEX, batch.index)
            if note is not None:
                self._connection.execute(_INSERT_CHECKPOINT, (note.size, note.time_ms, note.note))
            self._connection.execute("COMMIT")
        except SqliteError as error:
            with suppress(SqliteError):
                self._connection.execute("ROLLBACK")
            raise StoreError(f"{self._path} cannot be written: {_reason(error)}") from error

    def _prepare(self) -> None:
        """Set what every connection needs, and make the tables of a new file in one transaction."""
        run = self._connection.execute
        run("PRAGMA journal_mode = TRUNCATE").close()
        run("PRAGMA synchronous = EXTRA")
        run("PRAGMA trusted_schema = OFF")
        if run("PRAGMA schema_version").fetchone()[0] == 0:
            run("BEGIN EXCLUSIVE")
            for table in metadata.sorted_tables:
                run(str(CreateTable(table).compile(dialect=_DIALECT)))
                for index in table.indexes:
                    run(str(CreateIndex(index).compile(dialect=_DIALECT)))
            run(f"PRAGMA application_id = {APPLICATION_ID}")
            run(f"PRAGMA user_version = {SCHEMA_VERSION}")
            run("COMMIT")
        check_schema(self._connection, self._path)

    def _one(self, statement: str, *parameters: object) -> tuple[Any, ...]:
        rows = self._rows(statement, *parameters)
        if not rows:
            raise StoreError(f"{self._path}: a record is missing; run 'audit verify'")
        return rows[0]

    def _rows(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        try:
            return self._connection.execute(statement, parameters).fetchall()
        except SqliteError as error:
            raise StoreError(f"{self._path} cannot be read: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    """Return what went wrong in words that an operator can act on; SQLite's own words hold no data of ours."""
    name = getattr(error, "sqlite_errorname", type(error).__name__)
    remedies = {
        "SQLITE_FULL": "the disk is full; free space and the recorder goes on by itself",
        "SQLITE_READONLY": "the file is read-only; check its owner and the file system",
        "SQLITE_CORRUPT": "the file is damaged; restore the backup and run 'audit verify'",
        "SQLITE_NOTADB": "the file is no database; restore the backup and run 'audit verify'",
    }
    return remedies.get(name, f"{name}; check the disk and the file's owner")
