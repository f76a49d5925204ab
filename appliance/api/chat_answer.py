"""A pipeline's answer in OpenAI's form: one completion object, or chunks.

Everything that is the same in all chunks of a stream is serialized once; a piece of text costs one C call and one
concatenation.  The finish reason is held back until the answer is whole, so that no truncated stream ends with one.

A model that declined is told as OpenAI tells it: its words stand in ``refusal`` and not in ``content``.  Where words
had gone out before it declined, the finish reason is ``content_filter``, so that nobody takes them for a whole answer.
"""

import json
from collections.abc import AsyncIterator, Iterable
from json.encoder import encode_basestring_ascii
from typing import cast

from typing_extensions import override

from appliance.api import problems, provenance
from appliance.api.sse import Framing
from appliance.errors import ApplianceError, ModelRefusedError
from appliance.exchange import Answer, Delta, ToolCall, Usage
from appliance.passage import Stream

DONE = b"data: [DONE]\n\n"
"""OpenAI's end mark."""

REFUSAL = "refusal"
"""The finish reason of a model that declined; OpenAI has no such word."""


def to_completion(answer: Answer, *, created: int) -> dict[str, object]:
    """Return the completion object."""
    completion = answer.completion
    text, finish = completion.text.reveal(), completion.finish_reason
    message: dict[str, object] = {"role": "assistant", "content": text, "refusal": None}
    if finish == REFUSAL:
        message |= {"content": None, "refusal": text or ModelRefusedError.sentence}
        finish = "stop"
    elif completion.tool_calls:
        message["content"] = text or None
        message["tool_calls"] = [_tool_call(call) for call in completion.tool_calls]
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish}
    return {
        "id": answer.exchange.id,
        "object": "chat.completion",
        "created": created,
        "model": answer.exchange.task,
        "choices": [choice],
        "usage": to_usage(completion.usage),
        "appliance": provenance.member(answer.exchange),
    }


def to_usage(usage: Usage) -> dict[str, int]:
    """Return the counted tokens in OpenAI's form."""
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
    }


class ChunkFraming(Framing):
    """Writes one stream as OpenAI's chunks."""

    def __init__(self, *, created: int, include_usage: bool) -> None:
        """Take the time of all chunks and whether the caller asked for usage."""
        self._created = created
        self._include_usage = include_usage
        self._head = b""
        self._finish = "stop"
        self._has_text = False
        self._refusal: str = ModelRefusedError.sentence
        self._usage = Usage(prompt_tokens=0, completion_tokens=0)

    @override
    async def events(self, stream: Stream) -> AsyncIterator[bytes]:
        """Yield the first chunk and one for each piece."""
        self._head = self._common(stream)
        yield self._first(stream)
        text_head = self._head + b'{"index":0,"delta":{"content":'
        text_tail = b'},"logprobs":null,"finish_reason":null}]' + self._tail()
        async for delta in stream:
            self._note(delta)
            text = delta.text.reveal()
            if text and delta.finish_reason == REFUSAL and not self._has_text:
                self._refusal = text
            elif text:
                self._has_text = True
                yield text_head + encode_basestring_ascii(text).encode("ascii") + text_tail
            if delta.tool_calls:
                yield self._chunk({"tool_calls": [_tool_delta(call) for call in delta.tool_calls]}, finish=None)

    @override
    def end(self, stream: Stream) -> bytes:
        """Return the last chunk, the usage if wanted, and the end mark."""
        last = self._last()
        if not self._include_usage:
            return last + DONE
        told = _dumps({"usage": to_usage(self._usage)})
        return last + self._head + b"]," + told[1:] + b"\n\n" + DONE

    @override
    def error(self, error: ApplianceError) -> bytes:
        """Return the error object as the last event; no end mark follows."""
        return b"data: " + _dumps(problems.openai_body(error)) + b"\n\n"

    def _last(self) -> bytes:
        if self._finish != REFUSAL:
            return self._chunk({}, finish=self._finish)
        return self._chunk({"refusal": self._refusal}, finish="content_filter" if self._has_text else "stop")

    def _note(self, delta: Delta) -> None:
        self._finish = delta.finish_reason or self._finish
        self._usage = delta.usage or self._usage

    def _common(self, stream: Stream) -> bytes:
        common = {
            "id": stream.exchange.id,
            "object": "chat.completion.chunk",
            "created": self._created,
            "model": stream.exchange.task,
            "choices": [],
        }
        return b"data: " + _dumps(common)[:-2]  # without "]}"

    def _first(self, stream: Stream) -> bytes:
        member = _dumps({"appliance": provenance.member(stream.exchange)})
        choice = b'{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}],'
        usage = b'"usage":null,' if self._include_usage else b""
        return self._head + choice + usage + member[1:] + b"\n\n"

    def _chunk(self, delta: dict[str, object], *, finish: str | None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return self._head + _dumps(choice) + b"]" + self._tail()

    def _tail(self) -> bytes:
        return b',"usage":null}\n\n' if self._include_usage else b"}\n\n"


def completion_bytes(answer: Answer, *, created: int) -> bytes:
    """Return the completion object as bytes."""
    return _dumps(to_completion(answer, created=created))


def models_list(names: Iterable[str]) -> dict[str, object]:
    """Return OpenAI's list of models."""
    return {"object": "list", "data": [model_object(name) for name in names]}


def model_object(name: str) -> dict[str, object]:
    """Return one task as OpenAI's model object."""
    return {"id": name, "object": "model", "created": 0, "owned_by": "appliance"}


def _tool_call(call: ToolCall) -> dict[str, object]:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments.reveal()}}


def _tool_delta(call: ToolCall) -> dict[str, object]:
    told: dict[str, object] = {"index": call.index, "function": {"arguments": call.arguments.reveal()}}
    if call.id:
        told |= {"id": call.id, "type": "function"}
    if call.name:
        cast("dict[str, object]", told["function"])["name"] = call.name
    return told


def _dumps(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode("ascii")
