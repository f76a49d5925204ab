from contextlib import closing
from pathlib import Path
from sqlite3 import connect

import pytest

from audit.errors import SchemaError, StoreError
from audit.record import Kind
from audit.rows import Rows
from audit.store.address import read_address, sqlite_address
from audit.store.connect import connect_reader
from audit.store.database import Database
from audit.store.lock import lock
from audit.store.size import measure
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
    ("script", "error", "words"),
    [
        ("PRAGMA user_version = 1", SchemaError, "older than 2; stop the recorder, run 'audit store upgrade'"),
        ("PRAGMA user_version = 3", SchemaError, "newer than 2; use the release"),
        ("PRAGMA user_version = 0", StoreError, "not a trail"),
        ("PRAGMA application_id = 0", StoreError, "not a trail"),
    ],
)
def test_writer_and_readers_refuse_another_schema_with_the_same_words(
    database: Path, script: str, error: type[StoreError], words: str
) -> None:
    change(database, script)

    with pytest.raises(error, match=words):
        Database(sqlite_address(database))
    with pytest.raises(error, match=words), Rows.open(sqlite_address(database)):
        pass


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "trail.db").write_bytes(b"nothing of the kind, " * 100)

    with pytest.raises(StoreError, match="no database"):
        Database(sqlite_address(tmp_path / "trail.db"))
    with pytest.raises(StoreError, match="cannot be opened"):
        Database(sqlite_address(tmp_path / "missing" / "trail.db"))
    with pytest.raises(StoreError, match="is missing"), Rows.open(sqlite_address(tmp_path / "none.db")):
        pass


def test_a_file_that_is_gone_under_a_reader_is_told_in_plain_words(database: Path) -> None:
    with Rows.open(sqlite_address(database)) as rows:
        database.write_bytes(b"x" * 20_000)

        with pytest.raises(StoreError, match="cannot be read"):
            rows.count()


def test_a_new_file_is_for_its_owner_alone(database: Path) -> None:
    assert database.stat().st_mode & 0o077 == 0


def test_a_second_writer_is_kept_out_of_a_folder(tmp_path: Path) -> None:
    lock(tmp_path)

    with pytest.raises(StoreError, match="another recorder"):
        lock(tmp_path)
    with pytest.raises(StoreError, match="cannot be opened"):
        lock(tmp_path / "missing")


def test_the_size_says_what_a_record_takes_beyond_its_ciphertext(database: Path) -> None:
    address = sqlite_address(database)

    with connect_reader(address) as connection:
        size = measure(connection, address)

    assert size.records == 4
    assert size.total == size.tables["file"] == database.stat().st_size
    assert size.wrapped_keys == 1168
    assert size.record_bytes == (size.total - size.ciphertext) / 4


def test_an_empty_trail_has_no_size_a_record(tmp_path: Path) -> None:
    address = sqlite_address(tmp_path / "trail.db")
    Database(address).close()

    with connect_reader(address) as connection:
        assert measure(connection, address).record_bytes == 0.0


@pytest.mark.parametrize("nodes", [None, "text", b"", b"x" * 31, b"x" * 63])
def test_a_missing_or_damaged_tree_node_is_told_and_not_believed(nodes: object) -> None:
    with pytest.raises(StoreError, match="audit verify"):
        node_of(nodes, 1, 7)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("nonsense", "no URL"),
        ("postgresql://role:secret@host/trail", "password"),
        ("postgresql:///trail?password=secret", "password"),
        ("mysql:///trail", "neither"),
        ("postgresql://", "neither"),
        ("sqlite:///:memory:", "neither"),
        ("sqlite://", "neither"),
    ],
)
def test_an_address_that_is_none_or_holds_a_password_is_refused(text: str, words: str) -> None:
    with pytest.raises(StoreError, match=words):
        read_address(text)


def test_an_address_is_named_without_its_details() -> None:
    address = read_address("postgresql:///trail?host=/run/postgresql&user=recorder")

    assert str(address) == "PostgreSQL database 'trail'"
    with pytest.raises(RuntimeError):
        _ = address.path
    assert read_address("sqlite:////srv/trail.db").path == Path("/srv/trail.db")
