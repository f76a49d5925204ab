"""The inside of a broker with a scripted provider and a recorder in memory, and the gateway's end of its socket.

async with a_desk(policies) as desk, desk.peer() as peer:
    await peer.ask(await desk.opened())
    ready = await peer.hear()
"""

import asyncio
import hashlib
import json
import os
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from typing_extensions import override

from appliance.agreement_clock import AgreementClock
from appliance.broker.adapters import Adapters
from appliance.broker.ceilings import Ceilings
from appliance.broker.credentials import Credentials
from appliance.broker.disclosure import check_outgoing
from appliance.broker.office import Office
from appliance.broker.outgoing import BeforeSend, Outgoing
from appliance.broker.providers.adapter import Ended, Secret, Text
from appliance.broker.providers.ask import Ask
from appliance.broker.records import Records
from appliance.broker.server import Broker
from appliance.broker.spend import Spend
from appliance.clinical_text import ClinicalText
from appliance.clock import Clock
from appliance.escalation.wire import Answer, Caller, DiscloseRequest, Go, Ready, read_frame, to_answer, to_frame
from appliance.policy.bundle import Bundle
from appliance.policy.current import CurrentPolicy
from appliance.policy.register import ManagedModel, Provider
from audit.checkpoint import read_receipt
from audit.record import Event, Kind, Receipt
from tests.support.memory_log import MemoryLog
from tests.support.registers import a_provider, write_evidence, write_register
from tests.support.tripwires import PATIENT, keyed

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
"""When these tests take place."""

EXCHANGE = "ex_" + "1" * 32

SOURCE = "Mark Ellis was seen with knee pain; metoprolol 25 mg twice a day."
"""What leaves: a surrogate and a story."""

BODY = json.dumps(
    {
        "messages": [{"role": "system", "content": "Summarise."}, {"role": "user", "content": SOURCE}],
        "max_tokens": 200,
        "temperature": 0.0,
    }
).encode()
"""As `escalation.body.to_safe` writes it."""

SECRET = "sk-test-3f1c"  # of nobody

ENDED = Ended(finish_reason="stop", prompt_tokens=1000, completion_tokens=100, model="frontier-2026-03-01", attempts=1)


class HandClock(Clock):
    """Both clocks as a test sets them."""

    def __init__(self, now: datetime = NOW) -> None:
        """Take the time of day."""
        object.__setattr__(self, "hands", [now, 1000.0])

    @override
    def now(self) -> datetime:
        return self._hands()[0]

    @override
    def monotonic_s(self) -> float:
        return self._hands()[1]

    @override
    def boottime_s(self) -> float:
        return self.monotonic_s()

    def pass_time(self, seconds: float) -> None:
        """Let time pass."""
        hands = self._hands()
        hands[0] += timedelta(seconds=seconds)
        hands[1] += seconds

    def set(self, now: datetime) -> None:
        """Set the time of day, as an operator or a time server does."""
        self._hands()[0] = now

    def _hands(self) -> list[Any]:
        hands: list[Any] = object.__getattribute__(self, "hands")
        return hands


Script = Callable[[BeforeSend, Outgoing], AsyncGenerator[Text | Ended]]
"""What a provider does once its request is built."""


@dataclass
class ScriptedAdapter:
    """Implements `Adapter`: builds a body of its own from the ask, and does then what it was told."""

    provider: Provider
    script: Script
    secrets: list[Secret] = field(default_factory=list)
    deadlines: list[float] = field(default_factory=list)
    sent: list[Outgoing] = field(default_factory=list)
    """What left."""

    ended: int = 0
    """How many calls are over, in whatever way."""

    is_closed: bool = False

    async def answer(
        self,
        ask: Ask,
        *,
        model: ManagedModel,
        secret: Secret,
        stream: bool,
        deadline_s: float,
        before_send: BeforeSend,
    ) -> AsyncGenerator[Text | Ended]:
        """Play the script."""
        self.secrets.append(secret)
        self.deadlines.append(deadline_s)
        turns = [{"role": turn.role, "content": turn.content.reveal()} for turn in ask.turns]
        body = json.dumps({"model": model.name, "messages": turns, "stream": stream}).encode()
        outgoing = Outgoing(host=self.provider.endpoint.host, path="/v1/messages", body=body)

        async def noting(bytes_: Outgoing) -> None:
            await before_send(bytes_)
            self.sent.append(bytes_)

        try:
            async for piece in self.script(noting, outgoing):
                yield piece
        finally:
            self.ended += 1

    async def aclose(self) -> None:
        """Note it."""
        self.is_closed = True


def text(characters: str, **changes: Any) -> Text:
    """Return a piece of an answer."""
    return Text(text=ClinicalText(characters), **changes)


async def answers(before_send: BeforeSend, outgoing: Outgoing) -> AsyncGenerator[Text | Ended]:
    """Answer in two pieces."""
    await before_send(outgoing)
    yield text("Knee pain; ")
    yield text("metoprolol.")
    yield ENDED


def fails(error: Exception, *, after: tuple[Text, ...] = (), sends: bool = True) -> Script:
    """Return a script that raises, after some pieces."""

    async def script(before_send: BeforeSend, outgoing: Outgoing) -> AsyncGenerator[Text | Ended]:
        if sends:
            await before_send(outgoing)
        for piece in after:
            yield piece
        raise error

    return script


@dataclass
class MemoryReceipts:
    """Implements `broker.records.ReceiptReader` for a `MemoryLog`."""

    log: MemoryLog

    def read(self, compact: str) -> Receipt:
        """Read a receipt of this log."""
        return read_receipt(compact, self.log.verifier_keys())


_LOADED: dict[str, Bundle] = {}
"""Bundles by the digest of all their files: loading one takes longer than most tests."""


class KeptPolicy(CurrentPolicy):
    """A `CurrentPolicy` whose first bundle is not loaded a second time; it reloads as any other."""

    def __init__(self, path: Path) -> None:
        """Take the folder."""
        digest = hashlib.sha256()
        for file in sorted(each for each in path.rglob("*") if each.is_file()):
            digest.update(f"{file.relative_to(path)}\0{len(file.read_bytes())}\0".encode() + file.read_bytes())
        if (key := digest.hexdigest()) not in _LOADED:
            super().__init__(path)
            _LOADED[key] = self._bundle
        self._path, self._bundle, self._last_error = path, _LOADED[key], ""


@dataclass
class Peer:
    """The gateway's end of one connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def ask(self, request: DiscloseRequest, body: bytes = BODY) -> None:
        """Send the request."""
        self.writer.write(to_frame(request, body))
        await self.writer.drain()

    async def go(self, receipt: str) -> None:
        """Say that it is recorded."""
        self.writer.write(to_frame(Go(receipt=receipt)))
        await self.writer.drain()

    async def hear(self) -> Answer | None:
        """Return what the broker says next, without its body; None once it has closed."""
        answer = await self.hear_all()
        return answer[0] if answer else None

    async def hear_all(self) -> tuple[Answer, str] | None:
        """Return what the broker says next."""
        async with asyncio.timeout(10):
            frame = await read_frame(self.reader)
        return None if frame is None else (to_answer(frame.header), frame.body.reveal())

    async def ready(self) -> Ready:
        """Return what would leave.  Fails when something else comes."""
        answer = await self.hear()
        assert isinstance(answer, Ready), answer
        return answer


@dataclass
class Desk:
    """One broker with everything around it."""

    office: Office
    broker: Broker
    spend: Spend
    log: MemoryLog
    clock: HandClock
    policies: Path
    home: Path
    socket: Path
    adapters: list[ScriptedAdapter]
    unapproved: dict[str, str]
    """Why a bundle is not approved, by digest."""

    closed: dict[str, str]
    """Why a provider is closed by hand."""

    @property
    def sent(self) -> list[Outgoing]:
        """What left the building."""
        return [outgoing for adapter in self.adapters for outgoing in adapter.sent]

    async def opened(self, **changes: Any) -> DiscloseRequest:
        """Open an exchange in the trail, and return the request to disclose it."""
        request = a_request(self.office.policy.bundle.digest, **changes)
        receipt = await self.log.append(intent_of(request))
        return request.model_copy(update={"intent_receipt": receipt.compact, **changes})

    async def recorded(self, ready: Ready, **changes: Any) -> str:
        """Record the disclosure as the gateway does, changed as asked, and return the compact receipt."""
        event = disclosure_of(ready, self.office.policy.bundle.digest, **changes)
        return (await self.log.append(event)).compact

    @asynccontextmanager
    async def peer(self) -> AsyncIterator[Peer]:
        """Connect as the gateway does."""
        async with connected(self.socket) as peer:
            yield peer

    async def disclose(self, **changes: Any) -> list[Answer]:
        """Hold a whole conversation and return what came after `Go`, or the refusal before."""
        async with self.peer() as peer:
            await peer.ask(await self.opened(**changes))
            first = await peer.hear()
            if not isinstance(first, Ready):
                return [first] if first else []
            await peer.go(await self.recorded(first))
            answers = []
            while (answer := await peer.hear()) is not None:
                answers.append(answer)
            return answers


@asynccontextmanager
async def connected(socket: Path) -> AsyncIterator[Peer]:
    """Connect to a broker."""
    reader, writer = await asyncio.open_unix_connection(str(socket))
    try:
        yield Peer(reader, writer)
    finally:
        writer.close()


@asynccontextmanager
async def a_desk(
    policies: Path,
    *listed: Provider,
    providers: Sequence[Provider] | None = None,
    script: Script = answers,
    check: Callable[[object, bytes], None] = check_outgoing,
    log: MemoryLog | None = None,
    **serving: Any,
) -> AsyncIterator[Desk]:
    """Run a broker in this process with these providers, or `a_provider`; ``providers=()`` is an empty register."""
    registered = providers if providers is not None else listed or (a_provider(),)
    write_evidence(write_register(policies, *registered), *registered)
    home = policies.parent
    credentials = home / "credentials"
    credentials.mkdir(mode=0o700, exist_ok=True)
    for provider in registered:
        write_secret(credentials / provider.credential)
    clock, memory = HandClock(), log or MemoryLog()
    moments = AgreementClock(clock, seen_file=home / "clock.json")
    spend = Spend(home / "spend.json", now=lambda: moments.moment().latest)
    made: list[ScriptedAdapter] = []
    unapproved: dict[str, str] = {}
    closed: dict[str, str] = {}

    def make(provider: Provider) -> ScriptedAdapter:
        made.append(ScriptedAdapter(provider, script))
        return made[-1]

    with ThreadPoolExecutor(2) as checkers:
        office = Office(
            policy=KeptPolicy(policies),
            moments=moments.moment,
            monotonic_s=clock.monotonic_s,
            unapproved=lambda digest: unapproved.get(digest, ""),
            closed=lambda name: closed.get(name, ""),
            records=Records(memory, MemoryReceipts(memory)),
            ceilings=Ceilings(spend, monotonic_s=clock.monotonic_s),
            credentials=Credentials(credentials),
            adapters=Adapters(lambda: make),
            check=check,
            checkers=checkers,
        )
        broker = Broker(office, **{"peers": frozenset({os.getuid()}), "idle_s": 5.0, **serving})
        socket = home / "broker.sock"
        async with broker.listening(socket):
            yield Desk(office, broker, spend, memory, clock, policies, home, socket, made, unapproved, closed)


def write_secret(path: Path, content: str = SECRET, *, mode: int = 0o600) -> None:
    """Write a credential file."""
    path.touch(mode=0o600)
    path.write_text(content + "\n")
    path.chmod(mode)


def a_request(policy_digest: str, /, **changes: Any) -> DiscloseRequest:
    """Return a request that everything is right with, but for the intent's receipt."""
    told: Mapping[str, Any] = {
        "exchange_id": EXCHANGE,
        "task": "discharge-summary",
        "provider": "example-cloud",
        "model": "frontier-2026-03-01",
        "policy_digest": policy_digest,
        "caller": Caller(client_id="client_0123456789abcdef", tenant="site", tasks=("discharge-summary",)),
        "patients_named": True,
        "counts": {"NAME": 1, "DATE": 2},
        "kinds_left": ("DATE",),
        "stream": True,
        "deadline_s": 120.0,
        "identifiers": keyed(PATIENT, issued=("Mark Ellis",)).to_wire(),
    }
    return DiscloseRequest(**{**told, **changes})


def intent_of(request: DiscloseRequest, /, **changes: Any) -> Event:
    """Return the event that opens the exchange of a request, as the gateway's trail writes it."""
    told: dict[str, Any] = {
        "kind": Kind.INTENT,
        "exchange_id": request.exchange_id,
        "client": request.caller.client_id,
        "patients": ("KX-20771",),
        "tenant": request.caller.tenant,
        "task": request.task,
        "purpose": request.purpose,
        "facts": {"surface": "tasks"},
    }
    return Event(**{**told, **changes})


def disclosure_of(ready: Ready, policy_digest: str, /, **changes: Any) -> Event:
    """Return the event that records a disclosure."""
    told: dict[str, Any] = {
        "kind": Kind.DISCLOSURE,
        "exchange_id": EXCHANGE,
        "client": "client_0123456789abcdef",
        "patients": ("KX-20771",),
        "tenant": "site",
        "task": "discharge-summary",
        "purpose": "TREAT",
        "route": f"managed:{ready.facts['provider']}",
        "model": ready.model,
        "policy_digest": policy_digest,
        "facts": dict(ready.facts),
    }
    return Event(**{**told, **changes})
