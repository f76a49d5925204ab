"""The router: gathers what `choose` needs from the bundle in force, the register and the broker.

It decides nothing by itself.  The question ``Escalate`` is asked for each request anew, of each model of each provider,
also when the local route will be taken: the reasons say what else was open.  It MUST NOT remember a permission.
"""

from collections.abc import Callable
from dataclasses import dataclass

from appliance.clock import Moment
from appliance.exchange import Actor, EvidenceState, ModelIdentity, Route, RouteKind
from appliance.policy.bundle import Bundle
from appliance.policy.current import CurrentPolicy
from appliance.policy.escalate import Ask
from appliance.policy.evidence import Assessment, assess
from appliance.policy.task import TaskPolicy
from appliance.routing.candidates import BrokerView, Candidate, EngineView, Outlook, candidates
from appliance.routing.choose import choose


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighing:
    """A route and everything that it was chosen from, for people who ask why."""

    local: Assessment
    candidates: tuple[Candidate, ...]
    """Every model of every provider, with what speaks against it."""

    route: Route


class Router:
    """Choose routes by the bundle in force for one local model; constructed by `wiring`."""

    def __init__(
        self,
        policy: CurrentPolicy,
        model: ModelIdentity,
        *,
        moments: Callable[[], Moment],
        approval: Callable[[str], str],
        broker: Callable[[], BrokerView],
        closed: Callable[[], frozenset[str]],
    ) -> None:
        """Take the policy that may be reloaded, the model that was verified at start, and whom to ask each time.

        `approval` says of a bundle's digest why two people have not approved it, empty if they have; `closed` names the
        providers that somebody closed by hand.
        """
        self._policy = policy
        self._model = model
        self._moments = moments
        self._approval = approval
        self._broker = broker
        self._closed = closed

    def route(
        self,
        actor: Actor,
        task: TaskPolicy,
        engine: EngineView,
        ask: Ask,
        *,
        without: frozenset[tuple[str, str]] = frozenset(),
    ) -> Route:
        """Return the route of one request; `without` are pairs of provider and model that could not take it."""
        bundle = self._policy.bundle
        outlook = self._outlook(bundle, engine, without)
        return weigh(bundle, actor=actor, task=task, model_digest=self._model.digest, ask=ask, outlook=outlook).route

    def _outlook(self, bundle: Bundle, engine: EngineView, without: frozenset[tuple[str, str]]) -> Outlook:
        # Without a provider there is no way out that could need approval.
        is_open = bool(bundle.providers)
        return Outlook(
            engine=engine,
            moment=self._moments(),
            approval=self._approval(bundle.digest) if is_open else "",
            broker=self._broker(),
            closed=self._closed() if is_open else frozenset(),
            without=without,
        )


def weigh(bundle: Bundle, *, actor: Actor, task: TaskPolicy, model_digest: str, ask: Ask, outlook: Outlook) -> Weighing:
    """Assess the local route and every way out, and choose."""
    local = assess(bundle.evidence, task=task, route=RouteKind.LOCAL, model_digest=model_digest, tenant=actor.tenant)
    failover = local.state is EvidenceState.MEETS and not outlook.engine.is_ready
    ways_out = candidates(bundle, actor=actor, task=task, ask=ask, failover=failover, outlook=outlook)
    route = choose(task=task, local=local, candidates=ways_out, engine=outlook.engine, ask=ask)
    return Weighing(local=local, candidates=ways_out, route=route)
