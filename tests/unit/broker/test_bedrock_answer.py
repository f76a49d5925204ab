"""An answer of Bedrock is taken only if it is whole and in order, and calls only what was offered."""

from typing import Any

import pytest

from appliance.broker.outgoing import ProviderFaultError
from appliance.broker.providers.adapter import Ended, Text
from appliance.broker.providers.ask import Ask, Tool
from appliance.broker.providers.bedrock_answer import AnswerReader, events_of
from appliance.broker.providers.bedrock_codec import Event
from appliance.broker.providers.checked import CheckedAnswer
from appliance.clinical_text import ClinicalText
from appliance.policy.register import ManagedModel
from tests.support.bedrock_events import END, START, USAGE, Said, argument, over, piece, stopped, tool

MODEL = ManagedModel(name="example-1", context_tokens=8000, input_usd_per_million=1, output_usd_per_million=2)
LOOK = Tool(name="look_up", description="", parameters={}, strict=False)
COUNTS = {"inputTokens": 12, "outputTokens": 7, "totalTokens": 19}


def read(*said: Said, tools: tuple[Tool, ...] = (LOOK,)) -> tuple[list[Text], Ended]:
    """Return what an answer of these events says."""
    reader = AnswerReader(CheckedAnswer(Ask(turns=(), tools=tools), MODEL), model=MODEL.name)
    events = [Event(name=name, is_exception=False, fields=fields) for name, fields in said]
    pieces = [piece for event in events for piece in reader.read(event)]
    return pieces, reader.end()


def words(pieces: list[Text]) -> list[tuple[int | None, str]]:
    return [(each.tool_index, each.text.reveal()) for each in pieces]


def test_text_comes_piece_by_piece_and_ends_with_its_counts() -> None:
    pieces, ended = read(START, piece("Sta"), piece("ble."), over(), END, USAGE)

    assert words(pieces) == [(None, "Sta"), (None, "ble.")]
    assert ended == Ended(finish_reason="stop", prompt_tokens=12, completion_tokens=7, model="example-1", attempts=1)


def test_tool_calls_are_counted_from_nought_and_named_once() -> None:
    pieces, ended = read(
        START,
        piece("I look."),
        over(),
        tool("look_up", 1),
        argument('{"a"', 1),
        argument(": 1}", 1),
        over(1),
        tool("look_up", 2, key="tooluse_2"),
        over(2),
        stopped("tool_use"),
        USAGE,
    )

    assert words(pieces) == [(None, "I look."), (0, ""), (0, '{"a"'), (0, ": 1}"), (1, ""), (1, "{}")]
    assert [(each.tool_id, each.tool_name) for each in pieces if each.tool_name] == [
        ("tooluse_1", "look_up"),
        ("tooluse_2", "look_up"),
    ]
    assert ended.finish_reason == "tool_calls"


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("guardrail_intervened", "content_filter"),
        ("content_filtered", "content_filter"),
        ("refusal", "refusal"),
    ],
)
def test_each_reason_to_stop_has_one_meaning(reason: str, finish: str) -> None:
    assert read(START, piece("x"), over(), stopped(reason), USAGE)[1].finish_reason == finish


@pytest.mark.parametrize("reason", ["guardrail_intervened", "refusal"])
def test_a_filter_or_refusal_may_leave_nothing_to_say(reason: str) -> None:
    assert read(START, stopped(reason), USAGE)[0] == []


def test_notes_of_the_model_to_itself_and_newer_events_are_no_part_of_the_answer() -> None:
    thought: Said = ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"reasoningContent": {"text": "Hm."}}})

    pieces, _ = read(START, thought, over(), ("", {}), piece("x", 1), over(1), END, ("", {}), USAGE)

    assert words(pieces) == [(None, "x")]


FOREIGN_DELTA: Said = ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"citation": {}}})
TWO_IN_ONE: Said = ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "a", "toolUse": {"input": "b"}}})


@pytest.mark.parametrize(
    "said",
    [
        (),
        (START, piece("x"), over(), END),
        (START, piece("x"), over(), USAGE),
        (START, piece("x"), over()),
        (piece("x"), over(), END, USAGE),
        (START, START, piece("x"), over(), END, USAGE),
        (("messageStart", {"role": "user"}), piece("x"), over(), END, USAGE),
        (START, END, USAGE),
        (START, over(), END, USAGE),
        (START, piece(""), over(), END, USAGE),
        (START, piece("x"), END, USAGE),
        (START, piece("x"), over(), over(), END, USAGE),
        (START, piece("x"), over(), piece("y"), END, USAGE),
        (START, piece("x"), piece("y", 1), over(1), END, USAGE),
        (START, piece("x", 1), over(1), piece("y"), over(), END, USAGE),
        (START, piece("x"), over(), END, END, USAGE),
        (START, piece("x"), over(), END, USAGE, USAGE),
        (START, piece("x"), over(), END, USAGE, ("", {})),
        (START, piece("x"), over(), END, piece("late", 1), USAGE),
        (START, piece("x"), over(), stopped("malformed_tool_use"), USAGE),
        (START, piece("x"), over(), stopped("Jane"), USAGE),
        (START, piece("x"), over(), ("messageStop", {"stopReason": 7}), USAGE),
        (START, piece("x"), over(), END, ("metadata", {"usage": None})),
        (START, piece("x"), over(), END, ("metadata", {"usage": {"inputTokens": -1, "outputTokens": 1}})),
        (START, piece("x"), over(), END, ("metadata", {"usage": {"inputTokens": True, "outputTokens": 1}})),
        (START, ("contentBlockDelta", {"contentBlockIndex": "0", "delta": {"text": "x"}}), over(), END, USAGE),
        (START, ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": 7}}), over(), END, USAGE),
        (START, FOREIGN_DELTA, over(), END, USAGE),
        (START, TWO_IN_ONE, over(), END, USAGE),
        (START, argument("{}"), over(), END, USAGE),
        (START, tool("send_mail"), over(), stopped("tool_use"), USAGE),
        (START, tool("look_up", type="server_tool_use"), over(), stopped("tool_use"), USAGE),
        (START, tool("look_up"), piece("x"), over(), stopped("tool_use"), USAGE),
        (START, tool("look_up"), tool("look_up"), over(), stopped("tool_use"), USAGE),
        (START, tool("look_up"), argument("[1]"), over(), stopped("tool_use"), USAGE),
        (START, tool("look_up"), argument('{"a'), over(), stopped("tool_use"), USAGE),
        (START, tool("look_up"), over(), END, USAGE),
        (START, piece("x"), over(), stopped("tool_use"), USAGE),
        (START, ("contentBlockStart", {"contentBlockIndex": 0, "start": {"image": {}}}), over(), END, USAGE),
        (START, ("internalServerException", {}), piece("x"), over(), END, USAGE),
    ],
)
def test_anything_else_is_no_answer(said: tuple[Said, ...]) -> None:
    with pytest.raises(ProviderFaultError):
        read(*said)


def test_no_tool_may_be_called_where_none_was_offered() -> None:
    with pytest.raises(ProviderFaultError):
        read(START, tool("look_up"), over(), stopped("tool_use"), USAGE, tools=())


def whole(*blocks: dict[str, Any], reason: str = "end_turn", **more: object) -> dict[str, object]:
    """Return a whole answer as botocore parses it."""
    message = {"role": "assistant", "content": list(blocks)}
    return {"output": {"message": message}, "stopReason": reason, "usage": COUNTS, **more}


def read_whole(answer: dict[str, object]) -> tuple[list[Text], Ended]:
    return read(*[(event.name, dict(event.fields)) for event in events_of(answer)])


def test_a_whole_answer_is_read_by_the_same_rules() -> None:
    call = {"toolUse": {"toolUseId": "tooluse_1", "name": "look_up", "input": {"drug": "Fièvre"}}}

    pieces, ended = read_whole(whole({"text": "I look."}, call, reason="tool_use", metrics={"latencyMs": 3}))

    assert pieces == [
        Text(text=ClinicalText("I look.")),
        Text(text=ClinicalText(""), tool_index=0, tool_id="tooluse_1", tool_name="look_up"),
        Text(text=ClinicalText('{"drug": "Fièvre"}'), tool_index=0),
    ]
    assert (ended.finish_reason, ended.prompt_tokens, ended.completion_tokens) == ("tool_calls", 12, 7)


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"output": {"message": {"role": "assistant"}}},
        whole(),
        whole({"text": "x"}, reason="Jane"),
        whole({"text": "x"}, usage=None),
        whole({"text": "x", "image": {}}),
        whole({"image": {}}),
        whole({"toolUse": {"toolUseId": "t", "name": "look_up", "input": "Jane"}}, reason="tool_use"),
        whole({"toolUse": {"toolUseId": "t", "name": "send_mail", "input": {}}}, reason="tool_use"),
    ],
)
def test_anything_else_is_no_whole_answer(answer: dict[str, object]) -> None:
    with pytest.raises(ProviderFaultError):
        read_whole(answer)
