"""Hosts for the playbooks' tests: a bare one for each module, a converged one for those that ask for it.

Every fixture that needs a host skips with a reason where there can be none.  `HOST_SUITE` chooses the distribution.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.target_host import Controller, TargetHost, World, reason_to_skip, world
from tests.support.target_host.converged import Converged, converged_host
from tests.support.target_host.medium import Medium, built_medium, why_no_medium


@pytest.fixture(scope="session")
def suite() -> str:
    """Return the distribution's release that hosts run: ``make host-test SUITE=trixie`` sets it."""
    return os.environ.get("HOST_SUITE", "bookworm")


@pytest.fixture(scope="module")
def outside() -> Iterator[World]:
    """Make a world without a host: an operator's LAN and a pretend Internet."""
    if reason := reason_to_skip():
        pytest.skip(reason)
    with world() as made:
        yield made


@pytest.fixture(scope="module")
def bare_host(outside: World, suite: str) -> Iterator[TargetHost]:
    """Boot a host on which nothing was done yet; the module's tests share it."""
    with outside.host(suite=suite) as host:
        host.boot()
        yield host


@pytest.fixture(scope="session")
def medium(suite: str) -> Medium:
    """Return an install medium of the tree as it is."""
    if reason := reason_to_skip() or why_no_medium():
        pytest.skip(reason)
    return built_medium(suite)


@pytest.fixture(scope="session")
def converged(suite: str) -> Converged:
    """Return a host on which the playbook was run, off; `Converged.off` makes one's own of it."""
    if reason := reason_to_skip() or why_no_medium():
        pytest.skip(reason)
    return converged_host(suite)


@pytest.fixture
def controller(outside: World, tmp_path: Path) -> Callable[..., Controller]:
    """Return a maker of controllers: hosts, then ``variables=``, ``groups=`` and ``playbooks=``."""

    def make(*hosts: TargetHost, **settings: object) -> Controller:
        return Controller(world=outside, hosts=hosts, folder=tmp_path / "controller", **settings)  # type: ignore[arg-type]

    return make
