"""Runs the broker: ``python -m appliance.broker --home HOME``.

A bundle that cannot be loaded stops the start with its file, line and reason: a broker without a policy must
not run.  SIGHUP reloads the policy, SIGTERM stops, and systemd is told of each.  Exit codes: 0 stopped, 1 refused to
start, 2 wrong use.
"""

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Coroutine, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path

import structlog

from appliance.agreement_clock import AgreementClock
from appliance.approval import Approvals, Closed
from appliance.broker.adapters import Adapters
from appliance.broker.ceilings import Ceilings
from appliance.broker.credentials import Credentials, credentials_folder
from appliance.broker.disclosure import check_outgoing
from appliance.broker.notices import Notices
from appliance.broker.office import Office
from appliance.broker.records import Records
from appliance.broker.server import FOR_GROUP, PRIVATE, Broker
from appliance.broker.spend import Spend
from appliance.clock import Clock
from appliance.config import GROUP_READS, NOTHING, Config, check_own, load_config, make_private
from appliance.errors import ApplianceError
from appliance.held_loggers import LibraryMessages, hold_loggers
from appliance.policy.current import CurrentPolicy
from audit.hardening import harden
from audit.recorder.client import RecorderClient
from audit.recorder.receipt_reader import ReceiptReader
from audit.service_notice import READY, STOPPING, keep_watchdog, notify, reloading

CHECKS = 2
"""Bodies that are read at the same time: a short one need not wait for a long one, and two leave the loop its turn."""

_log = structlog.get_logger("broker")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until SIGTERM and return the exit code."""
    options = _parse(arguments)
    _write_json_lines()
    try:
        config = load_config(options.home)
        policy = CurrentPolicy(config.policies)
        _prepare(config)
        asyncio.run(_run(config, policy, peers=_peers(config, options.peer_user)))
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


def _prepare(config: Config) -> None:
    """Make the broker's folders, or at a site check those that the installer made.  Raises ConfigError."""
    if config.site is None:
        make_private(config.run)
        make_private(config.broker_home)
    else:
        check_own(config.run_of("broker"), others=GROUP_READS)
        check_own(config.broker_home, others=NOTHING)


def _peers(config: Config, named: Iterable[int]) -> set[int]:
    """Return the users that may speak to this broker: itself, those named, and at a site the gateway and root.

    Root asks how the broker stands (`appliance status`), and could become any of the others anyway.
    """
    sites = {0, config.site.users.gateway} if config.site else set[int]()
    return {os.getuid(), *named, *sites}


async def _run(config: Config, policy: CurrentPolicy, *, peers: set[int]) -> None:
    stop = asyncio.Event()
    clock = AgreementClock(Clock(), seen_file=config.broker_clock)
    async with _office(config, policy, clock) as office, _noticing(clock, policy):
        broker = Broker(office, peers=peers)
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, stop.set)
        loop.add_signal_handler(signal.SIGINT, stop.set)
        loop.add_signal_handler(signal.SIGHUP, _reload, broker)
        await office.adapters.keep(policy.bundle.providers)
        async with broker.listening(config.broker_socket, mode=FOR_GROUP if config.site else PRIVATE), _watched():
            _log.info("broker_listening", policy_digest=policy.bundle.digest)
            notify(READY)
            await stop.wait()
            notify(STOPPING)
    _log.info("broker_stopped")


def _reload(broker: Broker) -> None:
    notify(reloading())
    try:
        broker.reload()
    finally:
        notify(READY)  # in any case: a service manager waits for it


@asynccontextmanager
async def _office(config: Config, policy: CurrentPolicy, clock: AgreementClock) -> AsyncIterator[Office]:
    """Put the parts together, and close them in reverse order."""
    monotonic_s = Clock().monotonic_s
    recorder = RecorderClient(config.recorder_socket)
    adapters = Adapters()
    spend = Spend(config.broker_home / "spend.json", now=lambda: clock.moment().latest)
    checkers = ThreadPoolExecutor(CHECKS, thread_name_prefix="tripwire")
    try:
        yield Office(
            policy=policy,
            moments=clock.moment,
            monotonic_s=monotonic_s,
            unapproved=Approvals.of(config).why_not,
            closed=Closed.of(config).why,
            records=Records(recorder, ReceiptReader(config.trail / "verifier.keys")),
            ceilings=Ceilings(spend, monotonic_s=monotonic_s),
            credentials=Credentials(credentials_folder(config.broker_home, os.environ)),
            adapters=adapters,
            check=check_outgoing,
            checkers=checkers,
        )
    finally:
        checkers.shutdown(wait=False, cancel_futures=True)
        await adapters.aclose()
        await recorder.aclose()


@asynccontextmanager
async def _noticing(clock: AgreementClock, policy: CurrentPolicy) -> AsyncIterator[None]:
    async with _beside(Notices(clock, lambda: policy.bundle.providers).watch()):
        yield


def _watched() -> AbstractAsyncContextManager[None]:
    """Ping the service manager from the loop that serves: a loop that hangs does not ping, and is replaced."""
    return _beside(keep_watchdog(lambda: True))


@asynccontextmanager
async def _beside(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


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
