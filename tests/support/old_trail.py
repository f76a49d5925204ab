"""A trail as the first release wrote it: schema 1, made with that release's own statements, without Alembic."""

import sqlite3
from contextlib import closing
from pathlib import Path

from tests.support.trail_builder import TrailBuilder
from tests.support.trail_reader import TrailReader

STATEMENTS = """
CREATE TABLE record (
    sequence INTEGER NOT NULL, time INTEGER NOT NULL, exchange VARCHAR, task VARCHAR, event VARCHAR NOT NULL,
    nodes BLOB NOT NULL, leaf BLOB NOT NULL, facts BLOB NOT NULL, wrapped_key BLOB, ciphertext BLOB,
    PRIMARY KEY (sequence)
);
CREATE INDEX record_exchange ON record (exchange, sequence) WHERE exchange IS NOT NULL;
CREATE INDEX record_task ON record (task, sequence) WHERE task IS NOT NULL;
CREATE TABLE blind_index (
    value BLOB NOT NULL, sequence INTEGER NOT NULL, PRIMARY KEY (value, sequence)
) WITHOUT ROWID;
CREATE TABLE checkpoint (size INTEGER NOT NULL, time INTEGER NOT NULL, note VARCHAR NOT NULL, PRIMARY KEY (size));
PRAGMA application_id = 1096107092;
PRAGMA user_version = 1;
"""


def make_old(trail: TrailBuilder) -> None:
    """Put a file of the first release, with the same records, in the place of a trail's database."""
    path = trail.trail.database
    old = path.with_suffix(".old")
    with TrailReader.open(path) as reader, closing(sqlite3.connect(old)) as connection:
        connection.executescript(STATEMENTS)
        for row in reader.records():
            task = reader.terms_of(row).get("task")
            connection.execute(
                "INSERT INTO record VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (row.sequence, row.time_ms, row.exchange_id or None, task, row.event_id, row.nodes, row.leaf, row.facts,
                 row.wrapped_key, row.ciphertext),
            )  # fmt: skip
        connection.execute("ATTACH ? AS newer", (str(path),))
        connection.execute("INSERT INTO blind_index SELECT value, sequence FROM newer.blind_index")
        connection.execute("INSERT INTO checkpoint SELECT size, time, note FROM newer.checkpoint")
        connection.commit()
    old.replace(path)


def contents(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """Return every row of every table of a file."""
    with closing(sqlite3.connect(path)) as connection:
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: connection.execute(f"SELECT * FROM {name} ORDER BY 1").fetchall() for name in names}  # noqa: S608
