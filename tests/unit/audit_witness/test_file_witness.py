import json
import os
import resource
import signal
from datetime import UTC, datetime
from pathlib import Path

import pytest

from audit.errors import CheckpointError, ConsistencyError, StoreError, WitnessError
from audit.witness import FileWitness, is_witness, read_newest, read_witness
from audit.witness.file import HEARTBEAT_MS
from tests.support.witnesses import SignedLog

NOW_MS = int(datetime(2026, 11, 23, 7, 0, tzinfo=UTC).timestamp() * 1000)
DECEMBER_MS = int(datetime(2026, 12, 1, 0, 0, tzinfo=UTC).timestamp() * 1000)
JANUARY_MS = int(datetime(2027, 1, 5, 0, 0, tzinfo=UTC).timestamp() * 1000)
LOG = SignedLog([bytes([place]) for place in range(40)])
FORK = SignedLog([bytes([place]) if place < 3 else b"other" + bytes([place]) for place in range(40)])


def open_witness(path: Path, log: SignedLog = LOG) -> FileWitness:
    return FileWitness(path, keys=log.keys, prove=log.prove)


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines()


def test_a_checkpoint_is_in_the_file_when_publish_returns(tmp_path: Path) -> None:
    path = tmp_path / "witness" / "checkpoints.log"

    open_witness(path).publish(LOG.note(5), time_ms=NOW_MS)

    assert [json.loads(line) for line in lines(path)] == [{"note": LOG.note(5), "time": NOW_MS, "v": 1}]
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_a_heartbeat_over_the_same_tree_adds_a_line_an_hour(tmp_path: Path) -> None:
    path = tmp_path / "checkpoints.log"
    witness = open_witness(path)
    for minute in range(120):
        witness.publish(LOG.note(5, time_s=NOW_MS // 1000 + 60 * minute), time_ms=NOW_MS + 60_000 * minute)

    assert len(lines(path)) == 2
    witness.publish(LOG.note(6), time_ms=NOW_MS + 2 * HEARTBEAT_MS + 1)
    assert len(lines(path)) == 3


def test_each_later_month_has_a_file_of_its_own_and_a_reader_follows_all(tmp_path: Path) -> None:
    path = tmp_path / "checkpoints.log"
    for size, time_ms in ((1, NOW_MS), (2, DECEMBER_MS), (3, JANUARY_MS), (4, JANUARY_MS + 1)):
        open_witness(path).publish(LOG.note(size), time_ms=time_ms)

    names = sorted(file.name for file in tmp_path.iterdir())
    assert names == ["checkpoints-2026-12.log", "checkpoints-2027-01.log", "checkpoints.log"]
    assert list(read_witness(path)) == [LOG.note(size) for size in (1, 2, 3, 4)]
    assert read_newest(path, origin="hospital.example/a1") == LOG.note(4)


def test_a_past_month_may_be_moved_away(tmp_path: Path) -> None:
    path = tmp_path / "checkpoints.log"
    open_witness(path).publish(LOG.note(1), time_ms=NOW_MS)
    open_witness(path).publish(LOG.note(2), time_ms=DECEMBER_MS)
    path.rename(tmp_path / "moved")

    with pytest.raises(ConsistencyError, match="has seen 2 records"):
        open_witness(path).confirm(LOG.note(1))
    open_witness(path).publish(LOG.note(3), time_ms=DECEMBER_MS)


def test_a_file_that_is_no_month_is_not_of_the_series(tmp_path: Path) -> None:
    path = tmp_path / "checkpoints.log"
    open_witness(path).publish(LOG.note(1), time_ms=NOW_MS)
    for name in ("checkpoints-2026-13.log", "checkpoints-old.log", "checkpoints-2026-12.log.gz"):
        (tmp_path / name).write_text("x\n")

    assert list(read_witness(path)) == [LOG.note(1)]


@pytest.mark.parametrize("torn", [1, 20, 2000])
def test_a_torn_line_is_ended_ignored_and_covered_by_the_next(tmp_path: Path, torn: int) -> None:
    path = tmp_path / "checkpoints.log"
    open_witness(path).publish(LOG.note(1), time_ms=NOW_MS)
    open_witness(path).publish(LOG.note(2), time_ms=NOW_MS)
    path.write_bytes(path.read_bytes()[:-torn])

    open_witness(path).publish(LOG.note(3), time_ms=NOW_MS)

    found = list(read_witness(path))
    assert found == [LOG.note(1), LOG.note(2) if torn == 1 else None, LOG.note(3)]


def test_a_torn_first_line_of_a_month_leaves_the_month_before_as_the_newest(tmp_path: Path) -> None:
    path = tmp_path / "checkpoints.log"
    open_witness(path).publish(LOG.note(1), time_ms=NOW_MS)
    (tmp_path / "checkpoints-2026-12.log").write_bytes(b'{"note":"torn')

    assert read_newest(path, origin=LOG.key.origin) == LOG.note(1)
    path.write_bytes(b"garbage\n")
    assert read_newest(path, origin=LOG.key.origin) is None
    open_witness(path).publish(LOG.note(2), time_ms=JANUARY_MS)
    assert list(read_witness(path)) == [None, LOG.note(2), None]


@pytest.mark.parametrize("line", [b"[1]", b"\xff", b"{}", b'{"note":5,"time":1}', b'{"note":"x"}', b"[" * 5000])
def test_a_line_that_is_no_checkpoint_is_passed_over(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "checkpoints.log"
    open_witness(path).publish(LOG.note(1), time_ms=NOW_MS)
    with path.open("ab") as file:
        file.write(line + b"\n")

    assert read_newest(path, origin=LOG.key.origin) == LOG.note(1)
    assert list(read_witness(path)) == [LOG.note(1), None]


def test_an_older_tree_than_the_file_has_seen_is_refused_and_named(tmp_path: Path) -> None:
    path = tmp_path / "checkpoints.log"
    open_witness(path).publish(LOG.note(9), time_ms=NOW_MS)
    again = open_witness(path)

    with pytest.raises(ConsistencyError, match=r"the witness file .* has seen 9 records and the database has signed 8"):
        again.confirm(LOG.note(8))
    with pytest.raises(ConsistencyError, match="old copy"):
        again.publish(LOG.note(8), time_ms=NOW_MS)
    assert list(read_witness(path)) == [LOG.note(9)]


@pytest.mark.parametrize("size", [9, 10, 33])
def test_a_forked_tree_is_refused_and_named(tmp_path: Path, size: int) -> None:
    path = tmp_path / "checkpoints.log"
    open_witness(path).publish(LOG.note(9), time_ms=NOW_MS)

    with pytest.raises(ConsistencyError, match=r"the witness file .* remembers another tree of 9 records"):
        open_witness(path, FORK).confirm(FORK.note(size))


def test_a_checkpoint_that_the_keys_have_not_signed_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "checkpoints.log"
    thief = SignedLog([b"a", b"b"], seed=b"\x09")
    open_witness(path, thief).publish(thief.note(2), time_ms=NOW_MS)

    with pytest.raises(CheckpointError):
        open_witness(path).confirm(LOG.note(2))


def test_lines_of_another_log_say_nothing_about_this_one(tmp_path: Path) -> None:
    path = tmp_path / "checkpoints.log"
    other = SignedLog([bytes([place]) for place in range(200)], origin="other.example/b")
    open_witness(path).publish(LOG.note(9), time_ms=NOW_MS)
    writer = open_witness(path, other)
    for size in range(1, 101):
        writer.publish(other.note(size), time_ms=NOW_MS)

    assert path.stat().st_size > 256 * 1024
    open_witness(path).confirm(LOG.note(9))
    with pytest.raises(ConsistencyError, match="has seen 9 records"):
        open_witness(path).confirm(LOG.note(8))


def test_a_second_writer_is_found_out_while_both_run(tmp_path: Path) -> None:
    path = tmp_path / "checkpoints.log"
    first, second = open_witness(path), open_witness(path, FORK)
    first.publish(LOG.note(2), time_ms=NOW_MS)
    second.publish(FORK.note(5), time_ms=NOW_MS)

    with pytest.raises(ConsistencyError, match="a second recorder"):
        first.publish(LOG.note(6), time_ms=NOW_MS)


def test_a_line_found_in_the_file_is_never_taken_for_one_that_was_synced(tmp_path: Path) -> None:
    path = tmp_path / "checkpoints.log"
    open_witness(path).publish(LOG.note(2), time_ms=NOW_MS)

    again = open_witness(path)
    again.confirm(LOG.note(2))
    again.publish(LOG.note(2), time_ms=NOW_MS + 1)

    assert len(lines(path)) == 2


def test_a_file_that_cannot_be_written_is_named_and_taken_up_again(tmp_path: Path) -> None:
    path = tmp_path / "checkpoints.log"
    witness = open_witness(path)
    path.mkdir()

    with pytest.raises(WitnessError, match=r"the witness file .* cannot be read"):
        witness.publish(LOG.note(1), time_ms=NOW_MS)

    path.rmdir()
    witness.publish(LOG.note(2), time_ms=NOW_MS)
    witness.close()
    assert list(read_witness(path)) == [LOG.note(2)]


def test_a_medium_that_is_not_mounted_is_not_replaced_by_a_folder(tmp_path: Path) -> None:
    witness = open_witness(tmp_path / "mnt" / "worm" / "checkpoints.log")

    with pytest.raises(WitnessError, match="mount its medium"):
        witness.confirm(LOG.note(1))

    assert not (tmp_path / "mnt").exists()


def test_a_folder_that_may_not_be_written_is_no_reachable_witness(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write anywhere, so the kernel's answer is given here

    with pytest.raises(WitnessError, match="cannot be written"):
        open_witness(tmp_path / "checkpoints.log").confirm(LOG.note(1))


def test_what_a_syslog_server_kept_is_read_as_a_witness_file(tmp_path: Path) -> None:
    path = tmp_path / "checkpoints.log"
    open_witness(path).publish(LOG.note(1), time_ms=NOW_MS)
    kept = tmp_path / "messages"
    kept.write_text(f"Nov 23 07:00:00 host audit-recorder[7]: {path.read_text()}")

    assert list(read_witness(kept)) == [LOG.note(1)]


def test_a_witness_that_is_not_there_or_no_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be read"):
        list(read_witness(tmp_path / "none"))
    with pytest.raises(StoreError, match="cannot be read"):
        list(read_witness(tmp_path))


def test_a_month_that_cannot_be_read_makes_the_witness_unreachable(tmp_path: Path) -> None:
    path = tmp_path / "checkpoints.log"
    (tmp_path / "checkpoints-2026-12.log").mkdir()

    with pytest.raises(WitnessError, match="cannot be read"):
        open_witness(path).confirm(LOG.note(1))


def test_a_full_disk_is_named_and_the_next_line_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "checkpoints.log"
    witness = open_witness(path)
    witness.publish(LOG.note(1), time_ms=NOW_MS)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 100, before[1]))
    try:
        with pytest.raises(WitnessError, match=r"File too large.*free space"):
            witness.publish(LOG.note(2), time_ms=NOW_MS)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)

    witness.publish(LOG.note(3), time_ms=NOW_MS)

    assert list(read_witness(path)) == [LOG.note(1), None, LOG.note(3)]


def test_a_witness_file_is_told_from_a_checkpoint_and_from_other_messages(tmp_path: Path) -> None:
    path = tmp_path / "checkpoints.log"
    open_witness(path).publish(LOG.note(1), time_ms=NOW_MS)
    (tmp_path / "note").write_text(LOG.note(1))
    (tmp_path / "messages").write_text("Nov 23 sshd: x\n" * 3 + f"Nov 23 audit-recorder[7]: {path.read_text()}")

    assert is_witness(path)
    assert is_witness(tmp_path / "messages")
    assert not is_witness(tmp_path / "note")
