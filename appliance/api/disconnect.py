"""Stop work for a caller that has hung up.

Nobody reads the answer any more, so the model must not go on writing it: the work is cancelled, cleans up (and records
that it was cancelled), and CallerGoneError goes on to the log.  Costs one task a request.
"""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from starlette.types import Receive

from appliance.errors import CallerGoneError

Result = TypeVar("Result")


async def while_connected(receive: Receive, work: Awaitable[Result]) -> Result:
    """Return what the work returns, as long as the caller stays.  Raises CallerGoneError.

    The request's body MUST have been read: from then on the next ASGI message is the disconnect.
    """
    watch = _Watch(receive)
    try:
        return await work
    except asyncio.CancelledError as error:
        if watch.is_gone and watch.task.uncancel() == watch.cancelling:
            raise CallerGoneError from error
        raise
    finally:
        watch.stop()


class _Watch:
    """Cancels the task that made it when its caller hangs up, as `asyncio.timeout` does when time is over."""

    def __init__(self, receive: Receive) -> None:
        task = asyncio.current_task()
        if task is None:
            message = "while_connected needs a running task"
            raise RuntimeError(message)
        self.task = task
        self.cancelling = task.cancelling()
        """How often others had asked the task to end."""

        self.is_gone = False
        self._watcher = asyncio.get_running_loop().create_task(self._run(receive))

    def stop(self) -> None:
        self._watcher.cancel()

    async def _run(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self.is_gone = True
        self.task.cancel()
