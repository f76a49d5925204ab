"""The tables of the trail (FORMAT.md "Store"), the same on SQLite and PostgreSQL.

The database is NOT trusted: whoever owns it can change it, and `verify` finds every change with the
leaves, the checkpoints and a checkpoint or receipt from outside.  Columns beside the leaf are copies for
searching, or bytes that the leaf binds by digest; none of them is believed without the leaf.
Rows are only ever added.  The migrations make these same tables; a test holds them equal.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    text,
)
from sqlalchemy import UniqueConstraint as Unique

from audit.record import Kind
from audit.terms import COLUMNS, KIND_IDS

SCHEMA_VERSION = 2
"""Number of the newest migration; in ``PRAGMA user_version`` on SQLite.  Another number refuses the start."""

APPLICATION_ID = 0x41554454
"""``AUDT`` in ``PRAGMA application_id``: tells a trail from any other SQLite file."""

BLOCK_RECORDS = 256
"""Records of one block of `term_block`: what a reader judges at once."""

_PLACE = BigInteger().with_variant(Integer, "sqlite")
"""SQLite's row number must be an INTEGER by name, and holds 64 bits."""

metadata = MetaData()
"""All tables of the trail."""

_HAS_EXCHANGE = text("exchange IS NOT NULL")
_IS_INTENT = text(f"kind = {KIND_IDS[Kind.INTENT]}")
_IS_OUTCOME = text(f"kind = {KIND_IDS[Kind.OUTCOME]}")

record = Table(
    "record",
    metadata,
    Column("sequence", _PLACE, primary_key=True, autoincrement=False),
    Column("time", _PLACE, nullable=False),
    Column("exchange", String),
    Column("event", String, nullable=False),
    *(Column(name, Integer) for name in COLUMNS),
    Column("nodes", LargeBinary, nullable=False),
    Column("leaf", LargeBinary, nullable=False),
    Column("facts", LargeBinary, nullable=False),
    Column("wrapped_key", LargeBinary),
    Column("ciphertext", LargeBinary),
    Index("record_exchange", "exchange", sqlite_where=_HAS_EXCHANGE, postgresql_where=_HAS_EXCHANGE),
    Index("record_intent", "exchange", "sequence", sqlite_where=_IS_INTENT, postgresql_where=_IS_INTENT),
    Index("record_outcome", "exchange", "sequence", sqlite_where=_IS_OUTCOME, postgresql_where=_IS_OUTCOME),
)
"""One row an event.  `nodes` holds the hashes of all tree nodes that this leaf completes, level 0 first, 32 bytes
each; `leaf` and `facts` are packed (`compact.py`); `exchange`, `time`, `event` and the terms are copies of what leaf
and facts say; `ciphertext` stands last so that a scan of the rest never reads its pages."""

term = Table(
    "term",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("member", String, nullable=False),
    Column("value", String, nullable=False),
    Unique("member", "value", name="term_value"),
)
"""Each readable value once (`audit.terms`), named by its number.  Numbers 1 to 8 are the kinds (`terms.KIND_IDS`)."""

term_block = Table(
    "term_block",
    metadata,
    Column("term", Integer, primary_key=True, autoincrement=False),
    Column("block", Integer, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)
"""In which blocks of `BLOCK_RECORDS` records a term occurs: what makes a rare one quick to find in ten million."""

blind_index = Table(
    "blind_index",
    metadata,
    Column("value", LargeBinary, nullable=False),
    Column("sequence", _PLACE, nullable=False, autoincrement=False),
    PrimaryKeyConstraint("value", "sequence").ddl_if(dialect="sqlite"),
    Index("blind_index_value", "value").ddl_if(dialect="postgresql"),
    Index("blind_index_sequence", "sequence", postgresql_using="brin").ddl_if(dialect="postgresql"),
    sqlite_with_rowid=False,
)
"""Keyed commitments of user and patients (16 bytes) to sequence: copies of the leaf's members, for searching.

SQLite keeps the rows in the key itself.  PostgreSQL keeps rows and key apart, and each value once in an index of
values: a quarter of what a key over both columns would take, which saves 100 bytes a record.
A few KB beside it say which pages hold which span of records.
"""

checkpoint = Table(
    "checkpoint",
    metadata,
    Column("size", _PLACE, primary_key=True, autoincrement=False),
    Column("time", _PLACE, nullable=False),
    Column("note", String, nullable=False),
)
"""Signed checkpoints, of growing trees; the witnesses have more of them."""

SEED_TERMS = tuple({"id": number, "member": "kind", "value": kind} for kind, number in KIND_IDS.items())
"""Rows of `term` that every trail begins with."""
