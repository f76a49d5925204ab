"""The rules that every provider's answer must keep, whatever its wire format."""

import json
from types import SimpleNamespace

import pytest

from appliance.broker.outgoing import ProviderFaultError
from appliance.broker.providers.adapter import Ended, Secret
from appliance.broker.providers.checked import MOST_CALLS, MOST_TOKENS, CheckedAnswer, count, items, part, words
from appliance.broker.providers.faults import from_status
from appliance.broker.providers.strict import fits_strict
from tests.support.managed_calls import NOTE, an_ask
from tests.support.registers import a_model

MODEL = a_model(name="frontier-2026-03-01", deployment="east")


def an_answer(**changes: object) -> CheckedAnswer:
    return CheckedAnswer(an_ask(tools=[NOTE], **changes), MODEL)


def end(answer: CheckedAnswer, reason: str, *, model: object = MODEL.name, tokens: object = 5) -> Ended:
    return answer.end(reason, prompt=tokens, completion=3, model=model)  # type: ignore[arg-type]


def fails(function: object, *arguments: object, **named: object) -> str:
    with pytest.raises(ProviderFaultError) as raised:
        function(*arguments, **named)  # type: ignore[operator]
    assert raised.value.fault == "broken"
    return raised.value.reason


def test_an_answer_with_text_ends_well() -> None:
    answer = an_answer()

    assert answer.text("Draft").text.reveal() == "Draft"
    assert end(answer, "stop") == Ended(
        finish_reason="stop", prompt_tokens=5, completion_tokens=3, model=MODEL.name, attempts=1
    )


def test_a_call_is_given_out_in_pieces_with_its_name_first() -> None:
    answer = an_answer()

    first = answer.begin_call(call_id="call_1", name="file_note")
    piece = answer.call_piece(0, '{"note": 1}')

    assert (first.tool_index, first.tool_id, first.tool_name, len(first.text)) == (0, "call_1", "file_note", 0)
    assert (piece.tool_index, piece.tool_id, piece.text.reveal()) == (0, "", '{"note": 1}')
    assert end(answer, "tool_calls").finish_reason == "tool_calls"


@pytest.mark.parametrize("name", ["delete_everything", "", None, 5, "FILE_NOTE"])
def test_a_tool_that_was_not_offered_is_not_called(name: object) -> None:
    assert "not offered" in fails(an_answer().begin_call, call_id="call_1", name=name)


def test_with_tools_forbidden_none_is_called() -> None:
    assert "not offered" in fails(an_answer(tool_choice="none").begin_call, call_id="call_1", name="file_note")


@pytest.mark.parametrize("call_id", ["", None, 7, "a b", "x" * 129, "\x1b[2J", "é"])
def test_an_id_that_is_none_is_refused(call_id: object) -> None:
    assert "identifier" in fails(an_answer().begin_call, call_id=call_id, name="file_note")


def test_a_call_comes_once_and_there_is_a_most() -> None:
    answer = an_answer()
    answer.begin_call(call_id="call_0", name="file_note")
    fails(answer.begin_call, call_id="call_0", name="file_note")
    for number in range(1, MOST_CALLS):
        answer.begin_call(call_id=f"call_{number}", name="file_note")
    fails(answer.begin_call, call_id="call_x", name="file_note")


def test_a_call_that_did_not_begin_does_not_go_on() -> None:
    fails(an_answer().call_piece, 0, "{}")


@pytest.mark.parametrize("arguments", ["", "[1]", '"x"', '{"note"', "{} {}", "[" * 50_000])
def test_arguments_that_are_no_object_are_refused_at_the_end(arguments: str) -> None:
    answer = an_answer()
    answer.begin_call(call_id="call_1", name="file_note")
    answer.call_piece(0, arguments)

    assert "no JSON object" in fails(end, answer, "tool_calls")


def test_a_cut_answer_may_end_within_its_arguments() -> None:
    answer = an_answer()
    answer.begin_call(call_id="call_1", name="file_note")
    answer.call_piece(0, '{"no')

    assert end(answer, "length").finish_reason == "length"


def test_arguments_that_never_came_can_be_told() -> None:
    answer = an_answer()
    answer.begin_call(call_id="call_1", name="file_note")

    assert answer.is_without_arguments(0)
    answer.call_piece(0, "{}")
    assert not answer.is_without_arguments(0)


@pytest.mark.parametrize("reason", ["stop", "tool_calls"])
def test_an_empty_answer_does_not_end_well(reason: str) -> None:
    fails(end, an_answer(), reason)


@pytest.mark.parametrize("reason", ["length", "refusal", "content_filter"])
def test_an_answer_that_was_stopped_may_be_empty(reason: str) -> None:
    assert end(an_answer(), reason).finish_reason == reason


def test_a_call_does_not_end_as_text() -> None:
    answer = an_answer()
    answer.begin_call(call_id="call_1", name="file_note")

    assert "another reason" in fails(end, answer, "stop")


def test_nothing_comes_after_the_end() -> None:
    answer = an_answer()
    answer.text("Draft")
    end(answer, "stop")

    for late in (lambda: answer.text("more"), lambda: end(answer, "stop"), lambda: answer.call_piece(0, ""),
                 lambda: answer.begin_call(call_id="c", name="file_note"), answer.filtered):  # fmt: skip
        assert "after its end" in fails(late)


@pytest.mark.parametrize("tokens", [None, -1, "5", 5.0, True, MOST_TOKENS + 1])
def test_tokens_are_counts(tokens: object) -> None:
    fails(count, tokens)
    answer = an_answer()
    answer.text("Draft")
    fails(end, answer, "stop", tokens=tokens)


@pytest.mark.parametrize("model", ["frontier-2026-03-01", "frontier-2026-03-01-v2", "east"])
def test_the_model_asked_for_answers(model: str) -> None:
    answer = an_answer()
    answer.text("Draft")

    assert end(answer, "stop", model=model).model == model


@pytest.mark.parametrize("model", ["other", "frontier", "frontier-2026-03-011", "", None, "east\x1b"])
def test_another_model_than_the_one_asked_for_does_not(model: object) -> None:
    answer = an_answer()
    answer.text("Draft")

    fails(end, answer, "stop", model=model)


def test_a_filter_before_the_answer_counts_nothing() -> None:
    ended = an_answer().filtered()

    assert (ended.finish_reason, ended.prompt_tokens, ended.model) == ("content_filter", 0, MODEL.name)


@pytest.mark.parametrize("value", [1, [], {}, b"x"])
def test_text_is_text_and_lists_are_lists(value: object) -> None:
    fails(words, value)
    assert words(None) == ""
    fails(items, "text")
    assert items(None) == []


def test_a_part_that_is_missing_is_none() -> None:
    assert part(SimpleNamespace(a=SimpleNamespace(b=5)), "a", "b") == 5
    assert part(SimpleNamespace(a=None), "a", "b") is None
    assert part("text", "a") is None


def test_a_secret_does_not_print() -> None:
    secret = Secret("sk-very-secret")

    assert f"{secret} {secret!r} {secret!s} {secret:>40} {[secret]}".count("sk-very") == 0
    assert secret.hand_over() == "sk-very-secret"


@pytest.mark.parametrize(
    ("status", "fault"),
    [(400, "rejected"), (401, "unauthorized"), (403, "unauthorized"), (404, "rejected"), (408, "timeout"),
     (413, "rejected"), (418, "rejected"), (429, "busy"), (500, "unavailable"), (502, "unavailable"), (503, "busy"),
     (504, "timeout"), (529, "busy"), (599, "unavailable")],
)  # fmt: skip
def test_a_status_is_told_in_our_words(status: int, fault: str) -> None:
    told = from_status(status, {"retry-after": "7"})

    assert (told.fault, told.retry_after_s, told.sent, told.answered) == (fault, 7, True, False)
    assert told.reason.endswith(f"(status {status}).")


CLOSED = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}


@pytest.mark.parametrize(
    ("schema", "fits"),
    [
        (CLOSED, True),
        ({**CLOSED, "properties": {"a": CLOSED}}, True),
        ({"type": "array", "items": CLOSED}, True),
        ({"anyOf": [CLOSED, {"type": "null"}]}, True),
        ({**CLOSED, "required": []}, False),
        ({**CLOSED, "additionalProperties": True}, False),
        ({"type": "object"}, False),
        ({"type": ["object", "null"]}, False),
        ({**CLOSED, "properties": {"a": {"type": "object"}}}, False),
        ({**CLOSED, "properties": []}, False),
        ({**CLOSED, "required": "a"}, False),
        ({"anyOf": [CLOSED, {"type": "object"}]}, False),
    ],
)
def test_only_a_closed_schema_is_asked_for_strictly(schema: object, *, fits: bool) -> None:
    assert fits_strict(schema) is fits


def test_a_deep_schema_is_not_asked_for_strictly() -> None:
    schema: object = {"type": "string"}
    for _ in range(12):
        schema = {**CLOSED, "properties": {"a": schema}}

    assert not fits_strict(json.loads(json.dumps(schema)))
