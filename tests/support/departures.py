"""A guard that runs in the test's process, and a broker that notes what it is handed.

guard, broker = a_guard(), NotingBroker()
departure = a_departure(guard, broker)
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from appliance.clinical_text import SafeText
from appliance.clock import Clock
from appliance.errors import ApplianceError, EscalationError
from appliance.escalation.wire import DiscloseRequest
from appliance.phi.findings import Finding
from appliance.phi.guard import Guard
from appliance.phi.keyed import KeyedIdentifiers
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


@dataclass
class NotingBroker:
    """Speaks the interface of `BrokerClient`: notes what would leave, and refuses as this version's broker does."""

    answer: ApplianceError | None = field(default_factory=lambda: EscalationError("No agreement is in force."))
    requests: list[DiscloseRequest] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    identifiers: list[KeyedIdentifiers] = field(default_factory=list)

    async def disclose(self, request: DiscloseRequest, body: SafeText, *, identifiers: KeyedIdentifiers) -> None:
        """Note it all."""
        self.requests.append(request)
        self.bodies.append(body.reveal_bytes())
        self.identifiers.append(identifiers)
        if self.answer is not None:
            raise self.answer


def a_guard(finder: RulesFinder | None = None, settings: GuardSettings | None = None) -> Guard:
    """Return a guard with the rules only, and the default settings."""
    in_force = settings or GuardSettings()
    return Guard(finder or RulesFinder(), lambda: in_force, clock=Clock())
