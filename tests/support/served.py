"""A recorder served inside the test's own event loop, for what a child process would make slow or unseen."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from sqlite3 import Connection

import structlog
from structlog.testing import LogCapture

from audit.log import Clocks, Log
from audit.log.reserve import Reserve
from audit.recorder.client import RecorderClient
from audit.recorder.committer import Committer
from audit.recorder.months import Months
from audit.recorder.peers import Peers
from audit.recorder.server import Server
from audit.recorder.service import Service
from audit.witness import Publisher
from tests.support.trails import TurnedClock, new_trail


@dataclass
class Served:
    """What a test may touch of a running recorder."""

    client: RecorderClient
    server: Server
    clock: TurnedClock
    socket: Path
    lines: LogCapture
    deaths: list[str]
    """One entry when the writer thread has ended by itself."""


@asynccontextmanager
async def served(
    folder: Path,
    *,
    factory: type[Connection] = Connection,
    publisher: Publisher | None = None,
    reserve: Reserve | None = None,
    peers: Peers | None = None,
) -> AsyncIterator[Served]:
    """Serve a new trail until the block ends, and drain it."""
    trail, clock = new_trail(folder), TurnedClock()
    clocks = Clocks(now_ms=lambda: clock.time_ms, monotonic_s=time.monotonic)
    log = Log.open(trail, clocks=clocks, factory=factory, publisher=publisher)
    lines = LogCapture()
    deaths: list[str] = []
    committer = Committer(log, on_death=lambda: deaths.append("writer"), look=reserve.look if reserve else None)
    service = Service(log, committer=committer, months=Months(trail), clocks=clocks, reserve=reserve)
    logger = structlog.wrap_logger(
        None, processors=[lines], wrapper_class=structlog.make_filtering_bound_logger("info")
    )
    server = Server(service, committer=committer, logger=logger, peers=peers)
    committer.on_progress = server.regulate
    socket = folder / "recorder.sock"
    await server.listen(socket)
    committer.start()
    client = RecorderClient(socket)
    try:
        yield Served(client=client, server=server, clock=clock, socket=socket, lines=lines, deaths=deaths)
    finally:
        await client.aclose()
        await server.drain()
