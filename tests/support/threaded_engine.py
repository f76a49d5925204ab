"""A replay engine in a thread of the test's own process, so that a synchronous test can script its answers.

with threaded_engine(tmp_path) as engine, running_appliance(tmp_path, upstream=engine.url) as appliance:
    engine.enqueue(Reply(text="...", fault=Fault.TRUNCATED, after=3))
"""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.replay_engine import ReplayEngine


@contextmanager
def threaded_engine(folder: Path) -> Iterator[ReplayEngine]:
    """Run the engine until the context ends; its script may be filled from any thread."""
    engine = ReplayEngine(uds=folder / "engine.sock", spares_canaries=True)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    asyncio.run_coroutine_threadsafe(engine.start(), loop).result(10)
    try:
        yield engine
    finally:
        asyncio.run_coroutine_threadsafe(engine.stop(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
