import dataclasses
import json
from typing import Any

import pytest

from appliance.clinical_text import ClinicalText
from appliance.engine.messages import Dialect, EngineCall, cache_salt, to_body
from appliance.errors import InvalidRequestError
from appliance.exchange import Message, Sampling, Subject, ToolCall, Tools
from tests.support.calls import actor, engine_call, turn

SCHEMA = {"type": "object", "properties": {"code": {"type": "string"}}, "required": ["code"]}


def text(value: object) -> ClinicalText:
    return ClinicalText(value if isinstance(value, str) else json.dumps(value))


def test_the_body_holds_exactly_what_the_allowlist_names() -> None:
    call = engine_call(
        "Code this.",
        sampling=Sampling(
            max_tokens=9,
            temperature=0.5,
            top_p=0.9,
            seed=7,
            stop=("END",),
            frequency_penalty=0.1,
            presence_penalty=0.2,
        ),
        response_schema=SCHEMA,
        priority=100,
    )

    body = to_body(call, model="local", stream=True)

    assert body == {
        "model": "local",
        "messages": [{"role": "user", "content": "Code this."}],
        "n": 1,
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_tokens": 9,
        "temperature": 0.5,
        "top_p": 0.9,
        "seed": 7,
        "stop": ["END"],
        "frequency_penalty": 0.1,
        "presence_penalty": 0.2,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": SCHEMA, "strict": True},
        },
        "priority": 100,
        "cache_salt": "s" * 43,
    }


def test_every_field_of_sampling_is_decided_about() -> None:
    decided = {
        "max_tokens",
        "temperature",
        "top_p",
        "seed",
        "stop",
        "frequency_penalty",
        "presence_penalty",
    }

    assert {field.name for field in dataclasses.fields(Sampling)} == decided


def test_what_is_not_asked_for_is_not_sent() -> None:
    call = EngineCall(messages=(turn("Hello."),))

    assert to_body(call, model="local", stream=False) == {
        "model": "local",
        "messages": [{"role": "user", "content": "Hello."}],
        "n": 1,
        "stream": False,
        "priority": 10,
    }


def test_another_server_never_gets_vllms_own_fields() -> None:
    body = to_body(engine_call(), model="other", stream=False, dialect=Dialect.OPENAI)

    assert not {"priority", "cache_salt"} & body.keys()


def test_a_conversation_with_tool_calls_is_replayed_and_developer_is_system() -> None:
    call = ToolCall(id="call_1", name="look_up", arguments=ClinicalText('{"code": "E11"}'))
    messages = (
        turn("Be brief.", role="developer"),
        Message(role="assistant", content=ClinicalText(""), tool_calls=(call,)),
        Message(role="tool", content=ClinicalText("found"), tool_call_id="call_1"),
    )

    body = to_body(EngineCall(messages=messages), model="local", stream=False)

    function = {"name": "look_up", "arguments": '{"code": "E11"}'}
    assert body["messages"] == [
        {"role": "system", "content": "Be brief."},
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [{"id": "call_1", "type": "function", "function": function}],
        },
        {"role": "tool", "content": "found", "tool_call_id": "call_1"},
    ]


def test_tools_are_rebuilt_without_what_we_do_not_know() -> None:
    function = {"name": "look_up", "description": "Find.", "parameters": SCHEMA, "strict": False, "regex": ".*"}
    tools = Tools(
        tools=text([{"type": "function", "function": function, "priority": -1}]),
        tool_choice=text({"type": "function", "function": {"name": "look_up", "x": 1}, "y": 2}),
        parallel_tool_calls=False,
    )

    body = to_body(engine_call(tools=tools), model="local", stream=False)

    rebuilt = {"name": "look_up", "description": "Find.", "parameters": SCHEMA, "strict": True}
    assert body["tools"] == [{"type": "function", "function": rebuilt}]
    assert body["tool_choice"] == {"type": "function", "function": {"name": "look_up"}}
    assert body["parallel_tool_calls"] is False


@pytest.mark.parametrize("choice", ["none", "auto", "required"])
def test_the_usual_tool_choices_go_on(choice: str) -> None:
    tools = Tools(tools=text([{"type": "function", "function": {"name": "f"}}]), tool_choice=text(json.dumps(choice)))

    assert to_body(engine_call(tools=tools), model="local", stream=False)["tool_choice"] == choice


def test_the_answers_format_is_rebuilt() -> None:
    wanted = {"type": "json_schema", "json_schema": {"name": "a", "schema": SCHEMA, "strict": False, "x": 1}, "y": 2}
    call = engine_call(tools=Tools(response_format=text(wanted)))

    assert to_body(call, model="local", stream=False)["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "a", "schema": SCHEMA, "strict": True},
    }


def test_the_tasks_own_schema_goes_before_the_callers() -> None:
    call = engine_call(tools=Tools(response_format=text({"type": "json_object"})), response_schema=SCHEMA)

    body = to_body(call, model="local", stream=False)

    assert body["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "answer", "schema": SCHEMA, "strict": True},
    }


def test_plain_text_is_no_format_and_a_json_object_is_one() -> None:
    plain = engine_call(tools=Tools(response_format=text({"type": "text"})))
    some = engine_call(tools=Tools(response_format=text({"type": "json_object", "x": 1})))

    assert "response_format" not in to_body(plain, model="local", stream=False)
    assert to_body(some, model="local", stream=False)["response_format"] == {"type": "json_object"}


def one_tool(**function: Any) -> dict[str, Any]:
    return {"tools": text([{"type": "function", "function": {"name": "f", **function}}])}


@pytest.mark.parametrize(
    ("parts", "field"),
    [
        ({"tools": text("{")}, "tools"),
        ({"tools": text("[" * 30_000)}, "tools"),
        ({"tools": text("[]")}, "tools"),
        ({"tools": text("7")}, "tools"),
        ({"tools": text('"' + "x" * 70_000 + '"')}, "tools"),
        ({"tools": text([{"type": "function", "function": {"name": "f"}}] * 65)}, "tools"),
        ({"tools": text([{"type": "browser"}])}, "tools[0]"),
        ({"tools": text([7])}, "tools[0]"),
        (one_tool(name="no spaces"), "tools[0].function.name"),
        (one_tool(name=7), "tools[0].function.name"),
        (one_tool(description=7), "tools[0].function.description"),
        (one_tool(parameters=[]), "tools[0].function.parameters"),
        (one_tool(parameters={"pattern": "x"}), "tools[0].function.parameters"),
        ({**one_tool(), "tool_choice": text('"sometimes"')}, "tool_choice"),
        ({**one_tool(), "tool_choice": text({"function": {"name": "other"}})}, "tool_choice"),
        ({**one_tool(), "tool_choice": text({"function": "f"})}, "tool_choice"),
        ({"response_format": text("7")}, "response_format"),
        ({"response_format": text({"type": "grammar"})}, "response_format"),
        ({"response_format": text({"type": "json_schema"})}, "response_format.json_schema"),
        (
            {"response_format": text({"type": "json_schema", "json_schema": {"schema": {}}})},
            "response_format.json_schema.name",
        ),
    ],
)
def test_a_malformed_tool_or_format_names_its_field_and_not_its_value(parts: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        to_body(engine_call(tools=Tools(**parts)), model="local", stream=False)

    assert caught.value.field == field
    assert "sometimes" not in caught.value.public


def test_salts_keep_tenants_clients_patients_and_users_apart() -> None:
    one, two = (ClinicalText("MRN-1"),), (ClinicalText("MRN-2"),)
    salts = [
        cache_salt(b"secret", actor(), Subject(patients=one)),
        cache_salt(b"secret", actor(), Subject(patients=two)),
        cache_salt(b"secret", actor(), Subject(patients=one + two)),
        cache_salt(b"secret", actor(), Subject(user="MRN-1")),
        cache_salt(b"secret", actor(), Subject()),
        cache_salt(b"secret", actor("client_2"), Subject(patients=one)),
        cache_salt(b"secret", actor(tenant="site"), Subject(patients=one)),
        cache_salt(b"other", actor(), Subject(patients=one)),
    ]

    assert len(set(salts)) == len(salts)
    assert {len(salt) for salt in salts} == {43}


def test_the_same_patients_share_a_salt_whatever_their_order_and_user() -> None:
    one, two = ClinicalText("MRN-1"), ClinicalText("MRN-2")

    first = cache_salt(b"secret", actor(), Subject(patients=(one, two), user="a"))
    second = cache_salt(b"secret", actor(), Subject(patients=(two, one), user="b"))

    assert first == second
