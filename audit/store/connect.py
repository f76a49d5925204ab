"""Connections to the trail's database: one for the writer, one for each reader, SQLite or PostgreSQL.

Each connection is its own and is closed by who opened it; nothing is pooled, because what a lost connection has
committed is asked of the database and never of a pool.  Every driver error leaves here as StoreError with words that
an operator can act on, and without the driver's own: those may quote a row.

SQLite runs with a rollback journal in TRUNCATE mode and ``synchronous=EXTRA``: WAL loses commits at NORMAL and has a
corruption bug before SQLite 3.51.3.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, create_engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from audit.errors import StoreError
from audit.store.address import Address

WRITER_TIMEOUT_S = 30
"""A commit waits this long for SQLite's readers to leave, and for PostgreSQL to answer."""

READER_TIMEOUT_S = 10
"""A commit of the recorder takes milliseconds; a reader waits this long for it."""

CONNECT_TIMEOUT_S = 5
"""A server that does not answer within this is gone, and is asked again at the next try."""

LOST_AFTER_S = 15
"""A connection whose packets nobody acknowledges for this long is given up (``tcp_user_timeout``)."""

PREPARE_AT_ONCE = 0
"""The writer runs the same few statements for ever: prepare them at their first use (psycopg)."""

FILE_MODE = 0o600
"""The owner reads and writes; nobody else anything."""

PAGE_BYTES = 16384
"""Page of a new SQLite file: a record with a sealed body takes 3 to 5 KB, so pages of 4 KB waste a quarter."""

_REMEDIES = {
    "SQLITE_FULL": "the disk is full; free space and the recorder goes on by itself",
    "SQLITE_READONLY": "the file is read-only; check its owner and the file system",
    "SQLITE_CORRUPT": "the file is damaged; restore the backup and run 'audit verify'",
    "SQLITE_NOTADB": "the file is no database; restore the backup and run 'audit verify'",
    "SQLITE_BUSY": "another program holds the file; end it and the recorder goes on by itself",
    "53100": "the server's disk is full; free space and the recorder goes on by itself",
    "25006": "the server takes no writes; point the address at the primary",
    "42501": "the role has no right to; 'audit store create --owner ADDRESS ...' gives each role its rights anew",
    "42P01": "a table is missing; run 'audit store upgrade --owner ADDRESS'",
    "23505": "another recorder wrote at the same place; stop one of the two",
    "AU001": "another recorder wrote at the same place; stop one of the two",
    "28000": "the server does not let this role in; check pg_hba.conf and the address's user",
    "28P01": "the server does not take the password; check the address's passfile",
    "3D000": "the database does not exist; run 'createdb', then 'audit store create'",
}
"""What to do, by SQLite's error name or PostgreSQL's SQLSTATE (``AU001`` is our own trigger's)."""

_UNREACHABLE = "the server cannot be reached; start it, or correct the address, and the recorder goes on by itself"


@contextmanager
def told(address: Address, *, cannot: str) -> Iterator[None]:
    """Turn the database's errors into StoreError: "ADDRESS cannot be written: ..."."""
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error, OSError, UnicodeDecodeError, OverflowError) as error:
        raise StoreError(f"{address} cannot be {cannot}: {reason(address, error)}") from error


def reason(address: Address, error: Exception) -> str:
    """Return what went wrong in words that an operator can act on."""
    cause = (error.orig if isinstance(error, DBAPIError) else None) or error
    name = getattr(cause, "sqlite_errorname", None) or getattr(cause, "sqlstate", None) or ""
    family = next((remedy for known, remedy in _REMEDIES.items() if name.startswith(known)), "")
    if family:
        return family
    if address.is_sqlite:
        return f"{name or type(cause).__name__}; check the disk and the file's owner"
    return _UNREACHABLE if not name or name.startswith(("08", "57P")) else f"SQLSTATE {name}; see the server's log"


def connect_writer(address: Address, *, factory: type[sqlite3.Connection] = sqlite3.Connection) -> Connection:
    """Return the connection that writes, which begins and ends its own transactions; a missing file is made."""
    if address.is_sqlite:
        return _connect(address, creator=lambda: _sqlite_writer(address.path, factory))
    return _connect(
        address, options={"synchronous_commit": "on", **_timeouts(WRITER_TIMEOUT_S)}, prepare=PREPARE_AT_ONCE
    )


def connect_reader(address: Address) -> Connection:
    """Return a connection that can only read."""
    if address.is_sqlite:
        return _connect(address, creator=lambda: _sqlite_reader(address.path))
    # Never a generic plan: whether an index helps depends on who and what is asked for.
    return _connect(address, options={"default_transaction_read_only": "on"}, prepare=None)


def connect_owner(address: Address) -> Connection:
    """Return a connection for migrations, which may take as long as they take."""
    return connect_writer(address) if address.is_sqlite else _connect(address, options={}, prepare=None)


def _connect(
    address: Address,
    *,
    creator: Callable[[], Any] | None = None,
    options: dict[str, str] | None = None,
    prepare: int | None = None,
) -> Connection:
    with told(address, cannot="opened"):
        if creator is not None:
            engine = create_engine("sqlite://", creator=creator, poolclass=NullPool, hide_parameters=True)
        else:
            engine = create_engine(
                address.url,
                poolclass=NullPool,
                hide_parameters=True,
                use_native_hstore=False,
                paramstyle="format",
                connect_args=_arguments(options or {}, prepare),
            )
        return engine.connect().execution_options(isolation_level="AUTOCOMMIT")


def _arguments(options: dict[str, str], prepare: int | None) -> dict[str, object]:
    settings = {"search_path": "public", "client_min_messages": "warning", **options}
    return {
        "connect_timeout": CONNECT_TIMEOUT_S,
        "tcp_user_timeout": LOST_AFTER_S * 1000,
        "application_name": "audit",
        "prepare_threshold": prepare,
        "options": " ".join(f"-c {name}={value}" for name, value in settings.items()),
    }


def _timeouts(seconds: int) -> dict[str, str]:
    return {"statement_timeout": f"{seconds}s", "lock_timeout": f"{seconds}s"}


def _sqlite_writer(path: Path, factory: type[sqlite3.Connection]) -> sqlite3.Connection:
    path.touch(mode=FILE_MODE)
    connection = sqlite3.connect(
        path, timeout=WRITER_TIMEOUT_S, isolation_level=None, factory=factory, check_same_thread=False
    )
    connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
    connection.execute("PRAGMA journal_mode = TRUNCATE").close()
    connection.execute("PRAGMA synchronous = EXTRA")
    connection.execute("PRAGMA trusted_schema = OFF")
    return connection


def _sqlite_reader(path: Path) -> sqlite3.Connection:
    address = f"file:{quote(str(path.absolute()))}?mode=ro"
    connection = sqlite3.connect(address, uri=True, timeout=READER_TIMEOUT_S, check_same_thread=False)
    connection.execute("PRAGMA query_only = ON")
    connection.execute("PRAGMA trusted_schema = OFF")
    return connection
