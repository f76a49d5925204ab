"""OpenAI's Responses: ``POST /v1/responses``, whole and as the long sequence of numbered events of its streams."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from typing import Any

from tests.support.stand_ins import openai_chat, server_sent
from tests.support.stand_ins.answer import Answer
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
from tests.support.stand_ins.responses_object import events_of_items, items_of, response_of
from tests.support.stand_ins.server_sent import compact, named_event

FIELDS = frozenset({
    "access_programs", "background", "context_management", "conversation", "image", "include", "input", "instructions",
    "max_output_tokens", "max_tool_calls", "metadata", "model", "moderation", "parallel_tool_calls",
    "previous_response_id", "prompt", "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention",
    "reasoning", "safety_identifier", "service_tier", "store", "stream", "stream_options", "temperature", "text",
    "tool_choice", "tools", "top_logprobs", "top_p", "truncation", "user",
})  # fmt: skip

_LEAST_TOKENS = 16
"""OpenAI refuses a smaller bound here."""


class OpenAIResponses:
    """The Responses form of requests, answers and errors."""

    stream_kind = server_sent.KIND

    def asked(self, received: Received, rules: Rules) -> Asked:
        """Read a request as OpenAI would."""
        if (received.method, received.path) != ("POST", "/v1/responses"):
            raise RefusedError(Problem.UNKNOWN, f"Invalid URL ({received.method} {received.path})")
        if received.header("authorization") != f"Bearer {rules.credential}":
            raise RefusedError(Problem.UNAUTHORIZED, "Incorrect API key provided")
        body = json_body(received)
        check_fields(body, allowed=FIELDS, required=("model", "input"))
        check_number(body, "temperature", low=0, high=2)
        check_number(body, "top_p", low=0, high=1)
        if body.get("max_output_tokens", _LEAST_TOKENS) < _LEAST_TOKENS:
            raise invalid("Invalid 'max_output_tokens': integer below minimum value.")
        if body["model"] not in rules.models:
            raise RefusedError(Problem.UNKNOWN, f"The requested model '{body['model']}' does not exist.")
        return _asked(body)

    def whole(self, asked: Asked, answer: Answer) -> bytes:
        """Return the response."""
        return compact(response_of(asked, answer, output=items_of(answer)))

    def events(self, asked: Asked, answer: Answer) -> Iterator[Event]:
        """Yield the numbered events."""
        numbers = count()
        for kind in ("response.created", "response.in_progress"):
            response = response_of(asked, answer, output=[], status="in_progress")
            yield _event({"type": kind, "response": response}, next(numbers))
        first_delta = True
        for event in events_of_items(answer):
            is_delta = event["type"].endswith(".delta")
            yield _event(event, next(numbers), comes_once=is_delta and first_delta)
            first_delta = first_delta and not is_delta
        response = response_of(asked, answer, output=items_of(answer))
        end = {"type": f"response.{response['status']}", "response": response}
        yield _event(end, next(numbers), is_end=True)

    def malformed(self) -> bytes:
        """Return an event whose JSON breaks off."""
        return b'event: response.output_text.delta\ndata: {"type": "response.output_te\n\n'

    def broken_off(self) -> bytes:
        """Return OpenAI's error inside a stream."""
        error = {"type": "error", "code": "server_error", "message": server_sent.MIDWAY, "param": None}
        return named_event({**error, "sequence_number": 7})

    def error(self, problem: Problem, message: str) -> ErrorAnswer:
        """Return OpenAI's error."""
        body = compact(openai_chat.error_of(problem, message))
        return ErrorAnswer(status=problem.status, body=body, headers={"x-request-id": "req_stand_in"})


def _event(event: dict[str, Any], number: int, *, is_end: bool = False, comes_once: bool = False) -> Event:
    return Event(data=named_event({**event, "sequence_number": number}), is_end=is_end, comes_once=comes_once)


def _asked(body: Mapping[str, Any]) -> Asked:
    tools = tuple(_tool(tool) for tool in body.get("tools", ()))
    choice = body.get("tool_choice", "auto")
    forced = choice["name"] if isinstance(choice, dict) else ""
    check_choice(forced, tools)
    asks = body["input"]
    items = [{"role": "user", "content": asks}] if isinstance(asks, str) else asks
    _check_items(items)
    return Asked(
        model=body["model"],
        stream=body.get("stream", False),
        source=source_of([text for item in items if item.get("role") == "user" for text in _texts(item["content"])]),
        max_tokens=body.get("max_output_tokens", 0),
        tools=tools,
        forced_tool=forced,
        may_call=choice != "none" and items[-1].get("type") != "function_call_output",
        one_call=not body.get("parallel_tool_calls", True),
        schema=_schema(body.get("text", {}).get("format", {"type": "text"})),
    )


def _check_items(items: Sequence[Mapping[str, Any]]) -> None:
    if not isinstance(items, list) or not items:
        raise invalid("input: expected a string or an array with at least one item")
    called: set[str] = set()
    for item in items:
        kind = item.get("type", "message")
        if kind == "message" and item.get("role") not in ("system", "developer", "user", "assistant"):
            raise invalid("input: invalid role")
        if kind == "function_call":
            called.add(item["call_id"])
        if kind == "function_call_output" and item["call_id"] not in called:
            raise invalid(f"No tool call found for function call output with call_id {item['call_id']}.")


def _texts(content: Any) -> list[str]:
    if isinstance(content, str):
        return [content]
    if any(part["type"] != "input_text" for part in content):
        raise invalid("input: a user's content is made of input_text parts")
    return [part["text"] for part in content]


def _tool(tool: Mapping[str, Any]) -> Tool:
    if tool.get("type") != "function" or not tool.get("name") or "function" in tool:
        raise invalid("Missing required parameter: 'tools[0].name'.")
    return Tool(name=tool["name"], schema=tool.get("parameters") or {})


def _schema(wanted: Mapping[str, Any]) -> Mapping[str, Any] | None:
    match wanted["type"]:
        case "text":
            return None
        case "json_object":
            return {"type": "object"}
        case "json_schema" if wanted.get("name"):
            schema: Mapping[str, Any] = wanted["schema"]
            return schema
        case _:
            raise invalid("text.format: unknown type, or json_schema without a name")
