"""What ``roles.yaml`` says a role may do, held against what the Cedar policies answer.

The register is for people and the policies decide.  They are compared whenever a bundle loads, so what is shown
and what is done cannot drift apart (rule 20).
"""

from collections.abc import Iterator

from appliance.exchange import Actor, Purpose
from appliance.policy.bundle import Bundle
from appliance.policy.decide import decide
from appliance.policy.question import (
    Action,
    Fact,
    PrincipalKind,
    Question,
    Resource,
    ResourceKind,
    appliance_resource,
    trail_resource,
)

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


def facts_of(bundle: Bundle, action: Action) -> dict[str, Fact]:
    """Return the facts of an ordinary moment: treatment, and whatever agreement the bundle holds."""
    if action is Action.ESCALATE:
        return {"purpose": Purpose.TREATMENT.value, "agreement_in_force": bool(bundle.providers)}
    return {"purpose": Purpose.TREATMENT.value} if action is Action.USE_TASK else {}


def disagreements(bundle: Bundle) -> Iterator[tuple[str, str]]:
    """Yield each role and the sentence that says how its register and the policies differ."""
    for role, written in sorted(bundle.roles.items()):
        for action in Action:
            permitted, listed = _may(bundle, role, action), action in written.actions
            if permitted and not listed:
                yield role, f"the policies permit {action} to role '{role}'; list it here or mend the policy."
            if listed and not permitted:
                yield role, f"no policy permits {action} to role '{role}'; remove it here or add the policy."


def _may(bundle: Bundle, role: str, action: Action) -> bool:
    kind, actor = holder(bundle, role)
    return any(
        decide(
            bundle,
            Question(actor=actor, action=action, resource=each, facts=facts_of(bundle, action), principal=kind),
        ).allowed
        for each in _resources(bundle, action, actor)
    )


def _resources(bundle: Bundle, action: Action, actor: Actor) -> Iterator[Resource]:
    if action in TASK_ACTIONS:
        yield from (Resource(kind=ResourceKind.TASK, name=name) for name in bundle.tasks)
    elif action in TRAIL_ACTIONS:
        yield from (trail_resource(), trail_resource(actor.client_id))
    else:
        yield appliance_resource()
