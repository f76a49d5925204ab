"""Reads an answer of Bedrock's Converse operations, event by event, and takes nothing on trust.

A whole answer is read as the events that a streamed one would have had, so that both are held to the same order:
a start, blocks one after the other, a stop, the counts, nothing more.  A piece of a block that is over, a kind of block
that nobody asked for, a reason to stop that the format does not have raise 'broken', and what came before is no answer.
The rules that hold for every provider are `checked`'s.
"""

import json
from collections.abc import Iterator, Mapping
from typing import cast

from appliance.broker.providers.adapter import Ended, FinishReason, Text
from appliance.broker.providers.bedrock_codec import Event
from appliance.broker.providers.checked import CheckedAnswer
from appliance.broker.providers.faults import broken

_FINISH: Mapping[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
    "refusal": "refusal",
}
"""Reasons to stop; the last is Anthropic's own.  ``malformed_model_output`` and ``malformed_tool_use`` are no end."""

_NO_BLOCK = -1


class AnswerReader:
    """Follows one answer; hand it every event, then `end` it."""

    def __init__(self, checked: CheckedAnswer, *, model: str) -> None:
        """Take what holds every answer to the same rules, and the model that was asked."""
        self._checked = checked
        self._model = model
        self._is_started = False
        self._open = _NO_BLOCK
        self._closed = _NO_BLOCK
        """Index of the last block that is over; they come in order."""

        self._calls = 0
        self._is_call = False
        """Whether the open block is a tool's call, the last of those counted."""

        self._finish: FinishReason | None = None
        self._usage: Mapping[str, object] | None = None

    def read(self, event: Event) -> Iterator[Text]:
        """Yield the pieces that an event brings.  Raises ProviderFaultError."""
        self._check_order(event.name)
        match event.name:
            case "contentBlockStart":
                yield from self._begin(event.fields)
            case "contentBlockDelta":
                yield from self._piece(event.fields)
            case "contentBlockStop":
                yield from self._close(event.fields)
            case _:
                self._frame(event)

    def end(self) -> Ended:
        """Return how the answer ended.  Raises ProviderFaultError if it is not whole."""
        if self._finish is None or self._usage is None:
            raise broken("stopped before its end")
        sent, made = self._usage.get("inputTokens"), self._usage.get("outputTokens")
        return self._checked.end(self._finish, prompt=sent, completion=made, model=self._model)

    def _check_order(self, name: str) -> None:
        is_early = not self._is_started and name != "messageStart"
        is_late = self._finish is not None and name not in {"metadata", ""}
        if self._usage is not None or is_early or is_late:
            raise broken("is out of order")

    def _frame(self, event: Event) -> None:
        """Take what stands around the blocks."""
        match event.name:
            case "messageStart":
                self._start(event.fields)
            case "messageStop":
                self._stop(event.fields)
            case "metadata":
                self._count(event.fields)
            case "":
                return  # an event of a newer service; it changes nothing of what is known
            case _:
                raise broken("is out of order")

    def _start(self, fields: Mapping[str, object]) -> None:
        if self._is_started or fields.get("role") != "assistant":
            raise broken("is out of order")
        self._is_started = True

    def _begin(self, fields: Mapping[str, object]) -> Iterator[Text]:
        index = _index(fields)
        if self._open != _NO_BLOCK or index <= self._closed:
            raise broken("is out of order")
        self._open = index
        match _one_of(fields.get("start")):
            case "toolUse", {"toolUseId": key, "name": name, **more} if not more:
                self._is_call = True
                self._calls += 1
                yield self._checked.begin_call(call_id=key, name=name)
            case _:
                raise broken("holds a kind of block that was not asked for")

    def _piece(self, fields: Mapping[str, object]) -> Iterator[Text]:
        index = _index(fields)
        if self._open == _NO_BLOCK and index > self._closed:
            self._open = index  # a block of text has no start of its own
        if index != self._open:
            raise broken("is out of order")
        match _one_of(fields.get("delta")):
            case "text", text if not self._is_call:
                yield self._checked.text(text)
            case "toolUse", {"input": written} if self._is_call:
                yield self._checked.call_piece(self._calls - 1, written)
            case "reasoningContent", dict() if not self._is_call:
                return  # the model's notes to itself are no part of its answer
            case _:
                raise broken("holds a kind of block that was not asked for")

    def _close(self, fields: Mapping[str, object]) -> Iterator[Text]:
        if _index(fields) != self._open:
            raise broken("is out of order")
        if self._is_call and self._checked.is_without_arguments(self._calls - 1):
            yield self._checked.call_piece(self._calls - 1, "{}")
        self._closed, self._open, self._is_call = self._open, _NO_BLOCK, False

    def _stop(self, fields: Mapping[str, object]) -> None:
        reason = fields.get("stopReason")
        if self._open != _NO_BLOCK or not isinstance(reason, str) or reason not in _FINISH:
            raise broken("ends for no known reason")
        self._finish = _FINISH[reason]

    def _count(self, fields: Mapping[str, object]) -> None:
        usage = fields.get("usage")
        if self._finish is None or not isinstance(usage, dict):
            raise broken("does not say how many tokens it took")
        self._usage = usage


def events_of(answer: Mapping[str, object]) -> Iterator[Event]:
    """Yield the events that this whole answer would have been streamed as.  Raises ProviderFaultError."""
    match answer.get("output"):
        case {"message": {"role": role, "content": list(blocks)}}:
            yield _event("messageStart", role=role)
        case _:
            raise broken("is out of order")
    for index, block in enumerate(blocks):
        yield from _events_of_block(index, block)
    yield _event("messageStop", stopReason=answer.get("stopReason"))
    yield _event("metadata", usage=answer.get("usage"))


def _events_of_block(index: int, block: object) -> Iterator[Event]:
    name, content = _one_of(block)
    if name == "toolUse" and isinstance(content, dict):
        start = {field: value for field, value in content.items() if field != "input"}
        yield _event("contentBlockStart", contentBlockIndex=index, start={name: start})
        content = {"input": json.dumps(content.get("input"), ensure_ascii=False)}
    delta = {name: content}
    yield _event("contentBlockDelta", contentBlockIndex=index, delta=delta)
    yield _event("contentBlockStop", contentBlockIndex=index)


def _event(name: str, **fields: object) -> Event:
    return Event(name=name, is_exception=False, fields=fields)


def _one_of(union: object) -> tuple[str, object]:
    """Return the one member that a union has."""
    if not isinstance(union, dict) or len(union) != 1:
        raise broken("is out of order")
    [(name, content)] = cast("dict[str, object]", union).items()
    return name, content


def _index(fields: Mapping[str, object]) -> int:
    value = fields.get("contentBlockIndex")
    if not isinstance(value, int) or value < 0:
        raise broken("is out of order")
    return value
