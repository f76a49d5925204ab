from typing import Any

import pytest

from appliance.exchange import DataClass, EvidenceState, Route, RouteKind
from appliance.policy.bundle import Bundle
from appliance.policy.evidence import assess
from appliance.policy.register import Provider
from appliance.policy.task import TaskPolicy
from appliance.routing.candidates import Candidate
from appliance.routing.choose import RESTRICTED, choose
from appliance.routing.route import weigh
from tests.support.policy_folder import client
from tests.support.registers import a_model, a_provider, a_sandbox_provider
from tests.support.routes import (
    FAILING,
    INSUFFICIENT,
    MEETING,
    a_candidate,
    an_ask,
    an_outlook,
    assessment,
    engine,
    evidence,
    permission,
    task_with,
)


@pytest.fixture
def route(bundle: Bundle) -> "Choice":
    return Choice(bundle)


class Choice:
    """Choose with one word for each thing that matters."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle

    def task(self, **changes: Any) -> TaskPolicy:
        """Return the sample task, changed as asked."""
        return task_with(self._bundle, **changes)

    def __call__(self, local: str, *candidates: Candidate, **changes: Any) -> Route:
        """Return the route; an ordinary request, a ready engine, and a task that refuses otherwise."""
        task = self.task(when_unmet=changes.get("unmet", "refuse"), failover=changes.get("failover", False))
        return choose(
            task=task,
            local=assessment(local, "local", task),
            candidates=candidates,
            engine=engine(changes.get("state", "ready")),
            ask=changes.get("ask", an_ask()),
        )

    def candidate(self, state: str = MEETING, **changes: Any) -> Candidate:
        """Return a way out that is open, changed as asked."""
        return a_candidate(self.task(), state, **changes)


def named(name: str) -> Provider:
    """Return a provider of this name."""
    return a_provider(name=name)


@pytest.mark.parametrize("managed", [MEETING, FAILING, INSUFFICIENT])
@pytest.mark.parametrize("permitted", [True, False])
def test_a_local_route_that_meets_is_taken_whatever_else_is_open(
    route: Choice, managed: str, *, permitted: bool
) -> None:
    chosen = route(MEETING, route.candidate(managed, permission=permission(allowed=permitted)))

    assert (chosen.label(), chosen.state) == ("local", EvidenceState.MEETS)
    assert not chosen.below_threshold


@pytest.mark.parametrize("local", [FAILING, INSUFFICIENT])
@pytest.mark.parametrize("state", ["ready", "engine_down", "engine_full"])
def test_a_managed_route_is_taken_when_local_falls_short_and_everything_opens_it(
    route: Choice, local: str, state: str
) -> None:
    chosen = route(local, route.candidate(), state=state)

    assert chosen.label() == "managed:acme"
    assert (chosen.state, chosen.agreement) == (EvidenceState.MEETS, "BAA-1")
    assert (chosen.failover, chosen.sandbox) == (False, False)
    assert "the managed route is open and the request goes to acme" in chosen.reasons[0]


def test_a_managed_route_names_the_model_that_will_be_asked(route: Choice) -> None:
    candidate = route.candidate()

    assert route(FAILING, candidate).model == candidate.provider.identity(candidate.model)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"permission": permission(allowed=False)}, "the file of this task does not let it escalate"),
        ({"agreement": ""}, "no agreement with Example Cloud Inc. is in force"),
        ({"agreement": "", "closed": "agreement BAA-1 expired at noon"}, "agreement BAA-1 expired at noon"),
        ({"foreign": True}, "a stand-in serves the sandbox tenant only"),
        ({"closed": "provider acme was closed by hand"}, "provider acme was closed by hand"),
        ({"state": FAILING}, "42.0 % of 500 managed drafts were edited"),
        ({"state": INSUFFICIENT}, "10.0 % of 40 managed drafts were edited"),
    ],
)
def test_a_managed_route_stays_closed_unless_everything_opens_it(
    route: Choice, changes: dict[str, Any], why: str
) -> None:
    chosen = route(FAILING, route.candidate(**changes))

    assert chosen.kind is RouteKind.REFUSED
    assert why in chosen.reasons[0]
    assert (chosen.engine_missing, chosen.provider_missing) == (False, False)


def test_a_task_that_may_not_escalate_stays_whatever_the_policies_answer(bundle: Bundle) -> None:
    stays = task_with(bundle, escalation=False)

    chosen = choose(
        task=stays,
        local=assessment(FAILING, "local", stays),
        candidates=[a_candidate(stays)],
        engine=engine(),
        ask=an_ask(),
    )

    assert chosen.kind is RouteKind.REFUSED
    assert "the file of this task does not let it escalate" in chosen.reasons[0]


def test_without_a_provider_nothing_is_permitted(route: Choice) -> None:
    chosen = route(FAILING)

    assert chosen.kind is RouteKind.REFUSED
    assert "no managed route is permitted, because no provider has an agreement in force" in chosen.reasons[0]


@pytest.mark.parametrize(
    ("ask", "why"),
    [
        (an_ask(restrictions=frozenset({"vip"})), RESTRICTED),
        (an_ask(restrictions=frozenset({"hiv", "opt-out"})), RESTRICTED),
        (an_ask(data_class=DataClass.RESTRICTED), "data of the class restricted stays in the building"),
    ],
)
@pytest.mark.parametrize("local", [FAILING, MEETING])
def test_an_exclusion_wins_even_where_a_policy_would_permit(route: Choice, ask: Any, why: str, local: str) -> None:
    chosen = route(local, route.candidate(), ask=ask, state="engine_down", failover=True)

    assert chosen.kind is RouteKind.REFUSED
    assert why in chosen.reasons[0]


def test_the_caller_is_not_told_which_restriction_it_is(route: Choice) -> None:
    chosen = route(FAILING, route.candidate(), ask=an_ask(restrictions=frozenset({"substance-use-treatment"})))

    assert "substance" not in " ".join(chosen.reasons)


def test_illustrative_evidence_opens_a_stand_in_and_never_a_real_provider(route: Choice) -> None:
    task = route.task()
    shown = evidence(task, n=500, edited=0, route="managed", illustrative=True)
    from_example = assess([shown], task=task, route=RouteKind.MANAGED, model_digest="0" * 64, tenant="sandbox")
    stand_in = a_sandbox_provider()

    real = route(FAILING, route.candidate(assessment=from_example))
    sandbox = route(FAILING, route.candidate(assessment=from_example, provider=stand_in, model=stand_in.models[0]))

    assert real.kind is RouteKind.REFUSED
    assert "illustrative evidence opens no real provider" in real.reasons[0]
    assert (sandbox.label(), sandbox.sandbox, sandbox.illustrative) == ("managed:stand-in", True, True)


def test_the_surest_way_is_taken_then_the_cheapest_then_the_first_by_name(route: Choice) -> None:
    task = route.task()
    surer = assessment(MEETING, "managed", task, rows=[evidence(task, n=500, edited=10, route="managed")])
    cheap = a_model(name="small", input_usd_per_million=1.0, output_usd_per_million=2.0)
    dear, other = named("dear"), named("other")

    by_evidence = route(FAILING, route.candidate(provider=named("a")), route.candidate(provider=dear, assessment=surer))
    by_price = route(FAILING, route.candidate(provider=named("a")), route.candidate(provider=dear, model=cheap))
    by_name = route(FAILING, route.candidate(provider=other), route.candidate(provider=dear))

    assert by_evidence.provider == by_price.provider == by_name.provider == "dear"


def test_the_failover_set_is_computed_and_named(route: Choice) -> None:
    chosen = route(FAILING, route.candidate(provider=named("beta")), route.candidate(provider=named("acme")))

    assert "the request goes to acme; in its place could stand beta" in chosen.reasons[0]


def test_a_provider_that_cannot_answer_is_passed_over(route: Choice) -> None:
    silent = route.candidate(missing="acme may not be asked now")

    assert route(FAILING, silent, route.candidate(provider=named("beta"))).provider == "beta"


def test_a_refusal_that_only_waits_for_a_provider_says_so(route: Choice) -> None:
    chosen = route(FAILING, route.candidate(missing="the broker cannot be reached"))

    assert (chosen.kind, chosen.provider_missing, chosen.engine_missing) == (RouteKind.REFUSED, True, False)
    assert "the managed route cannot be taken now: the broker cannot be reached" in chosen.reasons[0]


def test_several_objections_are_told_by_provider_and_the_same_ones_once(route: Choice) -> None:
    closed = [route.candidate(provider=named(f"p{number}"), closed=f"reason {number}") for number in range(6)]
    alike = [route.candidate(provider=named(f"p{number}"), closed="the same") for number in range(6)]
    another = route.candidate(provider=named("p3"), closed="another")

    assert (
        "p0: reason 0; p1: reason 1; p2: reason 2; p3: reason 3; 2 more reasons close others;"
        in (route(FAILING, *closed).reasons[0])
    )
    assert route(FAILING, *alike).reasons[0].count("the same") == 1
    assert "p0, p1, p2: the same; p3: another" in route(FAILING, *alike[:3], another).reasons[0]


def test_a_stand_in_that_a_real_tenant_cannot_use_is_no_part_of_the_reasons(route: Choice) -> None:
    stand_in = route.candidate(provider=a_sandbox_provider(), foreign=True)

    assert "stand-in" not in route(FAILING, route.candidate(closed="one reason"), stand_in).reasons[0]


def test_a_provider_with_several_models_is_named_with_the_model(route: Choice) -> None:
    large, small = a_model(name="large"), a_model(name="small")
    both = a_provider(name="acme", models=(large, small))

    chosen = route(FAILING, route.candidate(provider=both, model=small))

    assert "goes to acme (small)" in chosen.reasons[0]


@pytest.mark.parametrize("local", [FAILING, INSUFFICIENT])
def test_a_task_may_allow_a_draft_below_its_threshold_which_is_marked(route: Choice, local: str) -> None:
    chosen = route(local, route.candidate(FAILING), unmet="local")

    assert chosen.kind is RouteKind.LOCAL
    assert chosen.below_threshold
    assert "marked as below its threshold" in chosen.reasons[0]


@pytest.mark.parametrize("state", ["engine_starting", "engine_down", "engine_full", "manifest_mismatch"])
@pytest.mark.parametrize(("local", "unmet"), [(MEETING, "refuse"), (FAILING, "local")])
def test_an_engine_that_is_not_ready_is_waited_for_and_said(route: Choice, local: str, unmet: str, state: str) -> None:
    chosen = route(local, route.candidate(FAILING), unmet=unmet, state=state)

    assert chosen.kind is RouteKind.REFUSED
    assert chosen.engine_missing
    assert f"the inference engine cannot generate now ({state})" in chosen.reasons[0]


def test_a_task_that_refuses_is_not_waited_for(route: Choice) -> None:
    assert not route(FAILING, route.candidate(FAILING), state="engine_down").engine_missing


def test_an_outage_fails_over_only_where_task_policy_and_evidence_allow(route: Choice) -> None:
    down = {"state": "engine_down"}
    forbidden = route.candidate(permission=permission(allowed=False))

    taken = route(MEETING, route.candidate(), failover=True, **down)

    assert (taken.label(), taken.failover) == ("managed:acme", True)
    assert "so the task fails over" in taken.reasons[0]
    assert route(MEETING, route.candidate(), failover=False, **down).label() == "refused"
    assert route(MEETING, forbidden, failover=True, **down).label() == "refused"
    assert route(MEETING, route.candidate(FAILING), failover=True, **down).label() == "refused"
    assert "the task does not fail over" in route(MEETING, route.candidate(), **down).reasons[0]


def test_the_demo_says_the_number_the_bound_and_the_threshold_in_one_sentence(bundle: Bundle) -> None:
    task = bundle.tasks["discharge-summary"]
    outlook = an_outlook(bundle)

    chosen = weigh(bundle, actor=client(), task=task, model_digest="0" * 64, ask=an_ask(), outlook=outlook).route

    assert chosen.kind is RouteKind.REFUSED
    assert chosen.illustrative
    assert " ".join(chosen.reasons) == (
        "42.0 % of 500 local drafts were edited; the 95 % upper bound 46.5 % is above this task's threshold of 30 %; "
        "no managed route is permitted, because no provider has an agreement in force; "
        "the task refuses in that case. (Illustrative evidence of the reference example; sandbox only.)"
    )
