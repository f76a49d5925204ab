"""Whatever order a provider's events come in and whatever they hold, an answer is whole or it is a fault."""

from collections.abc import Mapping
from copy import deepcopy
from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from appliance.broker.outgoing import ProviderFaultError
from appliance.broker.providers.adapter import Ended
from appliance.broker.providers.anthropic_answer import AnthropicAnswer
from appliance.broker.providers.checked import CheckedAnswer
from appliance.broker.providers.openai_chat_answer import ChatAnswer
from appliance.broker.providers.openai_responses_answer import ResponsesAnswer
from appliance.broker.providers.sdk import Reader
from tests.support.managed_calls import NOTE, an_ask
from tests.support.registers import a_model

MODEL = a_model()
TEXT = "Draft of a note."

MESSAGES: list[dict[str, Any]] = [
    {"type": "message_start", "message": {"model": MODEL.name, "content": [], "usage": {"input_tokens": 5}}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": TEXT}},
    {"type": "content_block_stop", "index": 0},
    {"type": "content_block_start", "index": 1, "content_block": {"type": "tool_use", "id": "c", "name": "file_note"}},
    {"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": "{}"}},
    {"type": "content_block_stop", "index": 1},
    {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 7}},
    {"type": "message_stop"},
]
CALL = {"index": 0, "id": "c", "function": {"name": "file_note", "arguments": "{}"}}
CHAT: list[dict[str, Any]] = [
    {"model": MODEL.name, "choices": [{"index": 0, "delta": {"content": TEXT}}]},
    {"model": MODEL.name, "choices": [{"index": 0, "delta": {"tool_calls": [CALL]}}]},
    {"model": MODEL.name, "choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]},
    {"model": MODEL.name, "choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 7}},
]
MESSAGE = {"type": "message", "content": [{"type": "output_text", "text": TEXT}]}
FUNCTION = {"type": "function_call", "call_id": "c", "name": "file_note", "arguments": "{}"}
RESPONSE = {"status": "completed", "model": MODEL.name, "output": [MESSAGE, FUNCTION],
            "usage": {"input_tokens": 5, "output_tokens": 7}}  # fmt: skip
RESPONSES: list[dict[str, Any]] = [
    {"type": "response.output_text.delta", "sequence_number": 0, "delta": TEXT},
    {"type": "response.output_item.added", "sequence_number": 1, "output_index": 1, "item": FUNCTION},
    {"type": "response.function_call_arguments.delta", "sequence_number": 2, "output_index": 1, "delta": "{}"},
    {"type": "response.completed", "sequence_number": 3, "response": RESPONSE},
]
FORMS: Mapping[str, tuple[list[dict[str, Any]], type[Any]]] = {
    "messages": (MESSAGES, AnthropicAnswer),
    "chat": (CHAT, ChatAnswer),
    "responses": (RESPONSES, ResponsesAnswer),
}
ODD = st.sampled_from([None, True, -1, 0, 1, 5.5, "", "x", "stop", "refusal", [], ["x"], [None], {}, 10**30])


def values(value: Any) -> Any:
    """Return what an SDK would make of this JSON."""
    if isinstance(value, dict):
        return SimpleNamespace(**{key: values(part) for key, part in value.items()})
    return [values(part) for part in value] if isinstance(value, list) else value


def heard(form: str, events: list[Any]) -> Ended | None:
    """Return how the answer ended, None if it was a fault."""
    reader: Reader = FORMS[form][1](CheckedAnswer(an_ask(tools=[NOTE]), MODEL))
    try:
        for event in events:
            list(reader.event(values(event)))
        return reader.end()
    except ProviderFaultError:
        return None


def places(value: Any) -> list[tuple[Any, Any]]:
    """Return every place in a JSON value where another could stand."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for key, part in inside for found in ((value, key), *places(part))]


def test_what_they_are_made_from_is_an_answer() -> None:
    for form, (events, _) in FORMS.items():
        ended = heard(form, events)
        assert ended is not None
        assert (ended.finish_reason, ended.prompt_tokens, ended.completion_tokens) == ("tool_calls", 5, 7)


@given(st.sampled_from(sorted(FORMS)), st.data())
def test_a_changed_value_is_a_fault_or_still_an_answer(form: str, data: st.DataObject) -> None:
    events = deepcopy(FORMS[form][0])
    for _ in range(data.draw(st.integers(1, 3))):
        holder, key = data.draw(st.sampled_from(places(events)))
        holder[key] = deepcopy(data.draw(ODD))

    ended = heard(form, events)

    assert ended is None or (ended.model.startswith(MODEL.name) and 0 <= ended.completion_tokens < 10**9)


@given(st.sampled_from(sorted(FORMS)), st.data())
def test_an_answer_with_a_part_missing_is_a_fault(form: str, data: st.DataObject) -> None:
    events = FORMS[form][0]
    place = data.draw(st.integers(0, len(events) - 1))
    text = next(at for at, event in enumerate(events) if TEXT in str(event))

    ended = heard(form, [*events[:place], *events[place + 1 :]])

    # A piece of text alone can be missing unseen, but for Responses, whose last event repeats the whole.
    assert ended is None or (place == text and form != "responses") or _is_empty_call(events[place])


@given(st.sampled_from(sorted(FORMS)), st.data())
def test_only_the_right_order_is_an_answer(form: str, data: st.DataObject) -> None:
    events = data.draw(st.permutations(FORMS[form][0]))

    assert (heard(form, events) is not None) <= (events[-1] == FORMS[form][0][-1])


def _is_empty_call(event: Mapping[str, Any]) -> bool:
    return "input_json_delta" in str(event)
