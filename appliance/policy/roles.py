"""What ``roles.yaml`` says a role may do, held against what the Cedar policies answer.

The register is for people and the policies decide.  They are compared whenever a bundle loads, so what is shown
and what is done cannot drift apart (rule 20).  What depends on the moment, such as an agreement in force, is supposed
to be at its best: a role's list says what its holders may do at all.
"""

from collections.abc import Iterator
from dataclasses import replace
from types import MappingProxyType

from appliance.exchange import Actor, DataClass, EvidenceState, Purpose
from appliance.policy.bundle import Bundle
from appliance.policy.decide import decide
from appliance.policy.question import (
    SANDBOX,
    Action,
    Fact,
    PrincipalKind,
    Question,
    Resource,
    ResourceKind,
    appliance_resource,
    register_resource,
    trail_resource,
)
from appliance.policy.register import Provider

TASK_ACTIONS = (Action.USE_TASK, Action.ESCALATE, Action.APPROVE_ROUTE)
"""Actions that are done to one task."""

TRAIL_ACTIONS = (Action.READ_TRAIL, Action.OPEN_BODY, Action.EXPORT_TRAIL)
"""Actions that are done to the trail."""


def holder(bundle: Bundle, role: str) -> tuple[PrincipalKind, Actor]:
    """Return anyone who holds one role and nothing else, but was granted every task."""
    anyone = Actor(
        client_id=f"anyone-{role}",
        name=f"with role {role}",
        tenant="",
        roles=frozenset({role}),
        tasks=frozenset(bundle.tasks),
    )
    return bundle.roles[role].principal, anyone


def facts_of(bundle: Bundle, action: Action, actor: Actor, provider: Provider | None = None) -> dict[str, Fact]:
    """Return the facts of an ordinary moment; of an escalation those of one at its best, to a provider if there is one.

    That is: for treatment, with managed drafts that meet the threshold, for a patient who is named and falls under no
    restriction, and with an agreement in force unless the register is empty.
    """
    purpose: dict[str, Fact] = {"purpose": Purpose.TREATMENT.value}
    if action is Action.ESCALATE:
        return purpose | _best(bundle, actor, provider)
    return purpose if action is Action.USE_TASK else {}


def resource_of(action: Action) -> Resource:
    """Return the one resource of an action that is done neither to a task nor to the trail."""
    return register_resource() if action is Action.CHANGE_REGISTER else appliance_resource()


def disagreements(bundle: Bundle) -> Iterator[tuple[str, str]]:
    """Yield each role and the sentence that says how its register and the policies differ."""
    supposed = _supposed(bundle)
    for role, written in sorted(bundle.roles.items()):
        for action in Action:
            permitted, listed = _may(supposed, role, action), action in written.actions
            if permitted and not listed:
                yield role, f"the policies permit {action} to role '{role}'; list it here or mend the policy."
            if listed and not permitted:
                yield role, f"no policy permits {action} to role '{role}'; remove it here or add the policy."


def _best(bundle: Bundle, actor: Actor, provider: Provider | None) -> dict[str, Fact]:
    named = (provider.name, provider.service.value, provider.region) if provider is not None else ("", "", "")
    return {
        "data_class": DataClass.PHI.value,
        "provider": named[0],
        "service": named[1],
        "region": named[2],
        "model": provider.models[0].name if provider is not None else "",
        "agreement_in_force": bool(bundle.providers),
        "evidence": EvidenceState.MEETS.value,
        "failover": False,
        "restrictions": frozenset(),
        "patients_named": True,
        "sandbox": provider.sandbox if provider is not None else actor.tenant == SANDBOX,
        "finding_kinds": frozenset(),
        "finding_count": 0,
        "time": 0,
    }


def _supposed(bundle: Bundle) -> Bundle:
    """Return the bundle as if every task might escalate: a task's file says nothing about roles."""
    tasks = {name: task.model_copy(update={"escalation": True}) for name, task in bundle.tasks.items()}
    return replace(bundle, tasks=MappingProxyType(tasks))


def _may(bundle: Bundle, role: str, action: Action) -> bool:
    kind, actor = holder(bundle, role)
    facts = facts_of(bundle, action, actor)
    if action is Action.ESCALATE:
        facts["agreement_in_force"] = True
    return any(
        decide(bundle, Question(actor=actor, action=action, resource=each, facts=facts, principal=kind)).allowed
        for each in _resources(bundle, action, actor)
    )


def _resources(bundle: Bundle, action: Action, actor: Actor) -> Iterator[Resource]:
    if action in TASK_ACTIONS:
        yield from (Resource(kind=ResourceKind.TASK, name=name) for name in bundle.tasks)
    elif action in TRAIL_ACTIONS:
        yield from (trail_resource(), trail_resource(actor.client_id))
    else:
        yield resource_of(action)
