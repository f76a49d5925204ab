import asyncio
from contextlib import AsyncExitStack

import pytest

from appliance.admission.gate import LONGEST_RETRY_S, Gate, Priority
from appliance.errors import DeadlineExceededError, TooBusyError
from tests.support.turned_clock import TurnedClock

FAR_S = 1_000_000.0


class Request:
    """One request that holds its place until it is told to go."""

    def __init__(self, gate: Gate, priority: Priority, deadline_s: float = FAR_S) -> None:
        self.is_in = False
        self._go = asyncio.Event()
        self.task = asyncio.create_task(self._run(gate, priority, deadline_s))

    async def _run(self, gate: Gate, priority: Priority, deadline_s: float) -> None:
        async with gate.slot(priority, deadline_s):
            self.is_in = True
            await self._go.wait()

    async def finish(self) -> None:
        """Leave the place."""
        self._go.set()
        await self.task
        await settle()


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def asked(gate: Gate, *priorities: Priority) -> list[Request]:
    requests = []
    for priority in priorities:
        requests.append(Request(gate, priority))
        await settle()
    return requests


async def done(*requests: Request) -> None:
    for request in requests:
        request.task.cancel()
    await asyncio.gather(*(request.task for request in requests), return_exceptions=True)


async def test_no_more_run_than_there_are_places() -> None:
    gate = Gate(concurrency=2, queue=5)

    requests = await asked(gate, *[Priority.INTERACTIVE] * 5)

    assert [request.is_in for request in requests] == [True, True, False, False, False]
    assert (gate.running, gate.waiting) == (2, 3)
    await done(*requests)
    assert (gate.running, gate.waiting) == (0, 0)


async def test_a_freed_place_goes_to_the_first_of_the_highest_class() -> None:
    gate = Gate(concurrency=1, queue=5, clock=TurnedClock())
    first, batch, early, late, stat = await asked(
        gate, Priority.BATCH, Priority.BATCH, Priority.INTERACTIVE, Priority.INTERACTIVE, Priority.STAT
    )

    order = []
    for running in (first, stat, early, late):
        await running.finish()
        order += [name for name, r in (("stat", stat), ("early", early), ("late", late), ("batch", batch)) if r.is_in]
    await batch.finish()

    assert list(dict.fromkeys(order)) == ["stat", "early", "late", "batch"]


async def test_batch_work_that_has_waited_long_goes_before_new_interactive_work() -> None:
    clock = TurnedClock()
    gate = Gate(concurrency=1, queue=5, clock=clock)
    running, batch = await asked(gate, Priority.INTERACTIVE, Priority.BATCH)
    clock.advance(61)
    (fresh,) = await asked(gate, Priority.INTERACTIVE)

    await running.finish()

    assert (batch.is_in, fresh.is_in) == (True, False)
    await done(batch, fresh)


async def test_a_full_queue_says_when_to_come_back() -> None:
    clock = TurnedClock()
    gate = Gate(concurrency=1, queue=1, clock=clock)
    requests = await asked(gate, Priority.INTERACTIVE, Priority.INTERACTIVE)

    with pytest.raises(TooBusyError) as unknown:
        await gate.slot(Priority.INTERACTIVE, FAR_S).__aenter__()
    clock.advance(20)
    await requests[0].finish()
    (third,) = await asked(gate, Priority.INTERACTIVE)
    with pytest.raises(TooBusyError) as known:
        await gate.slot(Priority.INTERACTIVE, FAR_S).__aenter__()

    assert (unknown.value.retry_after_s, known.value.retry_after_s) == (10, 40)
    assert known.value.retry_after_s <= LONGEST_RETRY_S
    await done(requests[1], third)


async def test_with_no_queue_at_all_the_gate_still_serves() -> None:
    gate = Gate(concurrency=1, queue=0)
    (request,) = await asked(gate, Priority.STAT)

    with pytest.raises(TooBusyError):
        await gate.slot(Priority.STAT, FAR_S).__aenter__()

    assert request.is_in
    await request.finish()


async def test_urgent_work_takes_the_place_of_the_youngest_batch_work_in_a_full_queue() -> None:
    gate = Gate(concurrency=1, queue=2)
    running, old, young = await asked(gate, Priority.STAT, Priority.BATCH, Priority.BATCH)

    (urgent,) = await asked(gate, Priority.STAT)

    assert young.task.done()
    assert isinstance(young.task.exception(), TooBusyError)
    assert not old.task.done()
    assert gate.waiting == 2
    await done(running, old, urgent)


async def test_who_cannot_be_served_in_time_is_told_at_once() -> None:
    clock = TurnedClock()
    gate = Gate(concurrency=1, queue=10, clock=clock)
    first, second = await asked(gate, Priority.INTERACTIVE, Priority.INTERACTIVE)
    clock.advance(30)
    await first.finish()

    with pytest.raises(TooBusyError):
        await gate.slot(Priority.INTERACTIVE, clock.monotonic_s() + 20).__aenter__()

    await done(second)


async def test_nobody_waits_past_the_deadline() -> None:
    clock = TurnedClock()
    gate = Gate(concurrency=1, queue=10, clock=clock)
    (running,) = await asked(gate, Priority.INTERACTIVE)

    with pytest.raises(DeadlineExceededError):
        await gate.slot(Priority.INTERACTIVE, clock.monotonic_s() + 0.02).__aenter__()
    with pytest.raises(DeadlineExceededError):
        await gate.slot(Priority.INTERACTIVE, clock.monotonic_s()).__aenter__()

    assert gate.waiting == 0
    await running.finish()
    assert gate.running == 0


async def test_a_waiter_that_is_cancelled_leaves_no_trace() -> None:
    gate = Gate(concurrency=1, queue=10)
    running, gone, waiting = await asked(gate, *[Priority.INTERACTIVE] * 3)

    await done(gone)
    await running.finish()

    assert waiting.is_in
    await waiting.finish()
    assert (gate.running, gate.waiting) == (0, 0)


async def test_a_waiter_cancelled_in_the_moment_of_its_turn_hands_the_place_on() -> None:
    gate = Gate(concurrency=1, queue=10)
    running, gone, waiting = await asked(gate, *[Priority.INTERACTIVE] * 3)

    running.task.cancel()
    await asyncio.sleep(0)  # the place is handed to `gone`, which has not run yet
    gone.task.cancel()
    await settle()

    assert waiting.is_in
    await waiting.finish()
    assert (gate.running, gate.waiting) == (0, 0)
    await done(running, gone)


async def test_a_place_may_be_left_in_another_task_than_it_was_entered_in() -> None:
    gate = Gate(concurrency=1, queue=1)
    stack = AsyncExitStack()

    await asyncio.create_task(stack.enter_async_context(gate.slot(Priority.STAT, FAR_S)))
    await asyncio.create_task(stack.aclose())

    assert gate.running == 0


async def test_a_request_that_fails_frees_its_place() -> None:
    gate = Gate(concurrency=1, queue=1)

    with pytest.raises(KeyError):
        async with gate.slot(Priority.STAT, FAR_S):
            raise KeyError

    assert gate.running == 0
