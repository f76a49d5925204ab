"""A hospital with a way out, in a thread of the test's own process: gateway, broker and two stand-ins of managed APIs.

    with way_out(folder) as way, way.http() as http:
        answer = http.post(f"/api/v1/tasks/{TASK}", ...)
        way.first.received      # what left the building
        way.records(answer)     # what was recorded of it

Everything is the production code but the engine, the managed APIs, the recorder (`MemoryLog`) and the guard's models
(its rules run).  Callers speak HTTPS, the gateway speaks to the broker over its socket, the broker to the stand-ins by
TLS.  Approvals are receipts of a trail of its own, and the clock of agreements can be turned.
"""

import asyncio
import os
import shutil
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import httpx
from prometheus_client import generate_latest
from structlog.testing import capture_logs
from typing_extensions import override

from appliance.agreement_clock import AgreementClock
from appliance.approval import Approvals, Closed
from appliance.broker.adapters import Adapters
from appliance.broker.ceilings import Ceilings as Counted
from appliance.broker.credentials import Credentials
from appliance.broker.disclosure import check_outgoing
from appliance.broker.office import Office
from appliance.broker.records import Records
from appliance.broker.server import Broker
from appliance.broker.spend import Spend
from appliance.clock import Clock
from appliance.config import CHECKOUT, Config, make_private
from appliance.errors import PolicyInvalidError
from appliance.escalation.client import BrokerClient
from appliance.escalation.condition import BrokerWatch
from appliance.parts import Parts
from appliance.policy.current import CurrentPolicy
from appliance.policy.register import Ceilings, Provider, Service
from appliance.routing.route import Router
from audit.record import Event, Kind
from tests.support.approvals import approve
from tests.support.brokers import MemoryReceipts, write_secret
from tests.support.excluded import ListedPatients
from tests.support.gateway_client import MODEL, Gateway, running_gateway
from tests.support.memory_log import MemoryLog
from tests.support.policy_folder import edit
from tests.support.registers import write_register
from tests.support.stand_ins import StandIn
from tests.support.trails import new_trail

TASK = "discharge-summary"
"""The shipped task that escalates: its illustrative evidence fails locally and meets on the managed route."""

BOUNDS = Ceilings(answer_bytes=60_000, first_byte_s=2.0, requests_per_minute=6000, usd_per_day=1000.0)
OVERSIZED = 120_000
WITHIN_S = 20.0
PLACES = {"concurrency": 1, "queue": 1}
"""Of the local engine: few, so that a flood is soon one."""

T = TypeVar("T")


class TurnedClock(Clock):
    """Wall time as the test turns it, and time that passes for pauses and rates."""

    def __init__(self) -> None:
        """Start right."""
        object.__setattr__(self, "hands", [timedelta(0), 0.0])

    @override
    def now(self) -> datetime:
        return datetime.now(UTC) + self._hands()[0]

    def turn(self, by: timedelta) -> None:
        """Set wall time, by so much from now."""
        self._hands()[0] += by

    def pauses_s(self) -> float:
        """Return the time by which the broker counts its pauses."""
        return time.monotonic() + float(self._hands()[1])

    def pass_pauses(self) -> None:
        """Let every pause end."""
        self._hands()[1] += 3600.0

    def _hands(self) -> list[Any]:
        hands: list[Any] = object.__getattribute__(self, "hands")
        return hands


@dataclass(slots=True, kw_only=True)
class WayOut:
    """All of it, and what a test may turn."""

    loop: asyncio.AbstractEventLoop
    gateway: Gateway
    broker: Broker
    office: Office
    first: StandIn
    """Whom the router prefers."""

    second: StandIn
    """Who could answer as well."""

    policies: Path
    home: Path
    clock: TurnedClock
    excluded: ListedPatients
    lines: list[Any]
    """Of gateway and broker."""

    _approved: int = field(default=3)
    """Place of the last approval in its trail."""

    def http(self) -> httpx.Client:
        """Return a caller that may use every task."""
        headers = {"Authorization": f"Bearer {self.gateway.key}"}
        return httpx.Client(
            base_url=self.gateway.url, verify=self.gateway.trust(), headers=headers, timeout=30.0, trust_env=False
        )

    def run(self, doing: Coroutine[Any, Any, T]) -> T:
        """Do something in the gateway's own loop."""
        return asyncio.run_coroutine_threadsafe(doing, self.loop).result(WITHIN_S)

    @property
    def left(self) -> int:
        """How many requests arrived outside."""
        return len(self.first.received) + len(self.second.received)

    def asked(self) -> list[Any]:
        """Return what the local engine was asked, beside whether it can generate."""
        return [body for body in self.gateway.engine.bodies if body["messages"][-1]["content"] != "Say OK."]

    def records(self, answer: httpx.Response) -> list[Event]:
        """Return the events of an answer's exchange, once its outcome is there."""
        exchange = answer.headers["Appliance-Exchange"]
        until(lambda: any(event.kind is Kind.OUTCOME for event in self._of(exchange)))
        return self._of(exchange)

    def _of(self, exchange: str) -> list[Event]:
        return [event for event in self.gateway.log.events if event.exchange_id == exchange]

    def metrics(self) -> str:
        """Return what Prometheus is told."""
        return generate_latest(self.gateway.metrics.registry).decode()

    def fresh(self) -> None:
        """Forget what left and let every pause end."""
        for stand_in in (self.first, self.second):
            stand_in.received.clear()
        self.gateway.engine.bodies.clear()
        self.lines.clear()
        self.clock.pass_pauses()
        self.run(self.gateway.appliance.broker.ask_now())

    def reload(self) -> None:
        """Have gateway and broker read the policy folder again, as an operator does; a bad one changes nothing."""
        self.run(self._reload())

    async def _reload(self) -> None:
        self.broker.reload()
        try:
            self.gateway.appliance.policy.reload(self.clock.now())
        except PolicyInvalidError:
            return
        await self.gateway.appliance.broker.ask_now()

    def approve(self, **facts: Any) -> None:
        """Have the policy in force approved by two officers, or by whom the facts name."""
        self._approved += 1
        approve(self.home, self.gateway.appliance.policy.bundle.digest, sequence=self._approved, **facts)
        self.run(self.gateway.appliance.broker.ask_now())

    @contextmanager
    def changed(self, *edits: tuple[str, str, str], providers: tuple[Provider, ...] = ()) -> Iterator[None]:
        """Write the policy folder anew with another register or other words, until the block ends.

        An edit is a file, old words and new ones.  Nothing is read or approved; at the end all is as it was.
        """
        kept = Path(tempfile.mkdtemp(dir=self.policies.parent)) / "kept"
        shutil.copytree(self.policies, kept)
        try:
            if providers:
                write_register(self.policies, *providers)
            for name, old, new in edits:
                edit(self.policies, name, old=old, new=new)
            yield
        finally:
            shutil.rmtree(self.policies)
            kept.rename(self.policies)
            self.reload()
            self.approve()


def until(holds: Callable[[], bool]) -> None:
    """Return once this holds; fail after the time."""
    limit_s = time.monotonic() + WITHIN_S
    while not holds():
        assert time.monotonic() < limit_s, f"not within {WITHIN_S} s"
        time.sleep(0.01)


@contextmanager
def way_out(folder: Path) -> Iterator[WayOut]:
    """Run it all until the block ends."""
    with capture_logs() as lines, _threaded(folder, lines) as way:
        yield way


@contextmanager
def _threaded(folder: Path, lines: list[Any]) -> Iterator[WayOut]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    running = _running(folder, loop, lines)
    try:
        yield asyncio.run_coroutine_threadsafe(running.__aenter__(), loop).result(WITHIN_S)
    finally:
        asyncio.run_coroutine_threadsafe(running.__aexit__(None, None, None), loop).result(WITHIN_S)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(WITHIN_S)
        loop.close()


@asynccontextmanager
async def _running(folder: Path, loop: asyncio.AbstractEventLoop, lines: list[Any]) -> AsyncIterator[WayOut]:
    home = make_private(folder / "home")
    new_trail(home)
    async with AsyncExitStack() as stack:
        first, second = [
            await stack.enter_async_context(StandIn.running(service, host=host, oversized_bytes=OVERSIZED))
            for service, host in (
                (Service.ANTHROPIC_MESSAGES, "first.stand-in.test"),
                (Service.OPENAI_CHAT, "second.stand-in.test"),
            )
        ]
        policies = shutil.copytree(CHECKOUT / "policies", folder / "policies")
        write_register(policies, *registered(first, second))
        clock, excluded = TurnedClock(), ListedPatients()
        config, socket = Config.model_validate({"home": home}), make_private(folder / "run") / "broker.sock"
        door: Any = BrokerClient(socket)
        gateway = await stack.enter_async_context(
            running_gateway(folder, policies, limits=PLACES, broker=door, wire=_wire(config, clock, excluded))
        )
        credentials = {"first": first.credential, "second": second.credential}
        office = _office(config, policies, clock, log=gateway.log, credentials=credentials)
        stack.callback(office.checkers.shutdown)
        stack.push_async_callback(office.adapters.aclose)
        approve(home, office.policy.bundle.digest)
        broker = Broker(office, peers=frozenset({os.getuid()}))
        await stack.enter_async_context(broker.listening(socket))
        await gateway.appliance.broker.ask_now()
        yield WayOut(
            loop=loop,
            gateway=gateway,
            broker=broker,
            office=office,
            first=first,
            second=second,
            policies=policies,
            home=home,
            clock=clock,
            excluded=excluded,
            lines=lines,
        )


def registered(first: StandIn, second: StandIn, **changes: Any) -> tuple[Provider, Provider]:
    """Return the register's two entries, the first one changed as asked."""
    return (
        first.provider(**{"name": "first", "credential": "first", "ceilings": BOUNDS, **changes}),
        second.provider(name="second", credential="second", ceilings=BOUNDS),
    )


def _office(
    config: Config, policies: Path, clock: TurnedClock, *, log: MemoryLog, credentials: Mapping[str, str]
) -> Office:
    """Put a broker together as its `__main__` does."""
    folder = make_private(make_private(config.broker_home) / "credentials")
    for name, text in credentials.items():
        write_secret(folder / name, text)
    moments = AgreementClock(clock, seen_file=config.broker_home / "clock.json")
    spend = Spend(config.broker_home / "spend.json", now=lambda: moments.moment().latest)
    return Office(
        policy=CurrentPolicy(policies),
        moments=moments.moment,
        monotonic_s=clock.pauses_s,
        unapproved=Approvals.of(config).why_not,
        closed=Closed.of(config).why,
        records=Records(log, MemoryReceipts(log)),
        ceilings=Counted(spend, monotonic_s=clock.pauses_s),
        credentials=Credentials(folder),
        adapters=Adapters(),
        check=check_outgoing,
        checkers=ThreadPoolExecutor(2),
    )


def _wire(config: Config, clock: Clock, excluded: ListedPatients) -> Callable[[Parts, BrokerWatch], Parts]:
    """Put the gateway's router together as `wiring` does."""

    def wire(parts: Parts, broker: BrokerWatch) -> Parts:
        agreements = AgreementClock(clock, seen_file=config.latest_time)
        closed = Closed.of(config)
        router = Router(
            parts.policy,
            MODEL,
            moments=agreements.moment,
            approval=Approvals.of(config).why_not,
            broker=lambda: broker.condition,
            closed=lambda: closed.names(parts.policy.bundle.providers),
        )
        return replace(parts, router=router, moments=agreements.moment, excluded=excluded)

    return wire
