"""What stands in a trail's database, checked as recorder and readers find it: kind and version, nodes, checkpoints.

Nothing of it is believed before it was checked: whoever owns the database may have changed it, and a damaged one
raises StoreError, never a library's error.
"""

from dataclasses import dataclass

from sqlalchemy import Connection, inspect

from audit.errors import SchemaError, StoreError
from audit.merkle import HASH_BYTES
from audit.store.address import Address
from audit.store.connect import told
from audit.store.schema import APPLICATION_ID, SCHEMA_VERSION

VERSION_TABLE = "alembic_version"
"""Where PostgreSQL keeps the number of the newest migration; SQLite has it in the file's header as well."""

_LARGEST_VERSION = 9999
"""Revisions are four digits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCheckpoint:
    """One row of the checkpoint table, as found."""

    size: int
    time_ms: int
    note: str


def check_schema(connection: Connection, address: Address) -> None:
    """Check that a database is a trail of this release's schema.  Raises SchemaError with the command to run."""
    version = schema_version(connection, address)
    if version == SCHEMA_VERSION:
        return
    if version == 0:
        raise StoreError(f"{address} is not a trail; {_CREATE if not address.is_sqlite else _NAME_IT}")
    if version > SCHEMA_VERSION:
        raise SchemaError(f"{address} has schema {version}, newer than {SCHEMA_VERSION}; use the release that wrote it")
    command = "audit store upgrade" if address.is_sqlite else "audit store upgrade --owner ADDRESS"
    raise SchemaError(
        f"{address} has schema {version}, older than {SCHEMA_VERSION}; stop the recorder, run '{command}'"
    )


def schema_version(connection: Connection, address: Address) -> int:
    """Return the number of the newest migration in a database; 0 if it is no trail.  Raises StoreError."""
    with told(address, cannot="read"):
        if address.is_sqlite:
            application, version = (_pragma(connection, name) for name in ("application_id", "user_version"))
            return version if application == APPLICATION_ID else 0
        if not inspect(connection).has_table(VERSION_TABLE):
            return 0
        rows = connection.exec_driver_sql(f"SELECT version_num FROM {VERSION_TABLE}").scalars().all()  # noqa: S608
    numbers = [int(row) for row in rows if row.isascii() and row.isdigit()]
    return min(max(numbers, default=0), _LARGEST_VERSION)


def node_of(nodes: object, level: int, sequence: int) -> bytes:
    """Return the hash of one level from a record's `nodes`.  Raises StoreError if it is not there."""
    if not isinstance(nodes, bytes) or len(nodes) < (level + 1) * HASH_BYTES:
        raise StoreError(f"record {sequence}: its tree nodes are damaged; run 'audit verify'")
    return nodes[level * HASH_BYTES : (level + 1) * HASH_BYTES]


_CREATE = "run 'audit store create --owner ADDRESS --recorder ROLE --reader ROLE'"
_NAME_IT = "name the folder that the recorder writes"


def _pragma(connection: Connection, name: str) -> int:
    value = connection.exec_driver_sql(f"PRAGMA {name}").scalar()
    return value if isinstance(value, int) else 0
