"""The statements that the writer runs, compiled once for its database.

They are run by hand: SQLAlchemy's own handling of each statement and row would cost more than the insert.
"""

from dataclasses import dataclass

from sqlalchemy import Dialect, insert
from sqlalchemy.dialects import postgresql, sqlite

from audit.store.schema import blind_index, checkpoint, record, term_block


@dataclass(frozen=True, slots=True, kw_only=True)
class Statements:
    """What a batch needs; each insert takes rows in the order of its table's columns."""

    begin: str
    record: str
    index: str
    block: str
    checkpoint: str

    @classmethod
    def of(cls, dialect: Dialect) -> "Statements":
        """Compile the statements for a database whose parameters go by position."""
        is_sqlite = dialect.name == sqlite.dialect.name
        insert_new = sqlite.insert if is_sqlite else postgresql.insert
        # After a restart nobody remembers the newest block's terms; a head that has not grown is signed once more.
        block, note = insert_new(term_block).on_conflict_do_nothing(), insert_new(checkpoint).on_conflict_do_nothing()
        return cls(
            # SQLite otherwise takes its lock at the first write, and then cannot wait for a reader to leave.
            begin="BEGIN IMMEDIATE" if is_sqlite else "BEGIN",
            record=str(insert(record).compile(dialect=dialect)),
            index=str(insert(blind_index).compile(dialect=dialect)),
            block=str(block.compile(dialect=dialect)),
            checkpoint=str(note.compile(dialect=dialect)),
        )
