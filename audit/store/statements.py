"""The statements that the writer runs, made once for its database.

They are run by hand: SQLAlchemy's own handling of each statement and row would cost more than the insert.  PostgreSQL
gets a batch of rows as one statement with an array for each column, which it takes several times faster than a
statement for each row.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Dialect, Table, insert
from sqlalchemy.dialects import sqlite

from audit.store.schema import blind_index, checkpoint, record, term_block

Rows = Sequence[tuple[object, ...]]
"""Rows in the order of a table's columns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statements:
    """What a batch needs."""

    begin: str
    record: str
    index: str
    block: str
    checkpoint: str
    by_column: bool
    """Whether a batch is given by its columns instead of by its rows."""

    @classmethod
    def of(cls, dialect: Dialect) -> "Statements":
        """Make the statements for a database whose parameters go by position."""
        is_sqlite = dialect.name == sqlite.dialect.name
        make = _by_row if is_sqlite else _by_column
        return cls(
            # SQLite otherwise takes its lock at the first write, and then cannot wait for a reader to leave.
            begin="BEGIN IMMEDIATE" if is_sqlite else "BEGIN",
            record=make(record, dialect),
            index=make(blind_index, dialect),
            # After a restart nobody remembers the newest block's terms; a head that has not grown is signed once more.
            block=f"{make(term_block, dialect)} ON CONFLICT DO NOTHING",
            checkpoint=f"{make(checkpoint, dialect)} ON CONFLICT DO NOTHING",
            by_column=not is_sqlite,
        )

    def run(self, connection: Connection, statement: str, rows: Rows) -> None:
        """Insert rows with one of these statements."""
        if rows and self.by_column:
            connection.exec_driver_sql(statement, tuple(list(column) for column in zip(*rows, strict=True)))
        elif rows:
            connection.exec_driver_sql(statement, list(rows))


def _by_row(table: Table, dialect: Dialect) -> str:
    return str(insert(table).compile(dialect=dialect))


def _by_column(table: Table, dialect: Dialect) -> str:
    names = ", ".join(column.name for column in table.columns)
    arrays = ", ".join(f"%b::{column.type.compile(dialect)}[]" for column in table.columns)
    return f"INSERT INTO {table.name} ({names}) SELECT * FROM unnest({arrays})"  # noqa: S608 -- our own names
