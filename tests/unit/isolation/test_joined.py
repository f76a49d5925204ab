"""A child that tries for a unit has the unit's rights and no more, and its death is a finding, never a pass."""

import os
import signal
from collections.abc import Sequence
from pathlib import Path

from appliance.isolation.attempt import Attempt, Outcome
from appliance.isolation.identity import check_identity
from appliance.isolation.joined import Place, become, start
from appliance.isolation.layers import start_filter
from tests.support.isolation import a_network, a_unit, an_attempt
from tests.support.isolation_network import AS_ROOT


def nothing() -> None:
    """Prepare nothing."""


def dying() -> Sequence[Attempt]:
    """End as by a filter of system calls."""
    os.kill(os.getpid(), signal.SIGKILL)
    return []


def refusing() -> None:
    """Fail as a step that is not allowed."""
    raise PermissionError(1, "no")


@AS_ROOT
def test_a_joined_child_has_the_units_user_and_no_right(tmp_path: Path) -> None:
    unit = a_unit(tmp_path)

    found = start("test", lambda: become(Place(unit=unit)), lambda: check_identity(unit)).finish()

    broken = {each.target for each in found if not each.holds}
    assert broken <= {"cgroup", "system call filter"}  # neither was asked for here


@AS_ROOT
def test_a_joined_child_enters_the_namespaces_of_a_process(tmp_path: Path) -> None:
    unit = a_unit(tmp_path)

    found = start("test", lambda: become(Place(unit=unit, pid=os.getpid())), lambda: [an_attempt()]).finish()

    assert found == (an_attempt(),)


def test_a_child_that_dies_proves_nothing() -> None:
    assert [each.outcome for each in start("test", nothing, dying).finish()] == [Outcome.UNPROVEN]


def test_a_child_that_cannot_become_the_unit_tries_nothing() -> None:
    found = start("test", refusing, lambda: [an_attempt()]).finish()

    assert [(each.outcome, each.evidence) for each in found] == [(Outcome.UNPROVEN, "the probe could not go on: EPERM")]


@AS_ROOT
def test_a_cgroup_that_is_gone_proves_nothing_about_its_filter(tmp_path: Path) -> None:
    found = start_filter(a_unit(tmp_path), tmp_path / "gone", a_network(tmp_path)).finish()

    assert [each.outcome for each in found] == [Outcome.UNPROVEN, Outcome.EXPECTED]


@AS_ROOT
def test_a_unit_without_a_filter_is_found(tmp_path: Path) -> None:
    (tmp_path / "cgroup.procs").touch()  # a folder that takes the number and filters nothing

    found = start_filter(a_unit(tmp_path), tmp_path, a_network(tmp_path)).finish()

    assert {each.outcome for each in found if each.group != "control"} == {Outcome.REACHED}


@AS_ROOT
def test_addresses_that_the_unit_is_allowed_are_not_tried(tmp_path: Path) -> None:
    (tmp_path / "cgroup.procs").touch()
    everywhere = [{"name": "x", "port": 443, "addresses": ["203.0.113.0/24", "192.0.2.0/24", "198.51.100.0/24"]}]
    network = a_network(tmp_path, endpoints=everywhere)

    found = start_filter(a_unit(tmp_path, "broker", endpoints=everywhere), tmp_path, network).finish()

    assert {each.target for each in found if each.group == "tcp"} == {"listener of verify 169.254.169.254:44300"}
