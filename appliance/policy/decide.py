"""The one place that says yes or no: a pure function of the bundle and the question.

Nothing is allowed unless a policy permits it and none forbids it.  A policy that cannot be evaluated denies, where
Cedar's own authorizer would skip it (cedar-policy ``authorizer.rs``, ``ErrorHandling::Skip``): a forbid that errs must
not open a door.  Every answer has a reason in plain words; none holds text of a request, so a task that is not
in the bundle is never named back.  This module reaches no file, network or clock, not even indirectly.
"""

import json
import re
from functools import lru_cache

from cedarpy import AuthzResult, Entities, Schema, is_authorized

from appliance.decision import Decision
from appliance.policy.bundle import Bundle
from appliance.policy.question import Action, PrincipalKind, Question, Resource, ResourceKind

REMEMBERED = 1024
"""Pairs of an actor and a resource that stay parsed, by their exact text: a hospital's clients times their tasks."""

_MISFIT = "The question does not fit policies/schema.cedarschema, so the answer is no; run 'appliance policy check'."

_FAILED_POLICY = re.compile(r"^error while evaluating policy `([A-Za-z0-9_-]+)`")


def decide(bundle: Bundle, question: Question) -> Decision:
    """Answer one question by the bundle; never raises for what a question holds."""
    if question.resource.kind is ResourceKind.TASK and question.resource.name not in bundle.tasks:
        return _decision(bundle, question, reasons=("This policy bundle has no such task; see 'appliance task list'.",))
    try:
        entities = _parsed(json.dumps(_entities(bundle, question)), bundle.schema)
        result = is_authorized(_request(question), bundle.policies, entities, bundle.schema)
    except (ValueError, TypeError):
        # Text that is no Unicode, or a fact of a type that JSON does not know, does not reach Cedar at all.
        return _decision(bundle, question, reasons=(_MISFIT,))
    if result.diagnostics.errors:
        return _decision(bundle, question, reasons=(_failure(bundle, result.diagnostics.errors),))
    return _answer(bundle, question, result)


def _answer(bundle: Bundle, question: Question, result: AuthzResult) -> Decision:
    ids = tuple(sorted(result.diagnostics.reasons))
    reasons = tuple(bundle.statements[each].reason for each in ids) or (_ungranted(question),)
    return _decision(bundle, question, reasons=reasons, policy_ids=ids, allowed=result.allowed)


def _decision(
    bundle: Bundle,
    question: Question,
    *,
    reasons: tuple[str, ...],
    policy_ids: tuple[str, ...] = (),
    allowed: bool = False,
) -> Decision:
    return Decision(
        allowed=allowed,
        action=str(question.action),
        reasons=reasons,
        policy_ids=policy_ids,
        policy_digest=bundle.digest,
    )


def _failure(bundle: Bundle, errors: list[str]) -> str:
    """Name the policy that erred, but not Cedar's words: they repeat the values of the question."""
    for error in sorted(errors):
        match = _FAILED_POLICY.match(error)
        if match is not None and match[1] in bundle.statements:
            at = bundle.statements[match[1]]
            return (
                f"Policy '{at.id}' ({at.file}:{at.line}) could not be evaluated, so the answer is no; "
                "mend it and run 'appliance policy check'."
            )
    return _MISFIT


def _ungranted(question: Question) -> str:
    """Say what is missing where no policy permits."""
    who = f"{question.principal} {question.actor.name}"
    if question.action is Action.USE_TASK and question.principal is PrincipalKind.CLIENT:
        return (
            f"{who} has not been granted task {question.resource.name}; "
            "an operator grants it with 'appliance client add'."
        )
    return f"{who} is not permitted to {_PLAIN[question.action]}: no policy permits it; see 'appliance policy table'."


_PLAIN = {
    Action.USE_TASK: "use this task",
    Action.ESCALATE: "send this task to a managed model",
    Action.READ_TRAIL: "read this part of the audit trail",
    Action.OPEN_BODY: "open sealed requests and answers",
    Action.EXPORT_TRAIL: "export the audit trail",
    Action.APPROVE_ROUTE: "approve a route",
    Action.OPERATE: "operate the appliance",
    Action.CHANGE_REGISTER: "change the register of providers",
}


def _request(question: Question) -> dict[str, object]:
    facts = {name: sorted(fact) if isinstance(fact, frozenset) else fact for name, fact in question.facts.items()}
    return {
        "principal": {"type": str(question.principal), "id": question.actor.client_id},
        "action": {"type": "Action", "id": str(question.action)},
        "resource": {"type": str(question.resource.kind), "id": question.resource.name},
        "context": json.dumps(facts),
    }


def _entities(bundle: Bundle, question: Question) -> list[dict[str, object]]:
    actor = question.actor
    attributes = {"tenant": actor.tenant, "roles": sorted(actor.roles), "tasks": sorted(actor.tasks)}
    return [
        {"uid": {"type": str(question.principal), "id": actor.client_id}, "attrs": attributes, "parents": []},
        {
            "uid": {"type": str(question.resource.kind), "id": question.resource.name},
            "attrs": _attributes(bundle, question.resource),
            "parents": [],
        },
    ]


def _attributes(bundle: Bundle, resource: Resource) -> dict[str, object]:
    if resource.kind is ResourceKind.TASK:
        task = bundle.tasks[resource.name]
        return {
            "name": task.name,
            "data_class": task.data_class,
            "failover": task.failover,
            "escalation": task.escalation,
        }
    if resource.owner:
        return {"owner": {"__entity": {"type": "Client", "id": resource.owner}}}
    return {}


@lru_cache(maxsize=REMEMBERED)
def _parsed(entities: str, schema: Schema) -> Entities:
    """Parse actor and resource against the schema; half of a decision's time.  What is decided is never remembered."""
    return Entities.from_json_str(entities, schema)
