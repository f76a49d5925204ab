"""A server that lost its power in the middle of a role, and a controller that was unplugged: the next run goes on."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.support.target_host import Controller, TargetHost, Task, World
from tests.support.target_host.converged import PLACE
from tests.support.target_host.medium import Medium
from tests.support.target_host.site import Site

ROLES = [
    entry["role"] for entry in yaml.safe_load((Path(__file__).parents[2] / "ansible/site.yml").read_text())[-1]["roles"]
]


@dataclass(slots=True)
class InRole:
    """Sees when a role has changed something and its next task begins: the middle of it; or that it is over."""

    role: str
    has_changed: bool = False
    """Whether the power was cut in the middle of it; some roles have nothing to do on a host without a GPU."""

    _is_in: bool = False
    _has_begun: bool = False

    def __call__(self, task: Task) -> bool:
        """Say whether it is now."""
        self._is_in = task.role == self.role or (self._is_in and task.role == "unit")
        self._has_begun |= self._is_in
        if self._is_in and task.state == "changed":
            self.has_changed = True
        # `validate` takes a step of a later role, so the order alone does not tell.
        is_over = self._has_begun and task.role in ROLES[ROLES.index(self.role) + 1 :]
        return task.state == "begins" and (self.has_changed or is_over)


@pytest.fixture(scope="module", autouse=True)
def _needs_time() -> None:
    if "HOST_THOROUGH" not in os.environ:
        pytest.skip("needs a whole medium and as long as an installation; 'make host-test' takes the time")


@pytest.fixture
def host(outside: World, suite: str, medium: Medium) -> Iterator[TargetHost]:
    with outside.host("cut", suite=suite) as host:
        host.binds[PLACE] = medium.folder
        host.boot()
        yield host


@pytest.fixture
def playing(host: TargetHost, controller: Callable[..., Controller], medium: Medium, tmp_path: Path) -> Controller:
    return controller(host, variables=Site.make(tmp_path / "site", medium).variables)


def test_a_run_that_was_unplugged_and_one_that_lost_power_while_packages_were_unpacked_are_gone_on_with(
    host: TargetHost, playing: Controller
) -> None:
    options = ["--tags", "medium,firewall"]

    def cut_while_unpacking(task: Task) -> bool:
        if (task.role, task.name, task.state) != ("firewall", "Install nftables", "begins"):
            return False
        host.until(lambda: host.exec("pgrep", "-x", "dpkg", check=False).code == 0)
        host.cut_power()
        return True

    unplugged = playing.play(options=options, watch=InRole("medium"))
    cut = playing.play(options=options, watch=cut_while_unpacking)
    host.boot()
    whole = playing.play(options=options)
    again = playing.play(options=options)

    assert (unplugged.code, cut.code) == (-1, -1)
    assert whole.code == 0, whole.text
    assert again.code == 0, again.text
    assert again.changed == []


def test_power_that_is_cut_in_the_middle_of_every_role_in_turn_still_ends_in_an_appliance(
    host: TargetHost, playing: Controller
) -> None:
    cut = []
    for role in ROLES:
        watching = InRole(role)

        def look(task: Task, watching: InRole = watching) -> bool:
            if watching(task):
                host.cut_power()
                return True
            return False

        played = playing.play(watch=look)
        if played.code == -1:
            cut += [role] if watching.has_changed else []
            host.boot()
        else:
            assert role == ROLES[-1], played.text
            assert played.code == 0, played.text

    whole = playing.play()
    again = playing.play()

    # Nothing to change: the checks before, the drivers of cards that are not there, what a site has not asked for.
    assert len(cut) >= len(ROLES) - 5, cut
    assert whole.code == 0, whole.text
    assert again.code == 0, again.text
    assert again.changed == []
