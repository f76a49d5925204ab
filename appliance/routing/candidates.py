"""The ways out that one request would have: each model of each provider, with everything that speaks against it.

The list is made from the register for every request; nothing lists fallbacks by hand, and nothing is remembered.  An
agreement that has ended, a policy that no two people approved, a provider closed by hand: each closes a way whatever
the Cedar policies say.  A breaker or an unreachable broker closes it for now.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from appliance.clock import Moment
from appliance.decision import Decision
from appliance.exchange import Actor, EvidenceState, RouteKind
from appliance.policy.bundle import Bundle
from appliance.policy.decide import decide
from appliance.policy.escalate import Ask, Way, escalate_question
from appliance.policy.evidence import Assessment, assess
from appliance.policy.question import SANDBOX
from appliance.policy.register import ManagedModel, Provider, Use, models_of
from appliance.policy.task import TaskPolicy

FOREIGN = "a stand-in serves the sandbox tenant only, and the sandbox tenant reaches stand-ins only"
"""Said where tenant and provider do not belong together."""


class EngineView(Protocol):
    """What the choice needs of `engine.condition.EngineCondition`."""

    @property
    def is_ready(self) -> bool:
        """Say whether the engine can generate now."""
        ...

    @property
    def state(self) -> str:
        """Return ``ready``, ``engine_starting``, ``engine_down``, ``engine_full`` or ``manifest_mismatch``."""
        ...


class ProviderView(Protocol):
    """What is needed of `escalation.wire.ProviderCondition`."""

    @property
    def state(self) -> str:
        """Return ``open``, ``probing`` or ``closed``."""
        ...

    @property
    def reason(self) -> str:
        """Say why it is closed, in a clause."""
        ...


class BrokerView(Protocol):
    """What is needed of `escalation.condition.BrokerCondition`."""

    @property
    def reachable(self) -> bool:
        """Say whether the broker answered lately."""
        ...

    @property
    def policy_digest(self) -> str:
        """Return the digest of the bundle that the broker decides by."""
        ...

    @property
    def approval(self) -> str:
        """Say why the broker's bundle is not approved; empty if it is."""
        ...

    @property
    def providers(self) -> Mapping[str, ProviderView]:
        """Return how each provider stands."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What lies outside the bundle and the request, as far as the route depends on it."""

    engine: EngineView
    moment: Moment
    approval: str
    """Why the bundle in force is not approved by two people; empty if it is."""

    broker: BrokerView
    closed: frozenset[str]
    """Providers that somebody closed by hand."""

    without: frozenset[tuple[str, str]] = frozenset()
    """Pairs of provider and model that could not take this very request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One model of one provider, for one request."""

    provider: Provider
    model: ManagedModel
    agreement: str
    """Id of the agreement in force that covers this use; empty without one."""

    assessment: Assessment
    permission: Decision
    """The answer to ``Escalate``."""

    foreign: bool
    """Whether it is a stand-in for a tenant with patients, or a real provider for the sandbox."""

    closed: str
    """Why it may not be asked, whatever the policies say, as a clause; empty if nothing stands against it."""

    missing: str
    """Why it cannot answer now although it may be asked, as a clause; empty if it can."""

    @property
    def can_answer(self) -> bool:
        """Say whether broker and provider are there."""
        return not self.missing

    @property
    def label(self) -> str:
        """Return the provider's name, with the model where the provider has several."""
        return self.provider.name if len(self.provider.models) == 1 else f"{self.provider.name} ({self.model.name})"

    def objections(self) -> tuple[str, ...]:
        """Return what forbids to ask it, as clauses; empty if it may be asked.

        What mends itself by no policy is told alone: the rest would only repeat it in other words.
        """
        if self.foreign:
            return (FOREIGN,)
        if self.closed:
            return (self.closed,)
        found = [] if self.agreement else [f"no agreement with {self.provider.recipient} is in force"]
        if not self.permission.allowed:
            found += [clause(reason) for reason in self.permission.reasons]
        if self.assessment.state is not EvidenceState.MEETS:
            found.append(self.assessment.sentence)
        if self.assessment.illustrative and not self.provider.sandbox:
            found.append("illustrative evidence opens no real provider")
        return tuple(found)


def clause(sentence: str) -> str:
    """Return a sentence as a part of a longer one."""
    return sentence[:1].lower() + sentence[1:].removesuffix(".")


def candidates(
    bundle: Bundle, *, actor: Actor, task: TaskPolicy, ask: Ask, failover: bool, outlook: Outlook
) -> tuple[Candidate, ...]:
    """Return every model of every provider; with `failover` the question is whether it may stand in for the engine."""
    found = []
    for provider, model in models_of(bundle.providers):
        digest = provider.identity(model).digest
        drafts = assess(bundle.evidence, task=task, route=RouteKind.MANAGED, model_digest=digest, tenant=actor.tenant)
        way = Way(provider=provider, model=model, evidence=drafts.state, failover=failover, moment=outlook.moment)
        agreement = provider.agreement(model, ask.use(task.name), outlook.moment)
        found.append(
            Candidate(
                provider=provider,
                model=model,
                agreement="" if agreement is None else agreement.id,
                assessment=drafts,
                permission=decide(bundle, escalate_question(actor, task.name, ask=ask, way=way)),
                foreign=provider.sandbox != (actor.tenant == SANDBOX),
                closed=_closed(way, ask.use(task.name), outlook),
                missing=_missing(bundle, way, outlook),
            )
        )
    return tuple(found)


def _closed(way: Way, use: Use, outlook: Outlook) -> str:
    if outlook.approval:
        return clause(outlook.approval)
    if way.provider.name in outlook.closed:
        return f"provider {way.provider.name} was closed by hand"
    return way.provider.closed(way.model, use, outlook.moment)


def _missing(bundle: Bundle, way: Way, outlook: Outlook) -> str:
    broker, name = outlook.broker, way.provider.name
    if (name, way.model.name) in outlook.without:
        return f"{name} could not take this request a moment ago"
    if not broker.reachable:
        return "the broker cannot be reached"
    if broker.policy_digest != bundle.digest:
        return "the broker holds another policy than the gateway"
    if broker.approval:
        return clause(broker.approval)
    condition = broker.providers.get(name)
    if condition is None:
        return f"the broker does not know {name}"
    return condition.reason or f"{name} may not be asked now" if condition.state == "closed" else ""
