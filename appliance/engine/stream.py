"""Reads the engine's answers, whole or as server-sent events, and accepts only what is certainly complete.

An answer counts as finished when a finish reason and ``[DONE]`` have both come and nothing but the usage stood
between them; everything else raises EngineBrokenStreamError (design promise 8).  The finish is held back until then,
so that no caller is told "stop" for an answer that broke off.  Sizes are bounded.  Hand-made because every token
passes through here: about 10 microseconds a chunk.
"""

import json
from collections.abc import Iterator
from typing import Final, cast

from appliance.clinical_text import ClinicalText
from appliance.errors import EngineBrokenStreamError
from appliance.exchange import Completion, Delta, ToolCall, Usage

MAX_EVENT_BYTES: Final = 1_048_576
"""One event is one token or one piece of a tool call, far below a kilobyte; this leaves room for odd upstreams."""

MAX_ANSWER_BYTES: Final = 33_554_432
"""Of one whole answer on the wire: 32,768 tokens at 1 KiB of JSON each."""

FINISH_REASONS: Final = frozenset({"stop", "length", "tool_calls"})
"""Ends of a whole answer.  vLLM's ``abort`` and ``error``, and anything unknown, are no such end."""

_NO_TEXT: Final = ClinicalText("")


class AnswerReader:
    """Turn the bytes of a streamed answer into deltas.  Call `feed` with each piece, then `finish` once."""

    def __init__(self) -> None:
        """Start before the first byte."""
        self._buffer = b""
        self._data: list[bytes] = []
        self._data_bytes = 0
        self._seen_bytes = 0
        self._finish_reason: str | None = None
        self._usage: Usage | None = None
        self._is_done = False

    def feed(self, piece: bytes) -> Iterator[Delta]:
        """Yield what these bytes say.  Raises EngineBrokenStreamError."""
        self._seen_bytes += len(piece)
        if self._seen_bytes > MAX_ANSWER_BYTES:
            raise EngineBrokenStreamError(detail="answer too large")
        lines = (self._buffer + piece).split(b"\n")
        self._buffer = lines.pop()
        if len(self._buffer) > MAX_EVENT_BYTES:
            raise EngineBrokenStreamError(detail="event too large")
        for line in lines:
            payload = self._line(line)
            if payload is not None:
                delta = self._event(payload)
                if delta is not None:
                    yield delta

    def finish(self) -> Delta:
        """Return the last delta, with finish reason and usage.  Raises EngineBrokenStreamError if it never came."""
        if self._finish_reason is None or not self._is_done:
            raise EngineBrokenStreamError(detail="ended early")
        return Delta(finish_reason=self._finish_reason, usage=self._usage)

    def _line(self, line: bytes) -> bytes | None:
        """Return the data of an event when its blank line comes (WHATWG HTML 9.2.6, the fields that matter here)."""
        line = line.rstrip(b"\r")
        if line.startswith(b"data:"):
            self._data.append(line[6:] if line.startswith(b"data: ") else line[5:])
            self._data_bytes += len(line)
            if self._data_bytes > MAX_EVENT_BYTES:
                raise EngineBrokenStreamError(detail="event too large")
        elif not line and self._data:
            payload = b"\n".join(self._data)
            self._data.clear()
            self._data_bytes = 0
            return payload
        return None

    def _event(self, payload: bytes) -> Delta | None:
        if self._is_done:
            raise EngineBrokenStreamError(detail="event after the end")
        if payload == b"[DONE]":
            self._is_done = True
            return None
        event = _json_object(payload)
        if event.get("usage") is not None:
            self._usage = _usage(event["usage"])
        choices = event.get("choices")
        if not isinstance(choices, list) or "error" in event:
            raise EngineBrokenStreamError(detail="event without choices")
        return self._choice(_object(choices[0])) if choices else None

    def _choice(self, choice: dict[str, object]) -> Delta | None:
        body = _object(choice.get("delta"))
        content = body.get("content")
        if content is not None and not isinstance(content, str):
            raise EngineBrokenStreamError(detail="content is no text")
        calls = _tool_calls(body.get("tool_calls"))
        if self._finish_reason is not None and (content or calls):
            raise EngineBrokenStreamError(detail="text after the finish")
        reason = choice.get("finish_reason")
        if reason is not None:
            self._finish_reason = _finish_reason(reason)
        if not content and not calls:
            return None
        return Delta(text=ClinicalText(content) if content else _NO_TEXT, tool_calls=calls)


def read_completion(body: bytes) -> Completion:
    """Return a whole answer.  Raises EngineBrokenStreamError."""
    answer = _json_object(body)
    choices = answer.get("choices")
    if not isinstance(choices, list) or not choices:
        raise EngineBrokenStreamError(detail="answer without choices")
    choice = _object(choices[0])
    message = _object(choice.get("message"))
    content = message.get("content")
    if content is not None and not isinstance(content, str):
        raise EngineBrokenStreamError(detail="content is no text")
    return Completion(
        text=ClinicalText(content or ""),
        tool_calls=_tool_calls(message.get("tool_calls")),
        finish_reason=_finish_reason(choice.get("finish_reason")),
        usage=_usage(answer.get("usage") or {}),
    )


def _finish_reason(value: object) -> str:
    if not isinstance(value, str) or value not in FINISH_REASONS:
        raise EngineBrokenStreamError(detail="unknown finish reason")
    return value


def _tool_calls(value: object) -> tuple[ToolCall, ...]:
    if not value:
        return ()
    if not isinstance(value, list):
        raise EngineBrokenStreamError(detail="tool calls are no list")
    return tuple(_tool_call(_object(call), place) for place, call in enumerate(value))


def _tool_call(call: dict[str, object], place: int) -> ToolCall:
    function = _object(call.get("function") or {})
    parts = (call.get("id") or "", function.get("name") or "", function.get("arguments") or "")
    index = call.get("index", place)
    if not all(isinstance(part, str) for part in parts) or not isinstance(index, int):
        raise EngineBrokenStreamError(detail="tool call of the wrong shape")
    identifier, name, arguments = cast("tuple[str, str, str]", parts)
    return ToolCall(id=identifier, name=name, arguments=ClinicalText(arguments), index=index)


def _usage(value: object) -> Usage:
    usage = _object(value)
    counts = (usage.get("prompt_tokens", 0), usage.get("completion_tokens", 0))
    if not all(isinstance(count, int) and count >= 0 for count in counts):
        raise EngineBrokenStreamError(detail="usage of the wrong shape")
    prompt, completion = cast("tuple[int, int]", counts)
    return Usage(prompt_tokens=prompt, completion_tokens=completion)


def _json_object(data: bytes) -> dict[str, object]:
    try:
        return _object(json.loads(data))
    except (ValueError, RecursionError) as error:
        raise EngineBrokenStreamError(detail="malformed JSON") from error


def _object(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise EngineBrokenStreamError(detail="not an object")
    return cast("dict[str, object]", value)
