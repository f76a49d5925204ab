"""The question whether one request may go to one managed model now: the router, the door and the broker ask it.

It is built in one place, so that nobody can leave a fact out.  Whether an agreement is in force is worked out here from
the register and the moment and is no parameter: no caller, header or earlier answer can stand in for it.  Facts MUST
NOT hold text of a request.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from appliance.clock import Moment
from appliance.exchange import Actor, DataClass, EvidenceState, Purpose
from appliance.policy.question import Action, Fact, Question, Resource, ResourceKind
from appliance.policy.register import ManagedModel, Provider, Use


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What is known about one request before anybody decides whether it may leave."""

    purpose: Purpose
    data_class: DataClass
    """What the server derived; a caller can only have raised it."""

    restrictions: frozenset[str]
    """Names of ``restrictions.yaml`` that hold for it, and kinds of excluded patients that it names."""

    patients_named: bool
    """Whether it names a patient by record number: an objection cannot be looked up for nobody."""

    counts: Mapping[str, int] = field(default_factory=dict)
    """Kinds of identifiers in its texts, and how many of each."""

    def use(self, task: str) -> Use:
        """Return what a provider would be used for."""
        return Use(task=task, purpose=self.purpose, data_class=self.data_class)


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way out for it."""

    provider: Provider
    model: ManagedModel
    evidence: EvidenceState
    """What was measured of this model's drafts of the task."""

    failover: bool
    """Whether the request only leaves because the engine cannot generate."""

    moment: Moment
    kinds_left: frozenset[str] | None = None
    """Kinds of identifiers that leave in a derived form; None before the guard has done its work."""


def escalate_question(actor: Actor, task: str, *, ask: Ask, way: Way) -> Question:
    """Return the question ``Escalate`` with every fact."""
    provider, model = way.provider, way.model
    facts: dict[str, Fact] = {
        "purpose": ask.purpose.value,
        "data_class": ask.data_class.value,
        "provider": provider.name,
        "service": provider.service.value,
        "region": provider.region,
        "model": model.name,
        "agreement_in_force": provider.agreement(model, ask.use(task), way.moment) is not None,
        "evidence": way.evidence.value,
        "failover": way.failover,
        "restrictions": ask.restrictions,
        "patients_named": ask.patients_named,
        "sandbox": provider.sandbox,
        "finding_kinds": frozenset(ask.counts),
        "finding_count": sum(ask.counts.values()),
        "time": int(way.moment.latest.timestamp()),
    }
    if way.kinds_left is not None:
        facts["kinds_left"] = way.kinds_left
    resource = Resource(kind=ResourceKind.TASK, name=task)
    return Question(actor=actor, action=Action.ESCALATE, resource=resource, facts=facts)
