"""A place in the engine, or a place in the queue for one, or a quick no.

At most `concurrency` requests run and at most `queue` wait, so memory does not grow with the load.  A place that falls
free goes to the highest class; waiting counts, so that batch work is served too.  Nobody waits past the deadline, and
nobody waits for nothing: who cannot be served in time by recent experience is told at once when to come back.  When
the queue is full a higher class takes the place of the youngest of the lowest.
"""

import asyncio
import math
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

from appliance.clock import Clock
from appliance.errors import DeadlineExceededError, TooBusyError


class Priority(IntEnum):
    """Class of a request, from the task's policy; the number goes on to vLLM, where smaller runs first."""

    STAT = 0
    """Somebody is waiting at the bedside."""

    INTERACTIVE = 10
    """Somebody is waiting at a screen."""

    BATCH = 100
    """Nobody is waiting."""


AGEING_PER_S: Final = 1.5
"""Points of priority that a second of waiting is worth: batch overtakes new interactive work after a minute."""

SMOOTHING: Final = 0.2
"""Weight of the newest service time in the running mean: about the last ten requests count."""

FIRST_GUESS_S: Final = 5.0
"""Service time before any is known: a short draft on the cpu profile."""

LONGEST_RETRY_S: Final = 60
"""Nobody is sent away for longer; the load may well have gone by then."""


@dataclass(slots=True, kw_only=True, eq=False)
class _Waiter:
    """One request in the queue."""

    priority: Priority
    since_s: float
    turn: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def score(self, now_s: float) -> float:
        """Return the rank, lowest first."""
        return self.priority - AGEING_PER_S * (now_s - self.since_s)


class Place:
    """One place in the engine; held until its context ends, or given back before."""

    def __init__(self, give_back: Callable[[], None]) -> None:
        """Take what frees it."""
        self._free = give_back
        self._is_held = True

    @property
    def is_held(self) -> bool:
        """Say whether it is still taken."""
        return self._is_held

    def give_back(self) -> None:
        """Free it for the next in line; a second time does nothing."""
        if self._is_held:
            self._is_held = False
            self._free()


class Gate:
    """Hand out places.  Owned by one event loop; every method runs in it, so no lock is needed."""

    def __init__(self, *, concurrency: int, queue: int, clock: Clock | None = None) -> None:
        """Take how many may run, and how many may wait."""
        self._concurrency = concurrency
        self._queue = queue
        self._clock = clock or Clock()
        self._running = 0
        self._waiting: dict[Priority, deque[_Waiter]] = {priority: deque() for priority in Priority}
        self._mean_s: float | None = None

    @property
    def running(self) -> int:
        """Return how many places are taken."""
        return self._running

    @property
    def waiting(self) -> int:
        """Return how many requests wait."""
        return sum(len(line) for line in self._waiting.values())

    @asynccontextmanager
    async def slot(self, priority: Priority, deadline_s: float) -> AsyncIterator[Place]:
        """Hold a place while the context lasts or until it is given back; `deadline_s` is monotonic.

        Raises TooBusyError at once when there is no hope, DeadlineExceededError when the wait was in vain.
        """
        await self._enter(priority, deadline_s)
        began_s = self._clock.monotonic_s()
        place = Place(self._leave)
        try:
            yield place
        finally:
            if place.is_held:  # one given back early says nothing of how long an answer takes
                self._learn(self._clock.monotonic_s() - began_s)
            place.give_back()

    async def _enter(self, priority: Priority, deadline_s: float) -> None:
        left_s = deadline_s - self._clock.monotonic_s()
        if left_s <= 0:
            raise DeadlineExceededError
        if self._running < self._concurrency and not self.waiting:
            self._running += 1
            return
        waiter = self._queued(priority, left_s)
        try:
            async with asyncio.timeout(left_s):
                await waiter.turn
        except TimeoutError as error:
            self._give_up(waiter)
            raise DeadlineExceededError from error
        except BaseException:
            self._give_up(waiter)
            raise

    def _queued(self, priority: Priority, left_s: float) -> _Waiter:
        """Join the queue.  Raises TooBusyError."""
        ahead = sum(len(line) for other, line in self._waiting.items() if other <= priority)
        if self._mean_s is not None and self._wait_s(ahead) > left_s:
            raise TooBusyError(retry_after_s=self._retry_after_s())
        if self.waiting >= self._queue and not self._displace(priority):
            raise TooBusyError(retry_after_s=self._retry_after_s())
        waiter = _Waiter(priority=priority, since_s=self._clock.monotonic_s())
        self._waiting[priority].append(waiter)
        return waiter

    def _displace(self, priority: Priority) -> bool:
        """Send away the youngest of the lowest class below this one, if there is any."""
        lowest = max((other for other, line in self._waiting.items() if line), default=priority)
        if lowest <= priority:
            return False
        displaced = self._waiting[lowest].pop()
        displaced.turn.set_exception(TooBusyError(retry_after_s=self._retry_after_s()))
        return True

    def _give_up(self, waiter: _Waiter) -> None:
        """Leave no trace of a waiter that stopped waiting, whatever it had been given in the same moment."""
        line = self._waiting[waiter.priority]
        if waiter in line:
            line.remove(waiter)
        elif waiter.turn.done() and not waiter.turn.cancelled() and waiter.turn.exception() is None:
            self._leave()

    def _leave(self) -> None:
        """Hand the place to the next in line, or free it."""
        now_s = self._clock.monotonic_s()
        for line in self._waiting.values():
            while line and line[0].turn.done():
                line.popleft()
        heads = [line[0] for line in self._waiting.values() if line]
        if not heads:
            self._running -= 1
            return
        following = min(heads, key=lambda waiter: waiter.score(now_s))
        self._waiting[following.priority].popleft()
        following.turn.set_result(None)

    def _learn(self, service_s: float) -> None:
        mean_s = service_s if self._mean_s is None else self._mean_s
        self._mean_s = mean_s + SMOOTHING * (service_s - mean_s)

    def _wait_s(self, ahead: int) -> float:
        """Return how long one with so many ahead will wait, by recent experience."""
        mean_s = FIRST_GUESS_S if self._mean_s is None else self._mean_s
        return mean_s * (ahead + 1) / self._concurrency

    def _retry_after_s(self) -> int:
        return min(max(math.ceil(self._wait_s(self.waiting)), 1), LONGEST_RETRY_S)
