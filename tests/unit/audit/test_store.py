from contextlib import closing
from pathlib import Path
from sqlite3 import connect

import pytest

from audit.errors import StoreError
from audit.record import Kind
from audit.store.database import Database
from audit.store.schema import metadata
from audit.store.stored import node_of
from tests.support.trails import TurnedClock, example_event, new_trail, open_writer


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Return a trail with an epoch and three records, a second apart."""
    trail, clock = new_trail(tmp_path), TurnedClock()
    writer = open_writer(trail, clock)
    for event in (example_event(), example_event(exchange_id="ex_2", task="scheduling", patients=("99",), body=None)):
        clock.turn(1)
        writer.add(event)
    clock.turn(1)
    writer.add(example_event(kind=Kind.OUTCOME, body=None))
    writer.log.close()
    return trail.database


def change(database: Path, script: str) -> None:
    with closing(connect(database)) as connection:
        connection.executescript(script)


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("PRAGMA user_version = 0", "older"),
        ("PRAGMA user_version = 2", "newer"),
        ("PRAGMA application_id = 0", "not a trail"),
    ],
)
def test_a_database_of_another_kind_is_refused_with_what_to_do(database: Path, script: str, words: str) -> None:
    change(database, script)

    with pytest.raises(StoreError, match=words):
        Database(database)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "trail.db").write_bytes(b"nothing of the kind, " * 100)

    with pytest.raises(StoreError, match="no database"):
        Database(tmp_path / "trail.db")
    with pytest.raises(StoreError, match="cannot be opened"):
        Database(tmp_path / "missing" / "trail.db")


def test_the_tables_are_those_of_the_schema(database: Path) -> None:
    with closing(connect(database)) as connection:
        for table in metadata.sorted_tables:
            columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table.name})")]
            assert columns == [column.name for column in table.columns]


@pytest.mark.parametrize("nodes", [None, "text", b"", b"x" * 31, b"x" * 63])
def test_a_missing_or_damaged_tree_node_is_told_and_not_believed(nodes: object) -> None:
    with pytest.raises(StoreError, match="audit verify"):
        node_of(nodes, 1, 7)
