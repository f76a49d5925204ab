"""A program under the supervisor is started again when it dies, ends with its supervisor, and leaves nothing behind."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from appliance.cli import supervisor_child, supervisor_launch
from appliance.cli.supervisor_child import Child, Program, pause_s, put_aside
from appliance.clock import Clock
from appliance.errors import ManifestMismatchError
from tests.support.running_appliance import wait_until_gone

SLEEP = "import time; time.sleep(60)"
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
)
PARENT = "import subprocess, sys, time; print(subprocess.Popen(['sleep', '60']).pid, flush=True); time.sleep(60)"


async def _yes() -> bool:
    return True


async def _no_check() -> None:
    return


def _program(folder: Path, code: str, *, stop_s: float = 5.0) -> Program:
    return Program(
        name="test",
        command=(sys.executable, "-c", code),
        environment={"PATH": os.environ["PATH"]},
        folder=folder,
        log=folder / "test.log",
        is_listening=_yes,
        check=_no_check,
        stop_s=stop_s,
    )


@asynccontextmanager
async def _running(program: Program) -> AsyncIterator[Child]:
    child = Child(program, changed=lambda: None, clock=Clock())
    task = asyncio.create_task(child.run())
    try:
        yield child
    finally:
        await child.stop()
        await task


async def _until(child: Child, state: str, *, other_than: int = 0) -> int:
    """Wait for a state, with another process than the one named, and return the process."""
    async with asyncio.timeout(10):
        while child.state.state != state or child.state.pid == other_than:
            await asyncio.sleep(0.01)
    return child.state.pid


async def _line(log: Path) -> str:
    async with asyncio.timeout(10):
        while not (log.exists() and log.read_text().endswith("\n")):
            await asyncio.sleep(0.01)
    return log.read_text().splitlines()[-1]


async def test_a_killed_program_is_started_again(tmp_path: Path) -> None:
    async with _running(_program(tmp_path, SLEEP)) as child:
        first = await _until(child, "running")
        os.kill(first, signal.SIGKILL)
        second = await _until(child, "running", other_than=first)

        assert second != first
        assert child.state.restarts == 1


async def test_a_stopped_program_is_gone_and_not_started_again(tmp_path: Path) -> None:
    async with _running(_program(tmp_path, SLEEP)) as child:
        pid = await _until(child, "running")
        await child.stop()

        assert wait_until_gone([pid]) == []
        assert child.state.state == "stopped"


async def test_a_program_that_will_not_finish_is_killed_after_its_time(tmp_path: Path) -> None:
    program = _program(tmp_path, STUBBORN, stop_s=0.2)
    async with _running(program) as child:
        pid = await _until(child, "running")
        await _line(program.log)
        await child.stop()

        assert wait_until_gone([pid]) == []


async def test_a_second_ctrl_c_gives_no_time(tmp_path: Path) -> None:
    program = _program(tmp_path, STUBBORN, stop_s=60)
    async with _running(program) as child:
        await _until(child, "running")
        await _line(program.log)
        stopping = asyncio.create_task(child.stop())
        await _until(child, "stopping")
        child.kill()

        async with asyncio.timeout(5):
            await stopping


async def test_what_a_killed_program_leaves_behind_is_ended(tmp_path: Path) -> None:
    program = _program(tmp_path, PARENT)
    async with _running(program) as child:
        pid = await _until(child, "running")
        grandchild = int(await _line(program.log))
        os.kill(pid, signal.SIGKILL)

        assert await asyncio.to_thread(wait_until_gone, [grandchild]) == []


async def test_a_refused_start_starts_nothing_and_is_tried_again(tmp_path: Path) -> None:
    verdicts = [ManifestMismatchError("model.safetensors has changed."), None]

    async def check() -> None:
        if verdict := verdicts.pop(0):
            raise verdict

    program = _program(tmp_path, SLEEP)
    refusing = Program(**{name: getattr(program, name) for name in Program.__slots__ if name != "check"}, check=check)
    async with _running(refusing) as child:
        await _until(child, "refused", other_than=-1)
        detail = child.state.detail
        assert not program.log.exists()
        await _until(child, "running")

    assert detail == "model.safetensors has changed."


async def test_a_program_that_says_so_is_not_started_again(tmp_path: Path) -> None:
    program = _program(tmp_path, "raise SystemExit(3)")
    final = Program(
        **{name: getattr(program, name) for name in Program.__slots__ if name != "final_codes"},
        final_codes={3: "the trail is quarantined"},
    )
    async with _running(final) as child:
        await _until(child, "refused", other_than=-1)
        await asyncio.sleep(0.1)

        assert child.state.detail == "the trail is quarantined"
        assert child.state.restarts == 0


async def test_a_program_that_is_missing_is_named_in_its_log(tmp_path: Path) -> None:
    program = _program(tmp_path, "")
    missing = Program(
        **{name: getattr(program, name) for name in Program.__slots__ if name != "command"},
        command=("/nonexistent/python",),
    )
    async with _running(missing):
        assert "/nonexistent/python cannot be executed" in await _line(program.log)


async def test_a_child_sees_only_its_own_environment_and_no_core_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.invalid")
    code = "import os, resource, time; print(sorted(os.environ), resource.getrlimit(resource.RLIMIT_CORE)); "
    program = _program(tmp_path, code + "import sys; sys.stdout.flush(); time.sleep(60)")
    async with _running(program):
        line = await _line(program.log)

    assert "HTTPS_PROXY" not in line
    assert line.endswith(("(0, 0)", "(1, 1)"))


async def test_a_child_has_a_session_of_its_own_so_ctrl_c_reaches_the_supervisor_alone(tmp_path: Path) -> None:
    async with _running(_program(tmp_path, SLEEP)) as child:
        pid = await _until(child, "running")

        assert os.getsid(pid) == pid != os.getsid(0)


def test_a_child_dies_with_its_supervisor() -> None:
    launch = [sys.executable, "-I", "-S", supervisor_launch.__file__]
    code = (
        "import os, subprocess, sys, time\n"
        f"child = subprocess.Popen([*{launch!r}, str(os.getpid()), '9', sys.executable, '-c', {SLEEP!r}])\n"
        "print(child.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as supervisor:
        assert supervisor.stdout is not None
        child = int(supervisor.stdout.readline())
        time.sleep(0.3)
        supervisor.kill()

        assert wait_until_gone([child]) == []


def test_a_child_whose_supervisor_is_already_gone_does_not_start() -> None:
    launch = [sys.executable, "-I", "-S", supervisor_launch.__file__, "1", "9", "/bin/echo", "started"]

    done = subprocess.run(launch, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (supervisor_launch.EXIT_ORPHANED, "")


def test_pauses_double_and_are_bounded_and_spread() -> None:
    def longest(low: float, high: float) -> float:
        assert low == high / 2
        return high

    pauses = [pause_s(crashes, chance=longest) for crashes in (1, 2, 3, 7, 1000)]

    assert pauses == [0.5, 1.0, 2.0, supervisor_child.LONGEST_PAUSE_S, supervisor_child.LONGEST_PAUSE_S]


def test_a_large_log_is_put_aside_at_the_next_start(tmp_path: Path) -> None:
    log = tmp_path / "gateway.log"
    with log.open("wb") as file:
        file.truncate(supervisor_child.LOG_BYTES + 1)

    put_aside(log)

    assert not log.exists()
    assert (tmp_path / "gateway.log.1").exists()


@pytest.mark.parametrize("size", [None, 10])
def test_a_small_or_missing_log_stays(tmp_path: Path, size: int | None) -> None:
    log = tmp_path / "gateway.log"
    if size:
        log.write_bytes(b"x" * size)

    put_aside(log)

    assert not (tmp_path / "gateway.log.1").exists()


class FastClock(Clock):
    """A clock on which every run of a program lasts a stable minute."""

    def monotonic_s(self) -> float:
        """Return a moment far behind the one before."""
        return time.monotonic() * 1_000_000


async def test_a_stable_minute_forgives_earlier_crashes(tmp_path: Path) -> None:
    child = Child(_program(tmp_path, "raise SystemExit(3)"), changed=lambda: None, clock=FastClock())
    child.crashes = 5
    task = asyncio.create_task(child.run())
    await _until(child, "waiting_to_restart", other_than=-1)
    await asyncio.sleep(0)

    assert child.crashes == 1
    assert child.state.detail == "ended with exit code 3"
    await child.stop()
    await task
