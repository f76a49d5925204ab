"""Keep the guard's own process: start it, ask it, and start it again when it is dead, late or wrong.

The models run apart from the gateway, so that a crash in foreign code takes no request with it, their memory is no part
of the gateway's, and a text that makes them hang is one text.  Every failure raises PhiGuardUnavailableError and
nothing is found "instead": there is no answer with less than all parts.  No text stands in an argument, a title, an
environment or an error.  The process has one pipe in and one out, and no socket beside them.
"""

import asyncio
import contextlib
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from appliance.errors import PhiGuardUnavailableError
from appliance.phi.findings import Finding
from appliance.phi.frames import frame, from_wire, receive_frame, site_to_wire
from appliance.phi.settings import Site

START_S = 60.0
"""Loading takes 2 s on an idle machine, and far longer on one that is booting everything at once."""

ANSWER_S = 30.0
"""A chart of a million characters takes 20 s."""

END_S = 1.0
"""For a process to end when its input has ended; one that is busy with a text is killed then."""

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0
"""Before a dead process is started again; doubled each time until one answers."""

COMMAND = (sys.executable, "-m", "appliance.phi.worker_process")
"""Started with the models' folder as its only argument."""

FIXED = {"OMP_NUM_THREADS": "1", "ORT_DISABLE_TELEMETRY": "1"}
"""One core, and no reports to the runtime's maker (`names.runtime`)."""

_PASSED_ON = ("PATH", "LANG", "LC_ALL", "PYTHONPATH", "VIRTUAL_ENV", "TZ")
"""Of the environment the process needs no more, and what it does not have it cannot leak."""


class WorkerState(StrEnum):
    """What the guard's process is doing, for readiness and the doctor."""

    STOPPED = "stopped"
    STARTING = "starting"
    READY = "ready"
    PAUSED = "paused"
    """It failed, and is started again in a moment."""


@dataclass(slots=True)
class _Life:
    """One process, from its start to its end; owned by the supervising task."""

    process: Process
    waiting: dict[int, asyncio.Future[Mapping[str, object]]]
    """Requests that have no answer yet, by their number."""

    last: int = 0


class GuardWorker:
    """Hold the guard's process; used by one event loop."""

    def __init__(self, models: Path, *, site: Site, command: Sequence[str] = COMMAND, start_s: float = START_S) -> None:
        """Take the models' folder and the site's list; nothing starts before `running`."""
        self._start_s = start_s
        self.state = WorkerState.STOPPED
        self.failure = ""
        """Why the process was started again the last time, without any text."""

        self._command = (*command, str(models))
        self._site = site
        self._life: _Life | None = None
        self._ending: asyncio.Task[None] | None = None
        """Sees the last process to its end, also while the supervisor is being cancelled."""

        self._changed = asyncio.Condition()
        self._pause_s = FIRST_PAUSE_S

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Keep the process running inside; it starts in the background."""
        await self._become(WorkerState.STARTING)
        supervisor = asyncio.create_task(self._supervise(), name="guard-worker")
        try:
            yield
        finally:
            supervisor.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await supervisor
            if self._ending is not None:
                await self._ending
            await self._become(WorkerState.STOPPED)

    async def use(self, site: Site) -> None:
        """Use this site's list from now on.  Raises PhiGuardUnavailableError."""
        if site != self._site:
            self._site = site
            await self._ask({"site": site_to_wire(site)}, timeout_s=ANSWER_S)

    async def find(self, texts: Sequence[str], *, timeout_s: float = ANSWER_S) -> list[tuple[Finding, ...]]:
        """Return the findings of each text, in order.  Raises PhiGuardUnavailableError."""
        if not texts:
            return []
        answer = await self._ask({"texts": list(texts)}, timeout_s=timeout_s)
        try:
            return _checked(texts, answer)
        except PhiGuardUnavailableError as error:
            self._end_life(error.detail)
            raise

    async def _ask(self, request: Mapping[str, object], *, timeout_s: float) -> Mapping[str, object]:
        try:
            async with asyncio.timeout(timeout_s):
                return await self._exchange(await self._ready(), request)
        except TimeoutError as error:
            if self.state is WorkerState.READY:
                self._end_life("the guard's process gave no answer in time")
            raise PhiGuardUnavailableError(detail=self.failure or "the guard's process is not ready") from error
        except OSError as error:
            raise PhiGuardUnavailableError(detail="the guard's process has ended") from error

    async def _ready(self) -> _Life:
        """Wait for the process.  Raises PhiGuardUnavailableError at once if none is on its way."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.state is not WorkerState.STARTING)
        if self._life is None or self.state is not WorkerState.READY:
            raise PhiGuardUnavailableError(detail=self.failure or "the guard's process is not running")
        return self._life

    async def _exchange(self, life: _Life, request: Mapping[str, object]) -> Mapping[str, object]:
        assert life.process.stdin is not None  # noqa: S101 - made with a pipe
        life.last += 1
        number = life.last
        answer: asyncio.Future[Mapping[str, object]] = asyncio.get_running_loop().create_future()
        life.waiting[number] = answer
        try:
            life.process.stdin.write(frame({"id": number, **request}))
            await life.process.stdin.drain()
            return await answer
        finally:
            life.waiting.pop(number, None)

    async def _supervise(self) -> None:
        while True:
            await self._become(WorkerState.STARTING)
            await self._live()
            await asyncio.sleep(self._pause_s)
            self._pause_s = min(self._pause_s * 2, LONGEST_PAUSE_S)

    async def _live(self) -> None:
        """Start a process and pass on its answers until it ends."""
        environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ} | FIXED
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env=environment
            )
        except OSError as error:
            self.failure = f"the guard's process cannot be started: {type(error).__name__}"
            await self._become(WorkerState.PAUSED)
            return
        life = self._life = _Life(process, {})
        greeting = asyncio.create_task(self._greet(life), name="guard-worker-greeting")
        try:
            await self._pass_on(life)
        except PhiGuardUnavailableError as error:
            self.failure = self.failure or error.detail
        finally:
            self._life = None
            await self._become(WorkerState.PAUSED)
            greeting.cancel()
            _fail(life, self.failure)
            self._ending = asyncio.create_task(_end(process), name="guard-worker-end")
            await asyncio.shield(self._ending)

    async def _greet(self, life: _Life) -> None:
        """Bring the site's list, which loads the models, and say when the process is ready."""
        self.failure = ""
        try:
            async with asyncio.timeout(self._start_s):
                await self._exchange(life, {"site": site_to_wire(self._site)})
        except (TimeoutError, OSError, PhiGuardUnavailableError):
            self._end_life("the guard's process did not get ready")
            return
        await self._become(WorkerState.READY)

    async def _pass_on(self, life: _Life) -> None:
        assert life.process.stdout is not None  # noqa: S101 - made with a pipe
        while True:
            answer = await receive_frame(life.process.stdout)
            if isinstance(error := answer.get("error"), str):
                raise PhiGuardUnavailableError(detail=error)
            waiting = life.waiting.get(number) if isinstance(number := answer.get("id"), int) else None
            if waiting is not None and not waiting.done():
                waiting.set_result(answer)
                self._pause_s = FIRST_PAUSE_S if "found" in answer else self._pause_s

    def _end_life(self, why: str) -> None:
        self.failure = self.failure or why
        if self._life is not None and self._life.process.returncode is None:
            self._life.process.kill()

    async def _become(self, state: WorkerState) -> None:
        async with self._changed:
            self.state = state
            self._changed.notify_all()


def _checked(texts: Sequence[str], answer: Mapping[str, object]) -> list[tuple[Finding, ...]]:
    """Return the findings if each lies in its text.  Raises PhiGuardUnavailableError."""
    found = from_wire(answer.get("found"))
    if len(found) != len(texts):
        raise PhiGuardUnavailableError(detail="the guard's process answered for another number of texts")
    for text, findings in zip(texts, found, strict=True):
        if not all(0 <= each.start < each.end <= len(text) for each in findings):
            raise PhiGuardUnavailableError(detail="the guard's process named a place that no text has")
    return found


def _fail(life: _Life, why: str) -> None:
    for waiting in life.waiting.values():
        if not waiting.done():
            waiting.set_exception(PhiGuardUnavailableError(detail=why))
            # Nobody may be waiting any more, and then nobody need be told.
            waiting.exception()


async def _end(process: Process) -> None:
    """Let the process end at the end of its input, kill it if it does not, and wait until it is gone."""
    assert process.stdin is not None  # noqa: S101 - made with a pipe
    process.stdin.close()
    try:
        async with asyncio.timeout(END_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
