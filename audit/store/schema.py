"""The tables of the trail (FORMAT.md "Store").

The database is NOT trusted: whoever owns the file can change it, and `verify` finds every change with the
leaves, the checkpoints and a checkpoint or receipt from outside.  Columns beside the leaf are copies for
searching, or bytes that the leaf binds by digest; none of them is believed without the leaf.
"""

from sqlalchemy import Column, Index, Integer, LargeBinary, MetaData, String, Table

SCHEMA_VERSION = 1
"""In ``PRAGMA user_version``; another number refuses the start."""

APPLICATION_ID = 0x41554454
"""``AUDT`` in ``PRAGMA application_id``: tells a trail from any other SQLite file."""

metadata = MetaData()
"""All tables of the trail."""

record = Table(
    "record",
    metadata,
    Column("sequence", Integer, primary_key=True, autoincrement=False),
    Column("time", Integer, nullable=False),
    Column("exchange", String),
    Column("task", String),
    Column("event", String, nullable=False),
    Column("nodes", LargeBinary, nullable=False),
    Column("leaf", LargeBinary, nullable=False),
    Column("facts", LargeBinary, nullable=False),
    Column("wrapped_key", LargeBinary),
    Column("ciphertext", LargeBinary),
    Index("record_exchange", "exchange", "sequence", sqlite_where=Column("exchange").is_not(None)),
    Index("record_task", "task", "sequence", sqlite_where=Column("task").is_not(None)),
)
"""One row an event.  `nodes` holds the hashes of all tree nodes that this leaf completes, level 0 first, 32 bytes
each; `exchange`, `task`, `time` and `event` are copies of the leaf's members; `ciphertext` stands last so that a
scan of the rest never reads its pages."""

blind_index = Table(
    "blind_index",
    metadata,
    Column("value", LargeBinary, primary_key=True),
    Column("sequence", Integer, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)
"""Keyed commitments of user and patients (16 bytes) to sequence: copies of the leaf's members, for searching."""

checkpoint = Table(
    "checkpoint",
    metadata,
    Column("size", Integer, primary_key=True, autoincrement=False),
    Column("time", Integer, nullable=False),
    Column("note", String, nullable=False),
)
"""The newest signed checkpoint for each tree size at which one was signed."""
