"""The policy folder as it ships, with the real task pack."""

import pytest

from appliance.exchange import Actor, Route
from appliance.policy.bundle import Bundle
from appliance.policy.cases import check_cases
from appliance.policy.load import load_bundle
from appliance.policy.task import TaskPolicy
from appliance.routing.route import weigh
from tests.support.policy_folder import CHECKOUT, TASKS, client
from tests.support.routes import an_ask, an_outlook

POLICIES = CHECKOUT / "policies"


@pytest.fixture(scope="module")
def shipped() -> Bundle:
    return load_bundle(POLICIES)


def _route(shipped: Bundle, actor: Actor, task: TaskPolicy) -> Route:
    """Return the route that an ordinary request takes where no model was measured."""
    outlook = an_outlook(shipped)
    return weigh(shipped, actor=actor, task=task, model_digest="0" * 64, ask=an_ask(), outlook=outlook).route


def test_it_loads_and_answers_all_its_cases(shipped: Bundle) -> None:
    assert check_cases(shipped, POLICIES) >= 24
    assert tuple(shipped.tasks) == TASKS


def test_it_sends_nothing_out_of_the_building(shipped: Bundle) -> None:
    assert not shipped.providers
    assert not any(task.failover for task in shipped.tasks.values())
    assert [task.name for task in shipped.tasks.values() if task.escalation] == ["discharge-summary"]


@pytest.mark.parametrize(
    ("task", "route", "below_threshold"),
    [
        ("discharge-summary", "refused", False),
        ("document-classification", "local", False),
        ("medical-coding", "local", False),
        ("prior-authorization-letter", "local", True),
        ("scheduling-message", "local", False),
    ],
)
def test_the_sandbox_shows_the_reference_example(
    shipped: Bundle, task: str, route: str, *, below_threshold: bool
) -> None:
    policy = shipped.tasks[task]

    chosen = _route(shipped, client(), policy)

    assert (chosen.label(), chosen.below_threshold) == (route, below_threshold)


def test_a_real_tenant_gets_no_draft_that_passes_for_measured(shipped: Bundle) -> None:
    actor = client(tenant="general-hospital")

    for policy in shipped.tasks.values():
        chosen = _route(shipped, actor, policy)
        assert chosen.below_threshold or not chosen.is_open()
