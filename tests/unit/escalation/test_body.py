import json
from dataclasses import replace

import pytest

from appliance.clinical_text import ClinicalText, SafeText
from appliance.engine.messages import EngineCall
from appliance.escalation.body import leaves, structure_of, to_safe
from appliance.exchange import Message, Sampling, ToolCall, Tools


def _call() -> EngineCall:
    asked = ToolCall(id="call-1", name="look_up", arguments=ClinicalText('{"name":"Ann"}'))
    return EngineCall(
        messages=(
            Message(role="user", content=ClinicalText("Ann is here.")),
            Message(role="assistant", content=ClinicalText(""), tool_calls=(asked,)),
            Message(role="tool", content=ClinicalText("Ann, 44"), tool_call_id="call-1"),
        ),
        sampling=Sampling(max_tokens=10, temperature=0.5, stop=("Ann",)),
        tools=Tools(tools=ClinicalText("[]")),
        response_schema=None,
        priority=0,
        cache_salt="salt",
    )


def test_every_word_of_the_caller_is_a_leaf_that_the_guard_sees() -> None:
    texts = [text.reveal() for text in leaves(structure_of(_call()))]

    assert texts == ["Ann is here.", "", "call-1", "look_up", '{"name":"Ann"}', "Ann, 44", "call-1", "[]", "Ann"]


def test_what_leaves_is_json_of_what_the_guard_returned() -> None:
    structure = structure_of(_call())

    body = to_safe(structure, (SafeText("safe") for _ in leaves(structure)))

    said = json.loads(body.reveal_bytes())
    assert said["messages"][0] == {"role": "user", "content": "safe"}
    assert said["messages"][1]["tool_calls"] == [{"id": "safe", "name": "safe", "arguments": "safe"}]
    assert (said["stop"], said["max_tokens"], said["tool_choice"]) == (["safe"], 10, None)


@pytest.mark.parametrize("own", [None, ClinicalText('{"type":"json_object"}')])
def test_the_tasks_own_schema_goes_before_the_callers_form_and_is_no_text_of_a_patient(
    own: ClinicalText | None,
) -> None:
    call = replace(_call(), response_schema={"type": "object"}, tools=Tools(response_format=own))

    structure = structure_of(call)

    said = json.loads(to_safe(structure, (SafeText("safe") for _ in leaves(structure))).reveal_bytes())
    wanted = {"type": "json_schema", "json_schema": {"name": "answer", "schema": {"type": "object"}, "strict": True}}
    assert json.loads(said["response_format"]) == wanted


def test_the_callers_form_goes_through_the_guard() -> None:
    own = Tools(tools=ClinicalText("[]"), response_format=ClinicalText("{}"), parallel_tool_calls=False)

    structure = structure_of(replace(_call(), tools=own))

    said = json.loads(to_safe(structure, (SafeText("safe") for _ in leaves(structure))).reveal_bytes())
    assert (said["response_format"], said["parallel_tool_calls"]) == ("safe", False)


def test_a_text_that_the_guard_has_not_seen_cannot_become_a_body() -> None:
    with pytest.raises(TypeError, match="only safe text"):
        SafeText.of_json({"content": ClinicalText("Ann is here.")})


def test_neither_salt_nor_priority_leaves() -> None:
    structure = structure_of(_call())

    assert b"salt" not in to_safe(structure, (SafeText("") for _ in leaves(structure))).reveal_bytes()


def test_safe_text_prints_its_length_only() -> None:
    text = SafeText("Mark Ellis came in.")

    assert (str(text), f"{text:>40}", len(text)) == ("<safe text, 19 characters>",) * 2 + (19,)
