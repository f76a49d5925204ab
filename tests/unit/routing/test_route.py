from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from appliance.clock import Moment
from appliance.exchange import Actor, DataClass, ModelIdentity, Purpose, Route
from appliance.policy.current import CurrentPolicy
from appliance.policy.register import Provider
from appliance.routing.choose import RESTRICTED
from appliance.routing.route import Router
from tests.support.policy_folder import client, edit
from tests.support.registers import (
    a_model,
    a_provider,
    a_sandbox_provider,
    an_agreement,
    an_endpoint,
    write_register,
)
from tests.support.routes import MODEL, NOW, BrokerState, ProviderState, a_router, an_ask, engine

UNDER_THEIRS = ("document-classification", "medical-coding", "scheduling-message")
LOCAL = ModelIdentity(name="model", digest=MODEL)
HOSPITAL = "general-hospital"


@pytest.fixture
def policy(policies: Path) -> CurrentPolicy:
    return CurrentPolicy(policies)


@pytest.fixture
def router(policy: CurrentPolicy) -> Router:
    return a_router(policy, LOCAL)


def measured(policies: Path, task: str, *, prompt: str, route: str, digest: str, edited: int = 60) -> None:
    """Add measured evidence to a copy of the policy."""
    row = (
        f"  - {{task: {task}, route: {route}, cases: 400, edited: {edited}, model_digest: {digest},\n"
        f"     prompt_version: {prompt}, source: A test.,\n"
        "     window: {first: 2026-01-01, last: 2026-03-31}}\n"
    )
    with (policies / "evidence.yaml").open("a") as file:
        file.write(row)


@pytest.fixture
def registered(policies: Path) -> Callable[..., CurrentPolicy]:
    """Return how to get a policy with these providers, whose every model meets the threshold of the sample task."""

    def register(*providers: Provider) -> CurrentPolicy:
        write_register(policies, *providers)
        prompt = CurrentPolicy(policies).bundle.tasks["discharge-summary"].prompt_version
        for digest in {each.identity(model).digest for each in providers for model in each.models}:
            measured(policies, "discharge-summary", prompt=prompt, route="managed", digest=digest)
        return CurrentPolicy(policies)

    return register


def _summary(policy: CurrentPolicy, *, tenant: str = HOSPITAL, **changes: Any) -> Route:
    """Return the route of a discharge summary, with the router or the request changed as asked."""
    request = {name: changes.pop(name) for name in ("restrictions", "data_class", "patients_named") if name in changes}
    router = a_router(policy, LOCAL, **changes)
    task = policy.bundle.tasks["discharge-summary"]
    return router.route(client(tenant=tenant), task, engine(), an_ask(**request))


def _label(router: Router, policy: CurrentPolicy, task: str, *, tenant: str = "sandbox") -> str:
    return router.route(client(tenant=tenant), policy.bundle.tasks[task], engine(), an_ask()).label()


def test_in_the_sandbox_the_reference_example_decides(router: Router, policy: CurrentPolicy) -> None:
    assert {_label(router, policy, task) for task in UNDER_THEIRS} == {"local"}
    assert _label(router, policy, "discharge-summary") == "refused"


def test_a_task_without_evidence_drafts_locally_only_where_its_file_allows(
    router: Router, policy: CurrentPolicy
) -> None:
    route = router.route(client(), policy.bundle.tasks["prior-authorization-letter"], engine(), an_ask())

    assert (route.label(), route.below_threshold, route.illustrative) == ("local", True, False)


def test_in_a_real_tenant_every_task_that_refuses_is_refused_until_it_is_measured(
    router: Router, policy: CurrentPolicy
) -> None:
    for task in (*UNDER_THEIRS, "discharge-summary"):
        assert _label(router, policy, task, tenant=HOSPITAL) == "refused"


def test_evidence_of_this_model_and_prompt_opens_the_route_in_a_real_tenant(
    router: Router, policy: CurrentPolicy, policies: Path
) -> None:
    task = policy.bundle.tasks["discharge-summary"]
    measured(policies, task.name, prompt=task.prompt_version, route="local", digest=MODEL)

    before = _label(router, policy, task.name, tenant=HOSPITAL)
    policy.reload(NOW.latest)
    after = _label(router, policy, task.name, tenant=HOSPITAL)

    assert (before, after) == ("refused", "local")


def test_a_summary_leaves_under_an_agreement_in_force(registered: Callable[..., CurrentPolicy]) -> None:
    route = _summary(registered(a_provider()))

    assert (route.label(), route.agreement) == ("managed:example-cloud", "BAA-2026-014")
    assert route.model is not None
    assert route.model.name == "frontier-2026-03-01"
    assert "15.0 % of 400 managed drafts were edited" in route.reasons[0]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"approval": lambda _digest: "Two people have not approved it."}, "two people have not approved it"),
        ({"closed": lambda: frozenset({"example-cloud"})}, "provider example-cloud was closed by hand"),
        ({"restrictions": frozenset({"hiv"})}, RESTRICTED),
        ({"data_class": DataClass.RESTRICTED}, "data of the class restricted stays in the building"),
        ({"data_class": DataClass.SENSITIVE}, "does not cover this model, task, purpose or data class"),
        ({"patients_named": False}, "the request names no patient by record number"),
        ({"tenant": "sandbox"}, "a stand-in serves the sandbox tenant only"),
    ],
)
def test_each_thing_by_itself_keeps_it_in_the_building(
    registered: Callable[..., CurrentPolicy], changes: dict[str, Any], why: str
) -> None:
    route = _summary(registered(a_provider()), **changes)

    assert route.label() == "refused"
    assert why in route.reasons[0]
    assert not route.provider_missing


@pytest.mark.parametrize(
    ("broker", "why"),
    [
        ({"reachable": False}, "the broker cannot be reached"),
        ({"policy_digest": "f" * 64}, "the broker holds another policy than the gateway"),
        ({"approval": "It is not approved."}, "it is not approved"),
        ({"providers": {}}, "the broker does not know example-cloud"),
        ({"providers": {"example-cloud": ProviderState(state="closed", reason="its breaker is open")}}, "its breaker"),
        ({"providers": {"example-cloud": ProviderState(state="closed")}}, "example-cloud may not be asked now"),
    ],
)
def test_a_broker_or_provider_that_cannot_answer_is_waited_for(
    registered: Callable[..., CurrentPolicy], broker: dict[str, Any], why: str
) -> None:
    policy = registered(a_provider())

    route = _summary(policy, broker=lambda: BrokerState.of(policy.bundle, **broker))

    assert (route.label(), route.provider_missing) == ("refused", True)
    assert why in route.reasons[0]


def test_a_provider_that_is_probed_may_be_asked(registered: Callable[..., CurrentPolicy]) -> None:
    policy = registered(a_provider())
    probing = {"example-cloud": ProviderState(state="probing", reason="its breaker lets one request through")}

    route = _summary(policy, broker=lambda: BrokerState.of(policy.bundle, providers=probing))

    assert route.label() == "managed:example-cloud"


def test_the_route_closes_by_itself_when_the_agreement_ends_in_the_middle_of_a_day(
    registered: Callable[..., CurrentPolicy],
) -> None:
    noon = datetime(2027, 6, 1, 12, tzinfo=UTC)
    policy = registered(a_provider(agreements=(an_agreement(expires=noon),)))

    before = _summary(policy, moments=lambda: Moment.at(noon - timedelta(seconds=1)))
    after = _summary(policy, moments=lambda: Moment.at(noon))

    assert (before.label(), after.label()) == ("managed:example-cloud", "refused")
    assert "agreement BAA-2026-014 with Example Cloud Inc. expired at 2027-06-01T12:00:00+00:00" in after.reasons[0]


def test_a_clock_that_jumped_over_the_end_closes_whichever_reading_is_right(
    registered: Callable[..., CurrentPolicy],
) -> None:
    noon = datetime(2027, 6, 1, 12, tzinfo=UTC)
    policy = registered(a_provider(agreements=(an_agreement(expires=noon),)))
    torn = Moment(earliest=noon - timedelta(days=1), latest=noon + timedelta(days=1))

    assert _summary(policy, moments=lambda: torn).label() == "refused"


def test_what_could_not_take_the_request_is_passed_over_in_this_exchange(
    registered: Callable[..., CurrentPolicy],
) -> None:
    beta = a_provider(name="beta", endpoint=an_endpoint(host="api.beta.example"), models=(a_model(),))
    policy = registered(a_provider(), beta)
    router, task = a_router(policy, LOCAL), policy.bundle.tasks["discharge-summary"]
    actor, model = client(tenant=HOSPITAL), a_model().name

    def route(*tried: str) -> Route:
        without = frozenset((name, model) for name in tried)
        return router.route(actor, task, engine(), an_ask(), without=without)

    first, second, none = route(), route("beta"), route("beta", "example-cloud")

    assert (first.provider, second.provider) == ("beta", "example-cloud")
    assert none.provider_missing
    assert "could not take this request a moment ago" in none.reasons[0]


def test_the_sandbox_tenant_reaches_a_stand_in_and_the_route_says_so(
    registered: Callable[..., CurrentPolicy],
) -> None:
    route = _summary(registered(a_sandbox_provider()), tenant="sandbox")

    assert (route.label(), route.sandbox) == ("managed:stand-in", True)
    assert route.model is not None
    assert route.model.name.startswith("SANDBOX-")


def test_no_purpose_that_an_agreement_does_not_cover_leaves(registered: Callable[..., CurrentPolicy]) -> None:
    policy = registered(a_provider())
    task = policy.bundle.tasks["discharge-summary"]
    paid = replace(an_ask(), purpose=Purpose.PAYMENT)

    route = a_router(policy, LOCAL).route(client(tenant=HOSPITAL), task, engine(), paid)

    assert route.label() == "refused"


def test_an_outage_opens_nothing_for_a_task_that_does_not_fail_over(
    registered: Callable[..., CurrentPolicy], policies: Path
) -> None:
    policy = registered(a_provider())
    task = policy.bundle.tasks["discharge-summary"]
    measured(policies, task.name, prompt=task.prompt_version, route="local", digest=MODEL, edited=10)

    def outage() -> Route:
        policy.reload(NOW.latest)
        now = policy.bundle.tasks[task.name]
        return a_router(policy, LOCAL).route(client(tenant=HOSPITAL), now, engine("engine_full"), an_ask())

    stays = outage()
    edit(policies, "tasks/discharge-summary.yaml", old="escalation: true", new="escalation: true\nfailover: true")
    leaves = outage()

    assert (stays.label(), stays.engine_missing) == ("refused", True)
    assert (leaves.label(), leaves.failover) == ("managed:example-cloud", True)


def test_a_client_that_was_not_granted_the_task_has_no_way_out(registered: Callable[..., CurrentPolicy]) -> None:
    policy = registered(a_provider())
    actor: Actor = client(tenant=HOSPITAL, tasks=["medical-coding"])

    route = a_router(policy, LOCAL).route(actor, policy.bundle.tasks["discharge-summary"], engine(), an_ask())

    assert route.label() == "refused"


def test_nobody_is_asked_for_an_approval_where_there_is_no_way_out(policy: CurrentPolicy) -> None:
    asked: list[str] = []

    _summary(policy, approval=lambda digest: asked.append(digest) or "", closed=lambda: frozenset(asked))

    assert asked == []
