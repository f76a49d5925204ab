"""Runs the broker: ``python -m appliance.broker --home HOME``.

A bundle that cannot be loaded stops the start with its file, line and reason: a broker without a policy must
not run.  SIGHUP reloads the policy, SIGTERM stops.  Exit codes: 0 stopped, 1 refused to start, 2 wrong use.
"""

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import structlog

from appliance.broker.server import Broker
from appliance.config import Config, load_config, make_private
from appliance.errors import ApplianceError
from appliance.held_loggers import LibraryMessages, hold_loggers
from appliance.policy.current import CurrentPolicy
from audit.hardening import harden

_log = structlog.get_logger("broker")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until SIGTERM and return the exit code."""
    options = _parse(arguments)
    _write_json_lines()
    try:
        config = load_config(options.home)
        policy = CurrentPolicy(config.policies)
        make_private(config.run)
        asyncio.run(_run(config, policy, peers={os.getuid(), *options.peer_user}))
    except ApplianceError as error:
        _log.error("start_refused", code=error.code, reason=error.public)
        return 1
    return 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m appliance.broker", description="Run the broker.")
    parser.add_argument("--home", type=Path, required=True, help="folder with all state of this appliance")
    parser.add_argument(
        "--peer-user",
        type=int,
        action="append",
        default=[],
        metavar="UID",
        help="a user id beside the broker's own that may speak to it: the gateway's, where they differ",
    )
    return parser.parse_args(arguments)


async def _run(config: Config, policy: CurrentPolicy, *, peers: set[int]) -> None:
    stop = asyncio.Event()
    broker = Broker(policy, peers=peers)
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.add_signal_handler(signal.SIGINT, stop.set)
    loop.add_signal_handler(signal.SIGHUP, broker.reload)
    async with broker.listening(config.broker_socket):
        _log.info("broker_listening", policy_digest=policy.bundle.digest)
        await stop.wait()
    _log.info("broker_stopped")


def _write_json_lines() -> None:
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(sort_keys=True),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )


if __name__ == "__main__":
    harden()
    hold_loggers(LibraryMessages())
    sys.exit(main())
