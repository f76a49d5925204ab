"""Answers in each vendor's form that a vendor should not give: each is a fault, or means one thing.

They go through the vendors' real SDKs, which let most of them pass.
"""

import json
from typing import Any

import pytest

from appliance.broker.outgoing import ProviderFaultError
from appliance.policy.register import Service
from tests.support.managed_calls import NOTE, an_ask
from tests.support.scripted_vendor import KEY, MODEL, Answered, answered, event_stream

MESSAGES, CHAT, RESPONSES = Service.ANTHROPIC_MESSAGES, Service.OPENAI_CHAT, Service.OPENAI_RESPONSES

USAGE = {"input_tokens": 5, "output_tokens": 1, "cache_read_input_tokens": 2, "cache_creation_input_tokens": 3}
START = {"type": "message_start",
         "message": {"id": "msg_1", "type": "message", "role": "assistant", "model": MODEL, "content": [],
                     "stop_reason": None, "usage": USAGE}}  # fmt: skip
TEXT = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
SAID = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Draft"}}
CLOSE = {"type": "content_block_stop", "index": 0}
LAST = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 7}}
STOP = {"type": "message_stop"}
GOOD = [START, TEXT, SAID, CLOSE, LAST, STOP]
USE = {"type": "tool_use", "id": "call_1", "name": "file_note", "input": {}}
THINKING = {"type": "thinking", "thinking": "", "signature": ""}


def at(place: int, *events: object, drop: int = 0) -> list[Any]:
    """Return the good events with others put in."""
    return [*GOOD[:place], *events, *GOOD[place + drop :]]


def block(index: int, start: object, *deltas: object) -> list[Any]:
    """Return the events of a block."""
    return [
        {"type": "content_block_start", "index": index, "content_block": start},
        *[{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas],
        {"type": "content_block_stop", "index": index},
    ]


async def streamed(service: Service, events: list[Any], *, tools: bool = False) -> Answered:
    ask = an_ask(tools=[NOTE]) if tools else an_ask()
    return await answered(service, event_stream(events), stream=True, ask=ask)


async def whole(service: Service, body: object, **options: Any) -> Answered:
    return await answered(service, json.dumps(body).encode(), stream=False, **options)


async def test_messages_counts_the_vendors_cache_among_what_was_read() -> None:
    said = await streamed(MESSAGES, GOOD)

    assert (said.text, said.ended.prompt_tokens, said.ended.completion_tokens) == ("Draft", 10, 7)
    assert said.ended.model == MODEL


async def test_messages_reads_over_thinking_and_events_it_does_not_know() -> None:
    thought = block(
        0, THINKING, {"type": "thinking_delta", "thinking": "hm"}, {"type": "signature_delta", "signature": "s"}
    )
    redacted = block(1, {"type": "redacted_thinking", "data": "x"})
    text = block(2, {"type": "text", "text": "Dr"}, {"type": "text_delta", "text": "aft"})

    said = await streamed(MESSAGES, [START, *thought, {"type": "novelty"}, *redacted, *text, LAST, STOP])

    assert said.text == "Draft"


async def test_messages_gives_a_call_without_arguments_an_empty_object() -> None:
    last = {**LAST, "delta": {"stop_reason": "tool_use"}}

    said = await streamed(MESSAGES, [START, *block(0, USE), last, STOP], tools=True)

    assert said.calls == [("file_note", {})]


async def test_messages_streams_a_call_with_its_arguments() -> None:
    pieces = [{"type": "input_json_delta", "partial_json": each} for each in ("", '{"note"', ": 1}")]
    last = {**LAST, "delta": {"stop_reason": "tool_use"}}

    said = await streamed(MESSAGES, [START, *block(0, USE, *pieces), last, STOP], tools=True)

    assert (said.calls, said.ended.finish_reason) == ([("file_note", {"note": 1})], "tool_calls")


@pytest.mark.parametrize(
    "events",
    [
        at(0, drop=1),
        at(1, START),
        at(0, {**START, "message": None}, drop=1),
        at(0, {**START, "message": {**START["message"], "content": [{"type": "text", "text": "x"}]}}, drop=1),
        at(1, drop=1),
        at(2, TEXT),
        at(1, {**TEXT, "index": 1}, drop=1),
        at(1, {**TEXT, "content_block": {"type": "server_tool_use", "id": "x", "name": "web", "input": {}}}, drop=1),
        at(2, {**SAID, "index": 1}, drop=1),
        at(2, {**SAID, "delta": {"type": "text_delta"}}, drop=1),
        at(2, {**SAID, "delta": {"type": "text_delta", "text": ["x"]}}, drop=1),
        at(2, {**SAID, "delta": {"type": "input_json_delta", "partial_json": "{}"}}, drop=1),
        at(2, {**SAID, "delta": 5}, drop=1),
        at(4, SAID),
        at(3, drop=1),
        at(4, CLOSE),
        at(5, LAST),
        at(4, {**LAST, "delta": {"stop_reason": "pause_turn"}}, drop=1),
        at(4, {**LAST, "delta": {"stop_reason": None}}, drop=1),
        at(4, {**LAST, "delta": {"stop_reason": ["end_turn"]}}, drop=1),
        at(4, {**LAST, "delta": {"stop_reason": "tool_use"}}, drop=1),
        at(4, {**LAST, "usage": None}, drop=1),
        at(4, drop=1),
        at(5, drop=1),
        at(6, STOP),
        at(6, {"type": "novelty"}),
        [*GOOD[:4], *block(0, {"type": "text", "text": "x"}), LAST, STOP],
        at(3, "{not json"),
        at(3, "5"),
    ],
)
async def test_messages_out_of_order_are_no_answer(events: list[Any]) -> None:
    with pytest.raises(ProviderFaultError) as raised:
        await streamed(MESSAGES, events)

    assert raised.value.fault == "broken"


def message(**changes: Any) -> dict[str, Any]:
    told = {**START["message"], "content": [{"type": "text", "text": "Draft"}], "stop_reason": "end_turn"}
    return {**told, **changes}


async def test_messages_may_come_whole() -> None:
    content = [{**THINKING, "thinking": "hm"}, {"type": "text", "text": "A"}, {"type": "text", "text": "B"}]

    assert (await whole(MESSAGES, message(content=content))).text == "AB"


async def test_calls_may_come_whole() -> None:
    ask = an_ask(tools=[NOTE])
    used = {"content": [{**USE, "input": {"note": 1}}], "stop_reason": "tool_use"}
    functions = [{"id": "call_1", "type": "function", "function": {"name": "file_note", "arguments": '{"note": 1}'}}]

    for service, body in (
        (MESSAGES, message(**used)),
        (CHAT, completion(content=None, tool_calls=functions)),
        (RESPONSES, response(FUNCTION)),
    ):
        said = await whole(service, body, ask=ask)
        assert (said.calls, said.ended.finish_reason) == ([("file_note", {"note": 1})], "tool_calls")


@pytest.mark.parametrize(
    "changes",
    [
        {"content": []},
        {"content": "text"},
        {"content": [{"type": "text", "text": None}]},
        {"content": [{"type": "server_tool_use", "id": "x", "name": "web", "input": {}}]},
        {"content": [{**USE, "input": "x"}], "stop_reason": "tool_use"},
        {"stop_reason": None},
        {"usage": {"input_tokens": "5", "output_tokens": 1}},
        {"model": "another-model"},
    ],
)
async def test_a_whole_message_that_is_wrong_is_no_answer(changes: dict[str, Any]) -> None:
    with pytest.raises(ProviderFaultError) as raised:
        await whole(MESSAGES, message(**changes), ask=an_ask(tools=[NOTE]))

    assert raised.value.fault == "broken"


def chunk(delta: object = None, reason: object = None, **changes: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta or {}, "finish_reason": reason}
    head = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": MODEL}
    return {**head, "choices": [choice], **changes}


COUNTED = chunk(choices=[], usage={"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12})
TOOL_CALL = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "file_note", "arguments": ""}}
MORE = {"tool_calls": [{"index": 0, "function": {"arguments": '{"note": 1}'}}]}
CHATTED = [
    chunk({"role": "assistant", "content": ""}),
    chunk({"content": "Draft"}),
    chunk(None, "stop"),
    COUNTED,
    "[DONE]",
]


async def test_a_forced_call_that_ends_with_stop_is_a_call() -> None:
    events = [chunk({"tool_calls": [TOOL_CALL]}), chunk(MORE), chunk(None, "stop"), COUNTED, "[DONE]"]

    said = await streamed(CHAT, events, tools=True)

    assert (said.calls, said.ended.finish_reason) == ([("file_note", {"note": 1})], "tool_calls")


async def test_notes_after_the_finish_are_read_over() -> None:
    note = {**chunk({}), "usage": None}

    assert (await streamed(CHAT, [*CHATTED[:3], note, *CHATTED[3:]])).text == "Draft"


@pytest.mark.parametrize(
    "events",
    [
        [*CHATTED[:2], COUNTED, "[DONE]"],
        [*CHATTED[:3], "[DONE]"],
        [*CHATTED[:3], chunk({"content": "more"}), *CHATTED[3:]],
        [*CHATTED[:3], chunk({"tool_calls": [TOOL_CALL]}), *CHATTED[3:]],
        [*CHATTED[:3], CHATTED[2], *CHATTED[3:]],
        [*CHATTED[:4], COUNTED, "[DONE]"],
        [*CHATTED[:4], CHATTED[1], "[DONE]"],
        [CHATTED[0], chunk({"content": 5}), *CHATTED[2:]],
        [CHATTED[0], chunk({"content": "x"}, model="other"), *CHATTED[2:]],
        [CHATTED[0], {**CHATTED[1], "choices": [*CHATTED[1]["choices"], *CHATTED[1]["choices"]]}, *CHATTED[2:]],  # type: ignore[index]
        [CHATTED[0], {**CHATTED[1], "choices": [{"index": 1, "delta": {"content": "x"}}]}, *CHATTED[2:]],
        [*CHATTED[:2], chunk(None, "function_call"), *CHATTED[3:]],
        [*CHATTED[:2], chunk(None, ["stop"]), *CHATTED[3:]],
        [chunk({"tool_calls": [{**TOOL_CALL, "index": 1}]}), *CHATTED[2:]],
        [chunk({"tool_calls": [{**TOOL_CALL, "index": "0"}]}), *CHATTED[2:]],
        [chunk({"tool_calls": [TOOL_CALL]}), chunk({"tool_calls": [TOOL_CALL]}), *CHATTED[2:]],
        [chunk({"tool_calls": [{**TOOL_CALL, "function": None}]}), *CHATTED[2:]],
        [chunk({"tool_calls": "x"}), *CHATTED[2:]],
        [*CHATTED[:3], {**COUNTED, "usage": {"prompt_tokens": 5}}, "[DONE]"],
        ["{not json", *CHATTED],
        [{"choices": 5}, *CHATTED],
        ["[1, 2]", *CHATTED],
    ],
)
async def test_chunks_out_of_order_are_no_answer(events: list[Any]) -> None:
    with pytest.raises(ProviderFaultError) as raised:
        await streamed(CHAT, events, tools=True)

    assert raised.value.fault == "broken"


def completion(**changes: Any) -> dict[str, Any]:
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Draft", **changes}}
    return {**COUNTED, "object": "chat.completion", "choices": [choice]}


async def test_a_refusal_that_comes_whole_keeps_its_words() -> None:
    said = await whole(CHAT, completion(content=None, refusal="I won't."))

    assert (said.text, said.ended.finish_reason) == ("I won't.", "refusal")


@pytest.mark.parametrize(
    "body",
    [
        {**completion(), "choices": []},
        {**completion(), "choices": completion()["choices"] * 2},
        {**completion(), "usage": None},
        completion(content=""),
        completion(content=["Draft"]),
        completion(tool_calls=[{"id": "c", "type": "custom", "custom": {"name": "file_note", "input": "x"}}]),
        [],
        "text",
        None,
    ],
)
async def test_a_whole_completion_that_is_wrong_is_no_answer(body: object) -> None:
    with pytest.raises(ProviderFaultError) as raised:
        await whole(CHAT, body, ask=an_ask(tools=[NOTE]))

    assert raised.value.fault == "broken"


@pytest.mark.parametrize("code", ["content_filter", "content_policy_violation", "invalid_prompt"])
@pytest.mark.parametrize("service", [CHAT, RESPONSES, Service.AZURE_OPENAI])
async def test_a_request_that_a_filter_stopped_ends_as_filtered(service: Service, code: str) -> None:
    error = {"error": {"message": "flagged", "type": "invalid_request_error", "code": code, "param": "prompt"}}

    said = await whole(service, error, status="400 Bad Request")

    assert (said.text, said.ended.finish_reason, said.ended.attempts) == ("", "content_filter", 1)


async def test_an_error_whose_code_is_none_is_told_by_its_status() -> None:
    with pytest.raises(ProviderFaultError) as raised:
        await whole(CHAT, {"error": {"code": ["content_filter"]}}, status="400 Bad Request")

    assert raised.value.reason == "The provider would not process the request (status 400)."


PART = {"type": "output_text", "text": "Draft", "annotations": []}
ITEM = {"id": "m", "type": "message", "role": "assistant", "status": "completed", "content": [PART]}
FUNCTION = {"id": "f", "type": "function_call", "call_id": "call_1", "name": "file_note", "arguments": '{"note": 1}'}
SPENT = {"input_tokens": 5, "output_tokens": 7, "total_tokens": 12}


def response(*output: object, **changes: Any) -> dict[str, Any]:
    told = {"id": "r", "object": "response", "created_at": 1, "model": MODEL, "status": "completed", "usage": SPENT}
    return {**told, "output": list(output) or [ITEM], "tools": [], "parallel_tool_calls": True, **changes}


def numbered(*events: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"sequence_number": number, **event} for number, event in enumerate(events)]


def delta(text: object) -> dict[str, Any]:
    return {"type": "response.output_text.delta", "item_id": "m", "output_index": 0, "content_index": 0, "delta": text}


def done(**changes: Any) -> dict[str, Any]:
    return {"type": "response.completed", "response": response(**changes)}


ADDED = {"type": "response.output_item.added", "output_index": 0, "item": {**FUNCTION, "arguments": ""}}
FILLED = {"type": "response.function_call_arguments.delta", "item_id": "f", "output_index": 0, "delta": '{"note": 1}'}
CALLED = {"type": "response.completed", "response": response(FUNCTION)}
REASONED = {"id": "rs", "type": "reasoning", "summary": []}


async def test_responses_reads_over_reasoning() -> None:
    added = {"type": "response.output_item.added", "output_index": 0, "item": REASONED}
    last = {"type": "response.completed", "response": response(REASONED, ITEM)}

    assert (await streamed(RESPONSES, numbered(added, delta("Dra"), delta("ft"), last))).text == "Draft"


async def test_responses_streams_a_call() -> None:
    said = await streamed(RESPONSES, numbered(ADDED, FILLED, CALLED), tools=True)

    assert (said.calls, said.ended.finish_reason) == ([("file_note", {"note": 1})], "tool_calls")


@pytest.mark.parametrize(
    ("status", "fault"),
    [
        ({"status": "failed", "error": {"code": "rate_limit_exceeded", "message": "x"}}, "busy"),
        ({"status": "failed", "error": {"code": "server_error", "message": "x"}}, "unavailable"),
        ({"status": "failed", "error": None}, "unavailable"),
        ({"status": "cancelled"}, "broken"),
        ({"status": "incomplete", "incomplete_details": {"reason": "steered"}}, "broken"),
        ({"status": "incomplete", "incomplete_details": None}, "broken"),
        ({"usage": None}, "broken"),
        ({"output": [{"type": "web_search_call", "id": "w", "status": "completed"}]}, "broken"),
        ({"output": [{**ITEM, "content": [{"type": "image"}]}]}, "broken"),
        ({"output": [{**ITEM, "content": [{**PART, "text": 5}]}]}, "broken"),
        ({"output": []}, "broken"),
        ({"output": "x"}, "broken"),
    ],
)
async def test_a_response_that_did_not_succeed_is_a_fault(status: dict[str, Any], fault: str) -> None:
    with pytest.raises(ProviderFaultError) as raised:
        await whole(RESPONSES, response(**status))

    assert raised.value.fault == fault


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ({"status": "failed", "error": {"code": "invalid_prompt", "message": "x"}, "usage": None}, "content_filter"),
        ({"status": "incomplete", "incomplete_details": {"reason": "content_filter"}, "usage": None}, "content_filter"),
        ({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}, "length"),
    ],
)
async def test_a_response_that_was_stopped_says_by_what(status: dict[str, Any], reason: str) -> None:
    last = {"type": f"response.{status['status']}", "response": response(**status)}
    said = [] if status["status"] == "failed" else [delta("Draft")]

    assert (await whole(RESPONSES, response(**status))).ended.finish_reason == reason
    assert (await streamed(RESPONSES, numbered(*said, last))).ended.finish_reason == reason


@pytest.mark.parametrize(
    "events",
    [
        numbered(delta("Dra"), done()),
        numbered(delta("Draft"), delta("Draft"), done()),
        numbered(delta("Draft!"), done()),
        [delta("Draft") | {"sequence_number": 1}, done() | {"sequence_number": 1}],
        [delta("Draft"), done()],
        numbered(delta("Draft"), done(), delta("more")),
        numbered(delta("Draft"), done(), done()),
        numbered(delta("Draft")),
        numbered(delta(5), done()),
        numbered(delta("Draft"), {"type": "error", "code": "server_error", "message": "x"}),
        numbered(FILLED, CALLED),
        numbered(ADDED, CALLED),
        numbered(ADDED, {**FILLED, "output_index": 5}, CALLED),
        numbered(ADDED, ADDED, FILLED, CALLED),
        numbered({**ADDED, "output_index": None}, FILLED, CALLED),
        numbered({**ADDED, "item": {"type": "web_search_call", "id": "w"}}, delta("Draft"), done()),
        numbered({**ADDED, "item": {**FUNCTION, "call_id": "another"}}, FILLED, CALLED),
    ],
)
async def test_response_events_that_do_not_add_up_are_no_answer(events: list[Any]) -> None:
    with pytest.raises(ProviderFaultError) as raised:
        await streamed(RESPONSES, events, tools=True)

    assert raised.value.fault == "broken"


@pytest.mark.parametrize(
    "key", ["", "short", "two\nlines-of-a-key", "with a space in it", "schlüssel-0123", "x" * 5000]
)
async def test_a_credential_that_is_no_key_is_not_sent(key: str) -> None:
    with pytest.raises(ProviderFaultError) as raised:
        await whole(CHAT, completion(), key=key)

    assert (raised.value.fault, raised.value.sent) == ("unauthorized", False)
    assert not key or key not in raised.value.reason


@pytest.mark.parametrize("service", [MESSAGES, CHAT, RESPONSES, Service.AZURE_OPENAI])
async def test_what_the_environment_adds_to_an_sdks_headers_does_not_leave(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", "X-Spy: stray-value\nCookie: stray-value")
    for name in (
        "OPENAI_ORG_ID",
        "OPENAI_PROJECT_ID",
        "OPENAI_ADMIN_KEY",
        "AZURE_OPENAI_AD_TOKEN",
        "ANTHROPIC_PROFILE",
    ):
        monkeypatch.setenv(name, "stray-value")
    bodies = {MESSAGES: message(), RESPONSES: response()}

    said = await whole(service, bodies.get(service, completion()))

    [request] = said.requests
    assert said.text == "Draft"
    assert b"stray-value" not in request
    assert b"stainless" not in request.lower()


async def test_another_credential_that_the_environment_slips_in_ends_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", "X-Api-Key: key-of-somebody-else")

    with pytest.raises(ProviderFaultError) as raised:
        await whole(MESSAGES, message())

    assert (raised.value.sent, raised.value.reason) == (False, "The SDK would send another credential than this one.")


async def test_the_key_is_sent_where_the_vendor_looks_for_it() -> None:
    [request] = (await whole(Service.AZURE_OPENAI, completion())).requests

    assert f"api-key: {KEY}".encode() in request
    assert b"/chat/completions?api-version=2024-10-21 HTTP/1.1" in request
