"""The guard's real process with the real models: what it finds, what it holds open, and what it leaves behind."""

import asyncio
import os
import resource
import signal
from pathlib import Path

import pytest

from appliance.errors import PhiGuardUnavailableError
from appliance.phi.findings import Kind
from appliance.phi.settings import Site
from appliance.phi.worker import GuardWorker, WorkerState
from tests.support.guard_models import real_models

MAX_RESIDENT_KB = 500 * 1000
"""The guard's memory, by issue 4."""

PATIENT = "Siobhan Okonkwo"


async def test_the_real_process_finds_and_holds_nothing_open_but_its_pipes() -> None:
    made = GuardWorker(real_models(), site=Site(facilities=("Elm Ward 7",)))
    async with made.running():
        (found,) = await made.find([f"{PATIENT} came from elm ward 7. " * 200], timeout_s=60)
        pid = guard_pid()

        assert {each.kind for each in found} == {Kind.NAME, Kind.LOCATION}
        assert resident_kb(pid) <= MAX_RESIDENT_KB
        assert not [target for target in open_files(pid) if not target.startswith(("pipe:", "/dev/null", "socket:"))]
        assert sum(target.startswith("socket:") for target in open_files(pid)) <= 1, "its standard input at most"
        assert not internet_sockets(pid)
        assert PATIENT not in readable(pid)
        assert core_limit(pid) <= 1

        os.kill(pid, signal.SIGKILL)
        with pytest.raises(PhiGuardUnavailableError):
            await made.find([PATIENT])
        async with asyncio.timeout(60):
            while made.state is not WorkerState.READY or guard_pid() == pid:
                await asyncio.sleep(0.1)
        assert await made.find([PATIENT])
    assert not guard_pids()


def guard_pid() -> int:
    (pid,) = guard_pids()
    return pid


def guard_pids() -> list[int]:
    """Return our own children that run the guard's program."""
    children = Path(f"/proc/{os.getpid()}/task").glob("*/children")
    pids = [int(pid) for file in children for pid in file.read_text().split()]
    return [pid for pid in pids if b"worker_process" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def open_files(pid: int) -> list[str]:
    return [str(file.readlink()) for file in Path(f"/proc/{pid}/fd").iterdir()]


def internet_sockets(pid: int) -> list[str]:
    held = {target for target in open_files(pid) if target.startswith("socket:")}
    tables = [Path(f"/proc/{pid}/net/{kind}").read_text() for kind in ("tcp", "tcp6", "udp", "udp6")]
    return [line for table in tables for line in table.splitlines()[1:] if f"socket:[{line.split()[9]}]" in held]


def resident_kb(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))


def readable(pid: int) -> str:
    return "".join(Path(f"/proc/{pid}/{name}").read_text(errors="replace") for name in ("cmdline", "environ", "comm"))


def core_limit(pid: int) -> int:
    return resource.prlimit(pid, resource.RLIMIT_CORE)[0]
