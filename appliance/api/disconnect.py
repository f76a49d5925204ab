"""Stop work for a caller that has hung up.

Nobody reads the answer any more, so the model must not go on writing it: leaving `while_connected` early cancels the
work, waits until it has cleaned up (and recorded that it was cancelled), and raises CallerGoneError.
"""

import asyncio
from collections.abc import Coroutine
from typing import TypeVar

from starlette.types import Receive

from appliance.errors import CallerGoneError

Result = TypeVar("Result")


async def while_connected(receive: Receive, work: Coroutine[object, object, Result]) -> Result:
    """Return what the work returns, as long as the caller stays.  Raises CallerGoneError.

    The request's body MUST have been read: from then on the next ASGI message is the disconnect.
    """
    task = asyncio.create_task(work)
    watch = asyncio.create_task(_until_gone(receive))
    try:
        await asyncio.wait({task, watch}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise CallerGoneError
        return task.result()
    finally:
        watch.cancel()
        task.cancel()  # nothing happens to a task that is done
        await asyncio.wait({task, watch})
        if not task.cancelled():
            task.exception()  # read, so that the loop does not report what nobody is there to hear


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
