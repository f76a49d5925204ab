import shutil
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from sqlite3 import connect

import pytest

from audit.checkpoint import read_checkpoint
from audit.errors import AppendError, CheckpointError, ConsistencyError, FormatError, StoreError, VerificationError
from audit.keyring import initialise
from audit.log import Log
from audit.log.sequence import REMEMBERED_EXCHANGES
from audit.merkle import check_inclusion, leaf_hash
from audit.record import Kind, Leaf
from audit.witness import Publisher, read_witness
from tests.support.trail_reader import TrailReader
from tests.support.trails import START, TurnedClock, example_event, new_trail, open_writer, read_whole
from tests.support.witnesses import MemoryWitness


def notes(log: Log, path: Path) -> list[str]:
    assert log.publisher.flush(10)
    return [note for note in read_witness(path) if note is not None]


def test_the_first_leaf_names_the_log(tmp_path: Path) -> None:
    trail = new_trail(tmp_path)

    open_writer(trail, TurnedClock()).log.close()

    (first,) = read_whole(tmp_path).leaves
    assert (first.kind, first.sequence, first.origin) == (Kind.EPOCH, 0, trail.origin())


def test_records_of_one_exchange_name_the_one_before_also_after_a_restart(tmp_path: Path) -> None:
    trail, clock = new_trail(tmp_path), TurnedClock()
    first = open_writer(trail, clock)
    first.add(example_event(), example_event(exchange_id="ex_other"))
    first.log.close()

    second = open_writer(trail, clock)
    second.add(example_event(kind=Kind.OUTCOME))
    second.log.close()

    leaves = read_whole(tmp_path).leaves
    assert leaves[3].previous == leaves[1].event_id
    assert (leaves[1].previous, leaves[2].previous) == ("", "")


def test_memory_of_exchanges_is_bounded_and_the_chain_still_holds(tmp_path: Path) -> None:
    writer = open_writer(new_trail(tmp_path), TurnedClock())
    first = writer.submission(example_event(body=None, patients=()))
    writer.log.append([first])
    others = [
        replace(first, event=replace(first.event, exchange_id=f"ex_{number}"), event_id=f"ev_{number}")
        for number in range(REMEMBERED_EXCHANGES)
    ]
    writer.log.append(others)

    writer.add(example_event(body=None, kind=Kind.OUTCOME))

    (_, _), (last, _) = writer.log.exchange(first.event.exchange_id)
    assert last.previous == first.event_id
    writer.log.close()


def test_a_clock_set_back_never_takes_a_records_time_back_and_is_said(tmp_path: Path) -> None:
    clock = TurnedClock()
    writer = open_writer(new_trail(tmp_path), clock)
    writer.add(example_event())
    clock.time_ms -= 90_000

    writer.add(example_event())

    writer.log.close()
    first, second = read_whole(tmp_path).leaves[1:]
    assert (second.time_ms, second.skew_ms) == (first.time_ms, 90_000)


def test_a_checkpoint_is_signed_a_second_after_a_record_at_the_latest(tmp_path: Path) -> None:
    trail, clock = new_trail(tmp_path), TurnedClock()
    writer = open_writer(trail, clock)
    writer.add(example_event())
    writer.log.keep_signed()
    before = notes(writer.log, trail.witness)

    clock.turn(1.0)
    writer.log.keep_signed()

    (note,) = notes(writer.log, trail.witness)[len(before) :]
    assert [read_checkpoint(found, trail.verifier_keys()).size for found in (*before, note)] == [1, 2]
    writer.log.close()


def test_a_checkpoint_is_signed_with_the_256th_record(tmp_path: Path) -> None:
    trail = new_trail(tmp_path)
    writer = open_writer(trail, TurnedClock())

    before = notes(writer.log, trail.witness)

    writer.add(*[example_event(body=None)] * 255)
    assert notes(writer.log, trail.witness) == before
    writer.add(example_event(body=None))

    (note,) = notes(writer.log, trail.witness)[len(before) :]
    assert read_checkpoint(note, trail.verifier_keys()).size == 257
    writer.log.close()


def test_an_idle_log_signs_its_head_every_minute_and_its_database_does_not_grow(tmp_path: Path) -> None:
    trail, clock, witness = new_trail(tmp_path), TurnedClock(), MemoryWitness()
    writer = open_writer(trail, clock, publisher=Publisher([witness]))
    assert writer.log.publisher.flush(10)
    for _ in range(4):
        clock.turn(60)
        writer.log.keep_signed()
        writer.log.keep_signed()
        assert writer.log.publisher.flush(10)

    times = [read_checkpoint(note, trail.verifier_keys()).time_s for note in witness.notes]
    assert times == [int(START.timestamp()) + 60 * minute for minute in (0, 1, 2, 3, 4)]
    with TrailReader.open(trail.database) as reader:
        assert [size for size, _ in reader.checkpoints()] == [1]
    writer.log.close()


def test_a_full_receipt_proves_every_record_of_its_exchange(tmp_path: Path) -> None:
    trail = new_trail(tmp_path)
    writer = open_writer(trail, TurnedClock())
    for _ in range(5):
        writer.add(example_event(), example_event(exchange_id="ex_other"))

    receipt = writer.log.receipt(example_event().exchange_id)

    statement = read_checkpoint(receipt["checkpoint"], trail.verifier_keys())
    assert len(receipt["records"]) == 5
    for record in receipt["records"]:
        leaf = Leaf.from_bytes(record["leaf"].encode())
        proof = [bytes.fromhex(node) for node in record["proof"]]
        hashed = leaf_hash(record["leaf"].encode())
        check_inclusion(
            index=leaf.sequence, size=statement.size, leaf=hashed, proof=proof, root=statement.root
        )  # fmt: skip
    writer.log.close()


def test_an_exchange_reads_back_in_order(tmp_path: Path) -> None:
    writer = open_writer(new_trail(tmp_path), TurnedClock())
    writer.add(example_event(), example_event(kind=Kind.OUTCOME, body=None))

    found = writer.log.exchange(example_event().exchange_id)

    assert [leaf.kind for leaf, _ in found] == [Kind.INTENT, Kind.OUTCOME]
    writer.log.close()


def test_two_recorders_at_once_are_refused_by_name(tmp_path: Path) -> None:
    trail = new_trail(tmp_path)
    writer = open_writer(trail, TurnedClock())

    with pytest.raises(StoreError, match="another recorder"):
        open_writer(trail, TurnedClock())

    writer.log.close()
    open_writer(trail, TurnedClock()).log.close()


def test_a_closed_log_refuses(tmp_path: Path) -> None:
    writer = open_writer(new_trail(tmp_path), TurnedClock())
    writer.log.close()

    with pytest.raises(AppendError):
        writer.add(example_event())


def grown_trail(folder: Path) -> Path:
    """Return the trail's folder after two sittings, and keep a copy of the database after the first in ``old``."""
    trail, clock = new_trail(folder), TurnedClock()
    for copy in ("old", "new"):
        writer = open_writer(trail, clock)
        writer.add(example_event(), example_event(kind=Kind.OUTCOME, body=None))
        writer.log.close()
        shutil.copy(trail.database, folder / copy)
    return trail.folder


def test_a_restored_old_copy_is_quarantined(tmp_path: Path) -> None:
    folder = grown_trail(tmp_path)
    shutil.copy(tmp_path / "old", folder / "trail.db")

    with pytest.raises(ConsistencyError, match="old copy"):
        read_whole(tmp_path)


def test_a_deleted_database_is_quarantined(tmp_path: Path) -> None:
    folder = grown_trail(tmp_path)
    (folder / "trail.db").unlink()

    with pytest.raises(ConsistencyError, match="has seen 5 records"):
        read_whole(tmp_path)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ("DELETE FROM record WHERE sequence = 4", VerificationError),
        ("DELETE FROM record WHERE sequence = 3", StoreError),
        ("DELETE FROM checkpoint; UPDATE record SET leaf = cast('{}' AS BLOB) WHERE sequence = 4", FormatError),
        ("UPDATE record SET nodes = zeroblob(length(nodes)) WHERE sequence = 3", ConsistencyError),
        ("UPDATE record SET nodes = x'00' WHERE sequence = 4", StoreError),
        ("UPDATE checkpoint SET note = replace(note, 'a1', 'a2')", CheckpointError),
        ("UPDATE checkpoint SET note = 'none'", CheckpointError),
    ],
)
def test_a_changed_database_is_never_appended_to(tmp_path: Path, change: str, error: type[Exception]) -> None:
    folder = grown_trail(tmp_path)
    run_script(folder / "trail.db", change)

    with pytest.raises(error):
        read_whole(tmp_path)


def test_records_that_no_checkpoint_signs_are_recomputed_at_the_start(tmp_path: Path) -> None:
    folder = grown_trail(tmp_path)
    run_script(folder / "trail.db", "DELETE FROM checkpoint; UPDATE record SET leaf = "
               "(SELECT leaf FROM record WHERE sequence = 2) WHERE sequence = 4")  # fmt: skip

    with pytest.raises(ConsistencyError, match="not of this place"):
        read_whole(tmp_path)


def test_changed_nodes_of_unsigned_records_are_found_at_the_start(tmp_path: Path) -> None:
    folder = grown_trail(tmp_path)
    run_script(folder / "trail.db", "DELETE FROM checkpoint; UPDATE record SET nodes = zeroblob(32) WHERE sequence = 4")

    with pytest.raises(ConsistencyError, match="do not fit"):
        read_whole(tmp_path)


def test_the_witness_of_another_log_says_nothing_about_this_one(tmp_path: Path) -> None:
    folder = grown_trail(tmp_path)
    other = initialise(tmp_path / "b" / "audit", tmp_path / "b" / "custodian", origin="other.example", now=START)
    Log.open(other, clocks=TurnedClock().clocks()).close()
    with (folder / "checkpoints.log").open("ab") as witness:
        witness.write(other.witness.read_bytes())

    run_script(folder / "trail.db", "DELETE FROM record WHERE sequence = 4; DELETE FROM checkpoint")

    with pytest.raises(ConsistencyError, match="the witness file"):
        read_whole(tmp_path)


def run_script(database: Path, script: str) -> None:
    """Change a database behind the recorder's back."""
    with closing(connect(database)) as connection:
        connection.executescript(script)
