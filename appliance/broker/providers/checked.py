"""Holds every provider's answer to the same rules, whatever its wire format and its SDK let through.

The SDKs build their values without checking them, so a field may be missing or of any type.  Here a piece is text or it
is refused; a tool call names a tool that was offered, once, in order; nothing comes after the end; an answer that ends
well is not empty and its calls' arguments are JSON objects; tokens are counts.  Whatever else comes raises 'broken'.
"""

import json
import re
from collections.abc import Container
from dataclasses import dataclass, field

from appliance.broker.providers.adapter import Ended, FinishReason, Text
from appliance.broker.providers.ask import Ask
from appliance.broker.providers.faults import broken
from appliance.clinical_text import ClinicalText
from appliance.policy.register import ManagedModel

MOST_TOKENS = 100_000_000
"""Above any context of any model: a count above it is no count, and would spoil the sum of what was spent."""

MOST_CALLS = 64
"""Of one answer; as many as tools may be offered."""

_CALL_ID = re.compile(r"[A-Za-z0-9_.:|-]{1,128}")
"""What the gateway takes of a call's id; the vendors use letters, digits, dashes and underscores."""

_MODEL = re.compile(r"[\x21-\x7e]{1,128}")
"""Names of models also hold dots, colons and slashes."""


def part(value: object, *names: str) -> object:
    """Return the attribute of an SDK's value, and that one's, and so on; None where one is missing."""
    for name in names:
        value = getattr(value, name, None)
    return value


def is_one_of(value: object, known: Container[str]) -> bool:
    """Say whether a value is a text and one of those that are known; a list, which has no hash, is none of them."""
    return isinstance(value, str) and value in known


def words(value: object) -> str:
    """Return a text, empty for None.  Raises ProviderFaultError for anything else."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise broken("holds something else where text belongs")
    return value


def count(value: object) -> int:
    """Return a number of tokens.  Raises ProviderFaultError for anything else."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MOST_TOKENS:
        raise broken("does not say how many tokens it took")
    return value


def items(value: object) -> list[object]:
    """Return a list, empty for None.  Raises ProviderFaultError for anything else."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise broken("holds something else where a list belongs")
    return value


@dataclass(slots=True, repr=False)
class _Call:
    id: str
    pieces: list[str] = field(default_factory=list)


class CheckedAnswer:
    """One answer as it comes; owned by one call of an adapter."""

    def __init__(self, ask: Ask, model: ManagedModel) -> None:
        """Take what was asked and of which model."""
        self._offered = frozenset[str]() if ask.choice.mode == "none" else ask.tool_names()
        self._model = model
        self._calls: list[_Call] = []
        self._characters = 0
        self._has_ended = False

    def text(self, value: object) -> Text:
        """Return a piece of text."""
        self._check_open()
        piece = words(value)
        self._characters += len(piece)
        return Text(text=ClinicalText(piece))

    def begin_call(self, *, call_id: object, name: object) -> Text:
        """Return the first piece of the next tool call, without arguments yet."""
        self._check_open()
        identifier = _matching(_CALL_ID, call_id)
        if not isinstance(name, str) or name not in self._offered:
            raise broken("calls a tool that was not offered")
        if len(self._calls) == MOST_CALLS or any(call.id == identifier for call in self._calls):
            raise broken("calls the same tool call twice, or too many")
        self._calls.append(_Call(identifier))
        return Text(text=ClinicalText(""), tool_index=len(self._calls) - 1, tool_id=identifier, tool_name=name)

    def call_piece(self, index: int, value: object) -> Text:
        """Return a piece of a call's arguments."""
        self._check_open()
        if not 0 <= index < len(self._calls):
            raise broken("continues a tool call that it did not begin")
        piece = words(value)
        self._calls[index].pieces.append(piece)
        return Text(text=ClinicalText(piece), tool_index=index)

    def is_without_arguments(self, index: int) -> bool:
        """Say whether nothing has come of a call's arguments: vendors leave out an empty object."""
        return not any(self._calls[index].pieces)

    def end(self, reason: FinishReason, *, prompt: object, completion: object, model: object) -> Ended:
        """Return the end.  Raises ProviderFaultError if the answer does not bear it out."""
        self._check_open()
        self._has_ended = True
        if reason == "stop" and not self._characters and not self._calls:
            raise broken("is empty")
        if (reason == "tool_calls") != bool(self._calls) and reason in {"stop", "tool_calls"}:
            raise broken("ends for another reason than it shows")
        if reason == "tool_calls":
            for call in self._calls:
                _check_arguments("".join(call.pieces))
        return Ended(
            finish_reason=reason,
            prompt_tokens=count(prompt),
            completion_tokens=count(completion),
            model=self._answered_by(model),
            attempts=1,
        )

    def filtered(self) -> Ended:
        """Return the end where the vendor's filter stopped the request itself, and nothing was counted."""
        self._check_open()
        self._has_ended = True
        return Ended(
            finish_reason="content_filter", prompt_tokens=0, completion_tokens=0, model=self._model.name, attempts=1
        )

    def _check_open(self) -> None:
        if self._has_ended:
            raise broken("goes on after its end")

    def _answered_by(self, model: object) -> str:
        """Return which model answered: the one asked for, or a dated version of it, and no other."""
        answered = _matching(_MODEL, model)
        asked = [name for name in (self._model.name, self._model.deployment) if name]
        if not any(answered == name or answered.startswith(f"{name}-") for name in asked):
            raise broken("comes from another model than the one asked for")
        return answered


def _matching(pattern: re.Pattern[str], value: object) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise broken("holds an identifier that is none")
    return value


def _check_arguments(text: str) -> None:
    try:
        if isinstance(json.loads(text), dict):
            return
    except (ValueError, RecursionError):
        pass
    raise broken("holds a tool call whose arguments are no JSON object")
