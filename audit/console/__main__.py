"""Run the console: ``python -m audit.console --home HOME --certificate FILE --key FILE [--run RUN] [--host] [--port]``.

It reads the database, never writes it, and tells the recorder of every read.  On SIGTERM or SIGINT it finishes what
is in flight and ends.  systemd hears that it is ready once it answers, and that it lives while its event loop turns.
Exit codes: 0 stopped as asked; 2 cannot start (settings, certificate or port; the log says what to do).
"""

import argparse
import asyncio
import os
import signal
import socket
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import structlog
import uvicorn
import uvloop
from typing_extensions import override

from audit.console.app import build_app
from audit.console.journal import configure_journal
from audit.console.parts import Parts
from audit.errors import AuditError
from audit.hardening import harden
from audit.places import Places, find_places
from audit.recorder.client import RecorderClient
from audit.service_notice import READY, STOPPING, keep_watchdog, notify

EXIT_CANNOT_START = 2
"""Certificate, key or port cannot be used."""

PRIVATE_UMASK = 0o077
"""Every file that the process makes is for this user alone."""

CONNECTIONS = 128
"""Open connections; officers are few, and above it uvicorn answers 503."""

DRAIN_S = 5
"""Whole seconds that requests in flight have after SIGTERM."""

_log = structlog.get_logger("audit.console")


def main(arguments: list[str] | None = None) -> int:
    """Read the command line, serve until told to stop, and return the exit code."""
    options = _parser().parse_args(arguments)
    os.umask(PRIVATE_UMASK)
    configure_journal()
    try:
        places = find_places(options.home, run=options.run)
    except AuditError as error:
        _log.critical("console_cannot_start", error=error.code, reason=str(error))
        return EXIT_CANNOT_START
    try:
        context = _tls(options.certificate, options.key)
        listener = socket.create_server((options.host, options.port))
    except (OSError, ssl.SSLError) as error:
        reason = "see that --certificate and --key are a readable pair and that no other process holds the port"
        _log.critical("console_cannot_start", error=type(error).__name__, reason=reason)
        return EXIT_CANNOT_START
    with listener:
        uvloop.run(_serve(places, context=context, listener=listener))
    _log.info("console_stopped")
    return 0


class _Server(uvicorn.Server):
    """uvicorn, which tells the service manager once it answers."""

    @override
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        notify(READY)


async def _serve(places: Places, *, context: ssl.SSLContext, listener: socket.socket) -> None:
    async with _recorder(places.socket) as recorder:
        app = build_app(Parts.of(places, recorder))
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            lifespan="off",
            limit_concurrency=CONNECTIONS,
            timeout_graceful_shutdown=DRAIN_S,
            ssl_context_factory=lambda _config, _default: context,
        )
        server = _Server(config)
        # uvicorn raises the signal again once it has drained; without a handler of ours that would end us with it.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: setattr(server, "should_exit", True))
        _log.info("console_started", port=listener.getsockname()[1])
        alive = asyncio.create_task(keep_watchdog(lambda: True))
        await server.serve(sockets=[listener])
        alive.cancel()
        notify(STOPPING)


@asynccontextmanager
async def _recorder(address: Path) -> AsyncIterator[RecorderClient]:
    client = RecorderClient(address)
    try:
        yield client
    finally:
        await client.aclose()


def _tls(certificate: Path, key: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    return context


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m audit.console", description="Let officers read the trail.")
    parser.add_argument("--home", type=Path, required=True, help="folder with all state")
    parser.add_argument("--run", type=Path, help="folder of the recorder's socket; HOME/run by default")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=8444, help="port to listen on; 0 for any")
    parser.add_argument("--certificate", type=Path, required=True, help="PEM file with the server's chain")
    parser.add_argument("--key", type=Path, required=True, help="PEM file with the server's private key")
    return parser


if __name__ == "__main__":
    harden()
    sys.exit(main())
