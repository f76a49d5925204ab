"""Keeps one program running: starts it, starts it again when it dies, stops it when told.

A crash is answered after a pause that doubles with each crash in a row and is spread by chance, so that a program
that cannot start does not eat the machine; a minute without a crash forgives.  Before each start the program's own
check runs; the engine's weighs every byte of the weights, and a check that refuses is tried again after the
pause, never skipped.  Children live in sessions of their own: Ctrl-C in a terminal reaches the supervisor alone.
"""

import asyncio
import contextlib
import os
import random
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from appliance.cli import supervisor_launch
from appliance.cli.supervisor_state import ProcessState, State
from appliance.clock import Clock
from appliance.errors import ApplianceError

FIRST_PAUSE_S = 0.5
"""Half a second: a recorder that was killed is back before a caller's own retry."""

LONGEST_PAUSE_S = 30.0
"""Half a minute: an operator who has mended the cause does not wait long."""

STABLE_S = 60.0
"""A minute without a crash counts as healthy."""

LOOK_EVERY_S = 0.1
"""How often a starting program is asked whether it listens."""

LOG_BYTES = 8 * 1024 * 1024
"""A log above this is put aside at the next start, and the one put aside before it goes."""

_log = structlog.get_logger("supervisor")


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What to run and how to treat it."""

    name: str
    command: tuple[str, ...]
    """First the program's absolute path.  No secret: every user of the machine can read it."""

    environment: Mapping[str, str]
    """All of it; nothing is inherited."""

    folder: Path
    """The working folder."""

    log: Path
    """Where its output goes."""

    is_listening: Callable[[], Awaitable[bool]]
    """Says whether its socket or port takes a connection."""

    check: Callable[[], Awaitable[None]]
    """Runs before each start; raises ApplianceError to refuse it."""

    stop_s: float
    """How long it may take to finish what is in flight before it is killed."""

    final_codes: Mapping[int, str] = field(default_factory=dict)
    """Exit codes after which it is not started again, each with a sentence that says why."""

    death_signal: signal.Signals = signal.SIGKILL
    """What it gets when the supervisor dies.  Every program survives SIGKILL without losing a record."""


def pause_s(crashes: int, *, chance: Callable[[float, float], float] = random.uniform) -> float:
    """Return how long to wait after so many crashes in a row: doubling, bounded, half of it by chance."""
    whole = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(crashes - 1, 16))
    return chance(whole / 2, whole)


class Child:
    """One program and its present process; owned by the supervisor's event loop."""

    def __init__(self, program: Program, *, changed: Callable[[], None], clock: Clock) -> None:
        """Take the program and what to call whenever its state changes."""
        self.program = program
        self.state = ProcessState()
        self.crashes = 0
        """Crashes and refusals in a row."""

        self._changed = changed
        self._clock = clock
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = asyncio.Event()
        self._killing = asyncio.Event()
        self._ended = asyncio.Event()

    async def run(self) -> None:
        """Keep the program running until `stop` is called."""
        try:
            while not self._stopping.is_set():
                began_s = self._clock.monotonic_s()
                why = await self._run_once()
                await self._pause(why, ran_s=self._clock.monotonic_s() - began_s)
        finally:
            self._enter("stopped")
            self._ended.set()

    async def stop(self) -> None:
        """Ask the program to finish, kill it after its time, return when it is gone.  `run` MUST have been called."""
        self._stopping.set()
        await self._ended.wait()

    def kill(self) -> None:
        """Give the program no time to finish."""
        self._killing.set()
        self._stopping.set()

    def replace(self) -> None:
        """Kill the present process, which answers nobody any more; `run` starts the next."""
        if self._process is not None:
            _signal_group(self._process.pid, signal.SIGKILL)

    def signal(self, number: signal.Signals) -> None:
        """Pass a signal on to the program, if it runs."""
        if self._process is not None:
            _signal(self._process.pid, number)

    async def _run_once(self) -> str:
        """Run one process to its end and return why it ended."""
        self._enter("starting")
        try:
            await self.program.check()
        except ApplianceError as error:
            self._enter("refused", detail=error.public)
            return error.code
        if self._stopping.is_set():
            return "stopping"
        self._process = process = await self._spawn()
        self._enter("starting", pid=process.pid)
        watch = asyncio.create_task(self._watch_start(process.pid))
        try:
            await _first(process.wait(), self._stopping.wait())
            if process.returncode is None:
                await self._end(process)
        finally:
            watch.cancel()
            self._process = None
        _signal_group(process.pid, signal.SIGKILL)  # what it left behind, as vLLM's core when its front is killed
        code = await process.wait()
        if code in self.program.final_codes:
            self._enter("refused", detail=self.program.final_codes[code])
            _log.critical("process_will_not_restart", process=self.program.name, reason=_why(code))
            await self._stopping.wait()
        elif not self._stopping.is_set():
            self._enter("waiting_to_restart", detail=_why(code))
        return _why(code)

    async def _pause(self, why: str, *, ran_s: float) -> None:
        if self._stopping.is_set():
            _log.info("process_stopped", process=self.program.name, reason=why)
            return
        self.crashes = 1 if ran_s >= STABLE_S else self.crashes + 1
        wait_s = pause_s(self.crashes)
        _log.warning("process_will_restart", process=self.program.name, reason=why, wait_s=round(wait_s, 2))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), wait_s)
        self.state = self.state.model_copy(update={"restarts": self.state.restarts + 1})

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        self._enter("stopping", pid=process.pid)
        _signal(process.pid, signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.program.stop_s):
                await _first(process.wait(), self._killing.wait())

    async def _spawn(self) -> asyncio.subprocess.Process:
        program = self.program
        put_aside(program.log)
        launch = (
            sys.executable,
            "-I",
            "-S",
            supervisor_launch.__file__,
            str(os.getpid()),
            str(int(program.death_signal)),
        )
        descriptor = os.open(program.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            process = await asyncio.create_subprocess_exec(
                *launch,
                *program.command,
                env=dict(program.environment),
                cwd=program.folder,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=descriptor,
                stderr=descriptor,
                start_new_session=True,
            )
        finally:
            os.close(descriptor)
        _log.info("process_started", process=program.name, pid=process.pid)
        return process

    async def _watch_start(self, pid: int) -> None:
        while not await self.program.is_listening():  # noqa: ASYNC110  # another process: nothing wakes us
            await asyncio.sleep(LOOK_EVERY_S)
        self._enter("running", pid=pid)

    def _enter(self, state: State, *, pid: int = 0, detail: str = "") -> None:
        since = self._clock.now().isoformat(timespec="seconds")
        self.state = ProcessState(pid=pid, state=state, since=since, restarts=self.state.restarts, detail=detail)
        self._changed()


def put_aside(log: Path) -> None:
    """Rename a log that has grown above its bound, in the place of the one renamed before."""
    with contextlib.suppress(FileNotFoundError):
        if log.stat().st_size > LOG_BYTES:
            log.replace(log.with_suffix(".log.1"))


async def _first(*waits: Coroutine[object, object, object]) -> None:
    """Return when one of the waits is over, and drop the others."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()


def _why(code: int) -> str:
    if code < 0:
        return f"ended by {signal.Signals(-code).name}"
    return f"ended with exit code {code}"


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _signal_group(leader: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, number)
