"""Whatever comes and goes in whatever order, the gate keeps its limits and loses nobody."""

import asyncio
import contextlib
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from appliance.admission.gate import AGEING_PER_S, Gate, Priority
from appliance.errors import DeadlineExceededError, TooBusyError
from tests.support.turned_clock import TurnedClock

CONCURRENCY = 2
QUEUE = 4
FAR_S = 1e9


class Request:
    """One request: it waits, holds its place until told to go, and notes what became of it."""

    def __init__(self, machine: "GateMachine", priority: Priority, deadline_s: float) -> None:
        self.priority = priority
        self.since_s = machine.clock.monotonic_s()
        self.state = "waiting"
        self.go = asyncio.Event()
        self.task = machine.loop.create_task(self.run(machine, deadline_s))

    async def run(self, machine: "GateMachine", deadline_s: float) -> None:
        """Live."""
        try:
            async with machine.gate.slot(self.priority, deadline_s):
                machine.granted(self)
                await self.go.wait()
            self.state = "done"
        except TooBusyError as error:
            self.state = "refused" if 1 <= error.retry_after_s <= 60 else "wrong retry"
        except DeadlineExceededError:
            self.state = "late"
        except asyncio.CancelledError:
            self.state = "gone"
            raise


class GateMachine(RuleBasedStateMachine):
    """Requests arrive, finish, are cancelled and run late; time passes."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.clock = TurnedClock()
        self.gate = Gate(concurrency=CONCURRENCY, queue=QUEUE, clock=self.clock)
        self.requests: list[Request] = []

    def run(self, seconds: float = 0.0) -> None:
        """Let the event loop work until nothing is left to do."""

        async def settle() -> None:
            await asyncio.sleep(seconds)
            for _ in range(6):
                await asyncio.sleep(0)

        self.loop.run_until_complete(settle())

    def of(self, state: str) -> list[Request]:
        """Return the requests in one state."""
        return [request for request in self.requests if request.state == state]

    def granted(self, request: Request) -> None:
        """Check that nobody was passed over who had the better claim."""
        now_s = self.clock.monotonic_s()
        waiting = [other for other in self.of("waiting") if other is not request and not other.task.cancelling()]
        earlier = [other for other in waiting if other.priority == request.priority]
        assert all(self.requests.index(other) > self.requests.index(request) for other in earlier), (
            "not first in, first out"
        )
        mine = request.priority - AGEING_PER_S * (now_s - request.since_s)
        assert all(mine <= other.priority - AGEING_PER_S * (now_s - other.since_s) + 1e-6 for other in waiting), (
            "passed over"
        )
        request.state = "running"

    @rule(priority=st.sampled_from(Priority), is_short=st.booleans())
    def arrive(self, priority: Priority, *, is_short: bool) -> None:
        """Let a request come, perhaps with hardly any time."""
        deadline_s = self.clock.monotonic_s() + 0.001 if is_short else FAR_S
        self.requests.append(Request(self, priority, deadline_s))
        self.run(0.003 if is_short else 0.0)

    @precondition(lambda self: self.of("running"))
    @rule(data=st.data())
    def finish(self, data: Any) -> None:
        """One that runs is done."""
        data.draw(st.sampled_from(self.of("running"))).go.set()
        self.run()

    @precondition(lambda self: self.of("waiting") or self.of("running"))
    @rule(data=st.data())
    def hang_up(self, data: Any) -> None:
        """Let a caller go, waiting or running."""
        data.draw(st.sampled_from(self.of("waiting") + self.of("running"))).task.cancel()
        self.run()

    @precondition(lambda self: self.of("waiting") and self.of("running"))
    @rule(data=st.data())
    def finish_and_hang_up_at_once(self, data: Any) -> None:
        """Let a place fall free while a waiter goes."""
        data.draw(st.sampled_from(self.of("running"))).go.set()
        data.draw(st.sampled_from(self.of("waiting"))).task.cancel()
        self.run()

    @rule(seconds=st.floats(0.1, 200))
    def time_passes(self, seconds: float) -> None:
        """Age those who wait."""
        self.clock.advance(seconds)

    @invariant()
    def limits_hold(self) -> None:
        """Compare what the gate counts with what there is."""
        assert len(self.of("running")) == self.gate.running <= CONCURRENCY
        assert len(self.of("waiting")) == self.gate.waiting <= QUEUE

    @invariant()
    def no_place_is_lost(self) -> None:
        """Nobody waits beside a free place."""
        assert not self.gate.waiting or self.gate.running == CONCURRENCY
        assert not self.of("wrong retry")

    def teardown(self) -> None:
        """Let everybody finish: nobody may be left waiting."""
        while running := self.of("running"):
            running[0].go.set()
            self.run()
        assert not self.of("waiting")
        assert (self.gate.running, self.gate.waiting) == (0, 0)
        for request in self.requests:
            with contextlib.suppress(asyncio.CancelledError):
                self.loop.run_until_complete(request.task)
        self.loop.close()


GateMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestGate = GateMachine.TestCase
