from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from appliance.policy.bundle import Bundle
from appliance.policy.decide import decide
from appliance.policy.load import load_bundle
from appliance.policy.question import (
    Action,
    Fact,
    PrincipalKind,
    Question,
    Resource,
    ResourceKind,
    appliance_resource,
    task_resource,
    trail_resource,
)
from appliance.policy.roles import facts_of
from tests.support.policy_folder import client

TREATMENT: Mapping[str, Fact] = {"purpose": "TREAT"}


def _use(bundle: Bundle, **changes: Any) -> Question:
    parts: dict[str, Any] = {
        "actor": client(tasks=["medical-coding"]),
        "action": Action.USE_TASK,
        "resource": task_resource(bundle.tasks["medical-coding"]),
        "facts": TREATMENT,
    }
    return Question(**{**parts, **changes})


def _escalate(bundle: Bundle, **changes: Any) -> Question:
    """Ask for a moment in which everything is open, changed as asked."""
    actor = client(tenant="general-hospital")
    facts = {**facts_of(bundle, Action.ESCALATE, actor), "agreement_in_force": True, **changes}
    resource = task_resource(bundle.tasks["discharge-summary"])
    return Question(actor=actor, action=Action.ESCALATE, resource=resource, facts=facts)


def test_a_granted_task_may_be_used_and_the_decision_says_why(bundle: Bundle) -> None:
    decision = decide(bundle, _use(bundle))

    assert decision.allowed
    assert decision.action == "UseTask"
    assert decision.reasons == ("An operator has granted this task to the client.",)
    assert decision.policy_ids == ("granted-task",)
    assert decision.policy_digest == bundle.digest


def test_an_ungranted_task_is_refused_with_what_to_do(bundle: Bundle) -> None:
    decision = decide(bundle, _use(bundle, resource=task_resource(bundle.tasks["discharge-summary"])))

    assert not decision.allowed
    assert decision.sentence() == (
        "Client Ward 3 EHR has not been granted task discharge-summary; "
        "an operator grants it with 'appliance client add'."
    )
    assert decision.policy_ids == ()


def test_a_forbid_wins_over_a_permit_and_gives_its_own_reason(bundle: Bundle) -> None:
    decision = decide(bundle, _use(bundle, facts={"purpose": "HMARKT"}))

    assert not decision.allowed
    assert decision.policy_ids == ("purpose-needs-authorization",)
    assert "patient's authorization" in decision.sentence()


def test_a_name_that_is_no_task_is_refused_and_never_repeated(bundle: Bundle) -> None:
    claimed = "John Doe, MRN 4711"
    actor = client(tasks=[claimed])

    decision = decide(bundle, _use(bundle, actor=actor, resource=Resource(kind=ResourceKind.TASK, name=claimed)))

    assert not decision.allowed
    assert "4711" not in decision.sentence()
    assert "no such task" in decision.sentence()


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"purpose": 3},
        {"purpose": "TREAT", "unknown": True},
        {"purpose": "\ud800"},
        {"purpose": None},
        {"purpose": {"__entity": {"type": "Client", "id": "x"}}},
        {"purpose": object()},
        {"purpose": "TREAT", "unknown": 2**70},
        {"purpose": frozenset({"TREAT", 1})},
    ],
)
def test_a_question_that_does_not_fit_the_schema_is_refused(bundle: Bundle, facts: Any) -> None:
    decision = decide(bundle, _use(bundle, facts=facts))

    assert not decision.allowed
    assert "does not fit policies/schema.cedarschema" in decision.sentence()
    assert decision.policy_ids == ()


def test_an_actor_with_text_that_is_no_unicode_is_refused(bundle: Bundle) -> None:
    decision = decide(bundle, _use(bundle, actor=client(tenant="\ud800", tasks=["medical-coding"])))

    assert not decision.allowed


def test_an_action_that_does_not_fit_its_resource_is_refused(bundle: Bundle) -> None:
    decision = decide(bundle, _use(bundle, action=Action.OPERATE))

    assert not decision.allowed


@pytest.mark.parametrize("effect", ["permit", "forbid"])
def test_a_policy_that_errs_denies_where_cedar_would_skip_it(policies: Path, effect: str) -> None:
    erring = (
        f'\n@id("erring") @reason("It overflows.")\n{effect} (principal, action == Action::"Escalate", resource)\n'
        "when { context.finding_count * 9223372036854775807 > 1 };\n"
    )
    text = (policies / "escalation.cedar").read_text()
    (policies / "escalation.cedar").write_text(text + erring)
    bundle = load_bundle(policies)

    sane = decide(bundle, _escalate(bundle, finding_count=0))
    erred = decide(bundle, _escalate(bundle, finding_count=5))

    assert sane.allowed
    assert not erred.allowed
    assert "Policy 'erring' (escalation.cedar:" in erred.sentence()
    assert "could not be evaluated" in erred.sentence()
    assert "5" not in erred.sentence().split("could not")[1]


def test_a_set_of_kinds_is_a_fact_that_policies_can_read(bundle: Bundle) -> None:
    left = decide(bundle, _escalate(bundle, kinds_left=frozenset({"DATE", "NAME"})))
    shifted = decide(bundle, _escalate(bundle, kinds_left=frozenset({"DATE"})))

    assert left.policy_ids == ("kinds-left",)
    assert shifted.allowed


def test_a_client_reads_what_is_recorded_of_itself_only(bundle: Bundle) -> None:
    actor = client()

    own = decide(bundle, Question(actor=actor, action=Action.READ_TRAIL, resource=trail_resource(actor.client_id)))
    other = decide(bundle, Question(actor=actor, action=Action.READ_TRAIL, resource=trail_resource("client_other")))
    whole = decide(bundle, Question(actor=actor, action=Action.READ_TRAIL, resource=trail_resource()))

    assert (own.allowed, other.allowed, whole.allowed) == (True, False, False)


def test_a_role_counts_only_at_the_door_that_proves_it(bundle: Bundle) -> None:
    actor = client(roles=["operator"])

    at_gateway = decide(bundle, Question(actor=actor, action=Action.OPERATE, resource=appliance_resource()))
    at_machine = decide(
        bundle,
        Question(actor=actor, action=Action.OPERATE, resource=appliance_resource(), principal=PrincipalKind.OPERATOR),
    )

    assert not at_gateway.allowed
    assert at_gateway.sentence() == (
        "Client Ward 3 EHR is not permitted to operate the appliance: no policy permits it; "
        "see 'appliance policy table'."
    )
    assert at_machine.allowed


def test_a_grant_that_is_taken_away_or_given_counts_with_the_next_question(bundle: Bundle) -> None:
    granted, not_granted = _use(bundle), _use(bundle, actor=client(tasks=[]))

    answers = [decide(bundle, question).allowed for question in (granted, not_granted, granted, not_granted)]

    assert answers == [True, False, True, False]


def test_facts_that_python_takes_for_equal_are_not_equal_to_the_policy(bundle: Bundle) -> None:
    sane = decide(bundle, _escalate(bundle, agreement_in_force=True))
    odd = decide(bundle, _escalate(bundle, agreement_in_force=1))

    assert sane.allowed
    assert "does not fit" in odd.sentence()
