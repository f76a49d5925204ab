"""What the broker may say next in a disclosure, and what each message means; bytes are `client`'s, order is here.

::

    conversation = Conversation(request)
    ready = conversation.ready(message)          # or raises the refusal
    conversation.went()                          # Go is on its way: from here on bytes may have left
    part = conversation.part(message, body)      # a Delta, and at last Finished

A message that is out of turn, out of bounds or of another call ends the conversation: nothing reads as consent, and
nothing as an answer, by accident.  Once a piece of an answer has come, every loss is a broken stream, so that nobody
asks another model to go on where the first one stopped (design promise 8).
"""

import re
from collections.abc import Mapping
from typing import Final

from appliance.clinical_text import ClinicalText
from appliance.errors import (
    ApplianceError,
    EscalationError,
    PhiBlockedError,
    PhiGuardUnavailableError,
    ProviderBrokenStreamError,
    ProviderRejectedError,
    ProviderTimeoutError,
    ProviderUnavailableError,
)
from appliance.escalation.wire import Answer, DiscloseRequest, Failed, Finished, Piece, Ready, Refusal
from appliance.exchange import Delta, ToolCall

NO_BROKER: Final = "The managed route is not available: no broker answers on its socket; see 'appliance status'."

MAX_ANSWER: Final = 32 * 1024 * 1024
"""Characters of one whole answer, as `engine.stream` has it; the broker's own ceiling for a provider lies below."""

PIECE: Final = 64
"""Characters that a piece counts for beside its text, so that pieces without text and without end are bounded too."""

MAX_TOOL_CALLS: Final = 128
"""Of one answer; as many as a caller may offer tools (`api.schemas.chat`)."""

_CALL_ID = re.compile(r"[A-Za-z0-9_.:|-]{1,128}", re.ASCII)
"""Ids as vendors make them; it goes into answers, so nothing that could steer a terminal or a parser."""

_CALL_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
"""As the gateway takes names of tools (`api.schemas.chat`)."""

_NOT_ASKED: Final = frozenset({"provider_closed", "ceiling_reached", "no_credential"})
"""Refusals that concern this provider alone: nothing has left, and another one may be asked by the same rules."""

_OUT_OF_TURN: Final = "broker_answered_out_of_turn"


class Conversation:
    """One disclosure; owned by the coroutine that speaks it."""

    def __init__(self, request: DiscloseRequest) -> None:
        """Take what is asked."""
        self._request = request
        self._is_ready = False
        self._has_gone = False
        self._size = 0
        """Of the answer so far, in the measure of `MAX_ANSWER`."""

        self._calls: list[tuple[str, str]] = []
        """Id and name of each tool call so far; they begin one after the other."""

        self._has_text = False
        self._is_over = False

    def ready(self, message: Answer) -> Ready:
        """Return what would leave.  Raises the refusal, or EscalationError for anything else."""
        self._check_call(message)
        match message:
            case Ready() if not self._is_ready and message.facts.get("provider") == self._request.provider:
                self._is_ready = True
                return message
            case Refusal():
                raise refused(message, provider=self._request.provider)
            case Failed():
                raise failed(message, provider=self._request.provider, has_begun=False)
            case _:
                raise self.lost(_OUT_OF_TURN)

    def went(self) -> None:
        """Note that the broker was told to send."""
        if not self._is_ready or self._has_gone:
            message = "a broker is told to send once, and only what it was ready for"
            raise RuntimeError(message)
        self._has_gone = True

    def part(self, message: Answer, body: ClinicalText) -> Delta | Finished:
        """Return a piece of the answer, or its end.  Raises the refusal or what the failure means."""
        self._check_call(message)
        if not self._has_gone or self._is_over:
            raise self.lost(_OUT_OF_TURN)
        match message:
            case Piece():
                return self._piece(message, body)
            case Finished():
                self._check_end(message)
                self._is_over = True
                return message
            case Refusal() if not self.has_begun:
                raise refused(message, provider=self._request.provider)
            case Failed():
                raise failed(message, provider=self._request.provider, has_begun=self.has_begun)
            case _:
                raise self.lost(_OUT_OF_TURN)

    @property
    def has_begun(self) -> bool:
        """Say whether a piece of an answer has come."""
        return bool(self._size)

    def lost(self, detail: str) -> EscalationError:
        """Return what it means that the conversation ends here, for a reason of the gateway's log."""
        if self.has_begun:
            return ProviderBrokenStreamError(detail=detail)
        if self._has_gone and detail == TimeoutError.__name__:
            return ProviderTimeoutError(detail=detail)
        return EscalationError(NO_BROKER, detail=detail)

    def _check_call(self, message: Answer) -> None:
        if message.call != self._request.call:
            raise self.lost("broker_answered_another_call")

    def _piece(self, piece: Piece, body: ClinicalText) -> Delta:
        self._size += PIECE + len(body)
        if self._size > MAX_ANSWER:
            raise self.lost("answer_too_large")
        if piece.tool_index is None:
            self._has_text = self._has_text or bool(body)
            return Delta(text=body)
        return Delta(tool_calls=(self._tool_call(piece, piece.tool_index, body),))

    def _tool_call(self, piece: Piece, index: int, arguments: ClinicalText) -> ToolCall:
        """Return a piece of a tool call; the first of each, and only it, has an id and a name."""
        if index == len(self._calls) < MAX_TOOL_CALLS:
            if not _CALL_ID.fullmatch(piece.tool_id) or not _CALL_NAME.fullmatch(piece.tool_name):
                raise self.lost("tool_call_malformed")
            self._calls.append((piece.tool_id, piece.tool_name))
            return ToolCall(id=piece.tool_id, name=piece.tool_name, arguments=arguments, index=index)
        if not 0 <= index < len(self._calls) or not self._is_same(piece, *self._calls[index]):
            raise self.lost("tool_call_malformed")
        return ToolCall(id="", name="", arguments=arguments, index=index)

    def _is_same(self, piece: Piece, call_id: str, name: str) -> bool:
        return piece.tool_id in {"", call_id} and piece.tool_name in {"", name}

    def _check_end(self, finished: Finished) -> None:
        """Refuse an end that contradicts what came before it.  Raises ProviderBrokenStreamError."""
        is_empty = not self._has_text and not self._calls
        if finished.finish_reason == "stop" and is_empty:
            raise ProviderBrokenStreamError(detail="answer_empty")
        if finished.finish_reason == "tool_calls" and not self._calls:
            raise ProviderBrokenStreamError(detail="tool_calls_missing")
        if min(finished.prompt_tokens, finished.completion_tokens) < 0:
            raise ProviderBrokenStreamError(detail="usage_malformed")


def refused(refusal: Refusal, *, provider: str) -> ApplianceError:
    """Return the error that a refusal stands for; nothing has left."""
    match refusal.code:
        case "identifiers_left":
            return PhiBlockedError(refusal.reason, detail=refusal.code)
        case "phi_guard_unavailable":
            return PhiGuardUnavailableError(detail=refusal.reason)
        case code if code in _NOT_ASKED:
            return ProviderUnavailableError(
                refusal.reason, provider=provider, detail=code, retry_s=max(refusal.retry_after_s, 0)
            )
        case _:
            return EscalationError(refusal.reason, detail=refusal.code)


def failed(failure: Failed, *, provider: str, has_begun: bool) -> EscalationError:
    """Return the error that a failure stands for; once an answer has begun, it is always a broken stream."""
    if has_begun or failure.answered:
        return ProviderBrokenStreamError(detail=failure.fault)
    if failure.fault in {"unavailable", "busy"}:
        return ProviderUnavailableError(
            failure.reason, provider=provider, detail=failure.fault, retry_s=max(failure.retry_after_s, 0)
        )
    return _FAULTS[failure.fault](failure.reason, detail=failure.fault)


_FAULTS: Mapping[str, type[ProviderTimeoutError | ProviderRejectedError | ProviderBrokenStreamError]] = {
    "timeout": ProviderTimeoutError,
    "rejected": ProviderRejectedError,
    "unauthorized": ProviderRejectedError,
    "broken": ProviderBrokenStreamError,
}
"""What a fault means once nobody else may be asked."""
