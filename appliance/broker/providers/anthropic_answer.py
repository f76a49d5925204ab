"""Reads an answer of Anthropic's Messages: whole, or event by event in the one order that makes an answer.

``message_start``, then each block begun, filled and closed by its index, then ``message_delta`` with the reason, then
``message_stop``; a block or an event out of this order, twice, or after the end raises.  Blocks of thinking are read
over.  Event types that are not known are read over too, as the vendor's versioning rules ask of clients.
"""

from collections.abc import Iterator, Mapping, Sequence
from json import dumps
from typing import Literal

from appliance.broker.providers.adapter import Ended, FinishReason, Text
from appliance.broker.providers.checked import CheckedAnswer, count, is_one_of, items, part, words
from appliance.broker.providers.faults import broken

REASONS: Mapping[object, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "refusal",
}
"""``pause_turn`` belongs to the vendor's own tools, of which none is asked for."""

THINKING = frozenset({"thinking", "redacted_thinking"})

Block = Literal["text", "call", "thinking"]


class AnthropicAnswer:
    """One answer as it comes."""

    def __init__(self, checked: CheckedAnswer) -> None:
        """Take what holds it to the rules of every answer."""
        self.checked = checked
        self._message: object = None
        self._block: tuple[Block, int] | None = None
        """The open block: what it is and, of a call, which."""

        self._blocks = 0
        self._calls = 0
        self._last: object = None
        """The ``message_delta``."""

        self._is_stopped = False

    def whole(self, answer: object) -> Sequence[Text | Ended]:
        """Return the pieces of a whole answer and its end."""
        pieces: list[Text | Ended] = []
        for block in items(part(answer, "content")):
            kind = part(block, "type")
            if kind == "text":
                pieces.append(self.checked.text(part(block, "text")))
            elif kind == "tool_use":
                pieces.extend(self._call(block, part(block, "input")))
            elif not is_one_of(kind, THINKING):
                raise broken("holds a block of a kind that was not asked for")
        usage = part(answer, "usage")
        prompt, completion = _prompt_tokens(usage), part(usage, "output_tokens")
        pieces.append(self._end(part(answer, "stop_reason"), prompt=prompt, completion=completion, message=answer))
        return pieces

    def event(self, event: object) -> Iterator[Text]:
        """Yield what one event brings."""
        kind = part(event, "type")
        known = {
            "message_start": self._start,
            "content_block_start": self._begin,
            "content_block_delta": self._continue,
            "content_block_stop": self._close,
            "message_delta": self._reason,
            "message_stop": self._stop,
        }
        if (
            not isinstance(kind, str)
            or self._is_stopped
            or (kind in known and (kind == "message_start") == (self._message is not None))
        ):
            raise broken("has events out of their order")
        if kind in known:
            yield from known[kind](event)

    def end(self) -> Ended:
        """Return the end, if the stream came to one."""
        if not self._is_stopped or self._last is None:
            raise broken("broke off before its end")
        usage = part(self._last, "usage")
        prompt = _prompt_tokens(part(self._message, "usage"))
        completion = part(usage, "output_tokens")
        reason = part(self._last, "delta", "stop_reason")
        return self._end(reason, prompt=prompt, completion=completion, message=self._message)

    def _start(self, event: object) -> Iterator[Text]:
        self._message = part(event, "message")
        if self._message is None or items(part(self._message, "content")):
            raise broken("begins with something else than a beginning")
        yield from ()

    def _begin(self, event: object) -> Iterator[Text]:
        if self._block is not None or self._last is not None or part(event, "index") != self._blocks:
            raise broken("has events out of their order")
        self._blocks += 1
        block = part(event, "content_block")
        kind = part(block, "type")
        if kind == "text":
            self._block = ("text", 0)
            yield self.checked.text(part(block, "text"))
        elif kind == "tool_use":
            self._block = ("call", self._calls)
            yield from self._call(block, None)
        elif is_one_of(kind, THINKING):
            self._block = ("thinking", 0)
        else:
            raise broken("holds a block of a kind that was not asked for")

    def _continue(self, event: object) -> Iterator[Text]:
        delta = part(event, "delta")
        kind = part(delta, "type")
        if self._block is None or part(event, "index") != self._blocks - 1:
            raise broken("has events out of their order")
        match self._block, kind:
            case ("text", _), "text_delta":
                yield self.checked.text(_stated(part(delta, "text")))
            case ("call", index), "input_json_delta":
                yield self.checked.call_piece(index, _stated(part(delta, "partial_json")))
            case ("thinking", _), "thinking_delta" | "signature_delta":
                return
            case _:
                raise broken("holds a piece that does not belong to its block")

    def _close(self, event: object) -> Iterator[Text]:
        if self._block is None or part(event, "index") != self._blocks - 1:
            raise broken("has events out of their order")
        kind, index = self._block
        self._block = None
        if kind == "call" and self.checked.is_without_arguments(index):
            yield self.checked.call_piece(index, "{}")

    def _reason(self, event: object) -> Iterator[Text]:
        if self._block is not None or self._last is not None:
            raise broken("has events out of their order")
        self._last = event
        yield from ()

    def _stop(self, _event: object) -> Iterator[Text]:
        self._is_stopped = True
        yield from ()

    def _call(self, block: object, whole_input: object) -> Iterator[Text]:
        yield self.checked.begin_call(call_id=part(block, "id"), name=part(block, "name"))
        self._calls += 1
        if isinstance(whole_input, dict):
            yield self.checked.call_piece(self._calls - 1, dumps(whole_input, ensure_ascii=False))

    def _end(self, reason: object, *, prompt: int, completion: object, message: object) -> Ended:
        if not isinstance(reason, str) or reason not in REASONS:
            raise broken("ends for a reason that is not known")
        return self.checked.end(REASONS[reason], prompt=prompt, completion=completion, model=part(message, "model"))


def _stated(value: object) -> str:
    if value is None:
        raise broken("holds an empty piece")
    return words(value)


def _prompt_tokens(usage: object) -> int:
    """Return all tokens that were read, those of the vendor's cache among them."""
    cached = (part(usage, "cache_creation_input_tokens"), part(usage, "cache_read_input_tokens"))
    return count(part(usage, "input_tokens")) + sum(count(tokens) for tokens in cached if tokens is not None)
