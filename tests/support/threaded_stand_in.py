"""A stand-in of a managed API in a thread of the test's own process, so that a synchronous test can look and script.

with threaded_stand_in(Service.ANTHROPIC_MESSAGES) as stand_in:
    stand_in.enqueue(Behaviour.OVERLOADED)
    ...
    assert b"Jane" not in stand_in.received[0].body
"""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from appliance.policy.register import Service
from tests.support.net_namespace import NetNamespace
from tests.support.stand_ins import StandIn

WITHIN_S = 20.0


@contextmanager
def threaded_stand_in(service: Service, *, namespace: NetNamespace | None = None, **settings: Any) -> Iterator[StandIn]:
    """Run one until the context ends, in this network namespace or in the test's own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=_run, args=(loop, namespace.enter if namespace else None), daemon=True)
    thread.start()
    running = StandIn.running(service, **settings)
    try:
        yield asyncio.run_coroutine_threadsafe(running.__aenter__(), loop).result(WITHIN_S)
    finally:
        asyncio.run_coroutine_threadsafe(running.__aexit__(None, None, None), loop).result(WITHIN_S)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(WITHIN_S)
        loop.close()


def _run(loop: asyncio.AbstractEventLoop, enter: Callable[[], None] | None) -> None:
    if enter is not None:
        enter()
    loop.run_forever()
