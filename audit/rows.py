"""The rows of a trail's database as they are stored, read-only, for `query` to interpret and `verify` to judge.

Nothing here believes a row: values come out with whatever type they have, and a file that is missing, foreign or broken
raises StoreError.  Statements are short and fetched whole, because a reader that lingers would hold SQLite's shared
lock and keep the recorder from committing.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

from sqlalchemy import (
    BindParameter,
    Connection,
    Row,
    Select,
    bindparam,
    create_engine,
    func,
    select,
    text,
    tuple_,
    type_coerce,
)
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool
from sqlalchemy.types import NULLTYPE

from audit.errors import StoreError
from audit.store.schema import APPLICATION_ID, SCHEMA_VERSION, blind_index, checkpoint, record
from audit.store.stored import node_of

BUSY_TIMEOUT_S = 10.0
"""A commit of the recorder takes milliseconds; a reader waits this long for it."""

SCAN_ROWS = 100
"""Rows of one statement with their bodies: a few milliseconds of shared lock, and 200 MiB if each were the largest."""

INDEX_ROWS = 10_000
"""Rows of one statement over the blind index: 24 bytes each."""

LOWEST = -(2**63)
"""SQLite's lowest integer: a hostile file may number rows below 0, and `verify` must see them."""

RAW = {name: type_coerce(column, NULLTYPE).label(name) for name, column in record.c.items()}
"""Columns of a record as they are stored: a number where bytes belong must not be converted."""

Statement = Select[*tuple[Any, ...]]
"""A statement that reads."""


class Rows:
    """A read-only connection to one trail's database; used by one thread at a time."""

    def __init__(self, database: Path, connection: Connection) -> None:
        """Take the file and an open connection; use `open`."""
        self._database = database
        self._connection = connection

    @classmethod
    @contextmanager
    def open(cls, database: Path) -> Iterator[Self]:
        """Open a database for reading.  Raises StoreError if it is missing, foreign or of another version."""
        if not database.is_file():
            raise StoreError(f"{database} is missing; name the folder of a trail, or start the appliance once.")
        engine = create_engine("sqlite://", creator=lambda: _connect(database), poolclass=NullPool)
        with _told(database):
            connection = engine.connect()
        with connection:
            rows = cls(database, connection)
            rows.check_version()
            yield rows

    def check_version(self) -> None:
        """Raise StoreError unless this is a trail of the version that this release reads."""
        application, version = (self._pragma(name) for name in ("application_id", "user_version"))
        if application != APPLICATION_ID:
            raise StoreError(f"{self._database} is no trail; name the folder that the recorder writes.")
        if version != SCHEMA_VERSION:
            raise StoreError(
                f"{self._database} is of version {version}, not {SCHEMA_VERSION}; use the release that wrote it."
            )

    def all(self, statement: Statement) -> Sequence[Row[*tuple[Any, ...]]]:
        """Return every row of a statement."""
        with _told(self._database):
            return self._connection.execute(statement).all()

    def value(self, statement: Statement) -> object:
        """Return the first value of the first row; None without one."""
        rows = self.all(statement)
        return rows[0][0] if rows else None

    def size(self) -> int:
        """Return the number of records, if none is missing."""
        last = self.value(select(func.max(record.c.sequence)))
        return last + 1 if isinstance(last, int) else 0

    def count(self) -> int:
        """Return the number of rows that there are."""
        counted = self.value(select(func.count()).select_from(record))
        return counted if isinstance(counted, int) else 0

    def node(self, level: int, index: int) -> bytes:
        """Return the stored hash of a complete tree node (`merkle.NodeReader`).  Raises StoreError if it is missing."""
        last = ((index + 1) << level) - 1
        return node_of(self.value(select(RAW["nodes"]).where(record.c.sequence == last)), level, last)

    def checkpoints(self) -> Iterator[tuple[object, ...]]:
        """Return (size, note) of every checkpoint of the database, smallest tree first."""
        columns = (checkpoint.c.size, type_coerce(checkpoint.c.note, NULLTYPE))
        place = -1
        while rows := self.all(
            select(*columns).where(checkpoint.c.size > place).order_by(checkpoint.c.size).limit(SCAN_ROWS)
        ):
            yield from (tuple(row) for row in rows)
            place = rows[-1][0]

    def records(self, columns: Sequence[str], *, end: int) -> Iterator[tuple[object, ...]]:
        """Return the sequence and these columns of every row before `end`, in order, as they are stored."""
        chosen = select(RAW["sequence"], *(RAW[name] for name in columns)).order_by(record.c.sequence).limit(SCAN_ROWS)
        place = LOWEST
        while rows := self.all(chosen.where(record.c.sequence > place, record.c.sequence < end)):
            yield from (tuple(row) for row in rows)
            place = rows[-1][0]

    def index_rows(self) -> Iterator[tuple[object, ...]]:
        """Return (value, sequence) of every row of the blind index, in the order of its key."""
        pair = (blind_index.c.value, blind_index.c.sequence)
        chosen = select(type_coerce(pair[0], NULLTYPE), pair[1]).order_by(*pair).limit(INDEX_ROWS)
        rows = self.all(chosen)
        while rows:
            yield from (tuple(row) for row in rows)
            rows = self.all(chosen.where(tuple_(*pair) > tuple_(*map(_bound, rows[-1]))))

    def _pragma(self, name: str) -> object:
        with _told(self._database):
            return self._connection.execute(text(f"PRAGMA {name}")).scalar()


def _bound(value: object) -> BindParameter[Any]:
    """Return a value as a parameter that is compared as it is stored."""
    return bindparam(None, value, type_=NULLTYPE, unique=True)


def _connect(database: Path) -> sqlite3.Connection:
    address = f"file:{quote(str(database.absolute()))}?mode=ro"
    connection = sqlite3.connect(address, uri=True, timeout=BUSY_TIMEOUT_S, check_same_thread=False)
    connection.execute("PRAGMA query_only = ON")
    connection.execute("PRAGMA trusted_schema = OFF")
    return connection


@contextmanager
def _told(database: Path) -> Iterator[None]:
    """Turn the database's errors into ours, without their words: they may quote a row."""
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error, UnicodeDecodeError, OverflowError) as error:
        raise StoreError(
            f"{database} cannot be read ({type(error).__name__}): if the recorder was killed, start it once; "
            "a copy must hold every file of the folder and be readable; else restore it from a backup."
        ) from error
