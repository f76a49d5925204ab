"""Runs vLLM at a site: ``python -m appliance.engine.sentinel --home HOME``, as systemd's main process of the engine.

vLLM's own "started" and ``/health`` do not mean that it can generate (seen live; GHSA-4xqp), so this process stands
between it and systemd and counts nothing but a token that came back over the socket::

    weigh the weights -> start vLLM -> first canary: open the socket to the gateway, READY=1 -> a canary, WATCHDOG=1 ...
    vLLM ends, or three canaries in a row fail: kill what is left and end with 1, and systemd starts anew
    SIGTERM: pass it on, wait until vLLM has finished what is in flight, and end with 0

It never listens, never sees a request, and tells the gateway what it does in ``engine.json`` as the supervisor of the
embedded default does.  Nobody but this user can reach an engine that has not generated yet.

Exit codes: 0 stopped as asked; 1 vLLM ended or generates no more; 2 cannot start (the log says what to do).
"""

import argparse
import asyncio
import contextlib
import json
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import structlog

from appliance.config import Config, load_config, make_private
from appliance.durable_file import write_durably
from appliance.engine import process
from appliance.engine.client import EngineClient
from appliance.engine.profiles import DRAIN_S
from appliance.errors import ApplianceError, ConfigError, EngineError, ManifestMismatchError
from appliance.held_loggers import LibraryMessages, hold_loggers
from appliance.models.verify import verify
from audit.hardening import harden
from audit.service_notice import READY, STOPPING, WATCHDOG, notify, status, watchdog_limit_s

EXIT_FAULT: Final = 1
"""vLLM ended by itself, or was ended because it generates no more."""

EXIT_CANNOT_START: Final = 2
"""Settings, weights or folders cannot be used."""

MISSES: Final = 3
"""Canaries in a row that must fail before a running engine is ended; the gateway counts the same."""

PINGS_PER_LIMIT: Final = 4.0
"""Canaries in one watchdog limit, at least: one that waits behind a full batch and one that fails are no death."""

SOCKET_MODE: Final = 0o660
"""For this user and for the group that the gateway is in."""

STATE_MODE: Final = 0o640
"""The gateway reads the state through its group; it holds no request."""

CLOSE_S: Final = 20.0
"""Beyond vLLM's own drain: its processes end one after the other."""

State = Literal["starting", "running", "stopped", "manifest_mismatch"]
"""What `engine.condition` reads in the state file."""

_log = structlog.get_logger("engine")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How often a canary is sent."""

    starting_s: float = 0.5
    """While vLLM loads: it is in service half a second after it can be."""

    running_s: float = 15.0
    """A token costs the cpu profile about 60 ms."""

    missed_s: float = 5.0
    """After a miss: a hiccup is over by then, and a dead engine is replaced within half a minute."""

    drain_s: float = DRAIN_S + CLOSE_S
    """How long vLLM may take to end after SIGTERM before it is killed."""

    def for_watchdog(self, limit_s: float | None) -> float:
        """Return the time between two canaries of a running engine that satisfies systemd's limit."""
        return self.running_s if limit_s is None else min(self.running_s, limit_s / PINGS_PER_LIMIT)


DEFAULT_PACE: Final = Pace()
"""What a site runs with."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line, run until told to stop or until vLLM fails, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m appliance.engine.sentinel", description="Run vLLM at a site.")
    parser.add_argument("--home", type=Path, required=True, help="folder with all state of this appliance")
    options = parser.parse_args(arguments)
    _write_json_lines()
    try:
        config = load_config(options.home)
        prepare(config)
        return asyncio.run(_run(config))
    except ApplianceError as error:
        _log.critical("engine_cannot_start", code=error.code, reason=error.public)
        notify(status(error.public))
        return EXIT_CANNOT_START


def prepare(config: Config) -> None:
    """Make vLLM's folder, weigh the weights and remove an old socket, over which vLLM cannot bind.

    Raises ManifestMismatchError naming the file that differs, and ConfigError for what the operator must mend.
    SIGTERM still has its default effect here: nothing runs yet, and weighing 40 GB is not worth waiting for.
    """
    if config.engine.upstream is not None:
        raise ConfigError("engine.upstream is set, so no engine of ours runs; remove it, or disable appliance-engine.")
    if not os.access(config.engine.python, os.X_OK):
        raise ConfigError(f"{config.engine.python} is no program that this user can run; install the engine again.")
    try:
        make_private(config.engine_home)
        if config.site is None:
            make_private(config.run)
        tell(config, "starting", "The weights are being compared with their manifest.")
        verify(config.engine.model)
        config.engine_socket.unlink(missing_ok=True)
    except ManifestMismatchError as error:
        tell(config, "manifest_mismatch", error.public)
        raise
    except OSError as error:
        reason = f"{error.filename}: {error.strerror}; give this user its folders as the installer makes them."
        raise ConfigError(reason) from error


def tell(config: Config, state: State, detail: str, *, pid: int = 0) -> None:
    """Replace the state file, and show the same sentence in `systemctl status`."""
    content = json.dumps({"state": state, "detail": detail, "pid": pid}).encode()
    write_durably(config.engine_state, content, mode=STATE_MODE)
    notify(status(detail))


class Sentinel:
    """Watch one vLLM from its start to its end.  Owned by one event loop."""

    def __init__(self, config: Config, *, canary: Callable[[], Awaitable[None]], pace: Pace = DEFAULT_PACE) -> None:
        """Take the settings, and what generates one token or raises EngineError.  `prepare` MUST have been called."""
        self._config = config
        self._canary = canary
        self._pace = pace
        self._stop = asyncio.Event()

    def stop(self) -> None:
        """Have vLLM finish what is in flight and end."""
        self._stop.set()

    async def run(self) -> int:
        """Start vLLM, wait for whatever ends it, and return the exit code."""
        tell(self._config, "starting", "The engine is loading the model.")
        child = await self._start()
        failing = asyncio.create_task(self._until_it_fails(child.pid))
        endings = {asyncio.create_task(child.wait()), asyncio.create_task(self._stop.wait()), failing}
        try:
            await asyncio.wait(endings, return_when=asyncio.FIRST_COMPLETED)
            if failing.done():
                failing.result()  # a fault of ours is no miss of the engine's
            return await self._end(child)
        finally:
            for ending in endings:
                ending.cancel()
            await asyncio.wait(endings)
            _kill_group(child.pid)  # also what it left behind: its core outlives a front that was killed
            await child.wait()

    async def _start(self) -> Process:
        config = self._config
        child = await asyncio.create_subprocess_exec(
            *process.command(config.engine, config.engine_socket),
            env=process.environment(config),
            cwd=config.engine_home,
            stdin=DEVNULL,
            umask=process.UMASK,
            start_new_session=True,
        )
        _log.info("engine_started", pid=child.pid)
        return child

    async def _until_it_fails(self, pid: int) -> None:
        """Return when an engine that has generated does so no more."""
        while not await self._generates():  # noqa: ASYNC110  # another process: nothing wakes us
            await asyncio.sleep(self._pace.starting_s)
        self._open(pid)
        every_s = self._pace.for_watchdog(watchdog_limit_s())
        misses = 0
        while misses < MISSES:
            await asyncio.sleep(self._pace.missed_s if misses else every_s)
            if await self._generates():
                misses = 0
                notify(WATCHDOG)
            else:
                misses += 1
                _log.warning("canary_missed", misses=misses)

    async def _generates(self) -> bool:
        try:
            await self._canary()
        except EngineError:
            return False
        return True

    def _open(self, pid: int) -> None:
        """Let the gateway in, and tell everybody that the engine generates."""
        self._config.engine_socket.chmod(SOCKET_MODE)
        tell(self._config, "running", "The engine generates.", pid=pid)
        notify(READY)
        _log.info("engine_ready", pid=pid)

    async def _end(self, child: Process) -> int:
        if child.returncode is not None:
            return self._fail(f"vLLM ended with exit code {child.returncode}; its last lines above say why.")
        if not self._stop.is_set():
            return self._fail(f"{MISSES} canary completions in a row failed; the engine is ended and started again.")
        notify(STOPPING)
        tell(self._config, "stopped", "The engine finishes what is in flight and ends.")
        with contextlib.suppress(ProcessLookupError):  # it may have ended this very moment
            child.terminate()
        try:
            await asyncio.wait_for(child.wait(), self._pace.drain_s)
        except TimeoutError:
            return self._fail(f"vLLM did not end within {self._pace.drain_s:.0f} seconds and was killed.")
        _log.info("engine_stopped", code=child.returncode)
        return 0

    def _fail(self, reason: str) -> int:
        _log.critical("engine_failed", reason=reason)
        tell(self._config, "stopped", reason)
        return EXIT_FAULT


async def _run(config: Config) -> int:
    client = EngineClient.from_config(config)
    sentinel = Sentinel(config, canary=client.canary)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, sentinel.stop)
    try:
        return await sentinel.run()
    finally:
        await client.aclose()


def _kill_group(leader: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)


def _write_json_lines() -> None:
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(sort_keys=True),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )


if __name__ == "__main__":
    harden()
    hold_loggers(LibraryMessages())
    sys.exit(main())
