"""Where a trail's database is: a SQLite file, or a database of a PostgreSQL server.

An address never holds a password: it would end up in backups, logs and the list of processes.  PostgreSQL is reached
over a Unix socket with peer authentication, or with a ``passfile`` (libpq's name for a file with the password).
"""

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError
from typing_extensions import override

from audit.errors import StoreError

POSTGRESQL_DRIVER = "postgresql+psycopg"
"""SQLAlchemy's name for psycopg 3."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """One database; use `sqlite_address` or `read_address`."""

    url: URL

    @property
    def is_sqlite(self) -> bool:
        """Say whether it is a SQLite file."""
        return self.url.get_backend_name() == "sqlite"

    @property
    def path(self) -> Path:
        """The SQLite file.  A fault of the caller's for any other database."""
        if not self.is_sqlite or self.url.database is None:
            raise RuntimeError("only a SQLite database has a path")
        return Path(self.url.database)

    @override
    def __str__(self) -> str:
        """Return the words for it in messages."""
        if self.is_sqlite:
            return str(self.path)
        return f"PostgreSQL database '{self.url.database}'"


def sqlite_address(path: Path) -> Address:
    """Return the address of a SQLite file."""
    return Address(url=URL.create("sqlite", database=str(path.absolute())))


def read_address(text: str) -> Address:
    """Return an address as written in the settings.  Raises StoreError if it is none, or holds a password."""
    try:
        url = make_url(text)
    except (ArgumentError, ValueError) as error:
        raise StoreError("the database's address is no URL; write postgresql:///NAME?host=FOLDER&user=ROLE") from error
    if url.password is not None or "password" in url.query:
        raise StoreError("the database's address holds a password; use peer authentication or 'passfile=FILE' instead")
    match url.get_backend_name():
        case "sqlite" if url.database and url.database != ":memory:" and not url.query:
            return sqlite_address(Path(url.database))
        case "postgresql" if url.database:
            return Address(url=url.set(drivername=POSTGRESQL_DRIVER))
        case _:
            raise StoreError("the database is neither a SQLite file nor a PostgreSQL database; correct its address")
