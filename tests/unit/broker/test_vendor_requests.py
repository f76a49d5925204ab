"""What each vendor is asked, in its own words."""

import json
from typing import Any

import pytest

from appliance.broker.outgoing import ProviderFaultError
from appliance.broker.providers.anthropic_messages import MessagesSpeech
from appliance.broker.providers.ask import Ask
from appliance.broker.providers.openai import AzureSpeech, ChatSpeech, ResponsesSpeech
from tests.support.managed_calls import NOTE, an_ask
from tests.support.registers import a_model

MODEL = a_model(name="frontier-2026-03-01", deployment="east")
CLOSED = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}
FORMAT = {"type": "json_schema", "json_schema": {"name": "answer", "schema": CLOSED, "strict": True}}
OPEN_FORMAT = {"type": "json_schema", "json_schema": {"name": "answer", "schema": {"type": "object"}, "strict": True}}
STRICT = {"type": "function", "function": {"name": "file_note", "parameters": CLOSED, "strict": True}}
NAMED = {"type": "function", "function": {"name": "file_note"}}
CALL = {"id": "call_1", "name": "file_note", "arguments": '{"note": "x"}'}
TALK = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Note it."},
    {"role": "user", "content": "Now."},
    {"role": "assistant", "content": "", "tool_calls": [CALL]},
    {"role": "tool", "content": "noted", "tool_call_id": "call_1"},
    {"role": "user", "content": "Thanks."},
    {"role": "system", "content": "Be kind."},
]


def messages(ask: Ask, *, stream: bool = False) -> dict[str, Any]:
    return dict(MessagesSpeech().request(ask, MODEL, stream=stream))


def chat(ask: Ask, *, stream: bool = False) -> dict[str, Any]:
    return dict(ChatSpeech().request(ask, MODEL, stream=stream))


def responses(ask: Ask, *, stream: bool = False) -> dict[str, Any]:
    return dict(ResponsesSpeech().request(ask, MODEL, stream=stream))


def test_messages_sets_instructions_apart_and_joins_turns_of_one_side() -> None:
    request = messages(an_ask(messages=TALK, stop=["END"]))

    assert request["system"] == "Be brief.\n\nBe kind."
    assert request["messages"] == [
        {"role": "user", "content": [{"type": "text", "text": "Note it."}, {"type": "text", "text": "Now."}]},
        {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": "call_1", "name": "file_note", "input": {"note": "x"}}],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "call_1", "content": "noted"},
                {"type": "text", "text": "Thanks."},
            ],
        },
    ]
    assert (request["model"], request["max_tokens"], request["stream"]) == (MODEL.name, 400, False)
    assert request["stop_sequences"] == ["END"]
    assert not {"temperature", "top_p", "tools", "tool_choice", "output_config"} & request.keys()


@pytest.mark.parametrize(
    ("choice", "parallel", "said"),
    [
        ("auto", None, {"type": "auto"}),
        ("none", False, {"type": "none"}),
        ("required", False, {"type": "any", "disable_parallel_tool_use": True}),
        (NAMED, True, {"type": "tool", "name": "file_note"}),
    ],
)
def test_messages_has_its_own_words_for_a_choice(choice: object, parallel: object, said: object) -> None:
    request = messages(an_ask(tools=[NOTE], tool_choice=choice, parallel_tool_calls=parallel))

    assert request["tool_choice"] == said


def test_messages_asks_strictly_only_where_it_can() -> None:
    tools = messages(an_ask(tools=[NOTE | {"function": {**NOTE["function"], "strict": True}}]))["tools"]  # type: ignore[dict-item]
    assert "strict" not in tools[0]
    assert tools[0]["description"] == "Files a note."

    assert messages(an_ask(tools=[STRICT]))["tools"] == [{"name": "file_note", "input_schema": CLOSED, "strict": True}]


def test_messages_puts_a_schema_in_the_vendors_form() -> None:
    request = messages(an_ask(response_format=OPEN_FORMAT))

    schema = request["output_config"]["format"]["schema"]
    assert schema == {"type": "object", "properties": {}, "additionalProperties": False}


@pytest.mark.parametrize(
    "wanted",
    [
        {"type": "json_object"},
        {"type": "json_schema", "json_schema": {"name": "a", "schema": {"minimum": 5}}},
        {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object", "properties": 5}}},
    ],
)
def test_messages_refuses_a_format_that_it_cannot_say_before_anything_leaves(wanted: object) -> None:
    with pytest.raises(ProviderFaultError) as raised:
        messages(an_ask(response_format=wanted))

    assert (raised.value.fault, raised.value.sent) == ("rejected", False)
    assert raised.value.__context__ is None


def test_chat_says_it_nearly_as_it_was_asked_and_has_nothing_kept() -> None:
    request = chat(an_ask(messages=TALK, tools=[NOTE], tool_choice=NAMED, stop=["END"]), stream=True)

    assert request["messages"][3] == {
        "role": "assistant",
        "content": "",
        "tool_calls": [
            {"id": "call_1", "type": "function", "function": {"name": "file_note", "arguments": '{"note": "x"}'}}
        ],
    }
    assert request["messages"][4] == {"role": "tool", "content": "noted", "tool_call_id": "call_1"}
    assert (request["model"], request["max_completion_tokens"], request["store"]) == (MODEL.name, 400, False)
    assert (request["temperature"], request["top_p"], request["stop"]) == (0.2, 0.9, ["END"])
    assert (request["stream"], request["stream_options"]) == (True, {"include_usage": True})
    assert request["tool_choice"] == NAMED
    assert request["tools"][0]["function"]["strict"] is False


def test_chat_without_tools_has_no_word_of_them() -> None:
    request = chat(an_ask(parallel_tool_calls=False, temperature=None, top_p=None))

    absent = {
        "tools",
        "tool_choice",
        "parallel_tool_calls",
        "temperature",
        "top_p",
        "stream_options",
        "response_format",
    }
    assert not absent & request.keys()


def test_parallel_calls_are_a_wish_of_those_who_offer_tools() -> None:
    assert chat(an_ask(tools=[STRICT], parallel_tool_calls=False))["parallel_tool_calls"] is False
    assert responses(an_ask(tools=[STRICT], parallel_tool_calls=True))["parallel_tool_calls"] is True


@pytest.mark.parametrize(
    ("wanted", "strict"), [(FORMAT, True), (OPEN_FORMAT, False)], ids=["closed schema", "open schema"]
)
def test_a_schema_is_asked_for_strictly_only_where_it_is_closed(wanted: dict[str, Any], *, strict: bool) -> None:
    ask = an_ask(response_format=wanted)
    schema = wanted["json_schema"]["schema"]

    assert chat(ask)["response_format"]["json_schema"] == {"name": "answer", "schema": schema, "strict": strict}
    told = {"type": "json_schema", "name": "answer", "schema": schema, "strict": strict}
    assert responses(ask)["text"] == {"format": told}


def test_any_object_is_a_format_of_openai() -> None:
    ask = an_ask(response_format={"type": "json_object"})

    assert chat(ask)["response_format"] == {"type": "json_object"}
    assert responses(ask)["text"] == {"format": {"type": "json_object"}}


def test_azure_is_asked_by_deployment_and_is_not_told_to_keep_or_drop() -> None:
    request = AzureSpeech().request(an_ask(), MODEL, stream=False)

    assert (request["model"], "store" in request) == ("east", False)
    assert AzureSpeech().request(an_ask(), a_model(), stream=False)["model"] == a_model().name


def test_responses_speaks_in_items_and_keeps_no_state() -> None:
    assistant = {"role": "assistant", "content": "I will.", "tool_calls": [CALL]}
    request = responses(an_ask(messages=[*TALK[:3], assistant, *TALK[4:]], tools=[STRICT], tool_choice=NAMED))

    assert request["input"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Note it."},
        {"role": "user", "content": "Now."},
        {"role": "assistant", "content": "I will."},
        {"type": "function_call", "call_id": "call_1", "name": "file_note", "arguments": '{"note": "x"}'},
        {"type": "function_call_output", "call_id": "call_1", "output": "noted"},
        {"role": "user", "content": "Thanks."},
        {"role": "system", "content": "Be kind."},
    ]
    assert (request["store"], request["truncation"], request["max_output_tokens"]) == (False, "disabled", 400)
    assert request["tools"] == [{"type": "function", "name": "file_note", "parameters": CLOSED, "strict": True}]
    assert request["tool_choice"] == {"type": "function", "name": "file_note"}
    assert responses(an_ask(tools=[STRICT]))["tool_choice"] == "auto"


def test_responses_has_no_empty_turn_beside_a_call() -> None:
    assert {"role": "assistant", "content": ""} not in responses(an_ask(messages=TALK, tools=[NOTE]))["input"]


@pytest.mark.parametrize("changes", [{"stop": ["END"]}, {"max_tokens": 15}])
def test_responses_refuses_what_it_cannot_say_before_anything_leaves(changes: dict[str, Any]) -> None:
    with pytest.raises(ProviderFaultError) as raised:
        responses(an_ask(**changes))

    assert (raised.value.fault, raised.value.sent) == ("rejected", False)


def test_what_is_asked_is_json() -> None:
    ask = an_ask(messages=TALK, tools=[STRICT], response_format=FORMAT)

    for said in (messages(ask), chat(ask), responses(ask)):
        assert json.loads(json.dumps(said)) == said
