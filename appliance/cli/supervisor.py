"""Runs the five programs of one appliance as one: starts them in order, keeps them running, stops them in order.

1. recorder first: without it nothing may be answered; the engine beside it, because it takes longest;
2. broker, console, gateway once the recorder listens;
3. ready when all five listen and the gateway says so, which includes a real completion by the engine (its canary);
4. stop: gateway first, so that what is in flight finishes and is recorded; the recorder last.

The supervisor itself reads no patient data, opens no port and answers nobody.
"""

import asyncio
import json
import os
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import structlog

from appliance.auth.private_file import write_private
from appliance.cli import supervisor_state
from appliance.cli.supervisor_child import Child, Program
from appliance.cli.supervisor_probes import Readiness, read_readiness
from appliance.cli.supervisor_state import ProcessState, Running, State
from appliance.clock import Clock
from appliance.config import Config
from appliance.engine.condition import UNHEALTHY_FILE
from appliance.errors import UnavailableError

ASK_EVERY_S = 0.5
"""How often the gateway is asked whether it is ready."""

TRIES = 4
"""Crashes in a row, before the appliance was ever ready, that make the start fail."""

LAST_LINES = 15
"""Lines of the failing program's log that are shown."""

STOP_ORDER = ("gateway", "engine", "console", "broker", "recorder")
"""The gateway drains first; the recorder is the last that anybody needs."""

EngineState = Mapping[str, str | int]
"""Content of the engine's state file."""

EXTERNAL: EngineState = {"state": "running", "detail": "external upstream", "pid": 0, "since": ""}
"""What the state file says when another server stands in the engine's place; the canary tells the rest."""

_log = structlog.get_logger("supervisor")


class StartFailedError(UnavailableError):
    """Say which program kept the appliance from becoming ready, with the end of its log."""


class Supervisor:
    """One running appliance; owned by the event loop of `appliance up`."""

    def __init__(
        self, config: Config, programs: Mapping[str, Program], *, running: Running, announce: Callable[[str], None]
    ) -> None:
        """Take the programs by name, the addresses as they will be published, and whom to tell of progress."""
        self._config = config
        self._running = running
        self._announce = announce
        self._children = {
            name: Child(program, changed=self._publish, clock=Clock()) for name, program in programs.items()
        }
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._stop = asyncio.Event()
        self._terminal = _has_terminal()
        """SIGHUP asks for the policy to be read again, unless it says that the terminal we began on was closed."""

        self._engine_state: EngineState | None = None
        self._told: dict[str, ProcessState] = {}

    async def run(self, *, on_ready: Callable[[Running], None], within_s: float) -> None:
        """Run until told to stop.  Raises StartFailedError if the appliance is not ready in time."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._asked_to_stop)
        loop.add_signal_handler(signal.SIGHUP, self._hung_up)
        try:
            await self._start()
            if await self._become_ready(time.monotonic() + within_s):
                self._running = self._running.model_copy(update={"ready": True})
                self._publish()
                on_ready(self._running)
                await self._watch_engine()
        finally:
            await self._end()

    async def _start(self) -> None:
        self._launch("recorder")
        if "engine" in self._children:
            self._launch("engine")
        await self._until_listening("recorder")
        for name in ("broker", "console", "gateway"):
            self._launch(name)

    def _launch(self, name: str) -> None:
        self._tasks[name] = asyncio.create_task(self._children[name].run())

    async def _until_listening(self, name: str) -> None:
        while self._children[name].state.state != "running" and not self._stop.is_set():
            self._check_start()
            await asyncio.sleep(ASK_EVERY_S / 10)

    async def _become_ready(self, limit_s: float) -> bool:
        readiness = Readiness(ready=False, reasons=("starting",), body={})
        told: tuple[str, ...] = ()
        while not self._stop.is_set():
            self._check_start()
            if self._children["gateway"].state.state == "running":
                readiness = await asyncio.to_thread(read_readiness, self._running.url, self._running.ca)
            awaited = (*self._not_running(), *(() if readiness.ready else readiness.reasons))
            if not awaited:
                return True
            if awaited != told:
                told = awaited
                self._announce(f"{'waiting for':<11} {', '.join(told)}")
            if time.monotonic() > limit_s:
                raise StartFailedError(self._explain("gateway", f"is not ready in time: {', '.join(told)}"))
            await self._pause(ASK_EVERY_S)
        return False

    def _not_running(self) -> tuple[str, ...]:
        """Return what does not listen yet; the gateway can be ready without broker and console, an appliance cannot."""
        return tuple(name for name, child in self._children.items() if child.state.state != "running")

    def _check_start(self) -> None:
        for name, child in self._children.items():
            if child.state.state == "refused":
                raise StartFailedError(f"The {name} may not start: {child.state.detail}")
            if child.crashes >= TRIES:
                raise StartFailedError(self._explain(name, f"does not start: {child.state.detail}"))

    def _explain(self, name: str, what: str) -> str:
        log = self._children[name].program.log
        lines = log.read_text(errors="replace").splitlines()[-LAST_LINES:] if log.exists() else []
        return "\n".join([f"The {name} {what}. The end of {log}:", *(f"    {line}" for line in lines)])

    async def _watch_engine(self) -> None:
        """Replace an engine that runs and no longer answers, as the gateway's canary found, until told to stop."""
        unhealthy = self._config.run / UNHEALTHY_FILE
        while not self._stop.is_set():
            await self._pause(ASK_EVERY_S)
            engine = self._children.get("engine")
            if engine is not None and engine.state.pid and _read_number(unhealthy) == engine.state.pid:
                _log.error("engine_answers_nobody", pid=engine.state.pid)
                unhealthy.unlink(missing_ok=True)
                engine.replace()

    async def _pause(self, length_s: float) -> None:
        try:
            async with asyncio.timeout(length_s):
                await self._stop.wait()
        except TimeoutError:
            return

    async def _end(self) -> None:
        self._stop.set()
        for name in STOP_ORDER:
            if name in self._tasks:
                await self._children[name].stop()
                await self._tasks[name]

    def _asked_to_stop(self) -> None:
        if not self._stop.is_set():
            self._announce("stopping    what is in flight finishes first; press Ctrl-C again to kill")
            self._stop.set()
            return
        self._announce("killing     now")
        for child in self._children.values():
            child.kill()

    def _hung_up(self) -> None:
        if self._terminal and not _has_terminal():
            self._asked_to_stop()
            return
        _log.info("reload_passed_on")
        for name in ("gateway", "broker"):
            self._children[name].signal(signal.SIGHUP)

    def _publish(self) -> None:
        states = {name: child.state for name, child in self._children.items()}
        self._running = self._running.model_copy(update={"processes": states})
        supervisor_state.write(self._config, self._running)
        self._publish_engine()
        for name, state in states.items():
            if _line(name, state) != _line(name, self._told.get(name, ProcessState())):
                self._announce(_line(name, state))
        self._told = states

    def _publish_engine(self) -> None:
        state = engine_state(self._children["engine"].state) if "engine" in self._children else EXTERNAL
        if state != self._engine_state:
            self._engine_state = state
            write_private(self._config.engine_state, json.dumps(state).encode())


def engine_state(process: ProcessState) -> EngineState:
    """Return what the gateway is told about the engine's process (`config.Config.engine_state`)."""
    states: Mapping[State, str] = {"starting": "starting", "running": "running", "refused": "manifest_mismatch"}
    return {
        "state": states.get(process.state, "stopped"),
        "detail": process.detail,
        "pid": process.pid,
        "since": process.since,
    }


def _read_number(path: Path) -> int:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return 0


def _has_terminal() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY | os.O_CLOEXEC))
    except OSError:
        return False
    return True


def _line(name: str, state: ProcessState) -> str:
    where = f" (process {state.pid})" if state.pid else ""
    why = f": {state.detail}" if state.detail else ""
    return f"{name:<11} {state.state.replace('_', ' ')}{where}{why}"
