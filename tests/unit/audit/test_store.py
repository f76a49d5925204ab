from contextlib import closing
from pathlib import Path
from sqlite3 import connect
from typing import Any

import pytest
from sqlalchemy import text

from audit.errors import StoreError, VerificationError
from audit.keyring import Trail
from audit.record import Event, Kind
from audit.store.database import Database
from audit.store.reader import PAGE, Reader
from audit.store.schema import metadata
from audit.store.witness import Witness, read_witness
from tests.support.trails import START_MS, TurnedClock, example_event, new_trail, open_writer


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


def test_records_are_found_by_exchange_task_time_and_people(database: Path) -> None:
    index = Trail(folder=database.parent).index_key("2026-11")
    with Reader(database) as reader:

        def places(**conditions: Any) -> list[int]:
            return [found.sequence for found in reader.find(**conditions)]

        assert places(exchange_id=example_event().exchange_id) == [1, 3]
        assert places(task="scheduling") == [2]
        assert places(since_ms=START_MS + 2000) == [2, 3]
        assert places(until_ms=START_MS + 2000) == [0, 1]
        assert places(people=[bytes.fromhex(index.patient("4711"))]) == [1, 3]
        assert places(people=[bytes.fromhex(index.patient("99"))], task="medical-coding") == []
        assert places() == [0, 1, 2, 3]


def test_a_record_is_read_with_its_body_only_when_asked(database: Path) -> None:
    with Reader(database) as reader:
        with_bodies, without = list(reader.records()), list(reader.records(bodies=False, start=1))
        one = reader.record(1)

        assert reader.size() == 4
        assert [found.sequence for found in without] == [1, 2, 3]
        assert all(found.ciphertext is None for found in without)
        assert one == with_bodies[1]
        assert one is not None
        assert reader.event(one.event_id) == one
        assert (reader.record(9), reader.event("ev_none")) == (None, None)
        assert "ciphertext" not in repr(one)
        assert list(reader.index_rows()) == [
            (place, value) for place in range(4) for value in reader.index_values(place)
        ]


def test_a_long_trail_is_read_page_by_page(tmp_path: Path) -> None:
    writer = open_writer(new_trail(tmp_path), TurnedClock())
    writer.add(*[Event(kind=Kind.OPERATION, code="tick")] * (PAGE + 1))
    writer.log.close()

    with Reader(tmp_path / "audit" / "trail.db") as reader:
        assert [found.sequence for found in reader.records()] == list(range(PAGE + 2))


def test_a_reader_cannot_write(database: Path) -> None:
    with Reader(database) as reader, pytest.raises(StoreError):
        list(reader._rows(text("DELETE FROM record")))  # type: ignore[arg-type]  # noqa: SLF001


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
        Reader(database)
    with pytest.raises(StoreError, match=words):
        Database(database)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "trail.db").write_bytes(b"nothing of the kind, " * 100)

    with pytest.raises(StoreError, match="no database"):
        Reader(tmp_path / "trail.db")
    with pytest.raises(StoreError, match="no database"):
        Database(tmp_path / "trail.db")
    with pytest.raises(StoreError, match="not there"):
        Reader(tmp_path / "missing.db")
    with pytest.raises(StoreError, match="cannot be opened"):
        Database(tmp_path / "missing" / "trail.db")


def test_a_row_of_other_types_is_tampering(database: Path) -> None:
    change(database, "UPDATE record SET leaf = 'text' WHERE sequence = 1")

    with Reader(database) as reader, pytest.raises(VerificationError):
        list(reader.records())


def test_a_damaged_page_raises_our_error(database: Path) -> None:
    data = bytearray(database.read_bytes())
    for page in range(4096, len(data), 4096):
        data[page : page + 100] = b"\xff" * 100
    database.write_bytes(data)

    with Reader(database) as reader, pytest.raises(StoreError, match="audit verify"):
        reader.size()


def test_a_missing_record_has_no_node(database: Path) -> None:
    change(database, "DELETE FROM record WHERE sequence = 1")

    with Reader(database) as reader:
        assert len(reader.node(0, 0)) == 32
        with pytest.raises(StoreError):
            reader.node(1, 0)


def test_the_tables_are_those_of_the_schema(database: Path) -> None:
    with closing(connect(database)) as connection:
        for table in metadata.sorted_tables:
            columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table.name})")]
            assert columns == [column.name for column in table.columns]


def test_a_witness_that_is_not_there_has_no_note(tmp_path: Path) -> None:
    assert Witness(tmp_path / "witness").last() is None
    with pytest.raises(StoreError):
        list(read_witness(tmp_path / "witness"))


def test_a_witness_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="witness"):
        Witness(tmp_path).last()


def test_lines_that_are_no_checkpoint_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "witness"
    Witness(path).append("note 1", time_ms=1)
    with path.open("ab") as file:
        file.write(b"garbage\n" + b'{"note":5}\n' + b"torn")

    assert Witness(path).last() == "note 1"
    assert list(read_witness(path)) == ["note 1", None, None, None]
    Witness(path).append("note 2", time_ms=2)
    assert list(read_witness(path)) == ["note 1", None, None, None, "note 2"]
