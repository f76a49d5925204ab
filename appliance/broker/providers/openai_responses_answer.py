"""Reads an answer of OpenAI's Responses: whole, or by its numbered events.

The last event repeats the whole answer, so what was streamed is held against it: a piece that was lost, doubled or
changed on the way raises, and so does a number that does not grow.  Items of reasoning are read over; an item of a tool
that nobody asked for raises.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from appliance.broker.outgoing import ProviderFaultError
from appliance.broker.providers.adapter import Ended, FinishReason, Text
from appliance.broker.providers.checked import CheckedAnswer, is_one_of, items, part, words
from appliance.broker.providers.faults import broken

INCOMPLETE: Mapping[object, FinishReason] = {"max_output_tokens": "length", "content_filter": "content_filter"}

FILTERED = frozenset({"invalid_prompt", "bio_policy", "misalignment_policy_violation"})
"""Codes of a failure by which the vendor declined the request."""

LAST = frozenset({"response.completed", "response.incomplete", "response.failed"})


@dataclass(frozen=True, slots=True, repr=False)
class _Said:
    """What an answer holds, for comparing what was streamed with what it was in the end."""

    text: str
    calls: tuple[tuple[object, object, str], ...]
    is_refusal: bool


class ResponsesAnswer:
    """One answer as it comes."""

    def __init__(self, checked: CheckedAnswer) -> None:
        """Take what holds it to the rules of every answer."""
        self.checked = checked
        self._number = -1
        self._text: list[str] = []
        self._calls: dict[int, tuple[object, object, list[str]]] = {}
        """By output index, in order: id, name and pieces of the arguments."""

        self._last: object = None
        """The response as the last event tells it."""

    def whole(self, answer: object) -> Sequence[Text | Ended]:
        """Return the pieces of a whole answer and its end."""
        said = _said(answer)
        pieces: list[Text | Ended] = [self.checked.text(said.text)]
        for index, (call_id, name, arguments) in enumerate(said.calls):
            pieces.append(self.checked.begin_call(call_id=call_id, name=name))
            pieces.append(self.checked.call_piece(index, arguments))
        pieces.append(self._end(answer, said))
        return pieces

    def event(self, event: object) -> Iterator[Text]:
        """Yield what one event brings."""
        kind, number = part(event, "type"), part(event, "sequence_number")
        if self._last is not None or not isinstance(number, int) or number <= self._number:
            raise broken("has events out of their order")
        self._number = number
        match kind:
            case "response.output_text.delta" | "response.refusal.delta":
                piece = words(part(event, "delta"))
                self._text.append(piece)
                yield self.checked.text(piece)
            case "response.output_item.added":
                yield from self._begin(event)
            case "response.function_call_arguments.delta":
                yield self._arguments(event)
            case "error":
                raise broken("broke off with an error")
            case str() if kind in LAST:
                self._last = part(event, "response")

    def end(self) -> Ended:
        """Return the end, if the stream came to one and said nothing else than it in the end was."""
        if self._last is None:
            raise broken("broke off before its end")
        if part(self._last, "status") == "failed":
            return self._end(self._last, _Said("", (), is_refusal=False))
        said = _said(self._last)
        streamed = tuple((call_id, name, "".join(pieces)) for call_id, name, pieces in self._calls.values())
        if (said.text, said.calls) != ("".join(self._text), streamed):
            raise broken("is another in the end than it was while it came")
        return self._end(self._last, said)

    def _begin(self, event: object) -> Iterator[Text]:
        item, index = part(event, "item"), part(event, "output_index")
        kind = part(item, "type")
        if is_one_of(kind, {"message", "reasoning"}):
            return
        if kind != "function_call" or not isinstance(index, int) or any(index <= known for known in self._calls):
            raise broken("holds an item that was not asked for, or out of its order")
        call_id, name = part(item, "call_id"), part(item, "name")
        yield self.checked.begin_call(call_id=call_id, name=name)
        self._calls[index] = (call_id, name, [])

    def _arguments(self, event: object) -> Text:
        index = part(event, "output_index")
        if not isinstance(index, int) or index not in self._calls:
            raise broken("continues a tool call that it did not begin")
        piece = words(part(event, "delta"))
        self._calls[index][2].append(piece)
        return self.checked.call_piece(list(self._calls).index(index), piece)

    def _end(self, response: object, said: _Said) -> Ended:
        reason = _reason(response, said)
        if reason == "content_filter" and part(response, "usage") is None:
            return self.checked.filtered()
        usage = part(response, "usage")
        return self.checked.end(
            reason,
            prompt=part(usage, "input_tokens"),
            completion=part(usage, "output_tokens"),
            model=part(response, "model"),
        )


def _reason(response: object, said: _Said) -> FinishReason:
    match part(response, "status"):
        case "completed":
            return "refusal" if said.is_refusal else "tool_calls" if said.calls else "stop"
        case "incomplete":
            reason = part(response, "incomplete_details", "reason")
            if isinstance(reason, str) and reason in INCOMPLETE:
                return INCOMPLETE[reason]
        case "failed":
            code = part(response, "error", "code")
            if is_one_of(code, FILTERED):
                return "content_filter"
            raise ProviderFaultError("busy" if code == "rate_limit_exceeded" else "unavailable", "The provider failed.")
        case _:
            pass
    raise broken("ends for a reason that is not known")


def _said(response: object) -> _Said:
    text: list[str] = []
    calls: list[tuple[object, object, str]] = []
    is_refusal = False
    for item in items(part(response, "output")):
        match part(item, "type"):
            case "message":
                for piece in items(part(item, "content")):
                    is_refusal = is_refusal or part(piece, "type") == "refusal"
                    text.append(_content(piece))
            case "function_call":
                calls.append((part(item, "call_id"), part(item, "name"), words(part(item, "arguments"))))
            case "reasoning":
                pass
            case _:
                raise broken("holds an item that was not asked for")
    return _Said("".join(text), tuple(calls), is_refusal)


def _content(piece: object) -> str:
    match part(piece, "type"):
        case "output_text":
            return words(part(piece, "text"))
        case "refusal":
            return words(part(piece, "refusal"))
        case _:
            raise broken("holds content of a kind that was not asked for")
