"""Run the recorder: ``python -m audit.recorder --home HOME [--run RUN] [--peer NAME=UID ...]``.

It holds the trail's only writer.  It never reads the custodian's folder and never opens a network socket.  On SIGTERM
or SIGINT it drains: what was read is written and answered, the head is signed, and then it ends.  At a site each
``--peer`` names a program that is another user, and may do what `audit.recorder.peers` says; systemd hears that it is
ready once the socket is open, and that it lives for as long as its writer thread turns.

A database that is not the one that was signed is *quarantined*: the process stays up, answers reads and health, and
refuses every record, until a person has looked and starts it again.

Exit codes: 0 stopped as asked; 1 a fault of ours; 2 cannot start (settings, keys, database, lock, witnesses or socket;
the log says what to do); 3 quarantined, and the database cannot even be read.
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

from audit.errors import AuditError, FormatError, QuarantinedError, VerificationError
from audit.hardening import harden
from audit.log import Clocks, Log, stored_prover
from audit.log.reserve import Reserve, watched_folder
from audit.places import Places, find_places
from audit.recorder.committer import Committer
from audit.recorder.months import Months
from audit.recorder.peers import Peers, read_peers
from audit.recorder.server import Server
from audit.recorder.service import Service
from audit.service_notice import READY, STOPPING, keep_watchdog, notify, status
from audit.witness import Publisher, open_witnesses

EXIT_FAULT = 1
"""The writer thread ended by itself."""

EXIT_CANNOT_START = 2
"""Settings, keys, database, lock, witnesses or socket cannot be used."""

EXIT_QUARANTINED = 3
"""The database does not fit what was signed, and cannot even be read."""

PRIVATE_UMASK = 0o077
"""Every file that the process makes is for this user alone."""

HEALTH_S = 1.0
"""How often the process looks at its own health for the log."""


def main(arguments: list[str] | None = None) -> int:
    """Read the command line, run until told to stop, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m audit.recorder", description="Write the audit trail.")
    parser.add_argument("--home", type=Path, required=True, help="folder with all state; the trail is in HOME/audit")
    parser.add_argument("--run", type=Path, help="folder of the socket; HOME/run by default")
    parser.add_argument(
        "--peer", action="append", default=[], metavar="NAME=UID", help="a site's program that is a user of its own"
    )
    options = parser.parse_args(arguments)
    os.umask(PRIVATE_UMASK)
    logger = _logger()
    try:
        places, peers = find_places(options.home, run=options.run), read_peers(options.peer)
    except AuditError as error:
        logger.critical("recorder.cannot_start", code=error.code, reason=str(error))
        return EXIT_CANNOT_START
    return run(places, peers=peers, logger=logger)


def run(places: Places, *, peers: Peers, logger: FilteringBoundLogger) -> int:
    """Recover the trail, serve until told to stop, and return the exit code."""
    clocks = Clocks(now_ms=_now_ms, monotonic_s=time.monotonic)
    try:
        log = _open(places, clocks=clocks, logger=logger)
    except (VerificationError, FormatError) as error:
        logger.critical("recorder.quarantined", code=QuarantinedError.code, reason=str(error))
        return EXIT_QUARANTINED
    except AuditError as error:
        logger.critical("recorder.cannot_start", code=error.code, reason=str(error))
        return EXIT_CANNOT_START
    logger.info("recorder.opened", origin=log.key.origin, size=log.size)
    code = uvloop.run(_serve(log, places=places, peers=peers, clocks=clocks, logger=logger))
    logger.info("recorder.stopped", size=log.size, code=code)
    return code


def _open(places: Places, *, clocks: Clocks, logger: FilteringBoundLogger) -> Log:
    """Open the trail; one that is not what was signed is opened for reading only, as long as it can be read."""
    trail = places.trail
    witnesses = open_witnesses(
        places.settings,
        default=places.witness,
        keys=trail.signing_key().verifier_keys(),
        prove=stored_prover(places.database),
    )
    publisher = Publisher(witnesses)
    try:
        return Log.open(trail, clocks=clocks, publisher=publisher, database=places.database)
    except (VerificationError, FormatError) as error:
        refused = error
    try:
        log = Log.open_quarantined(
            trail, clocks=clocks, reason=str(refused), publisher=publisher, database=places.database
        )
    except AuditError as unreadable:
        raise refused from unreadable
    logger.critical("recorder.quarantined", code=QuarantinedError.code, reason=log.quarantine)
    return log


async def _serve(log: Log, *, places: Places, peers: Peers, clocks: Clocks, logger: FilteringBoundLogger) -> int:
    ending, broken = asyncio.Event(), asyncio.Event()

    def die() -> None:
        broken.set()
        ending.set()

    reserve = Reserve(watched_folder(places.database), reserve_mib=places.settings.reserve_mib)
    committer = Committer(log, on_death=die, look=reserve.look)
    service = Service(log, committer=committer, months=Months(places.trail), clocks=clocks, reserve=reserve)
    server = Server(service, committer=committer, logger=logger, peers=peers)
    committer.on_progress = server.regulate
    try:
        await server.listen(places.socket)
    except OSError as error:
        log.close()
        logger.critical("recorder.cannot_start", code="socket", reason=f"{places.socket}: {type(error).__name__}")
        return EXIT_CANNOT_START
    committer.start()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ending.set)
    logger.info("recorder.ready", socket=str(places.socket))
    alive = asyncio.create_task(keep_watchdog(committer.has_turned))
    notify(READY, status(f"Records in {log.key.origin}."))
    await _watch(service, ending=ending, logger=logger)
    alive.cancel()
    notify(STOPPING)
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
            notify(status(f"state: {state}; witness: {witness}; keys: {keys}"))
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
    harden()
    sys.exit(main())
