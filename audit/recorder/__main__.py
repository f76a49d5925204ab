"""Run the recorder: ``python -m audit.recorder --home HOME [--run RUN] [--witness FILE]``.

It holds the trail's only writer.  It never reads the custodian's folder and never opens a network socket.  On SIGTERM
or SIGINT it drains: what was read is written and answered, the head is signed, and then it ends.

Exit codes: 0 stopped as asked; 1 a fault of ours; 2 cannot start (keys, database, lock or socket; the log says what to
do); 3 quarantined: the database is not the one that was signed, and a person must look before it is started again.
"""

import argparse
import asyncio
import contextlib
import os
import signal
import sys
import time
from pathlib import Path

import structlog
import uvloop
from structlog.typing import FilteringBoundLogger

from audit.errors import AuditError, VerificationError
from audit.keyring import Trail
from audit.log import Clocks, Log
from audit.recorder.committer import Committer
from audit.recorder.months import Months
from audit.recorder.server import Server
from audit.recorder.service import Service

EXIT_FAULT = 1
"""The writer thread ended by itself."""

EXIT_CANNOT_START = 2
"""Keys, database, lock or socket cannot be used."""

EXIT_QUARANTINED = 3
"""The database does not fit what was signed."""

PRIVATE_UMASK = 0o077
"""Every file that the process makes is for this user alone."""

HEALTH_S = 1.0
"""How often the process looks at its own health for the log."""

SOCKET = "recorder.sock"
"""Name of the socket in the run folder."""


def main(arguments: list[str] | None = None) -> int:
    """Read the command line, run until told to stop, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m audit.recorder", description="Write the audit trail.")
    parser.add_argument("--home", type=Path, required=True, help="folder with all state; the trail is in HOME/audit")
    parser.add_argument("--run", type=Path, help="folder of the socket; HOME/run by default")
    parser.add_argument("--witness", type=Path, help="witness file; HOME/audit/checkpoints.log by default")
    options = parser.parse_args(arguments)
    os.umask(PRIVATE_UMASK)
    return run(
        Trail(folder=options.home / "audit"),
        socket=(options.run or options.home / "run") / SOCKET,
        witness=options.witness,
        logger=_logger(),
    )


def run(trail: Trail, *, socket: Path, witness: Path | None, logger: FilteringBoundLogger) -> int:
    """Recover the trail, serve until told to stop, and return the exit code."""
    clocks = Clocks(now_ms=_now_ms, monotonic_s=time.monotonic)
    try:
        log = Log.open(trail, clocks=clocks, witness=witness)
    except VerificationError as error:
        logger.critical("recorder.quarantined", code=error.code, reason=str(error))
        return EXIT_QUARANTINED
    except AuditError as error:
        logger.critical("recorder.cannot_start", code=error.code, reason=str(error))
        return EXIT_CANNOT_START
    logger.info("recorder.opened", origin=log.key.origin, size=log.size)
    code = uvloop.run(_serve(log, trail=trail, clocks=clocks, socket=socket, logger=logger))
    logger.info("recorder.stopped", size=log.size, code=code)
    return code


async def _serve(log: Log, *, trail: Trail, clocks: Clocks, socket: Path, logger: FilteringBoundLogger) -> int:
    ending, broken = asyncio.Event(), asyncio.Event()

    def die() -> None:
        broken.set()
        ending.set()

    committer = Committer(log, on_death=die)
    service = Service(log, committer=committer, months=Months(trail), clocks=clocks)
    server = Server(service, committer=committer, logger=logger)
    committer.on_progress = server.regulate
    try:
        await server.listen(socket)
    except OSError as error:
        log.close()
        logger.critical("recorder.cannot_start", code="socket", reason=f"{socket}: {type(error).__name__}")
        return EXIT_CANNOT_START
    committer.start()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ending.set)
    logger.info("recorder.ready", socket=str(socket))
    await _watch(service, ending=ending, logger=logger)
    await server.drain()
    return EXIT_FAULT if broken.is_set() else 0


async def _watch(service: Service, *, ending: asyncio.Event, logger: FilteringBoundLogger) -> None:
    """Wait until told to stop, and log each change of health once."""
    known = ("open", "ok", "ok")
    while not ending.is_set():
        health = service.health()
        found = (str(health["state"]), str(health["witness"]), str(health["keys"]))
        if found != known:
            state, witness, keys = known = found
            logger.warning("recorder.health", state=state, reason=health["reason"], witness=witness, keys=keys)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(ending.wait(), HEALTH_S)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _logger() -> FilteringBoundLogger:
    """Return a logger of JSON lines on stderr, made here rather than configured for the whole interpreter."""
    logger: FilteringBoundLogger = structlog.wrap_logger(
        structlog.PrintLogger(sys.stderr),
        wrapper_class=structlog.make_filtering_bound_logger("info"),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
    )
    return logger


if __name__ == "__main__":
    sys.exit(main())
