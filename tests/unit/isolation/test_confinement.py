"""A running unit is looked at from outside, and a check of another start does not speak for this one."""

import json
from pathlib import Path

import pytest

from appliance.isolation.attempt import Attempt, Outcome
from appliance.isolation.confinement import check_process
from appliance.isolation.running import Running
from tests.support.isolation import STATUS, a_unit, an_attempt

NOW = Running(state="active", pid=412, cgroup=Path("/sys/fs/cgroup"), invocation="this start")
OFF = Running(state="failed", pid=0, cgroup=Path("/sys/fs/cgroup"), invocation="")


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """Return a folder that stands for /proc and /run, with a confined gateway that checked itself."""
    process = tmp_path / "412"
    (process / "net").mkdir(parents=True)
    (process / "status").write_text("".join(f"{name}:\t{value}\n" for name, value in STATUS.items()))
    (process / "cgroup").write_text("0::/appliance.slice/appliance-gateway.service\n")
    (tmp_path / "appliance-gateway").mkdir()
    write(tmp_path, an_attempt())
    return tmp_path


def write(host: Path, *attempts: Attempt, invocation: str = "this start") -> None:
    """Write what the gateway's own check found."""
    held = {"invocation": invocation, "attempts": [each.to_json() for each in attempts]}
    (host / "appliance-gateway/isolation.json").write_text(json.dumps(held))


def broken(host: Path, now: Running = NOW, name: str = "gateway") -> list[str]:
    """Return what does not hold."""
    found = check_process(a_unit(host, name), now, proc=host, run=host)
    return [f"{each.group} {each.evidence}" for each in found if not each.holds]


def test_a_confined_unit_whose_check_held_passes(host: Path) -> None:
    assert broken(host) == []


def test_a_check_of_another_start_is_not_believed(host: Path) -> None:
    write(host, an_attempt(), invocation="the start before")

    assert broken(host) == ["unit it is of another start; restart the unit"]


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"attempts": [{}], "invocation": ""}'])
def test_a_check_that_cannot_be_read_is_no_check(host: Path, text: str) -> None:
    (host / "appliance-gateway/isolation.json").write_text(text)

    assert "is missing; restart the unit" in broken(host)[0]


def test_what_the_check_found_is_in_the_report(host: Path) -> None:
    write(host, an_attempt(Outcome.REACHED))

    assert broken(host) == ["own check: tcp EPERM"]


def test_a_program_that_does_not_run_is_not_proven_and_a_relay_may_rest(host: Path) -> None:
    assert broken(host, OFF) == ["unit failed: nothing runs that could get out"]
    assert broken(host, OFF, "witness") == []


def test_a_process_that_ends_meanwhile_is_not_proven(host: Path) -> None:
    (host / "412/status").unlink()

    assert broken(host) == ["unit its main process ended while it was looked at"]
