"""Whether the engine can generate now, as far as anybody can know: what its process does, and a canary completion.

``/health`` says 200 for an engine that cannot generate (seen live; also GHSA-4xqp), so only a token that came back
counts: a canary at start and every few seconds, unless real answers have just come.  A real failure asks for a canary
at once.  Three misses and the engine is down; a file then asks the supervisor to restart it.  Nothing here starts or
stops a process.

::

    async with Engine(client, state_file=config.engine_state, ...) as engine:
        engine.condition.is_ready
"""

import asyncio
import contextlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, Protocol, Self

from appliance.clock import Clock
from appliance.config import Config
from appliance.engine.client import Pulse
from appliance.errors import EngineError

State = Literal["ready", "engine_starting", "engine_down", "engine_full", "manifest_mismatch"]

LOOK_EVERY_S: Final = 0.25
"""How often the state file is looked at: one `stat` call."""

CANARY_EVERY_S: Final = 15.0
"""When no real answer came in between; a token costs the cpu profile about 60 ms."""

RETRY_AFTER_S: Final = 1.0
"""After a canary that failed: the engine may be in the middle of starting."""

MISSES: Final = 3
"""Canaries in a row that must fail before a running engine counts as down."""

UNHEALTHY_FILE: Final = "engine.unhealthy"
"""In the run folder: the gateway asks the supervisor to restart an engine that runs and cannot generate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineCondition:
    """What ``/readyz`` and the router are told."""

    state: State
    detail: str = ""
    """A sentence for the operator; no secrets, no request text."""

    @classmethod
    def ready(cls) -> Self:
        """Return the condition of an engine that has just generated."""
        return cls(state="ready", detail="The engine generates.")

    @classmethod
    def down(cls) -> Self:
        """Return the condition of an engine that has just failed a request."""
        return cls(state="engine_down", detail="The engine failed a request a moment ago.")

    @classmethod
    def full(cls) -> Self:
        """Return the condition of an engine that has no place for one more request."""
        return cls(state="engine_full", detail="Every place in the engine is taken.")

    @property
    def is_ready(self) -> bool:
        """Say whether requests may be sent."""
        return self.state == "ready"


class Canary(Protocol):
    """The part of `engine.client.EngineClient` that is needed here."""

    @property
    def pulse(self) -> Pulse:
        """Return what real traffic tells."""
        ...

    async def canary(self) -> None:
        """Generate one token.  Raises EngineError."""
        ...


@dataclass(frozen=True, slots=True)
class _Process:
    """What the supervisor's state file says (`config.engine_state`)."""

    state: str
    detail: str = ""
    pid: int = 0


_NO_PROCESS: Final = _Process("stopped", "Nothing has started the engine; 'appliance status' says how to.")
_EXTERNAL: Final = _Process("running", "External upstream.")


class Engine:
    """Watch the engine in the background; enter it to begin, leave it to end."""

    def __init__(
        self, client: Canary, *, state_file: Path, is_external: bool = False, clock: Clock | None = None
    ) -> None:
        """Take whom to ask for a token, and where the supervisor writes what the process does."""
        self._client = client
        self._state_file = state_file
        self._is_external = is_external
        self._clock = clock or Clock()
        self._process = _Process("stopped")
        self._stamp: tuple[int, int] | None = None
        self._misses = 0
        self._proven_s: float | None = None
        self._tried_s: float | None = None
        self._condition = EngineCondition(state="engine_starting", detail="The gateway has just started.")
        self._settled = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @classmethod
    def from_config(cls, client: Canary, config: Config) -> Self:
        """Construct from the settings."""
        return cls(client, state_file=config.engine_state, is_external=config.engine.upstream is not None)

    @property
    def condition(self) -> EngineCondition:
        """Return the last known condition."""
        return self._condition

    async def wait_ready(self, timeout_s: float) -> EngineCondition:
        """Wait until requests may be sent, or it is certain that they never may, and return the condition then."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(timeout_s, 0.0)):
                await self._settled.wait()
        return self._condition

    async def __aenter__(self) -> Self:
        """Begin to watch."""
        self._task = asyncio.create_task(self._watch())
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """End the watch."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _watch(self) -> None:
        while True:
            self._look()
            if self._process.state == "running" and self._is_canary_due():
                await self._try()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY_S):
                    await self._client.pulse.trouble.wait()
                    await asyncio.sleep(LOOK_EVERY_S)

    def _look(self) -> None:
        """Read the state file if it has changed."""
        try:
            status = self._state_file.stat()
        except OSError:
            stamp, process = None, _EXTERNAL if self._is_external else _NO_PROCESS
        else:
            stamp = (status.st_mtime_ns, status.st_ino)
            process = self._process if stamp == self._stamp else _read_process(self._state_file)
        self._stamp = stamp
        if process == self._process:
            return
        self._process = process
        self._misses, self._proven_s, self._tried_s = 0, None, None
        if process.state == "manifest_mismatch":
            self._become("manifest_mismatch", process.detail)
        elif process.state == "stopped":
            self._become("engine_down", process.detail or "The engine's process has stopped.")
        else:
            self._become("engine_starting", process.detail or "The engine is loading the model.")

    def _is_canary_due(self) -> bool:
        now = self._clock.monotonic_s()
        pulse = self._client.pulse
        if self._proven_s is None or self._misses or pulse.trouble.is_set():
            return self._tried_s is None or now - self._tried_s >= RETRY_AFTER_S
        return now - max(self._proven_s, pulse.answered_s or 0.0) >= CANARY_EVERY_S

    async def _try(self) -> None:
        """Send a canary and draw the conclusion."""
        self._client.pulse.trouble.clear()
        self._tried_s = self._clock.monotonic_s()
        try:
            await self._client.canary()
        except EngineError as error:
            self._missed(error)
        else:
            self._misses, self._proven_s = 0, self._clock.monotonic_s()
            self._become("ready", "The engine generates.")
            self._unhealthy.unlink(missing_ok=True)

    def _missed(self, error: EngineError) -> None:
        self._misses += 1
        if self._misses < MISSES:
            return
        was_ready = self._proven_s is not None
        self._proven_s = None
        self._become("engine_down", f"{self._misses} canary completions in a row failed: {error.code}.")
        if was_ready and not self._is_external:
            with contextlib.suppress(OSError):
                self._unhealthy.write_text(f"{self._process.pid}\n")

    @property
    def _unhealthy(self) -> Path:
        return self._state_file.parent / UNHEALTHY_FILE

    def _become(self, state: State, detail: str) -> None:
        self._condition = EngineCondition(state=state, detail=detail)
        if state in ("ready", "manifest_mismatch"):
            self._settled.set()
        else:
            self._settled.clear()


def _read_process(file: Path) -> _Process:
    """Read the state file; one that cannot be read says that the process is starting, and is read again."""
    try:
        stated = json.loads(file.read_bytes())
        return _Process(str(stated["state"]), str(stated.get("detail") or ""), int(stated.get("pid") or 0))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return _Process("starting", "The engine's state file cannot be read.")
