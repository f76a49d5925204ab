import json
import stat
from datetime import timedelta
from pathlib import Path

import pytest

from appliance.agreement_clock import END_OF_TIME, AgreementClock
from appliance.clock import Moment
from tests.support.set_clock import NOON, SetClock

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def test_a_clock_that_nobody_touched_is_believed() -> None:
    machine = SetClock()
    clock = AgreementClock(machine)

    machine.wait(HOUR)

    assert clock.moment() == Moment.at(NOON + HOUR)
    assert (clock.jumped, clock.fault) == (timedelta(0), "")


def test_a_clock_set_back_does_not_reopen_what_has_ended() -> None:
    machine = SetClock()
    clock = AgreementClock(machine)
    clock.moment()

    machine.set(NOON - DAY)
    machine.wait(HOUR)

    assert clock.moment() == Moment(earliest=NOON - DAY + HOUR, latest=NOON + HOUR)
    assert clock.jumped == -DAY


def test_a_clock_set_forward_opens_nothing_early() -> None:
    machine = SetClock()
    clock = AgreementClock(machine)

    machine.set(NOON + DAY)
    machine.wait(HOUR)

    assert clock.moment() == Moment(earliest=NOON + HOUR, latest=NOON + DAY + HOUR)
    assert clock.jumped == DAY


def test_a_clock_set_forward_and_back_still_counts_what_it_showed() -> None:
    machine = SetClock()
    clock = AgreementClock(machine)
    machine.set(NOON + DAY)
    clock.moment()

    machine.set(NOON)

    assert clock.moment() == Moment(earliest=NOON, latest=NOON + DAY)
    assert clock.jumped == -DAY


def test_a_correction_of_a_time_server_is_no_jump() -> None:
    machine = SetClock()
    clock = AgreementClock(machine)
    clock.moment()

    machine.set(NOON - timedelta(seconds=4))

    assert clock.jumped == timedelta(0)
    assert clock.moment().latest == NOON


def test_the_latest_time_is_kept_over_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "clock.json"
    AgreementClock(SetClock(), seen_file=file).moment()

    clock = AgreementClock(SetClock(NOON - DAY), seen_file=file)

    assert clock.moment() == Moment(earliest=NOON - DAY, latest=NOON)
    assert clock.jumped == -DAY
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_the_latest_time_is_written_once_a_minute_at_most(tmp_path: Path) -> None:
    file, machine = tmp_path / "clock.json", SetClock()
    clock = AgreementClock(machine, seen_file=file)
    clock.moment()

    machine.wait(timedelta(seconds=59))
    clock.moment()
    within = json.loads(file.read_text())
    machine.wait(timedelta(seconds=1))
    clock.moment()

    assert within == {"latest": NOON.isoformat()}
    assert json.loads(file.read_text()) == {"latest": (NOON + timedelta(minutes=1)).isoformat()}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff",
        b"[]",
        b"{}",
        b'{"latest": 7}',
        b'{"latest": "soon"}',
        b'{"latest": "2026-11-23T12:00:00"}',
        b'{"latest": "0001-01-01T00:00:00+23:00"}',
    ],
)
def test_a_file_that_cannot_be_read_closes_everything_and_says_so(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "clock.json"
    file.write_bytes(content)

    clock = AgreementClock(SetClock(), seen_file=file)

    assert clock.moment() == Moment(earliest=NOON, latest=END_OF_TIME)
    assert clock.fault == (
        f"{file} cannot be read, so no agreement counts as in force; look whether this machine's clock is right, "
        "remove the file, and restart"
    )
    assert file.read_bytes() == content


def test_a_folder_in_its_place_closes_everything(tmp_path: Path) -> None:
    assert AgreementClock(SetClock(), seen_file=tmp_path).moment().latest == END_OF_TIME


def test_a_file_that_cannot_be_written_is_told_and_tried_again(tmp_path: Path) -> None:
    file, machine = tmp_path / "later" / "clock.json", SetClock()
    clock = AgreementClock(machine, seen_file=file)

    assert clock.moment() == Moment.at(NOON)
    assert clock.fault == f"the latest time cannot be kept in {file} (No such file or directory)"

    file.parent.mkdir()
    machine.wait(timedelta(minutes=1))
    clock.moment()

    assert clock.fault == ""
    assert file.exists()
