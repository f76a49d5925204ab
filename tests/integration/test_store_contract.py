"""What both stores promise the recorder and the readers, in the same words: one suite, run on SQLite and PostgreSQL."""

import itertools
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import insert

from audit.cli.verify_trail import verify_rows
from audit.compact import pack
from audit.errors import FormatError, StoreError
from audit.findings import Verdict
from audit.keyring import Trail
from audit.log import Log
from audit.record import Kind
from audit.rows import Rows
from audit.store.address import Address
from audit.store.connect import connect_reader
from audit.store.database import Batch, Database, RecordRow
from audit.store.schema import BLOCK_RECORDS, SCHEMA_VERSION, record, term
from audit.store.size import measure
from audit.store.stored import StoredCheckpoint, schema_version
from audit.store.terms import MAX_REMEMBERED
from tests.support.store_rows import row
from tests.support.trails import TurnedClock, Writer, example_event, month_keys, new_trail


@pytest.fixture
def database(store: Address) -> Iterator[Database]:
    """Return the writer of an empty trail's database."""
    with closing(Database(store)) as database:
        yield database


def test_an_empty_trail_has_no_record_and_no_checkpoint(database: Database) -> None:
    assert database.size() == 0
    assert database.last_time_ms() == 0
    assert database.last_checkpoint() is None
    assert database.newest_events(["ex_1"]) == {}
    assert list(database.leaves(start=0)) == []


def test_what_is_written_is_read_back(database: Database) -> None:
    note = StoredCheckpoint(size=3, time_ms=5, note="note")

    database.write(Batch(records=[row(0), row(1, exchange=""), row(2)], index=[(b"v" * 16, 2)], checkpoint=note))

    assert database.size() == 3
    assert database.last_time_ms() == 1002
    assert list(database.leaves(start=1)) == [b"leaf 1", b"leaf 2"]
    assert database.exchange("ex_1") == [(0, "ev_0", b"leaf 0", b"facts 0"), (2, "ev_2", b"leaf 2", b"facts 2")]
    assert database.newest_events(["ex_1", "ex_2"]) == {"ex_1": "ev_2"}
    assert database.node(0, 1) == bytes([1]) * 32
    assert database.last_checkpoint() == note


def test_leaves_are_read_to_the_end_however_many_there_are(database: Database) -> None:
    database.write(Batch(records=[row(place) for place in range(1203)]))

    assert list(database.leaves(start=3))[-1] == b"leaf 1202"
    assert len(list(database.leaves(start=0))) == 1203


def test_readers_find_every_row_as_it_is_stored(store: Address, database: Database) -> None:
    database.write(
        Batch(records=[row(0, task="coding"), row(1, task="coding")], index=[(b"b" * 16, 0), (b"a" * 16, 1)])
    )

    with Rows.open(store) as rows:
        assert rows.size() == rows.count() == 2
        assert list(rows.records(["leaf", "ciphertext"], end=9)) == [
            (0, pack(b"leaf 0"), None),
            (1, pack(b"leaf 1"), b"cipher"),
        ]
        assert list(rows.records(["event"], begin=1, end=2)) == [(1, "ev_1")]
        assert [len(page) for page in rows.record_pages(["event"], end=9)] == [2]
        assert list(rows.index_rows()) == [(b"a" * 16, 1), (b"b" * 16, 0)]
        assert list(rows.terms())[8:] == [(9, "task", "coding")]
        assert list(rows.term_blocks()) == [(1, 0), (9, 0)]
        assert list(rows.checkpoints()) == []
        assert rows.node(0, 1) == bytes([1]) * 32


def test_readers_page_through_tables_of_any_length(store: Address, database: Database) -> None:
    many = [row(place, task=f"task {place % 300}") for place in range(700)]
    index = [(bytes([place % 251]) * 16, place) for place in range(700)]
    database.write(Batch(records=many, index=[*index, *((b"\xff" * 16, place) for place in range(700))]))
    database.write(Batch(index=[(place.to_bytes(16), 0) for place in range(1, 10_001)]))

    with Rows.open(store) as rows:
        assert [place for place, *_ in rows.records(["leaf"], end=700)] == list(range(700))
        assert len(set(rows.index_rows())) == 11_400
        assert len(list(rows.terms())) == 308


def test_a_reader_cannot_write(store: Address, database: Database) -> None:
    assert database.size() == 0

    with Rows.open(store) as rows, pytest.raises(StoreError, match="cannot be read"):
        rows.all(insert(term).values(id=99, member="kind", value="forged"))  # type: ignore[arg-type]  # a thief's


def test_a_failed_batch_leaves_nothing_behind(database: Database) -> None:
    database.write(Batch(records=[row(0)]))
    note = StoredCheckpoint(size=2, time_ms=5, note="note")

    with pytest.raises(StoreError, match="cannot be written"):
        database.write(Batch(records=[row(1, task="new"), row(1)], index=[(b"v" * 16, 1)], checkpoint=note))

    assert database.size() == 1
    assert database.last_checkpoint() is None
    database.close()


def test_a_checkpoint_is_never_replaced(database: Database) -> None:
    first = StoredCheckpoint(size=1, time_ms=5, note="first")
    database.write(Batch(records=[row(0)], checkpoint=first))

    database.write(Batch(checkpoint=StoredCheckpoint(size=1, time_ms=6, note="second")))

    assert database.last_checkpoint() == first


def test_a_term_is_kept_once_and_found_again_after_a_restart(store: Address) -> None:
    with closing(Database(store)) as database:
        database.write(Batch(records=[row(0, task="coding", route="local")]))
    with closing(Database(store)) as database:
        database.write(Batch(records=[row(1, task="coding", route="managed:x"), row(2, task="letters")]))

    with Rows.open(store) as rows:
        assert list(rows.terms())[8:] == [
            (9, "task", "coding"),
            (10, "route", "local"),
            (11, "route", "managed:x"),
            (12, "task", "letters"),
        ]
        chosen = ["kind", "task", "route", "model"]
        assert list(rows.records(chosen, end=9)) == [(0, 1, 9, 10, None), (1, 1, 9, 11, None), (2, 1, 12, None, None)]


def test_terms_without_a_column_are_found_by_their_block(store: Address, database: Database) -> None:
    plain = row(0)
    batch = [
        RecordRow(
            **{name: getattr(plain, name) for name in ("time_ms", "exchange_id", "terms", "nodes", "leaf", "facts")},
            sequence=place,
            event_id=f"ev_{place}",
            fact_terms={"agreement": "baa-1"} if place == BLOCK_RECORDS else {},
        )
        for place in range(BLOCK_RECORDS + 2)
    ]

    database.write(Batch(records=batch))

    with Rows.open(store) as rows:
        assert list(rows.term_blocks()) == [(1, 0), (1, 1), (9, 1)]


def test_more_terms_than_are_remembered_are_still_kept_once(store: Address, database: Database) -> None:
    codes = itertools.cycle([f"code {number}" for number in range(MAX_REMEMBERED + 50)])
    for start in range(0, MAX_REMEMBERED + 100, 2000):
        end = min(start + 2000, MAX_REMEMBERED + 100)
        database.write(Batch(records=[row(place, code=next(codes)) for place in range(start, end)]))

    with Rows.open(store) as rows:
        values = [value for _, member, value in rows.terms() if member == "code"]
    assert len(values) == len(set(values)) == MAX_REMEMBERED + 50


def test_what_was_read_can_be_made_durable_without_changing_a_row(store: Address, database: Database) -> None:
    database.write(Batch(records=[row(0)]))

    database.settle()

    assert database.size() == 1
    with connect_reader(store) as connection:
        assert schema_version(connection, store) == SCHEMA_VERSION


def test_a_record_that_is_missing_or_damaged_is_told(store: Address, database: Database) -> None:
    database.write(Batch(records=[row(0)]))

    with pytest.raises(StoreError, match="audit verify"):
        database.node(3, 0)
    with Rows.open(store) as rows, pytest.raises(StoreError, match="audit verify"):
        rows.node(0, 7)


def test_the_writer_refuses_a_leaf_that_does_not_unpack(store: Address, database: Database) -> None:
    database.write(Batch(records=[row(0)]))
    if not store.is_sqlite:
        return  # Its triggers refuse the change; `test_tamper_stores` makes it past them.
    with closing(Database(store)) as thief:
        thief._connection.exec_driver_sql("UPDATE record SET leaf = 'text'")  # noqa: SLF001 -- what a thief can do

    with pytest.raises(FormatError):
        list(database.leaves(start=0))


def test_a_second_recorder_is_refused_whatever_its_folder(store: Address, tmp_path: Path) -> None:
    clock = TurnedClock()
    first = Log.open(new_trail(tmp_path / "a"), clocks=clock.clocks(), database=store)
    # A SQLite trail is one folder; to a server two appliances may be pointed by mistake.
    folder = Trail(folder=tmp_path / "a" / "audit") if store.is_sqlite else new_trail(tmp_path / "b")

    with pytest.raises(StoreError, match="another recorder"):
        Log.open(folder, clocks=clock.clocks(), database=store)
    first.close()


def test_a_whole_life_of_a_trail_verifies(store: Address, tmp_path: Path) -> None:
    trail, clock = new_trail(tmp_path), TurnedClock()
    for start in (0, 40):
        with closing(Log.open(trail, clocks=clock.clocks(), database=store)) as log:
            writer = Writer(log=log, keys=month_keys(trail))
            for number in range(start, start + 40):
                exchange = f"ex_{number:032x}"
                writer.add(example_event(exchange_id=exchange, task=f"task {number}"))
                writer.add(
                    example_event(exchange_id=exchange, kind=Kind.DECISION, body=None, code="route", route="local"),
                    example_event(exchange_id=exchange, kind=Kind.RELEASE, route="local"),
                    example_event(exchange_id=exchange, kind=Kind.OUTCOME, body=None, outcome="answered"),
                )
                clock.turn(5)

    with Rows.open(store) as rows:
        report = verify_rows(rows, trail.verifier_keys(), witnesses=[trail.witness])
    assert report.verdict is Verdict.VERIFIED, report
    assert report.size == 321


def test_the_size_is_known_on_both(store: Address, database: Database) -> None:
    database.write(Batch(records=[row(place) for place in range(500)]))

    with connect_reader(store) as connection:
        size = measure(connection, store)

    assert (size.records, size.ciphertext, size.wrapped_keys, size.checkpoints) == (500, 1500, 750, 0)
    assert 100 < size.record_bytes < 1536


def test_the_columns_are_those_of_the_format(store: Address, database: Database) -> None:
    assert database.size() == 0

    with Rows.open(store) as rows:
        assert list(rows.records([column.name for column in record.c][1:], end=1)) == []
