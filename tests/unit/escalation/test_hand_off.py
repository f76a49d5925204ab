import json
from typing import Any

import pytest

from appliance.clinical_text import ClinicalText
from appliance.engine.messages import EngineCall
from appliance.errors import EscalationError, PhiBlockedError, PhiGuardUnavailableError
from appliance.escalation.hand_off import Departure
from appliance.exchange import Message, Sampling, Tools
from appliance.phi.demographics import Demographics
from appliance.phi.known_identifiers import KnownIdentifiers
from tests.support.departures import NotingBroker, RulesFinder, a_departure

NOTE = "Zebulon Quistgaard, MRN 7345501, was seen on 03/14/2024. Call (312) 867-5309. Metoprolol 25 mg twice daily."


def _departure(broker: NotingBroker, finder: RulesFinder | None = None, **changes: Any) -> Departure:
    known = KnownIdentifiers.from_demographics(Demographics(names=("Zebulon Quistgaard",)))
    return a_departure(broker, finder, known=known, **changes)


def _call(text: str = NOTE) -> EngineCall:
    return EngineCall(
        messages=(Message(role="user", content=ClinicalText(text)),),
        sampling=Sampling(max_tokens=10),
        tools=Tools(),
        response_schema=None,
        priority=0,
        cache_salt="salt",
    )


async def test_the_broker_is_handed_the_text_without_any_identifier_and_with_its_medicine() -> None:
    broker = NotingBroker()

    with pytest.raises(EscalationError):
        await _departure(broker).complete(_call())

    (body,) = broker.bodies
    for identifier in (b"Zebulon", b"Quistgaard", b"7345501", b"03/14/2024", b"867-5309"):
        assert identifier not in body
    content = json.loads(body)["messages"][0]["content"]
    assert "Metoprolol 25 mg twice daily." in content
    assert not broker.identifiers[0].find(content)


async def test_the_broker_can_tell_who_the_text_was_about_without_being_told() -> None:
    broker = NotingBroker()

    with pytest.raises(EscalationError):
        await _departure(broker).complete(_call())

    assert broker.identifiers[0].find("quistgaard was here")
    assert "uistgaard" not in json.dumps(broker.identifiers[0].to_wire())


@pytest.mark.parametrize("failure", [PhiGuardUnavailableError(), PhiBlockedError()])
async def test_nothing_is_sent_when_the_guard_cannot_answer(failure: PhiGuardUnavailableError) -> None:
    broker = NotingBroker()

    with pytest.raises(type(failure)):
        await _departure(broker, RulesFinder(failure=failure)).complete(_call())

    assert broker.bodies == []


async def test_a_stream_leaves_by_the_same_door() -> None:
    broker = NotingBroker()

    with pytest.raises(EscalationError):
        await anext(_departure(broker).stream(_call()))

    assert b"Zebulon" not in broker.bodies[0]


async def test_a_broker_that_refuses_nothing_and_answers_nothing_is_no_answer() -> None:
    broker = NotingBroker(answer=None)

    with pytest.raises(EscalationError) as caught:
        await _departure(broker).complete(_call())

    assert caught.value.detail == "broker_accepted_without_an_answer"


async def test_a_text_above_the_guards_limit_stays_in_the_building() -> None:
    broker = NotingBroker()
    departure = _departure(broker)

    with pytest.raises(PhiBlockedError, match="characters cannot be guarded"):
        await departure.complete(_call("x" * 2_000_001))

    assert broker.bodies == []
