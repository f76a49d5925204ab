"""The cosigner as a program: ``python -m audit.cosigner --home HOME --certificate FILE --key FILE [--logs FOLDER]``.

It is the witness service of a second appliance: HOME holds its keys and what it remembers, ``--logs`` the verifier keys
of the logs that it watches (``HOME/logs`` by default).  It speaks TLS only, and opens nothing but its own files.

Exit codes: 0 stopped as asked; 2 cannot start (keys, logs, certificate or address; the log says what to do).
"""

import argparse
import os
import signal
import socket
import ssl
import sys
import time
from pathlib import Path

import structlog
import uvicorn
import uvloop
from structlog.typing import FilteringBoundLogger

from audit.cosigner.app import create_app
from audit.cosigner.cosigning import Cosigning
from audit.cosigner.keys import Logs, read_cosigner
from audit.cosigner.ledger import Ledger
from audit.errors import AuditError

EXIT_CANNOT_START = 2
"""Keys, logs, certificate or address cannot be used."""

DEFAULT_PORT = 8446
"""8443 is the gateway's port and 8444 the console's."""

PRIVATE_UMASK = 0o077
"""Every file that the process makes is for this user alone."""

MAX_CONNECTIONS = 64
"""A few logs, each with one connection that it keeps, and room for the curious."""

KEEP_ALIVE_S = 75
"""Above the heartbeat of a log, so that its connection is kept."""

STOP_S = 5
"""Requests in flight are answered within this when it is stopped."""


def main(arguments: list[str] | None = None) -> int:
    """Read the command line, serve until told to stop, and return the exit code."""
    options = _parser().parse_args(arguments)
    os.umask(PRIVATE_UMASK)
    logger = _logger()
    try:
        logs = Logs(options.logs or options.home / "logs")
        cosigner, ledger = read_cosigner(options.home), Ledger(options.home / "cosigner.db")
    except AuditError as error:
        logger.critical("cosigner.cannot_start", code=error.code, reason=str(error))
        return EXIT_CANNOT_START
    try:
        context = _tls(options.certificate, options.key)
        listener = socket.create_server((options.host, options.port))
    except (OSError, ssl.SSLError) as error:
        reason = "see that --certificate and --key are a readable pair and that no other process holds the port"
        logger.critical("cosigner.cannot_start", error=type(error).__name__, reason=reason)
        return EXIT_CANNOT_START
    cosigning = Cosigning(cosigner, logs=logs, ledger=ledger, now_s=_now_s)
    with listener:
        logger.info("cosigner.ready", name=cosigner.name, port=listener.getsockname()[1], logs=list(logs.origins()))
        uvloop.run(_serve(cosigning, context=context, listener=listener, logger=logger))
    ledger.close()
    logger.info("cosigner.stopped")
    return 0


async def _serve(
    cosigning: Cosigning, *, context: ssl.SSLContext, listener: socket.socket, logger: FilteringBoundLogger
) -> None:
    config = uvicorn.Config(
        create_app(cosigning, logger=logger),
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        lifespan="off",
        limit_concurrency=MAX_CONNECTIONS,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=STOP_S,
        ssl_context_factory=lambda _config, _default: context,
    )
    server = uvicorn.Server(config)
    # uvicorn raises the signal again once it has drained; without a handler of ours that would end us with it.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: setattr(server, "should_exit", True))
    await server.serve(sockets=[listener])


def _tls(certificate: Path, key: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    return context


def _now_s() -> int:
    return int(time.time())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m audit.cosigner", description="Cosign checkpoints of other logs.")
    parser.add_argument("--home", type=Path, required=True, help="folder of 'audit witness init'")
    parser.add_argument("--logs", type=Path, help="folder with a NAME.keys file for each log; HOME/logs by default")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="port to listen on; 0 for any")
    parser.add_argument("--certificate", type=Path, required=True, help="PEM file of the TLS certificate and its chain")
    parser.add_argument("--key", type=Path, required=True, help="PEM file of the TLS key")
    return parser


def _logger() -> FilteringBoundLogger:
    """Return a logger of JSON lines on stderr."""
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
