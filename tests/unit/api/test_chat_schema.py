from typing import Any

import pytest

from appliance.api.schemas.chat import parse_chat
from appliance.api.schemas.tasks import parse_task
from appliance.errors import InvalidRequestError, UnknownParameterError, UnsupportedParameterError


def body(**changes: Any) -> dict[str, object]:
    """Return a chat body."""
    return {"model": "coding", "messages": [{"role": "user", "content": "text"}], **changes}


def field(error: type[InvalidRequestError], value: dict[str, object]) -> str | None:
    """Return the field that a body is refused for."""
    with pytest.raises(error) as caught:
        parse_chat(value)
    return caught.value.field


@pytest.mark.parametrize(
    "neutral",
    [
        {"n": 1}, {"n": None}, {"logprobs": False}, {"logit_bias": {}}, {"store": False}, {"modalities": ["text"]},
        {"service_tier": "auto"}, {"temperature": None}, {"tools": None}, {"audio": None},
        {"stream": True, "stream_options": {"include_usage": True, "include_obfuscation": False}},
    ],
)  # fmt: skip
def test_values_that_change_nothing_are_accepted(neutral: dict[str, Any]) -> None:
    assert parse_chat(body(**neutral)).model == "coding"


def test_one_that_is_true_is_not_one() -> None:
    assert field(UnsupportedParameterError, body(n=True)) == "n"


def test_a_replayed_answer_with_empty_members_is_accepted() -> None:
    replayed = {"role": "assistant", "content": "ok", "refusal": None, "annotations": [], "audio": None}

    chat = parse_chat(body(messages=[replayed, {"role": "user", "content": "go on"}]))

    assert chat.messages[0].text() == "ok"


def test_parts_become_lines() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]

    assert parse_chat(body(messages=[{"role": "user", "content": parts}])).messages[0].text() == "a\nb"


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"messages": [{"role": "user", "content": "a", "tool_calls": []}, 3]}, "messages[1]"),
        ({"messages": [{"role": "user", "content": "a", "tool_calls":
          [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}]}, "messages[0].tool_calls"),
        ({"messages": [{"role": "user", "content": "a", "tool_call_id": "1"}]}, "messages[0].tool_call_id"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"tools": []}, "tools"),
        ({"tools": [{"type": "function", "function": {"name": "no blanks"}}]}, "tools[0].function.name"),
        ({"tool_choice": {"type": "function", "function": {"name": "g"}},
          "tools": [{"type": "function", "function": {"name": "f"}}]}, "tool_choice.function.name"),
        ({"response_format": {"type": "text", "json_schema": {"name": "x", "schema": {}}}},
         "response_format.json_schema"),
        ({"response_format": {"type": "yaml"}}, "response_format.type"),
        ({"seed": 1.5}, "seed"),
        ({"stream": "yes"}, "stream"),
        ({"model": ""}, "model"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named(changes: dict[str, Any], wrong: str) -> None:
    assert field(InvalidRequestError, body(**changes)) == wrong


def test_an_unknown_field_is_named_before_other_faults_and_only_if_it_looks_like_one() -> None:
    assert field(UnknownParameterError, body(best_of=2, temperature="x")) == "best_of"
    assert field(UnknownParameterError, {**body(), "Jane Doe": 1}) == "?"
    assert (
        field(UnknownParameterError, body(messages=[{"role": "user", "content": "a", "Jane Doe": 1}]))
        == "messages[0].?"
    )


def test_a_task_body_is_as_strict() -> None:
    assert parse_task({"input": {"note": "x"}, "patient": "P-1"}).stated().patients == ("P-1",)
    assert parse_task({"input": {}, "patient": ["P-1", "P-2"]}).stated().patients == ("P-1", "P-2")
    for wrong in ({}, {"input": "x"}, {"input": {}, "top_k": 3}, {"input": {}, "deadline_s": 0}):
        with pytest.raises(InvalidRequestError):
            parse_task(wrong)
