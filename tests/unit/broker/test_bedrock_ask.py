"""An ask is put in Converse's words without losing or adding anything, or it is refused before it leaves."""

import json
from typing import Any

import pytest

from appliance.broker.providers.ask import Ask
from appliance.broker.providers.bedrock_ask import to_converse
from appliance.broker.providers.bedrock_codec import Codec, UnfitError
from appliance.policy.register import ManagedModel

MODEL = ManagedModel(
    name="example-1", deployment="", context_tokens=8000, input_usd_per_million=1, output_usd_per_million=2
)
LOOK = {
    "type": "function",
    "function": {"name": "look_up", "description": "Looks.", "parameters": {"type": "object"}, "strict": True},
}
BARE = {"type": "function", "function": {"name": "bare"}}
CODEC = Codec.open()


def turn(role: str, content: str = "", **more: object) -> dict[str, object]:
    return {"role": role, "content": content, **more}


def put(*messages: dict[str, object], model: ManagedModel = MODEL, **more: object) -> dict[str, Any]:
    """Return an ask's words, which Amazon's own serialiser takes."""
    texted = {name: json.dumps(value) for name, value in more.items() if name in {"tools", "tool_choice"}}
    texted |= {name: json.dumps(value) for name, value in more.items() if name == "response_format"}
    asked = Ask.from_body(json.dumps({"messages": messages, **more, **texted}).encode())
    made = to_converse(asked, model)
    CODEC.to_request("Converse", made)
    return made


def test_turns_of_one_role_become_one_and_instructions_stand_apart() -> None:
    made = put(turn("system", "Be brief."), turn("user", "One."), turn("user", "Two."), turn("assistant", "Three."))

    assert made["modelId"] == "example-1"
    assert made["system"] == [{"text": "Be brief."}]
    assert made["messages"] == [
        {"role": "user", "content": [{"text": "One."}, {"text": "Two."}]},
        {"role": "assistant", "content": [{"text": "Three."}]},
    ]
    assert "toolConfig" not in made


def test_the_inference_profile_is_asked_for_where_there_is_one() -> None:
    profile = ManagedModel(
        name="example-1",
        deployment="us.example-1",
        context_tokens=8000,
        input_usd_per_million=1,
        output_usd_per_million=2,
    )

    assert put(turn("user", "x"), model=profile)["modelId"] == "us.example-1"


def test_wishes_are_passed_on_and_what_is_not_wished_is_not_said() -> None:
    asked = put(turn("user", "x"), max_tokens=9, temperature=0.25, top_p=0.5, stop=["END"])
    least = put(turn("user", "x"), max_tokens=9)

    assert asked["inferenceConfig"] == {"maxTokens": 9, "temperature": 0.25, "topP": 0.5, "stopSequences": ["END"]}
    assert least["inferenceConfig"] == {"maxTokens": 9}


def test_tools_their_calls_and_their_results_go_along() -> None:
    call = {"id": "t1", "name": "look_up", "arguments": '{"drug": "x"}'}
    made = put(
        turn("user", "Look."),
        turn("assistant", "", tool_calls=[call]),
        turn("tool", "Found.", tool_call_id="t1"),
        turn("user", "So?"),
        tools=[LOOK, BARE],
    )

    assert made["messages"][1]["content"] == [
        {"toolUse": {"toolUseId": "t1", "name": "look_up", "input": {"drug": "x"}}}
    ]
    assert made["messages"][2]["content"] == [
        {"toolResult": {"toolUseId": "t1", "content": [{"text": "Found."}]}},
        {"text": "So?"},
    ]
    look, bare = (each["toolSpec"] for each in made["toolConfig"]["tools"])
    assert look == {
        "name": "look_up",
        "description": "Looks.",
        "inputSchema": {"json": {"type": "object"}},
        "strict": True,
    }
    assert set(bare) == {"name", "inputSchema"}


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        ("auto", None),
        ("required", {"any": {}}),
        ({"type": "function", "function": {"name": "look_up"}}, {"tool": {"name": "look_up"}}),
    ],
)
def test_a_choice_of_tool_is_passed_on(choice: object, words: object) -> None:
    assert put(turn("user", "x"), tools=[LOOK], tool_choice=choice)["toolConfig"].get("toolChoice") == words


def test_no_tool_is_offered_where_none_may_be_called() -> None:
    assert "toolConfig" not in put(turn("user", "x"), tools=[LOOK], tool_choice="none")


def test_tools_that_were_called_before_stay_known() -> None:
    call = {"id": "t1", "name": "look_up", "arguments": "{}"}
    turns = (
        turn("user", "Look."),
        turn("assistant", "", tool_calls=[call]),
        turn("tool", "Found.", tool_call_id="t1"),
    )

    made = put(*turns, tools=[LOOK], tool_choice="none")

    assert set(made["toolConfig"]) == {"tools"}


def test_a_schema_of_the_answer_is_passed_on() -> None:
    schema = {"type": "object", "properties": {"summary": {"type": "string"}}}
    stated = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema, "strict": True}}

    form = put(turn("user", "x"), response_format=stated)["outputConfig"]["textFormat"]

    assert form["type"] == "json_schema"
    assert form["structure"]["jsonSchema"]["name"] == "answer"
    assert json.loads(form["structure"]["jsonSchema"]["schema"]) == schema


@pytest.mark.parametrize(
    "more", [{"response_format": {"type": "json_object"}}, {"parallel_tool_calls": False, "tools": [LOOK]}]
)
def test_what_converse_has_no_words_for_is_refused(more: dict[str, Any]) -> None:
    with pytest.raises(UnfitError):
        put(turn("user", "x"), **more)
