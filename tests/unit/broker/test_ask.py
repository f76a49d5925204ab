"""What is asked of a managed model: read to the last key, or refused by the field's name."""

import json
from typing import Any

import pytest

from appliance.broker.providers.ask import DEFAULT_ANSWER_TOKENS, AnswerFormat, Ask, ToolChoice
from appliance.broker.providers.ask_json import AskError
from appliance.clinical_text import ClinicalText, SafeText
from appliance.engine.messages import EngineCall
from appliance.escalation.body import leaves, structure_of, to_safe
from appliance.exchange import Message, Sampling, ToolCall, Tools

CANARY = "Quillon-Ysterbrandt"
USER = {"role": "user", "content": "Please draft."}
TOOL = {
    "type": "function",
    "function": {
        "name": "book_bed",
        "description": "Books a bed.",
        "parameters": {"type": "object", "properties": {}},
        "strict": True,
    },
}
CALL = {"id": "call_1", "name": "book_bed", "arguments": '{"ward": "A"}'}


def body(**changes: Any) -> bytes:
    """Return a body as the gateway writes it, changed as asked."""
    told: dict[str, Any] = {
        "messages": [USER],
        "tools": None,
        "tool_choice": None,
        "response_format": None,
        "max_tokens": None,
        "temperature": None,
        "top_p": None,
        "stop": [],
    }
    return json.dumps({**told, **changes}).encode()


def parsed(**changes: Any) -> Ask:
    return Ask.from_body(body(**changes))


def test_what_the_gateway_writes_is_what_is_read() -> None:
    call = EngineCall(
        messages=(
            Message(role="system", content=ClinicalText("Draft.")),
            Message(role="user", content=ClinicalText("Hello")),
            Message(
                role="assistant",
                content=ClinicalText(""),
                tool_calls=(ToolCall(id="call_1", name="book_bed", arguments=ClinicalText("{}")),),
            ),
            Message(role="tool", content=ClinicalText("booked"), tool_call_id="call_1"),
        ),
        sampling=Sampling(max_tokens=50, temperature=0.5, top_p=0.9, stop=("END",)),
        tools=Tools(
            tools=ClinicalText(json.dumps([TOOL])),
            tool_choice=ClinicalText('"required"'),
            parallel_tool_calls=False,
        ),
        response_schema={"type": "object"},
    )
    structure = structure_of(call)
    texts = [SafeText.of_json(None)] * 0 + [SafeText(leaf.reveal()) for leaf in leaves(structure)]

    ask = Ask.from_body(to_safe(structure, iter(texts)).reveal_bytes())

    assert [turn.role for turn in ask.turns] == ["system", "user", "assistant", "tool"]
    assert [turn.content.reveal() for turn in ask.turns] == ["Draft.", "Hello", "", "booked"]
    assert (ask.turns[2].calls[0].id, ask.turns[2].calls[0].name, ask.turns[3].answers) == (
        "call_1",
        "book_bed",
        "call_1",
    )
    assert (ask.max_tokens, ask.temperature, ask.top_p, ask.stop) == (50, 0.5, 0.9, ("END",))
    assert (ask.choice, ask.parallel_calls) == (ToolChoice(mode="required"), False)
    assert (ask.format.kind, ask.format.schema, ask.format.strict) == ("json_schema", {"type": "object"}, True)


def test_an_answer_without_a_stated_bound_has_one() -> None:
    assert parsed().max_tokens == DEFAULT_ANSWER_TOKENS


def test_a_developer_speaks_as_the_system() -> None:
    assert parsed(messages=[{"role": "developer", "content": "x"}, USER]).turns[0].role == "system"


def test_tools_are_rebuilt_and_their_names_known() -> None:
    ask = parsed(tools=json.dumps([TOOL, {"type": "function", "function": {"name": "x"}}]))

    assert ask.tool_names() == {"book_bed", "x"}
    assert [(tool.description, tool.strict) for tool in ask.tools] == [("Books a bed.", True), ("", False)]
    assert ask.tools[1].parameters == {"type": "object", "properties": {}}


@pytest.mark.parametrize(
    ("stated", "choice"),
    [
        (None, ToolChoice()),
        ('"auto"', ToolChoice()),
        ('"none"', ToolChoice(mode="none")),
        ('"required"', ToolChoice(mode="required")),
        ('{"type": "function", "function": {"name": "book_bed"}}', ToolChoice(mode="named", name="book_bed")),
    ],
)
def test_a_choice_is_one_of_its_kinds(stated: str | None, choice: ToolChoice) -> None:
    assert parsed(tools=json.dumps([TOOL]), tool_choice=stated).choice == choice


@pytest.mark.parametrize(
    ("stated", "kind"), [(None, "text"), ('{"type": "text"}', "text"), ('{"type": "json_object"}', "json_object")]
)
def test_a_format_is_one_of_its_kinds(stated: str | None, kind: str) -> None:
    assert parsed(response_format=stated).format == AnswerFormat(kind=kind)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"messages": []}, "messages"),
        ({"messages": None}, "messages"),
        ({"messages": [CANARY]}, "messages"),
        ({"messages": [{"role": CANARY, "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": None}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": ["x"]}]}, "messages[0].content"),
        ({"messages": [{**USER, CANARY: 1}]}, "messages[0].*"),
        ({"messages": [{**USER, "tool_calls": [CALL]}]}, "messages[0].tool_calls"),
        ({"messages": [{**USER, "tool_call_id": CANARY}]}, "messages[0].tool_call_id"),
        ({"messages": [USER, {"role": "tool", "content": "x"}]}, "messages[1].tool_call_id"),
        ({"messages": [USER, {"role": "tool", "content": "x", "tool_call_id": CANARY}]}, "messages[1].tool_call_id"),
        ({"messages": [{"role": "assistant", "content": CANARY}]}, "messages"),
        ({"messages": [USER, {"role": "assistant", "content": "", "tool_calls": [{**CALL, "id": ""}]}]},
         "messages[1].tool_calls[0].id"),
        ({"messages": [USER, {"role": "assistant", "content": "", "tool_calls": [{**CALL, "arguments": "[1]"}]}]},
         "messages[1].tool_calls[0].arguments"),
        ({"messages": [USER, {"role": "assistant", "content": "", "tool_calls": [{**CALL, "x": CANARY}]}]},
         "messages[1].tool_calls[0].*"),
        ({"tools": json.dumps([])}, "tools"),
        ({"tools": [TOOL]}, "tools"),
        ({"tools": '["\\ud800"]'}, "tools"),
        ({"tools": json.dumps([TOOL, TOOL])}, "tools"),
        ({"tools": json.dumps([TOOL] * 65)}, "tools"),
        ({"tools": json.dumps([{**TOOL, "type": CANARY}])}, "tools[0].type"),
        ({"tools": json.dumps([{"type": "function"}])}, "tools[0].function"),
        ({"tools": json.dumps([{"type": "function", "function": {"name": "a b"}}])}, "tools[0].function.name"),
        ({"tools": json.dumps([{"type": "function", "function": {"name": "a", CANARY: 1}}])}, "tools[0].function.*"),
        ({"tools": json.dumps([{"type": "function", "function": {"name": "a", "parameters": []}}])},
         "tools[0].function.parameters"),
        ({"tools": json.dumps([{"type": "function", "function": {"name": "a", "strict": "yes"}}])},
         "tools[0].function.strict"),
        ({"tools": json.dumps([{**TOOL, CANARY: 1}])}, "tools[0].*"),
        ({"tool_choice": '"required"'}, "tool_choice"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tools": json.dumps([TOOL]), "tool_choice": '{"type": "function", "function": {"name": "x"}}'},
         "tool_choice"),
        ({"response_format": '{"type": "xml"}'}, "response_format"),
        ({"response_format": '{"type": "json_schema", "json_schema": {"name": "", "schema": {}}}'}, "response_format"),
        ({"response_format": '{"type": "json_schema", "json_schema": {"name": "a"}}'}, "response_format"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": True}, "max_tokens"),
        ({"max_tokens": 1.5}, "max_tokens"),
        ({"temperature": 2.1}, "temperature"),
        ({"temperature": -0.1}, "temperature"),
        ({"temperature": True}, "temperature"),
        ({"top_p": "1"}, "top_p"),
        ({"stop": ["a", "b", "c", "d", "e"]}, "stop"),
        ({"stop": [""]}, "stop"),
        ({"stop": CANARY}, "stop"),
        ({"parallel_tool_calls": "no"}, "parallel_tool_calls"),
        ({CANARY: 1}, "*"),
    ],
)  # fmt: skip
def test_a_bad_field_is_named_and_its_value_is_not(changes: dict[str, Any], path: str) -> None:
    with pytest.raises(AskError) as raised:
        parsed(**changes)

    assert raised.value.path == path
    assert str(raised.value).startswith(path)
    assert CANARY not in str(raised.value)
    assert raised.value.__context__ is None


@pytest.mark.parametrize(
    "written",
    [
        b"",
        b"[]",
        b"\xff",
        b'{"a": 1, "a": 2}',
        b'{"messages": NaN}',
        b'{"temperature": 1e999}',
        b"[" * 100_000,
        b'{"messages": 1} trailing',
        b'{"messages": [{"role": "user", "content": "half a character: \\ud800"}]}',
    ],
)
def test_what_is_no_json_object_is_refused(written: bytes) -> None:
    with pytest.raises(AskError) as raised:
        Ask.from_body(written)

    assert raised.value.__context__ is None  # which would carry the body with it


def test_an_ask_does_not_print_what_it_holds() -> None:
    ask = parsed(messages=[{"role": "user", "content": CANARY}], tools=json.dumps([TOOL]))

    assert CANARY not in f"{ask} {ask!r} {ask.turns} {ask.tools} {ask.format}"
