from pathlib import Path

import pytest

from appliance.clock import Clock
from appliance.exchange import ModelIdentity
from appliance.policy.current import CurrentPolicy
from appliance.routing.route import Router, weigh
from tests.support.policy_folder import client
from tests.support.routes import MODEL, engine

UNDER_THEIRS = ("document-classification", "medical-coding", "scheduling-message")


@pytest.fixture
def policy(policies: Path) -> CurrentPolicy:
    return CurrentPolicy(policies)


@pytest.fixture
def router(policy: CurrentPolicy) -> Router:
    return Router(policy, ModelIdentity(name="model", digest=MODEL))


def _label(router: Router, policy: CurrentPolicy, task: str, *, tenant: str = "sandbox") -> str:
    return router.route(client(tenant=tenant), policy.bundle.tasks[task], engine()).label()


def test_in_the_sandbox_the_reference_example_decides(router: Router, policy: CurrentPolicy) -> None:
    assert {_label(router, policy, task) for task in UNDER_THEIRS} == {"local"}
    assert _label(router, policy, "discharge-summary") == "refused"


def test_a_task_without_evidence_drafts_locally_only_where_its_file_allows(
    router: Router, policy: CurrentPolicy
) -> None:
    route = router.route(client(), policy.bundle.tasks["prior-authorization-letter"], engine())

    assert (route.label(), route.below_threshold, route.illustrative) == ("local", True, False)


def test_in_a_real_tenant_every_task_that_refuses_is_refused_until_it_is_measured(
    router: Router, policy: CurrentPolicy
) -> None:
    for task in (*UNDER_THEIRS, "discharge-summary"):
        assert _label(router, policy, task, tenant="general-hospital") == "refused"


def test_evidence_of_this_model_and_prompt_opens_the_route_in_a_real_tenant(
    router: Router, policy: CurrentPolicy, policies: Path
) -> None:
    task = policy.bundle.tasks["discharge-summary"]
    measured = (
        f"  - {{task: {task.name}, route: local, cases: 400, edited: 60, model_digest: {MODEL},\n"
        f"     prompt_version: {task.prompt_version}, source: A test.,\n"
        "     window: {first: 2026-01-01, last: 2026-03-31}}\n"
    )
    with (policies / "evidence.yaml").open("a") as file:
        file.write(measured)

    before = _label(router, policy, task.name, tenant="general-hospital")
    policy.reload(Clock().now())
    after = _label(router, policy, task.name, tenant="general-hospital")

    assert (before, after) == ("refused", "local")


def test_no_fact_of_a_caller_can_stand_in_for_the_register(policy: CurrentPolicy) -> None:
    task = policy.bundle.tasks["discharge-summary"]

    weighing = weigh(
        policy.bundle,
        actor=client(),
        task=task,
        model_digest=MODEL,
        engine=engine(),
        facts={"purpose": "HPAYMT", "agreement_in_force": True},
    )

    assert not weighing.permission.allowed
    assert weighing.permission.policy_ids == ("no-agreement-in-force",)


def test_a_purpose_that_policy_forbids_is_said_in_the_reasons(router: Router, policy: CurrentPolicy) -> None:
    task = policy.bundle.tasks["discharge-summary"]

    route = router.route(client(), task, engine(), facts={"purpose": "HMARKT"})

    assert "other purposes need the patient's authorization" in route.reasons[0]
