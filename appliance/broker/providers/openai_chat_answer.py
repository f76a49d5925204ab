"""Reads an answer of Chat Completions, OpenAI's or Azure's: whole, or chunk by chunk.

One choice, one finish, then one count of tokens, then nothing: anything else raises.  Azure's chunks without a choice,
which carry notes of its filter, are read over.  A forced call ends with "stop" at OpenAI; it is a call all the same.
"""

from collections.abc import Iterator, Mapping, Sequence

from appliance.broker.providers.adapter import Ended, FinishReason, Text
from appliance.broker.providers.checked import CheckedAnswer, items, part, words
from appliance.broker.providers.faults import broken

REASONS: Mapping[object, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "content_filter": "content_filter",
}


class ChatAnswer:
    """One answer as it comes."""

    def __init__(self, checked: CheckedAnswer) -> None:
        """Take what holds it to the rules of every answer."""
        self.checked = checked
        self._model: str | None = None
        self._reason: FinishReason | None = None
        self._usage: object = None
        self._calls = 0
        self._is_refusal = False

    def whole(self, answer: object) -> Sequence[Text | Ended]:
        """Return the pieces of a whole answer and its end."""
        choices = items(part(answer, "choices"))
        if len(choices) != 1:
            raise broken("does not hold one choice")
        message = part(choices[0], "message")
        pieces: list[Text | Ended] = list(self._said(message))
        for call in items(part(message, "tool_calls")):
            pieces.extend(self._call(call, self._calls))
        self._finish(part(choices[0], "finish_reason"))
        self._model, self._usage = words(part(answer, "model")), part(answer, "usage")
        pieces.append(self.end())
        return pieces

    def event(self, event: object) -> Iterator[Text]:
        """Yield what one chunk brings."""
        choices = items(part(event, "choices"))
        self._check_order(event, choices)
        model = words(part(event, "model"))
        if model and self._model not in {None, model}:
            raise broken("comes from two models")
        self._model = model or self._model
        for choice in choices:
            delta = part(choice, "delta")
            yield from self._said(delta)
            for call in items(part(delta, "tool_calls")):
                yield from self._call(call, part(call, "index"))
            reason = part(choice, "finish_reason")
            if reason is not None:
                self._finish(reason)

    def end(self) -> Ended:
        """Return the end, if the stream came to one."""
        if self._reason is None or self._usage is None:
            raise broken("broke off before its end")
        reason = self._reason
        if reason == "stop" and self._calls:
            reason = "tool_calls"
        if reason == "stop" and self._is_refusal:
            reason = "refusal"
        tokens = {name: part(self._usage, f"{name}_tokens") for name in ("prompt", "completion")}
        return self.checked.end(reason, prompt=tokens["prompt"], completion=tokens["completion"], model=self._model)

    def _check_order(self, event: object, choices: list[object]) -> None:
        usage = part(event, "usage")
        if part(event, "choices") is None:
            raise broken("holds an event that is none")
        if len(choices) > 1 or any(part(choice, "index") != 0 for choice in choices):
            raise broken("holds more than one choice")
        if self._usage is not None and (usage is not None or choices):
            raise broken("goes on after its end")
        if usage is not None:
            self._usage = usage

    def _said(self, message: object) -> Iterator[Text]:
        for name in ("content", "refusal"):
            piece = words(part(message, name))
            if not piece:
                continue
            if self._reason is not None:
                raise broken("goes on after its end")
            self._is_refusal = self._is_refusal or name == "refusal"
            yield self.checked.text(piece)

    def _call(self, call: object, index: object) -> Iterator[Text]:
        if self._reason is not None:
            raise broken("goes on after its end")
        if index == self._calls and isinstance(index, int):
            yield self.checked.begin_call(call_id=part(call, "id"), name=part(call, "function", "name"))
            self._calls += 1
        elif not isinstance(index, int) or part(call, "id"):
            raise broken("has its tool calls out of their order")
        yield self.checked.call_piece(index, part(call, "function", "arguments"))

    def _finish(self, reason: object) -> None:
        if self._reason is not None:
            raise broken("ends twice")
        if not isinstance(reason, str) or reason not in REASONS:
            raise broken("ends for a reason that is not known")
        self._reason = REASONS[reason]
