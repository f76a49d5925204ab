"""Make the tables of a new trail at once, as the migrations would one after the other.

A new SQLite file is made so by the recorder, which then needs no migration code; a test holds both ways equal.
"""

from sqlalchemy import Connection, insert, text

from audit.store.schema import APPLICATION_ID, SCHEMA_VERSION, SEED_TERMS, metadata, term

VERSION_DDL = "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, PRIMARY KEY (version_num))"
"""What Alembic would make itself; see `migrate`."""


def revision_of(version: int) -> str:
    """Return the name of the migration with a number."""
    return f"{version:04d}"


def is_empty(connection: Connection) -> bool:
    """Say whether a SQLite file has no table yet."""
    return connection.exec_driver_sql("PRAGMA schema_version").scalar() == 0


def create_tables(connection: Connection) -> None:
    """Make all tables of the newest schema in a SQLite file, within the caller's transaction."""
    metadata.create_all(connection, checkfirst=False)
    connection.execute(insert(term), list(SEED_TERMS))
    connection.exec_driver_sql(VERSION_DDL)
    connection.execute(
        text("INSERT INTO alembic_version (version_num) VALUES (:number)"), {"number": revision_of(SCHEMA_VERSION)}
    )
    connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.exec_driver_sql(f"PRAGMA user_version = {SCHEMA_VERSION}")
