from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from appliance.clock import Moment
from appliance.exchange import DataClass, EvidenceState, Purpose
from appliance.policy.bundle import Bundle
from appliance.policy.decide import decide
from appliance.policy.escalate import Way, escalate_question
from appliance.policy.question import Action, PrincipalKind
from tests.support.policy_folder import client
from tests.support.registers import a_provider, an_agreement
from tests.support.routes import NOW, an_ask

PROVIDER = a_provider()


def _way(**changes: Any) -> Way:
    told: dict[str, Any] = {
        "provider": PROVIDER,
        "model": PROVIDER.models[0],
        "evidence": EvidenceState.MEETS,
        "failover": False,
        "moment": NOW,
    }
    return Way(**{**told, **changes})


def test_the_question_says_everything_that_the_schema_asks_for(bundle: Bundle) -> None:
    actor = client(tenant="general-hospital")

    question = escalate_question(actor, "discharge-summary", ask=an_ask(), way=_way())

    assert (question.action, question.principal, question.actor) == (Action.ESCALATE, PrincipalKind.CLIENT, actor)
    assert question.facts == {
        "purpose": "TREAT",
        "data_class": "phi",
        "provider": "example-cloud",
        "service": "anthropic-messages",
        "region": "us-east-1",
        "model": "frontier-2026-03-01",
        "agreement_in_force": True,
        "evidence": "meets",
        "failover": False,
        "restrictions": frozenset(),
        "patients_named": True,
        "sandbox": False,
        "finding_kinds": frozenset({"DATE", "NAME"}),
        "finding_count": 7,
        "time": 1795435200,
    }
    assert decide(bundle, question).allowed


def test_what_leaves_in_a_derived_form_is_said_once_the_guard_knows(bundle: Bundle) -> None:
    actor = client(tenant="general-hospital")

    def allowed(kinds: frozenset[str]) -> bool:
        question = escalate_question(actor, "discharge-summary", ask=an_ask(), way=_way(kinds_left=kinds))
        return decide(bundle, question).allowed

    assert [allowed(frozenset(kinds)) for kinds in ((), ("DATE",), ("DATE", "NAME"), ("MRN",))] == [
        True,
        True,
        False,
        False,
    ]


@pytest.mark.parametrize(
    ("ask", "task"),
    [
        ({"data_class": DataClass.SENSITIVE}, "discharge-summary"),
        ({"purpose": Purpose.PAYMENT}, "discharge-summary"),
        ({}, "medical-coding"),
    ],
)
def test_an_agreement_counts_for_what_it_covers_only(ask: dict[str, Any], task: str) -> None:
    narrow = a_provider(agreements=(an_agreement(tasks=frozenset({"discharge-summary"})),))

    question = escalate_question(client(), task, ask=an_ask(**ask), way=_way(provider=narrow))

    assert question.facts["agreement_in_force"] is False


def test_an_agreement_counts_while_it_is_in_force_only() -> None:
    last = datetime(2027, 6, 1, tzinfo=UTC)
    ends = a_provider(agreements=(an_agreement(expires=last),))
    over, torn = Moment.at(last), replace(NOW, latest=last)

    facts = [
        escalate_question(client(), "discharge-summary", ask=an_ask(), way=_way(provider=ends, moment=moment)).facts
        for moment in (NOW, over, torn)
    ]

    assert [each["agreement_in_force"] for each in facts] == [True, False, False]
