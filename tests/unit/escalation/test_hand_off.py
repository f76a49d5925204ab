import json
from typing import Any

import pytest

from appliance.clinical_text import ClinicalText
from appliance.clock import Clock
from appliance.decision import Decision
from appliance.engine.messages import EngineCall
from appliance.errors import (
    AuditUnavailableError,
    EscalationError,
    NotPermittedError,
    PhiBlockedError,
    PhiGuardUnavailableError,
    ProviderBrokenStreamError,
    ProviderTimeoutError,
)
from appliance.escalation.client import Facts
from appliance.escalation.hand_off import LONGEST_S, Departure, Leaving
from appliance.exchange import Delta, Message, Sampling, ToolCall, Tools, Usage
from appliance.phi.demographics import Demographics
from appliance.phi.known_identifiers import KnownIdentifiers
from tests.support.departures import ALLOWED, NotingBroker, RulesFinder, a_departure, finished, says

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


async def test_the_answer_of_a_provider_is_whole_with_its_words_its_calls_and_its_usage() -> None:
    first = ToolCall(id="call_1", name="look_up", arguments=ClinicalText('{"code":'), index=0)
    rest = ToolCall(id="", name="", arguments=ClinicalText('"I10"}'), index=0)
    calls = [Delta(tool_calls=(first,)), Delta(tool_calls=(rest,))]
    broker = NotingBroker(answer=None, parts=[says("One "), says("two."), *calls, finished(finish_reason="tool_calls")])

    completion = await _departure(broker).complete(_call())

    assert completion.text.reveal() == "One two."
    assert completion.finish_reason == "tool_calls"
    assert completion.usage == Usage(prompt_tokens=20, completion_tokens=8)
    (call,) = completion.tool_calls
    assert (call.id, call.name, call.arguments.reveal()) == ("call_1", "look_up", '{"code":"I10"}')
    assert not broker.requests[0].stream


async def test_a_streamed_answer_comes_piece_by_piece_and_ends_once() -> None:
    broker = NotingBroker(answer=None, parts=[says("One "), says("two."), finished()])

    deltas = [delta async for delta in _departure(broker).stream(_call())]

    assert [(delta.text.reveal(), delta.finish_reason) for delta in deltas] == [
        ("One ", None),
        ("two.", None),
        ("", "stop"),
    ]
    assert broker.requests[0].stream


async def test_the_record_is_made_by_the_exchange_and_its_receipt_goes_to_the_broker() -> None:
    broker = NotingBroker(answer=None, parts=[says("Text."), finished()])

    await _departure(broker).complete(_call())

    assert broker.receipts == ["audit1.receipt"]


async def test_policy_is_asked_again_with_what_would_leave() -> None:
    asked: list[Leaving] = []
    broker = NotingBroker(answer=None, parts=[says("Text."), finished()])

    await _departure(broker, permit=lambda leaving: asked.append(leaving) or ALLOWED).complete(_call())

    (leaving,) = asked
    assert leaving.kinds_left == {"DATE"}
    assert {"DATE", "MRN", "NAME", "PHONE"} <= set(leaving.counts)
    assert broker.requests[0].counts == dict(leaving.counts)
    assert broker.requests[0].kinds_left == ("DATE",)


async def test_what_policy_refuses_at_the_door_is_not_handed_over() -> None:
    broker = NotingBroker(answer=None, parts=[says("Text."), finished()])
    denied = Decision(allowed=False, action="Escalate", reasons=("No.",), policy_ids=(), policy_digest="ab")

    with pytest.raises(NotPermittedError):
        await _departure(broker, permit=lambda _: denied).complete(_call())

    assert broker.bodies == []


async def test_a_disclosure_that_cannot_be_recorded_ends_the_call() -> None:
    async def fails(_: Facts, __: str) -> str:
        raise AuditUnavailableError

    with pytest.raises(AuditUnavailableError):
        await _departure(NotingBroker(answer=None), record=fails).complete(_call())


async def test_a_deadline_that_has_passed_sends_nothing() -> None:
    broker = NotingBroker(answer=None)

    with pytest.raises(ProviderTimeoutError):
        await _departure(broker, deadline_s=Clock().monotonic_s() - 1).complete(_call())

    assert broker.bodies == []


async def test_the_broker_is_told_what_is_left_of_the_time() -> None:
    broker = NotingBroker(answer=None, parts=[says("Text."), finished()])

    await _departure(broker, deadline_s=Clock().monotonic_s() + 9000).complete(_call())

    assert broker.requests[0].deadline_s == LONGEST_S


async def test_surrogates_can_be_turned_back_until_the_departure_is_closed() -> None:
    departure = _departure(NotingBroker(answer=None, parts=[says("Text."), finished()]))
    with pytest.raises(RuntimeError):
        _ = departure.surrogates

    await departure.complete(_call())
    surrogates = departure.surrogates
    assert surrogates.issued()

    departure.close()
    departure.close()
    with pytest.raises(RuntimeError):
        surrogates.issued()
    with pytest.raises(RuntimeError):
        _ = departure.surrogates


@pytest.mark.parametrize("failure", [EscalationError(), ProviderBrokenStreamError()])
async def test_a_call_that_fails_wipes_the_way_back(failure: EscalationError) -> None:
    broker = NotingBroker(answer=None, parts=[says("Text.")], failure=failure)
    departure = _departure(broker)

    with pytest.raises(type(failure)):
        await departure.complete(_call())

    with pytest.raises(RuntimeError):
        _ = departure.surrogates


async def test_a_stream_that_is_left_early_ends_the_brokers_and_wipes_the_way_back() -> None:
    broker = NotingBroker(answer=None, parts=[says("One "), says("two."), finished()])
    departure = _departure(broker)
    stream = departure.stream(_call())
    await anext(stream)

    await stream.aclose()

    assert broker.closed_early == 1
    with pytest.raises(RuntimeError):
        _ = departure.surrogates


async def test_a_departure_is_for_one_call() -> None:
    departure = _departure(NotingBroker(answer=None, parts=[says("Text."), finished()]))
    await departure.complete(_call())

    with pytest.raises(RuntimeError):
        await departure.complete(_call())


async def test_what_the_provider_says_of_itself_is_recorded_in_a_narrow_form_only() -> None:
    told = {"attempts": 2, "cost_usd": 0.0123, "first_byte_ms": 40, "answer_ms": 900}
    good = _departure(NotingBroker(answer=None, parts=[says("Text."), finished(model="model-1", **told)]))
    hostile = _departure(NotingBroker(answer=None, parts=[says("Text."), finished(model="Zebulon\x1b[2J", **told)]))
    assert good.facts() == {}

    await good.complete(_call())
    await hostile.complete(_call())

    rest = {**told, "cost_usd": "0.012300"}
    assert good.facts() == {"provider_model": "model-1", **rest}
    assert hostile.facts() == {"provider_model": "", **rest}


async def test_a_refusal_of_the_model_is_an_answer() -> None:
    broker = NotingBroker(answer=None, parts=[says("I cannot."), finished(finish_reason="refusal")])

    completion = await _departure(broker).complete(_call())

    assert (completion.text.reveal(), completion.finish_reason) == ("I cannot.", "refusal")


async def test_a_text_above_the_guards_limit_stays_in_the_building() -> None:
    broker = NotingBroker()
    departure = _departure(broker)

    with pytest.raises(PhiBlockedError, match="characters cannot be guarded"):
        await departure.complete(_call("x" * 2_000_001))

    assert broker.bodies == []
