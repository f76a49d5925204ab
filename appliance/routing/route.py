"""The router: gathers what `choose` needs from the bundle in force and asks policy about the way out.

It decides nothing by itself.  The question ``Escalate`` is asked for each request anew, with its own facts, also when
the local route will be taken: the reasons say what else was open.  It MUST NOT remember a permission.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from appliance.decision import Decision
from appliance.exchange import Actor, ModelIdentity, Purpose, Route, RouteKind
from appliance.policy.bundle import Bundle
from appliance.policy.current import CurrentPolicy
from appliance.policy.decide import decide
from appliance.policy.question import Action, Fact, Question, task_resource
from appliance.policy.task import TaskPolicy
from appliance.routing.choose import EngineView, choose
from appliance.routing.evidence import Assessment, Evidence, assess

NO_MODEL = ""
"""Digest of the managed model while the register is empty; no measured evidence has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighing:
    """A route and everything that it was chosen from, for people who ask why."""

    local: Assessment
    managed: Assessment
    permission: Decision
    """The answer to ``Escalate``."""

    route: Route


class Router:
    """Choose routes by the bundle in force for one model; constructed by `wiring`."""

    def __init__(self, policy: CurrentPolicy, model: ModelIdentity) -> None:
        """Take the policy that may be reloaded and the model that was verified at start."""
        self._policy = policy
        self._model = model

    def route(
        self, actor: Actor, task: TaskPolicy, engine: EngineView, facts: Mapping[str, Fact] | None = None
    ) -> Route:
        """Return the route of one request; the facts are those of the schema's ``Escalate``, treatment by default."""
        bundle = self._policy.bundle
        return weigh(bundle, actor=actor, task=task, model_digest=self._model.digest, engine=engine, facts=facts).route


def weigh(
    bundle: Bundle,
    *,
    actor: Actor,
    task: TaskPolicy,
    model_digest: str,
    engine: EngineView,
    facts: Mapping[str, Fact] | None = None,
) -> Weighing:
    """Assess both routes, ask for the permission, and choose."""
    evidence = [Evidence.from_row(row) for row in bundle.evidence]
    local = assess(evidence, task=task, route=RouteKind.LOCAL, model_digest=model_digest, tenant=actor.tenant)
    managed = assess(evidence, task=task, route=RouteKind.MANAGED, model_digest=NO_MODEL, tenant=actor.tenant)
    permission = decide(bundle, _may_escalate(bundle, actor, task, facts))
    route = choose(task=task, local=local, managed=managed, managed_permission=permission, engine=engine)
    return Weighing(local=local, managed=managed, permission=permission, route=route)


def _may_escalate(bundle: Bundle, actor: Actor, task: TaskPolicy, facts: Mapping[str, Fact] | None) -> Question:
    """Build the question; what the register says is added last, so that no caller's fact can stand in for it."""
    known: dict[str, Fact] = {"purpose": Purpose.TREATMENT.value, **(facts or {})}
    known["agreement_in_force"] = bool(bundle.providers)
    return Question(actor=actor, action=Action.ESCALATE, resource=task_resource(task), facts=known)
