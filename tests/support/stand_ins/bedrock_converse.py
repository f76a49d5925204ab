"""Bedrock's Converse and ConverseStream: signed requests, camel case, and Amazon's binary event stream."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any
from urllib.parse import unquote

from tests.support.stand_ins import event_stream, server_sent
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
from tests.support.stand_ins.server_sent import compact
from tests.support.stand_ins.signature import SignatureError, check_signature

REGION = "us-east-1"
FIELDS = frozenset({
    "additionalModelRequestFields", "additionalModelResponseFieldPaths", "guardrailConfig", "inferenceConfig",
    "messages", "outputConfig", "performanceConfig", "promptVariables", "requestMetadata", "serviceTier", "system",
    "toolConfig",
})  # fmt: skip

_PATH = re.compile(r"/model/([^/]+)/(converse|converse-stream)")
_TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_STOP_REASONS = {
    Finish.STOP: "end_turn",
    Finish.STOP_SEQUENCE: "stop_sequence",
    Finish.LENGTH: "max_tokens",
    Finish.TOOLS: "tool_use",
    # Converse has no stop reason for a refusal of the model's own; its content filter is the nearest.
    Finish.REFUSAL: "content_filtered",
    Finish.FILTERED: "guardrail_intervened",
}
_ERRORS = {
    Problem.INVALID: (400, "ValidationException"),
    Problem.FILTERED: (400, "ValidationException"),
    Problem.UNAUTHORIZED: (403, "UnrecognizedClientException"),
    Problem.FORBIDDEN: (403, "AccessDeniedException"),
    Problem.UNKNOWN: (404, "ResourceNotFoundException"),
    Problem.RATE_LIMITED: (429, "ThrottlingException"),
    Problem.SERVER_ERROR: (500, "InternalServerException"),
    Problem.OVERLOADED: (503, "ServiceUnavailableException"),
}
_ORIGIN = "http://internal.amazon.com/coral/com.amazon.bedrock/"


class BedrockConverse:
    """Bedrock's form of requests, answers and errors."""

    stream_kind = event_stream.KIND

    def asked(self, received: Received, rules: Rules) -> Asked:
        """Read a request as Bedrock would."""
        path = _PATH.fullmatch(received.path)
        if received.method != "POST" or path is None:
            raise RefusedError(Problem.UNKNOWN, "UnknownOperationException")
        try:
            check_signature(received, credential=json.loads(rules.credential), region=REGION, service="bedrock")
        except SignatureError as error:
            raise RefusedError(Problem.UNAUTHORIZED, str(error)) from error
        body = json_body(received)
        check_fields(body, allowed=FIELDS, required=("messages",))
        model = unquote(path[1])
        if model not in rules.models:
            raise invalid("The provided model identifier is invalid.")
        return _asked(body, model=model, stream=path[2] == "converse-stream")

    def whole(self, asked: Asked, answer: Answer) -> bytes:
        """Return the answer of Converse."""
        del asked
        uses = [
            {"toolUse": {"toolUseId": call.id, "name": call.name, "input": json.loads(call.arguments)}}
            for call in answer.calls
        ]
        content = [*([{"text": answer.text}] if answer.text else []), *uses]
        output = {"message": {"role": "assistant", "content": content}}
        return compact({"output": output, "stopReason": _STOP_REASONS[answer.finish], **_metadata(answer)})

    def events(self, asked: Asked, answer: Answer) -> Iterator[Event]:
        """Yield the events of ConverseStream; a block of text has no start, as at Bedrock."""
        del asked
        yield _event("messageStart", {"role": "assistant"}, comes_once=True)
        index = 0
        if answer.text or answer.is_endless:
            yield from _block(index, ({"text": piece} for piece in answer.pieces()))
            index = 1
        for number, call in enumerate(answer.calls, index):
            start = {"toolUse": {"toolUseId": call.id, "name": call.name}}
            yield _event("contentBlockStart", {"start": start, "contentBlockIndex": number})
            yield from _block(number, ({"toolUse": {"input": piece}} for piece in cut(call.arguments)))
        yield _event("messageStop", {"stopReason": _STOP_REASONS[answer.finish]}, is_end=True)
        yield _event("metadata", _metadata(answer), is_end=True)

    def malformed(self) -> bytes:
        """Return an event whose checksum is wrong."""
        return event_stream.spoilt(event_stream.event("contentBlockDelta", b'{"contentBlockIndex":0}'))

    def broken_off(self) -> bytes:
        """Return Bedrock's exception inside a stream."""
        return event_stream.exception("modelStreamErrorException", compact({"message": server_sent.MIDWAY}))

    def error(self, problem: Problem, message: str) -> ErrorAnswer:
        """Return Bedrock's error; its kind stands in a header."""
        status, kind = _ERRORS[problem]
        headers = {"x-amzn-requestid": "stand-in", "x-amzn-errortype": f"{kind}:{_ORIGIN}"}
        return ErrorAnswer(status=status, body=compact({"message": message}), headers=headers)


def _asked(body: Mapping[str, Any], *, model: str, stream: bool) -> Asked:
    configuration = body.get("toolConfig", {})
    if "toolConfig" in body and not configuration.get("tools"):
        raise invalid("toolConfig.tools must have at least one item")
    tools = tuple(_tool(tool) for tool in configuration.get("tools", ()))
    forced = configuration.get("toolChoice", {}).get("tool", {}).get("name", "")
    check_choice(forced, tools)
    limits = body.get("inferenceConfig", {})
    _check_limits(limits)
    turns = body["messages"]
    brought_result = _check_turns(turns)
    return Asked(
        model=model,
        stream=stream,
        source=source_of([block["text"] for turn in turns if turn["role"] == "user" for block in _texts(turn)]),
        max_tokens=limits.get("maxTokens", 0),
        tools=tools,
        forced_tool=forced,
        may_call=not brought_result,
        schema=_schema(body.get("outputConfig", {}).get("textFormat")),
        stop=tuple(limits.get("stopSequences", ())),
    )


def _check_limits(limits: Mapping[str, Any]) -> None:
    check_fields(limits, allowed=("maxTokens", "temperature", "topP", "stopSequences"), required=())
    check_number({"maxTokens": 1, **limits}, "maxTokens", low=1, high=1_000_000)
    check_number(limits, "temperature", low=0, high=1)
    check_number(limits, "topP", low=0, high=1)


def _check_turns(turns: Sequence[Mapping[str, Any]]) -> bool:
    """Refuse turns that Bedrock refuses; say whether the last one brought a tool's result."""
    if not turns or turns[0].get("role") != "user":
        raise invalid("A conversation must start with a user message.")
    for before, after in pairwise(turns):
        if before["role"] == after["role"]:
            raise invalid("A conversation must alternate between user and assistant roles.")
    for turn in turns:
        if turn["role"] not in ("user", "assistant") or not turn.get("content"):
            raise invalid("The content field in the Message object is empty, or the role is unknown.")
        if any(block.get("text", "x").strip() == "" for block in turn["content"]):
            raise invalid("The text field in the ContentBlock object is blank.")
    return any("toolResult" in block for block in turns[-1]["content"])


def _texts(turn: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    return (block for block in turn["content"] if "text" in block)


def _tool(tool: Mapping[str, Any]) -> Tool:
    specification = tool["toolSpec"]
    if not _TOOL_NAME.fullmatch(specification.get("name", "")) or specification.get("description") == "":
        raise invalid("toolConfig.tools: the name or the description is invalid")
    return Tool(name=specification["name"], schema=specification["inputSchema"]["json"])


def _schema(wanted: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    if wanted is None:
        return None
    schema: Mapping[str, Any] = json.loads(wanted["structure"]["jsonSchema"]["schema"])
    return schema


def _block(index: int, deltas: Iterator[Mapping[str, Any]]) -> Iterator[Event]:
    for delta in deltas:
        yield _event("contentBlockDelta", {"delta": delta, "contentBlockIndex": index})
    yield _event("contentBlockStop", {"contentBlockIndex": index})


def _event(kind: str, payload: Mapping[str, Any], *, is_end: bool = False, comes_once: bool = False) -> Event:
    # Bedrock pads each event by "p" against who counts encrypted bytes.
    data = event_stream.event(kind, compact({**payload, "p": "abcdefghijkl"}))
    return Event(data=data, is_end=is_end, comes_once=comes_once)


def _metadata(answer: Answer) -> dict[str, Any]:
    prompt, completion = answer.prompt_tokens, answer.completion_tokens
    usage = {"inputTokens": prompt, "outputTokens": completion, "totalTokens": prompt + completion}
    return {"usage": usage, "metrics": {"latencyMs": 12}}
