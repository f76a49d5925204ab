"""A disclosure spoken with a broker on a real socket: every order of its messages, and every way in which it ends."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from appliance.clinical_text import ClinicalText, SafeText
from appliance.errors import (
    ApplianceError,
    AuditUnavailableError,
    EscalationError,
    PhiBlockedError,
    ProviderBrokenStreamError,
    ProviderRejectedError,
    ProviderTimeoutError,
    ProviderUnavailableError,
)
from appliance.escalation.answer import MAX_ANSWER, MAX_TOOL_CALLS, Conversation
from appliance.escalation.client import Facts
from appliance.escalation.wire import DiscloseRequest, Finished, Go, HelloAnswer, Piece, Refusal, to_frame, to_request
from appliance.exchange import Delta
from tests.support.departures import FACTS, MODEL
from tests.support.scripted_broker import HANG, HEAR, ScriptedBroker, Step, end, failure, piece, ready, scripted_broker
from tests.support.tripwires import keyed

REQUEST = DiscloseRequest(exchange_id="ex_1", task="t", provider="example", policy_digest="0" * 64, deadline_s=5.0)
HELLO = HelloAnswer(call=1, policy_digest="0" * 64, state="ready")
NOTHING = ClinicalText("")
REFUSAL = Refusal(call=1, code="no_agreement_in_force", reason="No agreement.")


class Recorded:
    """Records disclosures, or fails as it was told."""

    def __init__(self, failure: ApplianceError | None = None) -> None:
        """Take what to fail with."""
        self.failure = failure
        self.disclosures: list[tuple[Facts, str]] = []

    async def __call__(self, facts: Facts, model: str) -> str:
        """Make one durable."""
        if self.failure is not None:
            raise self.failure
        self.disclosures.append((facts, model))
        return "audit1.receipt"


async def told(broker: ScriptedBroker, recorded: Recorded | None = None, **changes: Any) -> list[Delta | Finished]:
    """Return what the gateway makes of the broker's answer."""
    request = REQUEST.model_copy(update=changes)
    parts = broker.client.disclose(request, SafeText("safe words"), identifiers=keyed(), record=recorded or Recorded())
    return [part async for part in parts]


async def refusal_of(folder: Path, *steps: Step, **changes: Any) -> tuple[EscalationError, Recorded]:
    """Return what a script raises, and what was recorded before."""
    recorded = Recorded()
    async with scripted_broker(folder, *steps) as broker:
        with pytest.raises(EscalationError) as raised:
            await told(broker, recorded, **changes)
    return raised.value, recorded


async def test_an_answer_comes_in_pieces_and_its_end_comes_last(tmp_path: Path) -> None:
    async with scripted_broker(tmp_path, HEAR, ready(), HEAR, piece("One "), piece("two."), end()) as broker:
        parts = await told(broker)

    texts = [part.text.reveal() for part in parts if isinstance(part, Delta)]
    assert texts == ["One ", "two."]
    assert parts[-1] == end()


async def test_the_disclosure_is_recorded_before_the_broker_is_told_to_send(tmp_path: Path) -> None:
    recorded = Recorded()

    async def not_yet() -> None:
        assert recorded.disclosures == []

    async with scripted_broker(tmp_path, HEAR, not_yet, ready(), HEAR, piece("Text."), end()) as broker:
        await told(broker, recorded)

    assert recorded.disclosures == [(FACTS, MODEL)]
    go = to_request(broker.heard[1].header)
    assert go == Go(call=1, receipt="audit1.receipt")


async def test_without_a_record_the_broker_is_never_told_to_send(tmp_path: Path) -> None:
    async with scripted_broker(tmp_path, HEAR, ready(), HEAR) as broker:
        with pytest.raises(AuditUnavailableError):
            await told(broker, Recorded(AuditUnavailableError()))
        await asyncio.wait_for(broker.hung_up.wait(), 5)

    assert len(broker.heard) == 1


async def test_a_tool_call_is_told_with_its_name_first_and_its_arguments_in_pieces(tmp_path: Path) -> None:
    begins = piece('{"code":', tool_index=0, tool_id="call_1", tool_name="look_up")
    steps = (HEAR, ready(), HEAR, begins, piece('"I10"}', tool_index=0, tool_id="call_1"))
    async with scripted_broker(tmp_path, *steps, end(finish_reason="tool_calls")) as broker:
        parts = await told(broker)

    calls = [call for part in parts if isinstance(part, Delta) for call in part.tool_calls]
    assert [(call.index, call.id, call.name, call.arguments.reveal()) for call in calls] == [
        (0, "call_1", "look_up", '{"code":'),
        (0, "", "", '"I10"}'),
    ]


@pytest.mark.parametrize(
    "first",
    [piece("An answer."), end(), HELLO, ready(call=2), ready(facts={**FACTS, "provider": "other"}), ready(facts={})],
    ids=["a piece", "an end", "a hello", "another call's", "another provider's", "nobody's"],
)
async def test_nothing_but_ready_reads_as_ready(tmp_path: Path, first: Step) -> None:
    error, recorded = await refusal_of(tmp_path, HEAR, first, HEAR)

    assert type(error) is EscalationError
    assert recorded.disclosures == []


@pytest.mark.parametrize(
    "second",
    [ready(), HELLO, piece("Text.", call=2), end(call=2), to_frame(Go(call=1, receipt="r"))],
    ids=["ready again", "a hello", "another call's piece", "another call's end", "a request"],
)
async def test_after_go_nothing_but_an_answer_reads_as_one(tmp_path: Path, second: Step) -> None:
    error, _ = await refusal_of(tmp_path, HEAR, ready(), HEAR, second, HANG)

    assert type(error) is EscalationError


@pytest.mark.parametrize("third", [ready(), REFUSAL, HELLO, end(call=3)], ids=["ready", "a refusal", "hello", "other"])
async def test_an_answer_that_goes_on_out_of_turn_is_broken(tmp_path: Path, third: Step) -> None:
    error, _ = await refusal_of(tmp_path, HEAR, ready(), HEAR, piece("Text."), third, HANG)

    assert type(error) is ProviderBrokenStreamError


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ((), EscalationError),
        ((HEAR,), EscalationError),
        ((HEAR, ready()), EscalationError),
        ((HEAR, ready(), HEAR), EscalationError),
        ((HEAR, ready(), HEAR, piece("Text.")), ProviderBrokenStreamError),
        ((HEAR, ready(), HEAR, piece("Text."), to_frame(end())[:-3]), ProviderBrokenStreamError),
        ((HEAR, ready(), HEAR, piece("Text.")[:-2]), EscalationError),
        ((HEAR, to_frame(ready())[:9]), EscalationError),
    ],
    ids=["at once", "asked", "ready", "told", "begun", "in the end", "in the first piece", "in its readiness"],
)
async def test_a_broker_that_closes_is_no_answer(
    tmp_path: Path, steps: tuple[Step, ...], expected: type[EscalationError]
) -> None:
    error, _ = await refusal_of(tmp_path, *steps)

    assert type(error) is expected


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ((HANG,), EscalationError),
        ((HEAR, HANG), EscalationError),
        ((HEAR, ready(), HEAR, HANG), ProviderTimeoutError),
        ((HEAR, ready(), HEAR, piece("Text."), HANG), ProviderBrokenStreamError),
    ],
    ids=["at once", "asked", "told", "begun"],
)
async def test_a_broker_that_falls_silent_is_given_up_at_the_deadline(
    tmp_path: Path, steps: tuple[Step, ...], expected: type[EscalationError]
) -> None:
    error, _ = await refusal_of(tmp_path, *steps, deadline_s=0.1)

    assert type(error) is expected


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("unavailable", ProviderUnavailableError),
        ("busy", ProviderUnavailableError),
        ("timeout", ProviderTimeoutError),
        ("rejected", ProviderRejectedError),
        ("unauthorized", ProviderRejectedError),
        ("broken", ProviderBrokenStreamError),
    ],
)
async def test_each_fault_is_told_as_what_it_is(tmp_path: Path, fault: str, expected: type[EscalationError]) -> None:
    error, _ = await refusal_of(tmp_path, HEAR, ready(), HEAR, failure(fault=fault, reason="It went wrong."))

    assert type(error) is expected
    assert error.public == "It went wrong."


async def test_a_provider_that_cannot_be_reached_is_told_before_anything_is_recorded(tmp_path: Path) -> None:
    error, recorded = await refusal_of(tmp_path, HEAR, failure(retry_after_s=30))

    assert isinstance(error, ProviderUnavailableError)
    assert (error.provider, error.retry_s) == ("example", 30)
    assert recorded.disclosures == []


@pytest.mark.parametrize("fault", ["unavailable", "busy", "timeout", "rejected"])
async def test_after_the_first_piece_every_fault_is_a_broken_stream(tmp_path: Path, fault: str) -> None:
    error, _ = await refusal_of(tmp_path, HEAR, ready(), HEAR, piece("Text."), failure(fault=fault))

    assert type(error) is ProviderBrokenStreamError


async def test_a_failure_that_says_that_it_answered_is_believed(tmp_path: Path) -> None:
    error, _ = await refusal_of(tmp_path, HEAR, ready(), HEAR, failure(answered=True))

    assert type(error) is ProviderBrokenStreamError


@pytest.mark.parametrize("code", ["provider_closed", "ceiling_reached", "no_credential"])
async def test_a_refusal_that_concerns_one_provider_names_it(tmp_path: Path, code: str) -> None:
    closed = REFUSAL.model_copy(update={"code": code, "retry_after_s": 20})

    error, _ = await refusal_of(tmp_path, HEAR, closed)

    assert isinstance(error, ProviderUnavailableError)
    assert (error.provider, error.retry_s) == ("example", 20)


async def test_the_broker_may_refuse_after_the_record_as_well(tmp_path: Path) -> None:
    """An agreement may end between the check and the first byte."""
    error, recorded = await refusal_of(tmp_path, HEAR, ready(), HEAR, REFUSAL)

    assert error.public == "No agreement."
    assert len(recorded.disclosures) == 1


async def test_the_tripwires_refusal_stays_what_it_is(tmp_path: Path) -> None:
    found = REFUSAL.model_copy(update={"code": "identifiers_left", "reason": "Identifiers are left."})

    async with scripted_broker(tmp_path, HEAR, found) as broker:
        with pytest.raises(PhiBlockedError, match=r"Identifiers are left\."):
            await told(broker)


@pytest.mark.parametrize(
    "pieces",
    [
        (piece("{}", tool_index=0),),
        (piece("{}", tool_index=1, tool_id="call_1", tool_name="look_up"),),
        (piece("{}", tool_index=-1, tool_id="call_1", tool_name="look_up"),),
        (piece("{}", tool_index=0, tool_id="call\x1b[2J", tool_name="look_up"),),
        (piece("{}", tool_index=0, tool_id="call_1", tool_name="rm -rf"),),
        (
            piece("{", tool_index=0, tool_id="call_1", tool_name="look_up"),
            piece("}", tool_index=0, tool_id="call_2"),
        ),
        (
            piece("{", tool_index=0, tool_id="call_1", tool_name="look_up"),
            piece("}", tool_index=0, tool_name="other"),
        ),
    ],
    ids=["nameless", "gap", "negative", "escape in the id", "blank in the name", "another id", "another name"],
)
async def test_a_malformed_tool_call_is_broken(tmp_path: Path, pieces: tuple[bytes, ...]) -> None:
    error, _ = await refusal_of(tmp_path, HEAR, ready(), HEAR, *pieces, HANG)

    assert (type(error), error.detail) == (ProviderBrokenStreamError, "tool_call_malformed")


@pytest.mark.parametrize(
    "last",
    [end(), end(finish_reason="tool_calls"), end(finish_reason="length", prompt_tokens=-1)],
    ids=["nothing was said", "no tool was called", "tokens below zero"],
)
async def test_an_end_that_contradicts_the_answer_is_broken(tmp_path: Path, last: Finished) -> None:
    error, _ = await refusal_of(tmp_path, HEAR, ready(), HEAR, last)

    assert type(error) is ProviderBrokenStreamError


@pytest.mark.parametrize("reason", ["refusal", "content_filter", "length"])
async def test_an_answer_may_end_without_a_word_where_the_reason_says_so(tmp_path: Path, reason: str) -> None:
    async with scripted_broker(tmp_path, HEAR, ready(), HEAR, end(finish_reason=reason)) as broker:
        parts = await told(broker)

    assert parts == [end(finish_reason=reason)]


async def test_closing_the_answer_early_hangs_up_on_the_broker(tmp_path: Path) -> None:
    async with scripted_broker(tmp_path, HEAR, ready(), HEAR, piece("One "), HANG) as broker:
        parts = broker.client.disclose(REQUEST, SafeText("words"), identifiers=keyed(), record=Recorded())
        await anext(parts)

        await parts.aclose()

        await asyncio.wait_for(broker.hung_up.wait(), 5)


@pytest.mark.parametrize(
    "steps", [(HEAR, HANG), (HEAR, ready(), HEAR, HANG)], ids=["while it checks", "while it waits for the provider"]
)
async def test_cancelling_hangs_up_on_the_broker(tmp_path: Path, steps: tuple[Step, ...]) -> None:
    async with scripted_broker(tmp_path, *steps, timeout_s=30, check_timeout_s=30) as broker:
        asking = asyncio.create_task(told(broker))
        await asyncio.sleep(0.1)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking

        await asyncio.wait_for(broker.hung_up.wait(), 5)


async def test_a_broker_that_does_not_read_is_given_up(tmp_path: Path) -> None:
    async def sleep() -> None:
        await asyncio.sleep(30)

    async with scripted_broker(tmp_path, sleep, timeout_s=0.2) as broker:
        parts = broker.client.disclose(REQUEST, SafeText("x" * 3_000_000), identifiers=keyed(), record=Recorded())
        with pytest.raises(EscalationError):
            await asyncio.wait_for(anext(parts), 5)


def a_conversation() -> Conversation:
    """Return one in which the broker was told to send."""
    conversation = Conversation(REQUEST)
    conversation.ready(ready())
    conversation.went()
    return conversation


def read(conversation: Conversation, pieces: list[tuple[Piece, ClinicalText]]) -> None:
    """Read pieces until one is refused."""
    for piece_of_it, body in pieces:
        conversation.part(piece_of_it, body)


def test_the_steps_of_a_conversation_cannot_be_skipped_or_repeated() -> None:
    with pytest.raises(RuntimeError):
        Conversation(REQUEST).went()
    with pytest.raises(RuntimeError):
        a_conversation().went()
    with pytest.raises(EscalationError):
        Conversation(REQUEST).part(end(finish_reason="refusal"), NOTHING)


def test_nothing_follows_the_end() -> None:
    conversation = a_conversation()
    conversation.part(end(finish_reason="refusal"), NOTHING)

    with pytest.raises(EscalationError):
        conversation.part(Piece(call=1), ClinicalText("more"))


@pytest.mark.parametrize("rest", ["x" * 1000, ""], ids=["long", "empty"])
def test_pieces_without_end_are_cut_off(rest: str) -> None:
    conversation = a_conversation()
    conversation.part(Piece(call=1), ClinicalText("x" * (MAX_ANSWER - 1000)))

    with pytest.raises(ProviderBrokenStreamError) as raised:
        read(conversation, [(Piece(call=1), ClinicalText(rest))] * 100)

    assert raised.value.detail == "answer_too_large"


def test_more_tool_calls_than_a_caller_can_offer_are_broken() -> None:
    conversation = a_conversation()
    calls = [
        Piece(call=1, tool_index=index, tool_id=f"call_{index}", tool_name="look_up")
        for index in range(MAX_TOOL_CALLS + 1)
    ]

    with pytest.raises(ProviderBrokenStreamError) as raised:
        read(conversation, [(call, NOTHING) for call in calls])

    assert raised.value.detail == "tool_call_malformed"
