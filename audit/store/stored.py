"""What stands in a trail's database, checked as the recorder reads it: kind and version, tree nodes, checkpoints.

Nothing of it is believed before it was checked: whoever owns the file may have changed it, and a damaged file raises
StoreError, never a library's error.
"""

from dataclasses import dataclass
from pathlib import Path
from sqlite3 import Connection, DatabaseError

from audit.errors import StoreError
from audit.merkle import HASH_BYTES
from audit.store.schema import APPLICATION_ID, SCHEMA_VERSION


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCheckpoint:
    """One row of the checkpoint table, as found."""

    size: int
    time_ms: int
    note: str


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
    if not isinstance(nodes, bytes) or len(nodes) < (level + 1) * HASH_BYTES:
        raise StoreError(f"record {sequence}: its tree nodes are damaged; run 'audit verify'")
    return nodes[level * HASH_BYTES : (level + 1) * HASH_BYTES]
