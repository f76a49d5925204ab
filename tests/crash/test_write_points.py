"""Each write of the recorder, lost or kept: it goes on, nothing acknowledged is lost, nothing half-written is shown.

The table below is the one of FORMAT.md "Durable steps".  After each fault the trail is recovered by the same function
that the recorder uses, and then read from end to end.
"""

import multiprocessing
import os
from pathlib import Path

import pytest

from audit.errors import AppendError
from tests.support.trails import (
    Fault,
    TurnedClock,
    example_event,
    faulty,
    new_trail,
    open_writer,
    read_whole,
)

# write point, does it take effect although it fails, is the batch there afterwards
TABLE = [
    ("BEGIN", "lost", "absent"),
    ("BEGIN", "kept", "absent"),
    ("INSERT INTO record", "lost", "absent"),
    ("INSERT INTO record", "kept", "absent"),
    ("INSERT INTO term (", "lost", "absent"),
    ("INSERT INTO term (", "kept", "absent"),
    ("INSERT INTO term_block", "lost", "absent"),
    ("INSERT INTO term_block", "kept", "absent"),
    ("INSERT INTO blind_index", "lost", "absent"),
    ("INSERT INTO blind_index", "kept", "absent"),
    ("INSERT INTO checkpoint", "lost", "absent"),
    ("INSERT INTO checkpoint", "kept", "absent"),
    ("COMMIT", "lost", "absent"),
    ("COMMIT", "kept", "present"),
]


@pytest.mark.parametrize(("point", "effect", "batch"), TABLE)
def test_a_failed_write_is_reported_and_the_log_goes_on(tmp_path: Path, point: str, effect: str, batch: str) -> None:
    trail, clock, fault = new_trail(tmp_path), TurnedClock(), Fault()
    writer = open_writer(trail, clock, factory=faulty(fault))
    writer.add(example_event())
    clock.turn(3601)
    fault.point, fault.kept = point, effect == "kept"

    with pytest.raises(AppendError):
        writer.add(example_event(body=b"lost or kept", code="a new term"), example_event(body=b"the same batch"))

    fault.point = ""
    writer.log.ensure_open()
    writer.add(example_event(body=b"after"))
    writer.log.close()
    bodies = list(read_whole(tmp_path).bodies.values())
    assert bodies == [
        b"the note of the example patient",
        *([b"lost or kept", b"the same batch"] if batch == "present" else []),
        b"after",
    ]
    assert fault.hits > 0


@pytest.mark.parametrize(("point", "effect", "batch"), TABLE)
def test_a_process_that_dies_at_a_write_leaves_the_whole_batch_or_none(
    tmp_path: Path, point: str, effect: str, batch: str
) -> None:
    trail = new_trail(tmp_path)
    with_one = open_writer(trail, TurnedClock())
    with_one.add(example_event())
    with_one.log.close()

    child = multiprocessing.get_context("fork").Process(target=die_at, args=(trail, point, effect))
    child.start()
    child.join(30)

    assert child.exitcode == 9
    bodies = list(read_whole(tmp_path).bodies.values())
    assert bodies == [b"the note of the example patient", *([b"dies", b"with it"] if batch == "present" else [])]


def die_at(trail: object, point: str, effect: str) -> None:
    """Append in a process that ends at the write point without any cleaning up."""
    clock, fault = TurnedClock(), Fault(act=lambda: os._exit(9))
    writer = open_writer(trail, clock, factory=faulty(fault))  # type: ignore[arg-type]  # crosses a fork untyped
    clock.turn(3601)
    fault.point, fault.kept = point, effect == "kept"
    writer.add(example_event(body=b"dies", code="a new term"), example_event(body=b"with it"))


def test_a_batch_that_was_kept_although_it_failed_is_not_written_over(tmp_path: Path) -> None:
    trail, clock, fault = new_trail(tmp_path), TurnedClock(), Fault()
    writer = open_writer(trail, clock, factory=faulty(fault))
    fault.point, fault.kept = "COMMIT", True
    with pytest.raises(AppendError):
        writer.add(example_event(body=b"kept"))
    fault.point = ""

    writer.log.ensure_open()
    places = writer.add(example_event(body=b"next"))

    assert places == [2]
    writer.log.close()
    assert list(read_whole(tmp_path).bodies.values()) == [b"kept", b"next"]


def test_a_failed_log_refuses_until_it_was_recovered(tmp_path: Path) -> None:
    trail, clock, fault = new_trail(tmp_path), TurnedClock(), Fault()
    writer = open_writer(trail, clock, factory=faulty(fault))
    fault.point = "COMMIT"
    with pytest.raises(AppendError):
        writer.add(example_event())

    with pytest.raises(AppendError):
        writer.add(example_event())

    writer.log.close()


@pytest.mark.parametrize("torn", [1, 20, 2000])
def test_a_torn_witness_line_is_ignored_and_the_next_one_is_whole(tmp_path: Path, torn: int) -> None:
    trail, clock = new_trail(tmp_path), TurnedClock()
    writer = open_writer(trail, clock)
    writer.add(example_event())
    writer.log.close()
    whole = trail.witness.read_bytes()
    trail.witness.write_bytes(whole[:-torn])

    again = open_writer(trail, clock)
    again.add(example_event())
    again.log.close()

    assert len(read_whole(tmp_path).bodies) == 2
    assert trail.witness.read_bytes().endswith(b"\n")


def test_a_witness_that_cannot_be_written_is_said_and_does_not_stop_the_log(tmp_path: Path) -> None:
    trail, clock = new_trail(tmp_path), TurnedClock()
    writer = open_writer(trail, clock)
    writer.log.sign_head()
    assert writer.log.publisher.flush(10)
    moved = trail.witness.rename(tmp_path / "witness")
    trail.witness.mkdir()
    clock.turn(2)

    writer.add(example_event())

    assert writer.log.publisher.flush(10)
    assert "witness" in writer.log.publisher.failure
    trail.witness.rmdir()
    moved.rename(trail.witness)
    clock.turn(2)
    writer.add(example_event())
    assert writer.log.publisher.flush(10)
    assert writer.log.publisher.failure == ""
    writer.log.close()
    assert len(read_whole(tmp_path).bodies) == 2


@pytest.mark.parametrize("ask", ["append", "exchange", "receipt"])
def test_a_read_that_fails_is_told_and_the_database_is_opened_anew(tmp_path: Path, ask: str) -> None:
    trail, clock, fault = new_trail(tmp_path), TurnedClock(), Fault()
    writer = open_writer(trail, clock, factory=faulty(fault))
    writer.add(example_event())
    fault.point = "SELECT record"

    with pytest.raises(AppendError):
        writer.add(example_event(exchange_id="ex_new")) if ask == "append" else getattr(writer.log, ask)("ex_new")

    assert "cannot be read" in writer.log.failure
    fault.point = ""
    writer.log.ensure_open()
    writer.add(example_event(exchange_id="ex_new", body=b"after"))
    writer.log.close()
    assert list(read_whole(tmp_path).bodies.values()) == [b"the note of the example patient", b"after"]
