"""A gateway, a real broker and a real recorder, of which the broker is killed at a chosen moment of a disclosure.

    async with a_site(folder) as site:
        site.recorder.on_disclosure = site.kill      # between Ready and Go
        answer = await site.ask()
        site.restart()

Everything is the production code but the engine and the managed API; the gateway runs in the test's own loop.
"""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import httpx

from appliance.clock import Clock
from appliance.config import make_private
from appliance.escalation.client import BrokerClient
from appliance.policy.register import Ceilings, Service
from appliance.trail import Trail
from audit.record import Event, Kind, Receipt, Receipts
from audit.recorder.client import RecorderClient
from tests.support.broker_process import BrokerProcess, ManagedHome, a_managed_home, running_broker
from tests.support.gateway_client import Gateway, running_gateway
from tests.support.stand_ins import StandIn

TASK = "discharge-summary"
PATIENT = {"Appliance-Patient": "MRN-77001"}
NOTE = "MRN 7345501: admitted with pain, given 40 mg of furosemide every morning. " * 20
SETTLED_S = 10.0


def nothing() -> None:
    """Let the disclosure go on."""


class WatchedRecorder:
    """Implements `Recorder` by a client of a real one, and tells when a disclosure is durable."""

    def __init__(self, client: RecorderClient) -> None:
        """Take the client."""
        self._client = client
        self.on_disclosure: Callable[[], None] = nothing
        """Called before the gateway learns of it."""

    async def append(self, event: Event) -> Receipt:
        """Record one event."""
        return (await self.append_all((event,)))[0]

    async def append_all(self, events: Sequence[Event], *, receipts: Receipts = "all") -> list[Receipt]:
        """Record events as one batch."""
        made = await self._client.append_all(events, receipts=receipts)
        if any(event.kind is Kind.DISCLOSURE for event in events):
            self.on_disclosure()
        return made

    async def exchange(self, exchange_id: str) -> list[dict[str, object]]:
        """Return what is readable of an exchange."""
        return await self._client.exchange(exchange_id)

    async def receipt(self, exchange_id: str) -> dict[str, object]:
        """Return the full receipt of an exchange."""
        return await self._client.receipt(exchange_id)

    async def health(self) -> dict[str, object]:
        """Return what the recorder says of itself."""
        return await self._client.health()

    async def aclose(self) -> None:
        """Close the connection."""
        await self._client.aclose()


@dataclass(slots=True, kw_only=True)
class Site:
    """All of it."""

    home: ManagedHome
    gateway: Gateway
    recorder: WatchedRecorder
    stand_in: StandIn
    brokers: ExitStack = field(default_factory=ExitStack)
    """The broker that runs at the moment."""

    broker: BrokerProcess | None = None

    def restart(self) -> None:
        """Start a broker where none runs any more, as the supervisor does."""
        self.recorder.on_disclosure = nothing
        self.brokers.close()
        self.broker = self.brokers.enter_context(running_broker(self.home.folder))

    def kill(self) -> None:
        """Kill the broker."""
        assert self.broker is not None
        self.broker.process.send_signal(signal.SIGKILL)
        self.broker.process.wait(SETTLED_S)

    def stop_and_kill(self) -> None:
        """Let the broker stand still, so that it never reads what comes next, and kill it once that was sent."""
        assert self.broker is not None
        os.kill(self.broker.process.pid, signal.SIGSTOP)
        asyncio.get_running_loop().call_later(0.3, self.kill)

    async def kill_once_it_has_left(self) -> None:
        """Kill the broker when the provider has the request, and has not answered."""
        async with asyncio.timeout(SETTLED_S):
            while not self.stand_in.received:
                await asyncio.sleep(0.01)
        self.kill()

    async def ask(self, **changes: Any) -> httpx.Response:
        """Ask for a draft that is made outside."""
        body = {"model": TASK, "messages": [{"role": "user", "content": NOTE}], **changes}
        async with self.gateway.http() as http:
            return await http.post("/v1/chat/completions", json=body, headers=PATIENT)

    async def ask_and_kill_midway(self) -> tuple[httpx.Response, str]:
        """Ask for a stream, kill the broker after its first words, and return what came."""
        body = {"model": TASK, "messages": [{"role": "user", "content": NOTE}], "stream": True}
        lines: list[str] = []
        async with (
            self.gateway.http() as http,
            http.stream("POST", "/v1/chat/completions", json=body, headers=PATIENT) as answer,
        ):
            async for line in answer.aiter_lines():
                if _has_words(line) and not any(map(_has_words, lines)):
                    self.kill()
                lines.append(line)
            return answer, "\n".join(lines)

    async def events(self, answer: httpx.Response) -> list[Mapping[str, Any]]:
        """Return the records of an exchange, once its outcome is there."""
        async with asyncio.timeout(SETTLED_S):
            while True:
                found = await self.recorder.exchange(answer.headers["Appliance-Exchange"])
                if found[-1]["kind"] == Kind.OUTCOME:
                    return found
                await asyncio.sleep(0.02)

    def spent(self) -> int:
        """Return what the broker's file counts, in millionths of a dollar."""
        file = self.home.folder / "broker" / "spend.json"
        return int(json.loads(file.read_text())["micro_usd"].get("stand-in", 0)) if file.exists() else 0

    async def told_spent(self) -> int:
        """Return what the broker says it has spent."""
        assert self.broker is not None
        [condition] = (await BrokerClient(self.broker.socket).hello()).conditions
        return round(condition.spent_usd * 1_000_000)


def _has_words(line: str) -> bool:
    """Say whether an event of a stream holds a part of the answer."""
    if not line.startswith("data: {"):
        return False
    choices = json.loads(line.removeprefix("data: ")).get("choices", ())
    return any(choice["delta"].get("content") for choice in choices)


@asynccontextmanager
async def a_site(folder: Path) -> AsyncIterator[Site]:
    """Run it all until the block ends."""
    async with AsyncExitStack() as stack:
        bounds = Ceilings(requests_per_minute=600, first_byte_s=20.0)
        stand_in = await stack.enter_async_context(StandIn.running(Service.ANTHROPIC_MESSAGES, pause_s=0.2))
        managed, gate = make_private(folder / "managed"), make_private(folder / "gateway")
        provider = stand_in.provider(ceilings=bounds)
        home = stack.enter_context(a_managed_home(managed, provider, stand_in.credential))
        brokers = stack.enter_context(ExitStack())
        broker = brokers.enter_context(running_broker(managed))
        recorder: Any = WatchedRecorder(RecorderClient(managed / "run" / "recorder.sock"))
        stack.push_async_callback(recorder.aclose)
        trail, door = Trail(recorder, Clock()), cast("Any", BrokerClient(broker.socket))
        stack.push_async_callback(trail.aclose, patience_s=1.0)
        running = running_gateway(gate, home.policies, broker=door, wire=lambda parts, _: replace(parts, trail=trail))
        gateway = await stack.enter_async_context(running)
        yield Site(home=home, gateway=gateway, recorder=recorder, stand_in=stand_in, brokers=brokers, broker=broker)
