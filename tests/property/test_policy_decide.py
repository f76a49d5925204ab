"""What must hold of every decision, whatever is asked and whatever rules are added."""

from dataclasses import replace
from typing import Any

from cedarpy import PolicySet
from hypothesis import given
from hypothesis import strategies as st

from appliance.exchange import Actor
from appliance.policy.bundle import Bundle, Statement
from appliance.policy.decide import decide
from appliance.policy.question import Action, PrincipalKind, Question, Resource, ResourceKind
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
SANE = st.fixed_dictionaries({}, optional={"purpose": PURPOSES, "agreement_in_force": st.booleans()})
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


def _with(bundle: Bundle, rule: str) -> Bundle:
    """Add a rule without checking it: what a rule that was never validated does must be safe as well."""
    policies = bundle.policies.with_added_str(rule)
    added = Statement(id="policy0", effect="forbid", reason="Added.", file="added.cedar", line=1, text=rule)
    return replace(bundle, policies=policies, statements={**bundle.statements, "policy0": added})


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
    stricter = decide(_with(bundle, rule), question)

    assert not stricter.allowed or decide(bundle, question).allowed


@given(question=QUESTIONS)
def test_without_policies_nothing_is_allowed(bundle: Bundle, question: Question) -> None:
    assert not decide(replace(bundle, policies=PolicySet.from_str(""), statements={}), question).allowed


@given(question=QUESTIONS)
def test_a_rule_that_errs_never_allows_anything(bundle: Bundle, question: Question) -> None:
    erring = _with(bundle, "permit (principal, action, resource) when { 9223372036854775807 + 1 > 0 };")

    decision = decide(erring, question)

    assert not decision.allowed


@given(question=QUESTIONS)
def test_nothing_leaves_the_building_whatever_is_asked(bundle: Bundle, question: Question) -> None:
    assert not decide(bundle, replace(question, action=Action.ESCALATE)).allowed


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
