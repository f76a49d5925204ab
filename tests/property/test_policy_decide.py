"""What must hold of every decision, whatever is asked and whatever rules are added."""

from dataclasses import replace
from typing import Any

from cedarpy import PolicySet
from hypothesis import given
from hypothesis import strategies as st

from appliance.exchange import Actor, DataClass
from appliance.policy.bundle import Bundle
from appliance.policy.decide import decide
from appliance.policy.question import Action, PrincipalKind, Question, Resource, ResourceKind
from tests.support.open_bundles import with_rule
from tests.support.policy_folder import TASKS

WORDS = st.text(max_size=12)
ROLES = st.sampled_from(["integration", "compliance-officer", "privacy-officer", "quality-officer", "operator"])
ACTORS = st.builds(
    Actor,
    client_id=st.sampled_from(["client_a", "client_b"]) | WORDS,
    name=WORDS,
    tenant=WORDS,
    roles=st.frozensets(ROLES | WORDS, max_size=3),
    tasks=st.frozensets(st.sampled_from(TASKS) | WORDS, max_size=3),
)
RESOURCES = st.builds(
    Resource,
    kind=st.sampled_from(ResourceKind),
    name=st.sampled_from(TASKS) | WORDS,
    owner=st.sampled_from(["", "client_a"]) | WORDS,
)
PURPOSES = st.sampled_from(["TREAT", "HPAYMT", "HMARKT"])
SETS = st.frozensets(st.sampled_from(["DATE", "NAME"]), max_size=2)
ESCALATING = st.fixed_dictionaries(
    {
        "purpose": PURPOSES,
        "data_class": st.sampled_from(DataClass).map(str),
        "provider": st.just("acme"),
        "service": st.just("openai-chat"),
        "region": st.just("us"),
        "model": st.just("m"),
        "agreement_in_force": st.booleans(),
        "evidence": st.sampled_from(["meets", "meets", "fails"]),
        "failover": st.booleans(),
        "restrictions": st.just(frozenset()) | SETS,
        "patients_named": st.booleans(),
        "sandbox": st.booleans(),
        "finding_kinds": SETS,
        "finding_count": st.integers(0, 9),
        "time": st.integers(0, 2**40),
    },
    optional={"kinds_left": SETS},
)
SANE: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries({}, optional={"purpose": PURPOSES}) | ESCALATING
ODD: st.SearchStrategy[dict[str, Any]] = st.dictionaries(
    WORDS | st.just("purpose"),
    WORDS | st.integers() | st.booleans() | st.none() | st.floats() | st.frozensets(WORDS) | st.binary(max_size=3),
    max_size=3,
)
QUESTIONS = st.builds(
    Question,
    actor=ACTORS,
    action=st.sampled_from(Action),
    resource=RESOURCES,
    facts=SANE | ODD,
    principal=st.sampled_from(PrincipalKind),
)

OPEN = {
    "purpose": "TREAT",
    "data_class": "phi",
    "agreement_in_force": True,
    "evidence": "meets",
    "failover": False,
    "restrictions": frozenset(),
    "patients_named": True,
    "kinds_left": frozenset(),
}
CLOSING = {
    "purpose": "HMARKT",
    "data_class": "restricted",
    "agreement_in_force": False,
    "evidence": "insufficient",
    "failover": True,
    "restrictions": frozenset({"hiv"}),
    "patients_named": False,
    "kinds_left": frozenset({"MRN"}),
}

FORBIDS = st.sampled_from(
    [
        "forbid (principal, action, resource);",
        'forbid (principal, action == Action::"UseTask", resource);',
        "forbid (principal is Officer, action, resource);",
        'forbid (principal, action, resource) when { principal.tenant == "sandbox" };',
        'forbid (principal, action, resource) when { principal.roles.contains("integration") };',
        "forbid (principal, action, resource) unless { resource is Trail };",
        'forbid (principal, action, resource) when { context.purpose == "TREAT" };',
    ]
)


@given(question=QUESTIONS)
def test_every_question_has_an_answer_with_reasons_and_the_bundle_that_gave_it(
    bundle: Bundle, question: Question
) -> None:
    decision = decide(bundle, question)

    assert decision.reasons
    assert all(reason.endswith(".") for reason in decision.reasons)
    assert decision.policy_digest == bundle.digest
    assert decision.action == question.action


@given(question=QUESTIONS)
def test_nothing_is_allowed_but_by_a_permit_that_is_named(bundle: Bundle, question: Question) -> None:
    decision = decide(bundle, question)

    if decision.allowed:
        assert decision.policy_ids
        assert {bundle.statements[each].effect for each in decision.policy_ids} == {"permit"}


@given(question=QUESTIONS, rule=FORBIDS)
def test_a_forbid_that_is_added_never_allows_anything(bundle: Bundle, question: Question, rule: str) -> None:
    stricter = decide(with_rule(bundle, rule), question)

    assert not stricter.allowed or decide(bundle, question).allowed


@given(question=QUESTIONS)
def test_without_policies_nothing_is_allowed(bundle: Bundle, question: Question) -> None:
    assert not decide(replace(bundle, policies=PolicySet.from_str(""), statements={}), question).allowed


@given(question=QUESTIONS)
def test_a_rule_that_errs_never_allows_anything(bundle: Bundle, question: Question) -> None:
    erring = with_rule(bundle, "permit (principal, action, resource) when { 9223372036854775807 + 1 > 0 };")

    decision = decide(erring, question)

    assert not decision.allowed


@given(question=QUESTIONS)
def test_nothing_leaves_unless_everything_speaks_for_it(bundle: Bundle, question: Question) -> None:
    decision = decide(bundle, replace(question, action=Action.ESCALATE))

    if decision.allowed:
        facts, task = question.facts, bundle.tasks[question.resource.name]
        assert question.principal is PrincipalKind.CLIENT
        assert task.escalation
        assert task.name in question.actor.tasks
        assert (facts["agreement_in_force"], facts["evidence"], facts["patients_named"]) == (True, "meets", True)
        assert (facts["restrictions"], facts["failover"]) == (frozenset(), False)
        assert facts["data_class"] != "restricted"
        assert facts["sandbox"] == (question.actor.tenant == "sandbox")
        assert facts.get("kinds_left", frozenset()) in (frozenset(), {"DATE"})


@given(actor=ACTORS, facts=ESCALATING)
def test_an_escalation_that_is_allowed_is_denied_once_any_fact_turns(
    bundle: Bundle, actor: Actor, facts: dict[str, Any]
) -> None:
    sandbox = replace(actor, tasks=frozenset({"discharge-summary"}), tenant="sandbox" if facts["sandbox"] else "a")
    opened = {**facts, **OPEN}
    resource = Resource(kind=ResourceKind.TASK, name="discharge-summary")

    def allowed(**changes: Any) -> bool:
        asked = {**opened, **changes}
        return decide(bundle, Question(actor=sandbox, action=Action.ESCALATE, resource=resource, facts=asked)).allowed

    assert allowed()
    for name, value in CLOSING.items():
        assert not allowed(**{name: value}), name


@given(question=QUESTIONS)
def test_only_an_officer_changes_what_may_leave(bundle: Bundle, question: Question) -> None:
    decision = decide(bundle, replace(question, action=Action.CHANGE_REGISTER))

    assert not decision.allowed or question.principal is PrincipalKind.OFFICER


@given(question=QUESTIONS)
def test_only_an_officer_opens_sealed_text(bundle: Bundle, question: Question) -> None:
    decision = decide(bundle, replace(question, action=Action.OPEN_BODY))

    assert not decision.allowed or question.principal is PrincipalKind.OFFICER


@given(question=QUESTIONS)
def test_a_task_is_used_by_a_client_that_was_granted_it_only(bundle: Bundle, question: Question) -> None:
    decision = decide(bundle, replace(question, action=Action.USE_TASK))

    if decision.allowed:
        assert question.resource.name in question.actor.tasks
        assert question.principal is PrincipalKind.CLIENT


@given(question=QUESTIONS)
def test_the_same_question_has_the_same_answer(bundle: Bundle, question: Question) -> None:
    assert decide(bundle, question) == decide(bundle, question)
