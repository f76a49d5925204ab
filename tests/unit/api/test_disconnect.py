import asyncio

import pytest

from appliance.api.disconnect import while_connected
from appliance.errors import CallerGoneError


class Caller:
    """A caller that stays until told to go."""

    def __init__(self) -> None:
        self._gone = asyncio.Event()

    async def receive(self) -> dict[str, object]:
        """Return the disconnect once the caller has gone."""
        await self._gone.wait()
        return {"type": "http.disconnect"}

    def go(self) -> None:
        """Hang up."""
        self._gone.set()


async def test_work_that_ends_is_returned() -> None:
    assert await while_connected(Caller().receive, asyncio.sleep(0, "done")) == "done"


async def test_an_error_of_the_work_is_raised_as_it_is() -> None:
    async def fail() -> None:
        raise LookupError

    with pytest.raises(LookupError):
        await while_connected(Caller().receive, fail())


async def test_work_for_a_caller_that_hangs_up_is_cancelled_and_cleans_up() -> None:
    caller, cleaned = Caller(), asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0)
            cleaned.set()

    asyncio.get_running_loop().call_later(0.01, caller.go)
    with pytest.raises(CallerGoneError):
        await while_connected(caller.receive, work())

    assert cleaned.is_set()
    current = asyncio.current_task()
    assert current is not None
    assert current.cancelling() == 0


async def test_a_cancellation_from_outside_stays_one() -> None:
    task = asyncio.create_task(while_connected(Caller().receive, asyncio.sleep(60)))
    await asyncio.sleep(0.01)

    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
