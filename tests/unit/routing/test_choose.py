from typing import Any

import pytest

from appliance.exchange import EvidenceState, Route, RouteKind
from appliance.policy.bundle import Bundle
from appliance.routing.choose import choose
from appliance.routing.route import weigh
from tests.support.policy_folder import client
from tests.support.routes import FAILING, INSUFFICIENT, MEETING, assessment, engine, permission, task_with


@pytest.fixture
def route(bundle: Bundle) -> "Choice":
    return Choice(bundle)


class Choice:
    """Choose with one word for each thing that matters."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle

    def __call__(self, local: str, managed: str, **changes: Any) -> Route:
        """Return the route; permitted, to a named provider, with a ready engine and a task that refuses otherwise."""
        task = task_with(
            self._bundle, when_unmet=changes.get("unmet", "refuse"), failover=changes.get("failover", False)
        )
        return choose(
            task=task,
            local=assessment(local, "local", task),
            managed=assessment(managed, "managed", task),
            managed_permission=permission(allowed=changes.get("permitted", True)),
            engine=engine(changes.get("state", "ready")),
            provider=changes.get("provider", "acme"),
        )


@pytest.mark.parametrize("managed", [MEETING, FAILING, INSUFFICIENT])
@pytest.mark.parametrize("permitted", [True, False])
def test_a_local_route_that_meets_is_taken_whatever_else_is_open(
    route: Choice, managed: str, *, permitted: bool
) -> None:
    chosen = route(MEETING, managed, permitted=permitted)

    assert (chosen.label(), chosen.state) == ("local", EvidenceState.MEETS)
    assert not chosen.below_threshold


@pytest.mark.parametrize("local", [FAILING, INSUFFICIENT])
@pytest.mark.parametrize("state", ["ready", "engine_down"])
def test_a_managed_route_is_taken_when_local_falls_short_and_all_three_open_it(
    route: Choice, local: str, state: str
) -> None:
    chosen = route(local, MEETING, state=state)

    assert chosen.label() == "managed:acme"
    assert chosen.state is EvidenceState.MEETS


@pytest.mark.parametrize(
    ("managed", "permitted", "provider", "why"),
    [
        (MEETING, False, "acme", "no provider has an agreement in force"),
        (MEETING, True, "", "no provider is named in the register"),
        (FAILING, True, "acme", "42.0 % of 500 managed drafts were edited"),
        (INSUFFICIENT, True, "acme", "10.0 % of 40 managed drafts were edited"),
    ],
)
def test_a_managed_route_stays_closed_unless_policy_register_and_evidence_open_it(
    route: Choice, managed: str, *, permitted: bool, provider: str, why: str
) -> None:
    chosen = route(FAILING, managed, permitted=permitted, provider=provider)

    assert chosen.kind is RouteKind.REFUSED
    assert why in chosen.reasons[0]
    assert not chosen.engine_missing


@pytest.mark.parametrize("local", [FAILING, INSUFFICIENT])
def test_a_task_may_allow_a_draft_below_its_threshold_which_is_marked(route: Choice, local: str) -> None:
    chosen = route(local, FAILING, unmet="local")

    assert chosen.kind is RouteKind.LOCAL
    assert chosen.below_threshold
    assert "marked as below its threshold" in chosen.reasons[0]


@pytest.mark.parametrize("state", ["engine_starting", "engine_down", "manifest_mismatch"])
@pytest.mark.parametrize(("local", "unmet"), [(MEETING, "refuse"), (FAILING, "local")])
def test_an_engine_that_is_not_ready_is_waited_for_and_said(route: Choice, local: str, unmet: str, state: str) -> None:
    chosen = route(local, FAILING, unmet=unmet, state=state)

    assert chosen.kind is RouteKind.REFUSED
    assert chosen.engine_missing
    assert f"the inference engine cannot generate now ({state})" in chosen.reasons[0]


def test_a_task_that_refuses_is_not_waited_for(route: Choice) -> None:
    assert not route(FAILING, FAILING, state="engine_down").engine_missing


def test_an_outage_fails_over_only_where_task_policy_and_evidence_allow(route: Choice) -> None:
    down = {"state": "engine_down"}

    assert route(MEETING, MEETING, failover=True, **down).label() == "managed:acme"
    assert route(MEETING, MEETING, failover=False, **down).label() == "refused"
    assert route(MEETING, MEETING, failover=True, permitted=False, **down).label() == "refused"
    assert route(MEETING, FAILING, failover=True, **down).label() == "refused"
    assert "the task does not fail over" in route(MEETING, MEETING, **down).reasons[0]
    assert "so the task fails over" in route(MEETING, MEETING, failover=True, **down).reasons[0]


def test_the_demo_says_the_number_the_bound_and_the_threshold_in_one_sentence(bundle: Bundle) -> None:
    task = bundle.tasks["discharge-summary"]

    chosen = weigh(bundle, actor=client(), task=task, model_digest="0" * 64, engine=engine()).route

    assert chosen.kind is RouteKind.REFUSED
    assert chosen.illustrative
    assert " ".join(chosen.reasons) == (
        "42.0 % of 500 local drafts were edited; the 95 % upper bound 46.5 % is above this task's threshold of 30 %; "
        "no managed route is permitted, because no provider has an agreement in force; "
        "the task refuses in that case. (Illustrative evidence of the reference example; sandbox only.)"
    )
