"""Anthropic's Messages API: ``POST /v1/messages`` whole and streamed."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.support.stand_ins import server_sent
from tests.support.stand_ins.answer import Answer, Finish, cut
from tests.support.stand_ins.asked import (
    Asked,
    Problem,
    RefusedError,
    Tool,
    check_choice,
    check_fields,
    check_number,
    invalid,
    json_body,
    source_of,
)
from tests.support.stand_ins.connection import Received
from tests.support.stand_ins.format import ErrorAnswer, Event, Rules
from tests.support.stand_ins.server_sent import named_event

FIELDS = frozenset({
    "cache_control", "container", "diagnostics", "inference_geo", "max_tokens", "messages", "metadata", "model",
    "output_config", "service_tier", "speed", "stop_sequences", "stream", "system", "thinking", "tool_choice", "tools",
    "user_profile_id", "workspace_id",
})  # fmt: skip
"""What the newest models take; ``temperature`` and its like are no longer among it."""

VERSIONS = ("2023-06-01", "2026-10-21")
"""The first that everybody pins, and the one that the SDK sends by itself."""

_TYPES = {
    Problem.INVALID: "invalid_request_error",
    Problem.FILTERED: "invalid_request_error",
    Problem.UNAUTHORIZED: "authentication_error",
    Problem.FORBIDDEN: "permission_error",
    Problem.UNKNOWN: "not_found_error",
    Problem.RATE_LIMITED: "rate_limit_error",
    Problem.SERVER_ERROR: "api_error",
    Problem.OVERLOADED: "overloaded_error",
}
_OVERLOADED_STATUS = 529
_STOP_REASONS = {
    Finish.STOP: "end_turn",
    Finish.STOP_SEQUENCE: "stop_sequence",
    Finish.LENGTH: "max_tokens",
    Finish.TOOLS: "tool_use",
    Finish.REFUSAL: "refusal",
    # Anthropic has no filter beside the refusal of its streaming classifiers.
    Finish.FILTERED: "refusal",
}


class AnthropicMessages:
    """Anthropic's form of requests, answers and errors."""

    stream_kind = server_sent.KIND

    def asked(self, received: Received, rules: Rules) -> Asked:
        """Read a request as Anthropic would."""
        if (received.method, received.path) != ("POST", "/v1/messages"):
            raise RefusedError(Problem.UNKNOWN, "Not found")
        bearer = received.header("authorization").removeprefix("Bearer ")
        if rules.credential not in (received.header("x-api-key"), bearer):
            raise RefusedError(Problem.UNAUTHORIZED, "invalid x-api-key")
        if received.header("anthropic-version") not in VERSIONS:
            raise invalid("anthropic-version: header is required")
        body = json_body(received)
        check_fields(body, allowed=FIELDS, required=("model", "messages", "max_tokens"))
        check_number(body, "max_tokens", low=1, high=1_000_000)
        if body["model"] not in rules.models:
            raise RefusedError(Problem.UNKNOWN, f"model: {body['model']}")
        return _asked(body)

    def whole(self, asked: Asked, answer: Answer) -> bytes:
        """Return the message."""
        content = [{"type": "text", "text": answer.text, "citations": None}] if answer.text else []
        uses = [{"type": "tool_use", "id": call.id, "name": call.name, "input": json.loads(call.arguments)}
                for call in answer.calls]  # fmt: skip
        message = _message(asked, content=[*content, *uses], answer=answer)
        return server_sent.compact({**message, **_end(answer)})

    def events(self, asked: Asked, answer: Answer) -> Iterator[Event]:
        """Yield the events; a ping stands where Anthropic's does."""
        start = {**_message(asked, content=[], answer=answer), "stop_reason": None, "stop_sequence": None}
        start["usage"] = {**start["usage"], "output_tokens": 1}
        yield Event(data=named_event({"type": "message_start", "message": start}))
        index = 0
        if answer.text or answer.is_endless:
            deltas = ({"type": "text_delta", "text": piece} for piece in answer.pieces())
            yield from _block(index, {"type": "text", "text": ""}, deltas)
            index += 1
        for number, call in enumerate(answer.calls, index):
            use = {"type": "tool_use", "id": call.id, "name": call.name, "input": {}}
            parts = ({"type": "input_json_delta", "partial_json": part} for part in ("", *cut(call.arguments)))
            yield from _block(number, use, parts)
        usage = {"output_tokens": answer.completion_tokens}
        end = {"type": "message_delta", "delta": _end(answer), "usage": usage}
        yield Event(data=named_event(end), is_end=True)
        yield Event(data=named_event({"type": "message_stop"}), is_end=True)

    def malformed(self) -> bytes:
        """Return an event whose JSON breaks off."""
        return b'event: content_block_delta\ndata: {"type": "content_block_del\n\n'

    def broken_off(self) -> bytes:
        """Return Anthropic's error event."""
        return named_event(_error(Problem.OVERLOADED, server_sent.MIDWAY))

    def error(self, problem: Problem, message: str) -> ErrorAnswer:
        """Return Anthropic's error."""
        status = _OVERLOADED_STATUS if problem is Problem.OVERLOADED else problem.status
        body = server_sent.compact(_error(problem, message))
        return ErrorAnswer(status=status, body=body, headers={"request-id": "req_stand_in"})


def _asked(body: Mapping[str, Any]) -> Asked:
    tools = tuple(_tool(tool) for tool in body.get("tools", ()))
    choice = body.get("tool_choice", {"type": "auto"})
    forced = choice["name"] if choice["type"] == "tool" else ""
    check_choice(forced, tools)
    if choice["type"] == "any" and not tools:
        raise invalid("tool_choice: tools are required")
    wanted = body.get("output_config", {}).get("format")
    brought_result = _check_turns(body["messages"])
    return Asked(
        model=body["model"],
        stream=body.get("stream", False),
        source=source_of([text for turn in body["messages"] if turn["role"] == "user" for text in _texts(turn)]),
        max_tokens=body["max_tokens"],
        tools=tools,
        forced_tool=forced,
        may_call=choice["type"] != "none" and not brought_result,
        one_call=choice.get("disable_parallel_tool_use", False),
        schema=wanted["schema"] if wanted else None,
        stop=tuple(body.get("stop_sequences", ())),
    )


def _check_turns(turns: Any) -> bool:
    """Refuse turns that Anthropic refuses; say whether the last one brought a tool's result."""
    if not isinstance(turns, list) or not turns or turns[0].get("role") != "user":
        raise invalid("messages: first message must use the user role")
    called: set[str] = set()
    for turn in turns:
        if turn.get("role") not in ("user", "assistant"):
            raise invalid("messages: Unexpected role; use the top-level `system` parameter")
        if not turn.get("content"):
            raise invalid("messages: all messages must have non-empty content")
        called |= {block["id"] for block in _blocks(turn) if block["type"] == "tool_use"}
        if any(block["tool_use_id"] not in called for block in _blocks(turn) if block["type"] == "tool_result"):
            raise invalid("messages: unexpected `tool_use_id` found in `tool_result` blocks")
    return any(block["type"] == "tool_result" for block in _blocks(turns[-1]))


def _blocks(turn: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    content = turn["content"]
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _texts(turn: Mapping[str, Any]) -> Iterator[str]:
    return (block["text"] for block in _blocks(turn) if block["type"] == "text")


def _tool(tool: Mapping[str, Any]) -> Tool:
    check_fields(tool, allowed=("name", "description", "input_schema", "type", "strict", "cache_control"),
                 required=("name", "input_schema"))  # fmt: skip
    if tool["input_schema"].get("type") != "object":
        raise invalid("tools.0.input_schema.type: Field required")
    return Tool(name=tool["name"], schema=tool["input_schema"])


def _message(asked: Asked, *, content: Sequence[object], answer: Answer) -> dict[str, Any]:
    usage = {
        "input_tokens": answer.prompt_tokens,
        "output_tokens": answer.completion_tokens if not answer.is_endless else 1,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "service_tier": "standard",
    }
    head = {"id": "msg_stand_in", "type": "message", "role": "assistant", "model": asked.model}
    return {**head, "content": content, "usage": usage}


def _end(answer: Answer) -> dict[str, Any]:
    end: dict[str, Any] = {"stop_reason": _STOP_REASONS[answer.finish], "stop_sequence": answer.stop_sequence or None}
    if end["stop_reason"] == "refusal":
        end["stop_details"] = {"type": "refusal", "category": None, "explanation": server_sent.MIDWAY}
    return end


def _block(index: int, start: Mapping[str, Any], deltas: Iterator[Mapping[str, Any]]) -> Iterator[Event]:
    first = {"type": "content_block_start", "index": index, "content_block": start}
    yield Event(data=named_event(first), comes_once=index == 0)
    if index == 0:
        yield Event(data=named_event({"type": "ping"}))
    for delta in deltas:
        yield Event(data=named_event({"type": "content_block_delta", "index": index, "delta": delta}))
    yield Event(data=named_event({"type": "content_block_stop", "index": index}))


def _error(problem: Problem, message: str) -> dict[str, Any]:
    return {"type": "error", "error": {"type": _TYPES[problem], "message": message}, "request_id": "req_stand_in"}
