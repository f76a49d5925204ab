"""What the gateway asks the recorder to remember about each request, and when it waits for it.

The order is design section 2, promise 2: the intent is durable before anything is done, the release before the
first byte goes out, the outcome follows.  A recorder that does not answer means no answer (`audit_unavailable`).
An outcome that cannot be written yet is owed: it is kept, bounded, and written when the recorder is back, and
while too many are owed nothing new is opened.  Nothing here logs or formats what a body holds.
"""

import asyncio
import json
from collections import Counter, deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Protocol

import structlog

from appliance.clinical_text import ClinicalText
from appliance.clock import Clock
from appliance.decision import Decision
from appliance.errors import AuditUnavailableError, audit_unavailable
from appliance.exchange import Actor, Message, ModelIdentity, Route, TaskRequest
from audit.errors import AppendError
from audit.record import Event, Kind, Outcome, Receipt, Receipts

Facts = Mapping[str, str | int | bool | list[str]]

MAX_OWED = 1000
"""Outcomes kept while the recorder is away: one a request that was in flight, far above the concurrency limit."""

MAX_BATCH = 64
"""Exchanges paid for in one append; keeps one frame to the recorder small."""

RETRY_S = 0.5
"""Pause between two tries to pay what is owed; the recorder's restart takes about a second."""


class Recorder(Protocol):
    """The part of `audit.recorder.client.RecorderClient` that the trail needs; tests hand in a fake."""

    async def append(self, event: Event) -> Receipt:
        """Make one event durable and return its receipt.  Raises AppendError."""
        ...

    async def append_all(self, events: list[Event], *, receipts: Receipts) -> list[Receipt]:
        """Make several events durable in one batch, in order; return the receipts asked for.  Raises AppendError."""
        ...


@dataclass(slots=True)
class Entry:
    """The record of one exchange while it is being handled; owned by one request, shared with nobody."""

    template: Event
    """What all events of this exchange have in common."""

    started_s: float
    intent_receipt: str = ""
    """Compact receipt of the intent, where the exchange may leave the building: the broker asks for it."""

    waiting: list[Event] = field(default_factory=list)
    """Events that go out with the next durable batch."""

    closing: asyncio.Future[None] | None = None
    """Resolved once the outcome is durable; None while the exchange is open."""

    def permitted(self, decision: Decision) -> None:
        """Note what policy decided; it becomes durable with the release or the outcome."""
        self._decided(decision, code="use_task")

    def escalating(self, decision: Decision) -> None:
        """Note what policy decided of what would leave; it becomes durable with the disclosure or the outcome."""
        self._decided(decision, code="escalate")

    def _decided(self, decision: Decision, *, code: str) -> None:
        facts: dict[str, str | int | bool | list[str]] = {
            "action": decision.action,
            "allowed": decision.allowed,
            "reasons": list(decision.reasons),
            "policies": list(decision.policy_ids),
        }
        self.template = replace(self.template, policy_digest=decision.policy_digest)
        self.waiting.append(replace(self.template, kind=Kind.DECISION, code=code, facts=facts))

    def routed(self, route: Route, model: ModelIdentity, facts: Facts, *, sealed: ClinicalText | None = None) -> None:
        """Note the route with its reasons; it becomes durable with the release or the outcome.

        What the caller must not learn of its own exchange goes into `sealed`: facts are shown to it, and its receipt
        holds them.
        """
        told: dict[str, str | int | bool | list[str]] = {
            "reasons": list(route.reasons),
            "evidence": route.state.value,
            "illustrative": route.illustrative,
            "below_threshold": route.below_threshold,
            "pinned": model.pinned,
            **facts,
        }
        self.template = replace(self.template, route=route.label(), model=model.label())
        body = None if sealed is None else sealed.reveal_bytes()
        self.waiting.append(replace(self.template, kind=Kind.DECISION, code="route", facts=told, body=body))


@dataclass(frozen=True, slots=True)
class _Owed:
    events: list[Event]
    done: asyncio.Future[None]
    """Resolved once the events are durable."""


class Trail:
    """Write the events of each exchange through the recorder, in the order that the promises need."""

    def __init__(self, recorder: Recorder, clock: Clock) -> None:
        """Take the recorder's client and the clocks."""
        self._recorder = recorder
        self._clock = clock
        self._owed: deque[_Owed] = deque()
        """Outcomes not yet durable; only `_pay` takes from its left."""
        self._paying: asyncio.Task[None] | None = None
        self._disclosed: Counter[str] = Counter()
        self._log = structlog.get_logger("trail")

    @property
    def owed(self) -> int:
        """Return how many outcomes wait for the recorder."""
        return len(self._owed)

    @property
    def disclosed(self) -> Mapping[str, int]:
        """Return how many disclosures to each provider became durable since the start."""
        return dict(self._disclosed)

    async def open(
        self, exchange_id: str, actor: Actor, request: TaskRequest, *, is_known_task: bool, receipt: bool = False
    ) -> Entry:
        """Make the intent durable and return the exchange's entry, with a receipt where one is asked for.

        The name of a task that does not exist is the caller's text, so it stands in the sealed body only.  Raises
        AuditUnavailableError.
        """
        if len(self._owed) >= MAX_OWED:
            raise AuditUnavailableError(detail="too many outcomes are owed")
        template = Event(
            kind=Kind.INTENT,
            exchange_id=exchange_id,
            client=actor.client_id,
            user=request.subject.user,
            patients=tuple(patient.reveal() for patient in request.subject.patients),
            tenant=actor.tenant,
            task=request.task if is_known_task else "",
            purpose=request.subject.purpose.value,
            request_id=request.request_id,
            trace_id=request.trace_id,
        )
        intent = replace(template, facts={"surface": request.surface.value}, body=to_body(request))
        receipts = await self._durable([intent], receipts="last" if receipt else "none")
        compact = receipts[-1].compact if receipt else ""
        return Entry(template=template, started_s=self._clock.monotonic_s(), intent_receipt=compact)

    async def disclose(self, entry: Entry, facts: Facts, model: str) -> Receipt:
        """Make decisions and disclosure durable before the first byte leaves.  Raises AuditUnavailableError.

        Facts and the model's label are the broker's; whom it concerns is the exchange's own (45 CFR 164.528).
        """
        disclosure = replace(entry.template, kind=Kind.DISCLOSURE, facts=dict(facts), model=model)
        receipts = await self._durable([*entry.waiting, disclosure], receipts="last")
        entry.waiting.clear()
        self._disclosed[str(facts.get("provider", ""))] += 1
        return receipts[-1]

    async def release(self, entry: Entry, *, facts: Facts, body: ClinicalText | None) -> Receipt:
        """Make decision and release durable before the first byte goes out.  Raises AuditUnavailableError."""
        release = replace(
            entry.template,
            kind=Kind.RELEASE,
            facts=dict(facts),
            body=None if body is None else body.reveal_bytes(),
        )
        receipts = await self._durable([*entry.waiting, release], receipts="last")
        entry.waiting.clear()
        return receipts[-1]

    def close(
        self,
        entry: Entry,
        outcome: Outcome,
        *,
        code: str = "",
        facts: Facts | None = None,
        body: ClinicalText | None = None,
    ) -> None:
        """Owe the outcome: it is written as soon as the recorder takes it, in the order of closing."""
        elapsed_ms = round((self._clock.monotonic_s() - entry.started_s) * 1000)
        event = replace(
            entry.template,
            kind=Kind.OUTCOME,
            outcome=outcome.value,
            code=code,
            facts={"elapsed_ms": elapsed_ms, **(facts or {})},
            body=None if body is None else body.reveal_bytes(),
        )
        loop = asyncio.get_running_loop()
        entry.closing = loop.create_future()
        self._owed.append(_Owed(events=[*entry.waiting, event], done=entry.closing))
        entry.waiting.clear()
        if self._paying is None or self._paying.done():
            self._paying = loop.create_task(self._pay())

    async def settled(self, entry: Entry, *, patience_s: float) -> None:
        """Wait until the outcome of a closed entry is durable, or for as long as patience lasts."""
        if entry.closing is not None:
            await asyncio.wait({entry.closing}, timeout=patience_s)

    async def operation(
        self, code: str, *, client: str, facts: Facts, policy_digest: str = "", model: str = ""
    ) -> None:
        """Record that policy, model, clients or routes changed or were loaded.  Raises AuditUnavailableError."""
        event = Event(
            kind=Kind.OPERATION,
            client=client,
            code=code,
            facts=dict(facts),
            policy_digest=policy_digest,
            model=model,
        )
        await self._durable([event], receipts="none")

    async def aclose(self, *, patience_s: float) -> None:
        """Pay what is owed for at most the given seconds; what stays is visible as intents without outcome."""
        if self._paying is None or self._paying.done():
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(self._paying, patience_s)
        if self._owed:
            self._log.error("outcomes_lost", count=len(self._owed))

    async def _durable(self, events: list[Event], *, receipts: Receipts) -> list[Receipt]:
        try:
            return await self._recorder.append_all(events, receipts=receipts)
        except AppendError as error:
            raise audit_unavailable(error.code) from error

    async def _pay(self) -> None:
        while self._owed:
            batch = list(islice(self._owed, MAX_BATCH))
            try:
                await self._recorder.append_all([event for owed in batch for event in owed.events], receipts="none")
            except AppendError as error:
                self._log.warning("outcome_owed", count=len(self._owed), code=error.code)
                await asyncio.sleep(RETRY_S)
                continue
            for owed in batch:
                self._owed.popleft()
                if not owed.done.done():
                    owed.done.set_result(None)


def to_body(request: TaskRequest) -> bytes:
    """Return the whole request as canonical JSON for sealing: what the caller sent and asked for."""
    content: dict[str, object] = {
        "task": request.task,
        "surface": request.surface.value,
        "messages": [_message(message) for message in request.messages],
        "input": None if request.input is None else request.input.reveal(),
        **({} if request.people is None else {"people": request.people.reveal()}),
        "sampling": {name: getattr(request.sampling, name) for name in request.sampling.__slots__},
        "tools": {
            name: value.reveal() if isinstance(value := getattr(request.tools, name), ClinicalText) else value
            for name in request.tools.__slots__
        },
        "stream": request.stream,
        "deadline_s": request.deadline_s,
    }
    return json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _message(message: Message) -> dict[str, object]:
    content: dict[str, object] = {"role": message.role, "content": message.content.reveal()}
    if message.tool_calls:
        content["tool_calls"] = [
            {"id": call.id, "name": call.name, "arguments": call.arguments.reveal()} for call in message.tool_calls
        ]
    if message.tool_call_id is not None:
        content["tool_call_id"] = message.tool_call_id
    return content
