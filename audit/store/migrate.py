"""Bring a trail's database to this release's schema: all steps in one transaction, or none of them.

Only commands use it, as the database's owner; the recorder never changes a table.  A recorder is kept out meanwhile by
the lock that keeps a second one out.  Afterwards a SQLite file is written anew in pages of today's size and put in
the old one's place, because moved records leave it full of holes.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from audit.errors import SchemaError, StoreError
from audit.store.address import Address
from audit.store.connect import FILE_MODE, PAGE_BYTES, connect_owner, told
from audit.store.create import VERSION_DDL, revision_of
from audit.store.lock import lock
from audit.store.schema import APPLICATION_ID, SCHEMA_VERSION
from audit.store.stored import schema_version

MIGRATIONS = Path(__file__).parent / "migrations"
"""Where the steps are."""

FIRST = 1
"""The schema that SQLite files had before Alembic kept their number."""

ROOM = 2.5
"""An upgrade needs about as much room as the file takes, once for the journal and once for the new file."""

Moved = Callable[[int, int], None]
"""Told how many records are done, of how many."""


def unseen(_done: int, _total: int) -> None:
    """Watch an upgrade without showing anything."""


def upgrade(address: Address, *, moved: Moved) -> int:
    """Run the steps that are missing and return the schema that was there; 0 for an empty PostgreSQL database.

    Raises StoreError if it cannot be done, and SchemaError if the database is newer than this release; then nothing
    was changed.
    """
    if address.is_sqlite and not address.path.is_file():
        raise StoreError(f"{address} is missing; start the appliance once, or name the folder of a trail")
    with _alone(address), told(address, cannot="upgraded"), connect_owner(address) as connection:
        version = schema_version(connection, address)
        _check_version(version, address)
        if version == SCHEMA_VERSION:
            return version
        with _transaction(connection, address):
            if address.is_sqlite and version == FIRST:
                _adopt(connection)
            _run(connection, moved)
        if address.is_sqlite:
            _write_anew(connection, address.path)
    return version


def migration_config(connection: Connection, moved: Moved) -> Config:
    """Return what Alembic needs, without any file."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    config.attributes["moved"] = moved
    return config


def _run(connection: Connection, moved: Moved) -> None:
    command.upgrade(migration_config(connection, moved), revision_of(SCHEMA_VERSION))


def _check_version(version: int, address: Address) -> None:
    if version > SCHEMA_VERSION:
        raise SchemaError(f"{address} has schema {version}, newer than {SCHEMA_VERSION}; use the release that wrote it")
    if version == 0 and address.is_sqlite:
        raise StoreError(f"{address} is not a trail; name the folder that the recorder writes")
    if address.is_sqlite and version < SCHEMA_VERSION:
        size = address.path.stat().st_size
        free = shutil.disk_usage(address.path.parent).free
        if free < ROOM * size:
            raise StoreError(f"the upgrade of {address} needs {ROOM * size / 2**20:.0f} MiB of free space; make room")


@contextmanager
def _alone(address: Address) -> Iterator[None]:
    """Keep recorders out of a SQLite trail."""
    if not address.is_sqlite:
        yield
        return
    descriptor = lock(address.path.parent)
    try:
        yield
    finally:
        os.close(descriptor)


@contextmanager
def _transaction(connection: Connection, address: Address) -> Iterator[None]:
    connection.exec_driver_sql("BEGIN EXCLUSIVE" if address.is_sqlite else "BEGIN")
    try:
        _lock_server(connection, address)
        yield
    except BaseException:
        with suppress(SQLAlchemyError):
            connection.exec_driver_sql("ROLLBACK")
        raise
    connection.exec_driver_sql("COMMIT")


def _lock_server(connection: Connection, address: Address) -> None:
    """Keep recorders out of a PostgreSQL trail until the transaction ends."""
    if address.is_sqlite:
        return
    if not connection.exec_driver_sql(f"SELECT pg_try_advisory_xact_lock({APPLICATION_ID})").scalar():
        raise StoreError(f"a recorder writes {address}; stop it first")


def _adopt(connection: Connection) -> None:
    """Give a file from before Alembic its number."""
    connection.exec_driver_sql(VERSION_DDL)
    connection.execute(
        text("INSERT INTO alembic_version (version_num) VALUES (:number)"), {"number": revision_of(FIRST)}
    )


def _write_anew(connection: Connection, path: Path) -> None:
    """Put a compact copy in the file's place: whole before it has the name, so a crash leaves one of the two."""
    fresh = path.with_name(f".{path.name}.anew")
    fresh.unlink(missing_ok=True)
    connection.exec_driver_sql(f"PRAGMA page_size = {PAGE_BYTES}")
    connection.exec_driver_sql("VACUUM INTO ?", (str(fresh),))
    fresh.chmod(FILE_MODE)
    _sync(fresh)
    fresh.replace(path)
    _sync(path.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
