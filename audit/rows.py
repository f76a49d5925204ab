"""The rows of a trail's database as they are stored, read-only, for `query` to interpret and `verify` to judge.

Nothing here believes a row: values come out with whatever type they have, leaf and facts still packed, and a database
that is missing, foreign or broken raises StoreError.  Statements are short and fetched whole, because a reader that
lingers would hold SQLite's shared lock and keep the recorder from committing.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Self

from sqlalchemy import (
    BindParameter,
    Column,
    Connection,
    Row,
    Select,
    Table,
    bindparam,
    func,
    select,
    tuple_,
    type_coerce,
)
from sqlalchemy.types import NULLTYPE

from audit.errors import StoreError
from audit.store.address import Address
from audit.store.connect import connect_reader, told
from audit.store.schema import blind_index, checkpoint, record, term, term_block
from audit.store.stored import check_schema, node_of

FIRST_ROWS = 50
"""Rows of the first statement over records; what they weigh says how many the next one takes."""

MAX_ROWS = 500
"""Rows of one statement over records at most."""

PAGE_BYTES = 4 * 1024 * 1024
"""What one statement over records should bring: some milliseconds of SQLite's shared lock."""

SMALL_ROWS = 10_000
"""Rows of one statement over the small tables: 12 to 100 bytes each."""

SAMPLE = 16
"""Every how many rows of a page one is weighed."""

NOTE_ROWS = 100
"""Checkpoints of one statement: 4 KB each."""

LOWEST = -(2**63)
"""The lowest number of a row: a hostile file may number rows below 0, and `verify` must see them."""

RAW = {name: type_coerce(column, NULLTYPE).label(name) for name, column in record.c.items()}
"""Columns of a record as they are stored: a number where bytes belong must not be converted."""

Statement = Select[*tuple[Any, ...]]
"""A statement that reads."""

Page = Sequence[Row[*tuple[Any, ...]]]
"""Rows of one statement."""


class Rows:
    """A read-only connection to one trail's database; used by one thread at a time."""

    def __init__(self, address: Address, connection: Connection) -> None:
        """Take the address and an open connection; use `open`."""
        self._address = address
        self._connection = connection

    @classmethod
    @contextmanager
    def open(cls, address: Address) -> Iterator[Self]:
        """Open a database for reading.  Raises StoreError if it is missing, foreign or of another schema."""
        if address.is_sqlite and not address.path.is_file():
            raise StoreError(f"{address} is missing; name the folder of a trail, or start the appliance once.")
        with told(address, cannot=_READ), connect_reader(address) as connection:
            check_schema(connection, address)
            yield cls(address, connection)

    def all(self, statement: Statement) -> Page:
        """Return every row of a statement."""
        with told(self._address, cannot=_READ):
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
        chosen = select(*columns).order_by(checkpoint.c.size).limit(NOTE_ROWS)
        place = LOWEST
        while rows := self.all(chosen.where(checkpoint.c.size > place)):
            yield from (tuple(row) for row in rows)
            place = rows[-1][0]

    def records(self, columns: Sequence[str], *, begin: int | None = None, end: int) -> Iterator[tuple[object, ...]]:
        """Return the sequence and these columns of every row from `begin` and before `end`, in order, as stored."""
        for page in self.record_pages(columns, begin=begin, end=end):
            yield from (tuple(row) for row in page)

    def record_pages(self, columns: Sequence[str], *, begin: int | None = None, end: int) -> Iterator[Page]:
        """Return the same rows by pages of some megabytes, for those who read millions."""
        chosen = select(RAW["sequence"], *(RAW[name] for name in columns)).order_by(record.c.sequence)
        place, rows = (LOWEST if begin is None else begin - 1), FIRST_ROWS
        while page := self.all(chosen.where(record.c.sequence > place, record.c.sequence < end).limit(rows)):
            yield page
            place = page[-1][0]
            # A sample: what all bytes of a million rows weigh would cost as much as hashing them.
            weights = [sum(len(value) for value in row if isinstance(value, bytes)) for row in page[::SAMPLE]]
            rows = min(MAX_ROWS, 1 + PAGE_BYTES // (max(weights) + 1))

    def index_rows(self) -> Iterator[tuple[object, ...]]:
        """Return (value, sequence) of every row of the blind index, in the order of its key."""
        return (tuple(row) for page in self.index_pages() for row in page)

    def index_pages(self) -> Iterator[Page]:
        """Return the same by pages."""
        return self._pages(blind_index, blind_index.c.value, blind_index.c.sequence)

    def terms(self) -> Iterator[tuple[object, ...]]:
        """Return (id, member, value) of every term, as stored, in the order of their numbers."""
        return (tuple(row) for page in self._pages(term, term.c.id) for row in page)

    def term_blocks(self) -> Iterator[tuple[object, ...]]:
        """Return (term, block) of every row that says where a term occurs, as stored."""
        return (tuple(row) for page in self._pages(term_block, term_block.c.term, term_block.c.block) for row in page)

    def _pages(self, table: Table, *key: Column[Any]) -> Iterator[Page]:
        """Return all rows of a table in the order of its key, whose columns stand first."""
        columns = [type_coerce(column, NULLTYPE) for column in table.c]
        chosen = select(*columns).order_by(*key).limit(SMALL_ROWS)
        page = self.all(chosen)
        while page:
            yield page
            last = tuple_(*(_bound(value) for value in page[-1][: len(key)]))
            page = self.all(chosen.where(tuple_(*key) > last))


_READ = "read: if the recorder was killed, start it once; a copy must hold every file of the folder and be readable"


def _bound(value: object) -> BindParameter[Any]:
    """Return a value as a parameter that is compared as it is stored."""
    return bindparam(None, value, type_=NULLTYPE, unique=True)
