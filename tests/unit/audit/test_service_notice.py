import asyncio
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from audit.service_notice import READY, WATCHDOG, keep_watchdog, notify, reloading, status, watchdog_limit_s

NOT_THIS_PROCESS = str(os.getpid() + 1)


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    """Listen as the manager does."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(5)
        yield listener


def test_the_manager_gets_every_assignment_in_one_message(manager: socket.socket) -> None:
    told = notify(READY, status("serves"), environment={"NOTIFY_SOCKET": manager.getsockname()})

    assert told
    assert manager.recv(4096) == b"READY=1\nSTATUS=serves"


def test_an_abstract_socket_is_reached_too() -> None:
    name = f"notify-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(f"\0{name}")

        told = notify(READY, environment={"NOTIFY_SOCKET": f"@{name}"})

        assert told
        assert listener.recv(4096) == b"READY=1"


@pytest.mark.parametrize("address", ["", "relative", "vsock:2:1", "/nowhere/notify"])
def test_a_program_goes_on_where_no_manager_listens(address: str) -> None:
    assert not notify(READY, environment={"NOTIFY_SOCKET": address})


def test_nothing_is_sent_under_the_embedded_default() -> None:
    assert not notify(READY, environment={})


def test_a_status_stays_on_its_line() -> None:
    assert status("the disk\nREADY=1 is full") == "STATUS=the disk READY=1 is full"


def test_a_reload_names_its_moment() -> None:
    flag, moment = reloading().split("\n")

    assert flag == "RELOADING=1"
    assert int(moment.removeprefix("MONOTONIC_USEC=")) > 0


@pytest.mark.parametrize(
    ("environment", "limit_s"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": NOT_THIS_PROCESS}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_only_the_watched_process_has_a_limit(environment: dict[str, str], limit_s: float | None) -> None:
    assert watchdog_limit_s(environment) == limit_s


async def test_a_program_without_progress_is_not_kept_alive(manager: socket.socket) -> None:
    progress = iter([True, False, True])
    environment = {"NOTIFY_SOCKET": manager.getsockname(), "WATCHDOG_USEC": "2000"}

    with pytest.raises(RuntimeError):  # The iterator's end, as a coroutine sees it.
        await asyncio.wait_for(keep_watchdog(lambda: next(progress), environment), timeout=5)

    assert [manager.recv(4096), manager.recv(4096)] == [WATCHDOG.encode()] * 2
    manager.settimeout(0)
    with pytest.raises(BlockingIOError):
        manager.recv(4096)


async def test_nobody_watching_means_no_pings() -> None:
    await asyncio.wait_for(keep_watchdog(lambda: True, {}), timeout=5)
