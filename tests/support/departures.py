"""A guard that runs in the test's process, and a broker that notes what it is handed and answers as it was told.

broker = NotingBroker(answer=None, parts=[says("Draft."), finished()])
departure = a_departure(broker)
completion = await departure.complete(call)
"""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from typing import Any

from appliance.clinical_text import ClinicalText, SafeText
from appliance.clock import Clock
from appliance.decision import Decision
from appliance.errors import ApplianceError, EscalationError
from appliance.escalation.client import Facts, Record
from appliance.escalation.hand_off import Departure
from appliance.escalation.wire import DiscloseRequest, Finished, HelloAnswer
from appliance.exchange import Delta
from appliance.phi.findings import Finding
from appliance.phi.guard import Guard
from appliance.phi.keyed import KeyedIdentifiers
from appliance.phi.known_identifiers import KnownIdentifiers
from appliance.phi.rules import find
from appliance.phi.settings import GuardSettings, Site


@dataclass
class RulesFinder:
    """Speaks the interface of `GuardWorker` with the rules alone, or fails as it was told."""

    failure: ApplianceError | None = None
    sites: list[Site] = field(default_factory=list)
    """Lists that it was told to use."""

    asked: int = 0

    async def use(self, site: Site) -> None:
        """Note the list."""
        self.sites.append(site)

    async def find(self, texts: Sequence[str]) -> list[tuple[Finding, ...]]:
        """Return what the rules find, or fail."""
        self.asked += 1
        if self.failure is not None:
            raise self.failure
        return [find(text) for text in texts]


FACTS: dict[str, str | int | bool | list[str]] = {
    "provider": "example",
    "service": "anthropic-messages",
    "region": "us-east-1",
    "agreement": "BAA-2026-014",
    "recipient": "Example Cloud, Inc.",
    "bytes": 2048,
    "digest": "cd" * 32,
}
"""What a broker that is ready says would leave."""

MODEL = f"example-model-1@sha256:{'ef' * 32}"
"""And to which model."""


@dataclass
class NotingBroker:
    """Speaks the interface of `BrokerClient`: notes what would leave, and refuses or answers as it was told."""

    answer: ApplianceError | None = field(default_factory=lambda: EscalationError("No agreement is in force."))
    """Raised before anything is recorded; None to be ready."""

    parts: list[Delta | Finished] = field(default_factory=list)
    """The answer, once the disclosure is recorded."""

    failure: ApplianceError | None = None
    """Raised after the parts."""

    requests: list[DiscloseRequest] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    identifiers: list[KeyedIdentifiers] = field(default_factory=list)
    receipts: list[str] = field(default_factory=list)
    """Of the disclosures that were recorded."""

    closed_early: int = 0
    """Answers that were closed or cancelled before their end."""

    async def disclose(
        self, request: DiscloseRequest, body: SafeText, *, identifiers: KeyedIdentifiers, record: Record
    ) -> AsyncGenerator[Delta | Finished]:
        """Note it all, have it recorded, and answer."""
        self.requests.append(request)
        self.bodies.append(body.reveal_bytes())
        self.identifiers.append(identifiers)
        if self.answer is not None:
            raise self.answer
        self.receipts.append(await record({**FACTS, "provider": request.provider}, MODEL))
        is_whole = False
        try:
            for part in self.parts:
                yield part
            is_whole = True
        finally:
            self.closed_early += not is_whole
        if self.failure is not None:
            raise self.failure

    async def hello(self) -> HelloAnswer:
        """Say that it stands, with no provider."""
        return HelloAnswer(call=1, policy_digest="0" * 64, state="ready")


def says(text: str) -> Delta:
    """Return a piece of text of an answer."""
    return Delta(text=ClinicalText(text))


def finished(**changes: Any) -> Finished:
    """Return the end of an answer."""
    settings: dict[str, Any] = {"finish_reason": "stop", "prompt_tokens": 20, "completion_tokens": 8, **changes}
    return Finished(call=1, **settings)


def a_departure(broker: NotingBroker, finder: "RulesFinder | None" = None, **changes: Any) -> Departure:
    """Return the way of one exchange to a broker, permitted, and recorded as ``audit1.receipt``."""

    async def record(_: Facts, __: str) -> str:
        return "audit1.receipt"

    settings: dict[str, Any] = {
        "guard": a_guard(finder),
        "request": DiscloseRequest(
            exchange_id="ex_1", task="discharge-summary", provider="example", policy_digest="ab"
        ),
        "known": KnownIdentifiers.nothing(),
        "permit": lambda _: ALLOWED,
        "record": record,
        "clock": Clock(),
        "deadline_s": Clock().monotonic_s() + 60.0,
        **changes,
    }
    return Departure(broker=broker, **settings)


ALLOWED = Decision(allowed=True, action="Escalate", reasons=("Permitted.",), policy_ids=("p",), policy_digest="ab")
"""What policy says when it lets something leave."""


def a_guard(finder: RulesFinder | None = None, settings: GuardSettings | None = None) -> Guard:
    """Return a guard with the rules only, and the default settings."""
    in_force = settings or GuardSettings()
    return Guard(finder or RulesFinder(), lambda: in_force, clock=Clock())
