"""OpenAI's Chat Completions: ``POST /v1/chat/completions``, whole and streamed."""

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
from tests.support.stand_ins.server_sent import compact, data_event

FIELDS = frozenset({
    "audio", "frequency_penalty", "function_call", "functions", "logit_bias", "logprobs", "max_completion_tokens",
    "messages", "metadata", "modalities", "model", "moderation", "n", "parallel_tool_calls", "prediction",
    "presence_penalty", "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention", "reasoning_effort",
    "response_format", "safety_identifier", "seed", "service_tier", "stop", "store", "stream", "stream_options",
    "temperature", "tool_choice", "tools", "top_logprobs", "top_p", "user", "verbosity", "web_search_options",
})  # fmt: skip
"""What the newest models take; ``max_tokens`` is deprecated and refused by them."""

CREATED = 1_790_000_000
_FINISH_REASONS = {
    Finish.STOP: "stop",
    Finish.STOP_SEQUENCE: "stop",
    Finish.LENGTH: "length",
    Finish.TOOLS: "tool_calls",
    Finish.REFUSAL: "stop",
    Finish.FILTERED: "content_filter",
}
_ERRORS = {
    Problem.INVALID: ("invalid_request_error", "invalid_value"),
    Problem.FILTERED: ("invalid_request_error", "invalid_prompt"),
    Problem.UNAUTHORIZED: ("invalid_request_error", "invalid_api_key"),
    Problem.FORBIDDEN: ("invalid_request_error", "unsupported_country_region_territory"),
    Problem.UNKNOWN: ("invalid_request_error", "model_not_found"),
    Problem.RATE_LIMITED: ("requests", "rate_limit_exceeded"),
    Problem.SERVER_ERROR: ("server_error", None),
    Problem.OVERLOADED: ("server_error", "overloaded"),
}
_ROLES = ("system", "developer", "user", "assistant", "tool")


class OpenAIChat:
    """OpenAI's chat form of requests, answers and errors."""

    stream_kind = server_sent.KIND

    def asked(self, received: Received, rules: Rules) -> Asked:
        """Read a request as OpenAI would."""
        if (received.method, received.path) != ("POST", "/v1/chat/completions"):
            raise RefusedError(Problem.UNKNOWN, f"Invalid URL ({received.method} {received.path})")
        if received.header("authorization") != f"Bearer {rules.credential}":
            raise RefusedError(Problem.UNAUTHORIZED, "Incorrect API key provided")
        body = json_body(received)
        if body.get("model") not in rules.models:
            raise RefusedError(Problem.UNKNOWN, f"The model `{body.get('model')}` does not exist")
        return asked_of(body)

    def whole(self, asked: Asked, answer: Answer) -> bytes:
        """Return the completion."""
        return compact(whole_of(asked, answer))

    def events(self, asked: Asked, answer: Answer) -> Iterator[Event]:
        """Yield the chunks."""
        for chunk in chunks_of(asked, answer):
            ends = not chunk["choices"] or chunk["choices"][0]["finish_reason"] is not None
            yield Event(data=data_event(chunk), is_end=ends, comes_once=ends and bool(chunk["choices"]))
        yield Event(data=server_sent.DONE, is_end=True)

    def malformed(self) -> bytes:
        """Return a chunk whose JSON breaks off."""
        return b'data: {"id": "chatcmpl-stand-in", "choices": [{"delta"\n\n'

    def broken_off(self) -> bytes:
        """Return OpenAI's error inside a stream."""
        return data_event(error_of(Problem.SERVER_ERROR, server_sent.MIDWAY))

    def error(self, problem: Problem, message: str) -> ErrorAnswer:
        """Return OpenAI's error."""
        body = compact(error_of(problem, message))
        return ErrorAnswer(status=problem.status, body=body, headers={"x-request-id": "req_stand_in"})


def asked_of(body: Mapping[str, Any]) -> Asked:
    """Read a chat request's body; Azure's is the same.  Raises RefusedError."""
    _check(body)
    tools = tuple(_tool(tool) for tool in body.get("tools", ()))
    choice = body.get("tool_choice", "auto")
    forced = choice["function"]["name"] if isinstance(choice, dict) else ""
    check_choice(forced, tools)
    if "tool_choice" in body and not tools:
        raise invalid("tool_choice is only allowed when 'tools' are specified")
    stop = body.get("stop", ())
    turns = body["messages"]
    return Asked(
        model=body["model"],
        stream=body.get("stream", False),
        source=source_of([text for turn in turns if turn["role"] == "user" for text in texts_of(turn["content"])]),
        max_tokens=body.get("max_completion_tokens", 0),
        tools=tools,
        forced_tool=forced,
        may_call=choice != "none" and turns[-1]["role"] != "tool",
        one_call=not body.get("parallel_tool_calls", True),
        schema=_schema(body.get("response_format", {"type": "text"})),
        stop=(stop,) if isinstance(stop, str) else tuple(stop),
        with_usage=body.get("stream_options", {}).get("include_usage", False),
    )


def whole_of(asked: Asked, answer: Answer) -> dict[str, Any]:
    """Return a completion; Azure adds to it."""
    refused = answer.finish is Finish.REFUSAL
    message: dict[str, Any] = {"role": "assistant", "content": None if refused or answer.calls else answer.text}
    message |= {"refusal": answer.text if refused else None, "annotations": []}
    if answer.calls:
        message["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in answer.calls
        ]
        message["content"] = answer.text or None
    reason = _FINISH_REASONS[answer.finish]
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": reason}
    return {**_head(asked, "chat.completion"), "choices": [choice], "usage": _usage(answer)}


def chunks_of(asked: Asked, answer: Answer) -> Iterator[dict[str, Any]]:
    """Yield the chunks of a completion; Azure adds to them."""
    head = _head(asked, "chat.completion.chunk")
    for delta in _deltas(answer):
        yield {**head, "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": None}]}
    end = {"index": 0, "delta": {}, "logprobs": None, "finish_reason": _FINISH_REASONS[answer.finish]}
    yield {**head, "choices": [end]}
    if asked.with_usage:
        yield {**head, "choices": [], "usage": _usage(answer)}


def error_of(problem: Problem, message: str) -> dict[str, Any]:
    """Return the body of an error."""
    kind, code = _ERRORS[problem]
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def texts_of(content: Any) -> list[str]:
    """Return the texts of a turn, written as one string or as parts."""
    return [content] if isinstance(content, str) else [part["text"] for part in content]


def _check(body: Mapping[str, Any]) -> None:
    check_fields(body, allowed=FIELDS, required=("model", "messages"))
    check_number(body, "temperature", low=0, high=2)
    check_number(body, "top_p", low=0, high=1)
    check_number(body, "max_completion_tokens", low=0, high=1_000_000)
    if "stream_options" in body and not body.get("stream"):
        raise invalid("The 'stream_options' parameter is only allowed when 'stream' is enabled.")
    if not isinstance(body["messages"], list) or not body["messages"]:
        raise invalid("messages: expected an array with at least one item")
    _check_turns(body["messages"])


def _check_turns(turns: Sequence[Mapping[str, Any]]) -> None:
    waiting: set[str] = set()
    for turn in turns:
        if turn.get("role") not in _ROLES:
            raise invalid("messages: invalid role")
        if turn["role"] == "tool" and turn.get("tool_call_id") not in waiting:
            raise invalid("messages with role 'tool' must be a response to a preceding message with 'tool_calls'")
        waiting |= {call["id"] for call in turn.get("tool_calls", ())}
        if turn.get("content") is None and not turn.get("tool_calls"):
            raise invalid("messages: expected a string, got null")


def _tool(tool: Mapping[str, Any]) -> Tool:
    if tool.get("type") != "function" or not tool["function"].get("name"):
        raise invalid("tools: missing required parameter")
    return Tool(name=tool["function"]["name"], schema=tool["function"].get("parameters", {}))


def _schema(wanted: Mapping[str, Any]) -> Mapping[str, Any] | None:
    match wanted["type"]:
        case "text":
            return None
        case "json_object":
            return {"type": "object"}
        case "json_schema" if wanted["json_schema"].get("name"):
            schema: Mapping[str, Any] = wanted["json_schema"]["schema"]
            return schema
        case _:
            raise invalid("response_format: unknown type, or json_schema without a name")


def _deltas(answer: Answer) -> Iterator[dict[str, Any]]:
    field = "refusal" if answer.finish is Finish.REFUSAL else "content"
    yield {"role": "assistant", "content": None if field == "refusal" else "", "refusal": None}
    for piece in answer.pieces():
        yield {field: piece}
    for index, call in enumerate(answer.calls):
        function = {"name": call.name, "arguments": ""}
        yield {"tool_calls": [{"index": index, "id": call.id, "type": "function", "function": function}]}
        for part in cut(call.arguments):
            yield {"tool_calls": [{"index": index, "function": {"arguments": part}}]}


def _head(asked: Asked, kind: str) -> dict[str, Any]:
    head = {"id": "chatcmpl-stand-in", "object": kind, "created": CREATED, "model": asked.model}
    return {**head, "service_tier": "default", "system_fingerprint": None}


def _usage(answer: Answer) -> dict[str, Any]:
    prompt, completion = answer.prompt_tokens, answer.completion_tokens
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    }
