"""Hands a request to the broker, with the identifiers of everybody replaced; the way out has no other door.

For one exchange a `Departure` stands where the local engine's client stands otherwise: the pipeline's step 7 calls the
one or the other.  The steps, numbered as in ARCHITECTURE.md:

1. **guard**: every identifier is replaced (`phi.guard`), or nothing is sent;
2. **permit**: policy is asked again, now that it is known what would leave;
3. **disclose**: the broker checks everything by itself and says what would leave;
4. **record**: the disclosure is durable;
5. **send**: the answer comes back in pieces.

A guard that cannot answer ends the call with `phi_guard_unavailable`: nothing is sent unguarded, and nothing is tried
a second way.  The map of surrogates lives until `close`, which the caller MUST call; a call that fails wipes it itself.
"""

import re
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Protocol

from appliance.clinical_text import ClinicalText, SafeText
from appliance.clock import Clock
from appliance.decision import Decision
from appliance.engine.messages import EngineCall
from appliance.errors import NotPermittedError, ProviderBrokenStreamError, ProviderTimeoutError
from appliance.escalation.body import leaves, structure_of, to_safe
from appliance.escalation.client import Record
from appliance.escalation.wire import DiscloseRequest, Finished
from appliance.exchange import Completion, Delta, ToolCall, Usage
from appliance.phi.guard import Pseudonymised
from appliance.phi.keyed import KeyedIdentifiers
from appliance.phi.known_identifiers import KnownIdentifiers
from appliance.phi.surrogates import SurrogateMap

LONGEST_S = 3600.0
"""What `wire.DiscloseRequest.deadline_s` may hold."""

_MODEL = re.compile(r"[A-Za-z0-9._:/@-]{1,128}", re.ASCII)
"""A vendor's model id.  It comes from outside, so nothing else of it may stand in a record."""


class Guardian(Protocol):
    """The part of `phi.guard.Guard` that a departure needs."""

    async def pseudonymise(self, texts: list[ClinicalText], *, known: KnownIdentifiers) -> Pseudonymised:
        """Replace every identifier.  Raises PhiGuardUnavailableError or PhiBlockedError."""
        ...


class Door(Protocol):
    """The part of `escalation.client.BrokerClient` that a departure needs."""

    def disclose(
        self, request: DiscloseRequest, body: SafeText, *, identifiers: KeyedIdentifiers, record: Record
    ) -> AsyncGenerator[Delta | Finished]:
        """Send it once it is recorded; yield the answer, and its end last.  Raises EscalationError and its kin."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaving:
    """What would leave, once the guard has done its work; facts for policy."""

    counts: Mapping[str, int]
    """Kinds of identifiers that were replaced, and how many of each."""

    kinds_left: frozenset[str]
    """Kinds that leave in a form derived from the original (`phi.surrogates.SurrogateMap.kinds_left`)."""


Permit = Callable[[Leaving], Decision]
"""Asks policy once more whether this may leave, and notes the decision for the record."""


@dataclass(slots=True, kw_only=True)
class Departure:
    """One request on its way out; speaks the interface of the local engine's client, for one call."""

    guard: Guardian
    broker: Door
    request: DiscloseRequest
    """What is known before the guard has looked; counts, kinds left, stream and deadline are filled in here."""

    known: KnownIdentifiers
    """The people whom the caller named, and the record numbers of the request."""

    permit: Permit
    record: Record
    """Makes the disclosure durable, with whom it concerns; the broker never learns that."""

    clock: Clock
    deadline_s: float
    """Monotonic seconds of the clock at which the whole answer must have come."""

    _replaced: Pseudonymised | None = field(default=None, repr=False)
    _has_left: bool = False
    _finished: Finished | None = None

    @property
    def surrogates(self) -> SurrogateMap:
        """Return the way back, from the first piece of the answer to `close`.  Raises RuntimeError otherwise."""
        if self._replaced is None:
            message = "the surrogates of a departure are there from its first piece until it is closed"
            raise RuntimeError(message)
        return self._replaced.surrogates

    async def complete(self, call: EngineCall) -> Completion:
        """Return the whole answer.  Raises as `stream` does."""
        deltas = [delta async for delta in self._answer(call, stream=False)]
        pieces: dict[int, list[ToolCall]] = {}
        for piece in (each for delta in deltas for each in delta.tool_calls):
            pieces.setdefault(piece.index, []).append(piece)
        end = deltas[-1]
        return Completion(
            text=ClinicalText.join(delta.text for delta in deltas),
            tool_calls=tuple(_joined(pieces[index]) for index in sorted(pieces)),
            finish_reason=end.finish_reason or "",
            usage=end.usage or Usage(prompt_tokens=0, completion_tokens=0),
        )

    def stream(self, call: EngineCall) -> AsyncGenerator[Delta]:
        """Yield the answer as it comes; the last delta, and only it, has the finish reason and the usage.

        Closing the generator early, or cancelling, makes the broker stop.  Raises PhiGuardUnavailableError and
        PhiBlockedError from the guard, NotPermittedError from the second asking, AuditUnavailableError if the
        disclosure cannot be recorded, and EscalationError or its kin from the broker.
        """
        return self._answer(call, stream=True)

    def facts(self) -> dict[str, str | int | bool | list[str]]:
        """Return what the record of the outcome says of the answer; empty until it is whole."""
        end = self._finished
        if end is None:
            return {}
        return {
            "provider_model": end.model if _MODEL.fullmatch(end.model) else "",
            "attempts": end.attempts,
            "cost_usd": f"{end.cost_usd:.6f}",
            "first_byte_ms": end.first_byte_ms,
            "answer_ms": end.answer_ms,
        }

    def close(self) -> None:
        """Wipe the way back; harmless when called again."""
        replaced, self._replaced = self._replaced, None
        if replaced is not None:
            replaced.close()

    async def _answer(self, call: EngineCall, *, stream: bool) -> AsyncGenerator[Delta]:
        if self._has_left:
            message = "a departure is for one call; make another one"
            raise RuntimeError(message)
        self._has_left = True
        try:
            async with aclosing(await self._sent(call, stream=stream)) as parts:
                async for part in parts:
                    yield self._told(part)
            self._check_whole()
        except BaseException:
            self.close()
            raise

    async def _sent(self, call: EngineCall, *, stream: bool) -> AsyncGenerator[Delta | Finished]:
        structure = structure_of(call)
        replaced = await self.guard.pseudonymise(list(leaves(structure)), known=self.known)  # (1)
        self._replaced = replaced
        body = to_safe(structure, iter(replaced.texts))
        leaving = Leaving(counts=replaced.surrogates.counts(), kinds_left=replaced.surrogates.kinds_left())
        decision = self.permit(leaving)  # (2)
        if not decision.allowed:
            raise NotPermittedError(decision)
        request = self._completed(leaving, stream=stream)
        return self.broker.disclose(request, body, identifiers=replaced.keyed, record=self.record)  # (3) to (5)

    def _completed(self, leaving: Leaving, *, stream: bool) -> DiscloseRequest:
        """Return the request with what is known only now.  Raises ProviderTimeoutError if the time is over."""
        left_s = self.deadline_s - self.clock.monotonic_s()
        if left_s <= 0:
            raise ProviderTimeoutError(detail="the deadline passed before the broker was asked")
        told = {
            "counts": dict(leaving.counts),
            "kinds_left": tuple(sorted(leaving.kinds_left)),
            "stream": stream,
            "deadline_s": min(left_s, LONGEST_S),
        }
        return self.request.model_copy(update=told)

    def _check_whole(self) -> None:
        """Refuse an answer whose end was never told.  Raises ProviderBrokenStreamError."""
        if self._finished is None:
            raise ProviderBrokenStreamError(detail="broker_accepted_without_an_answer")

    def _told(self, part: Delta | Finished) -> Delta:
        if isinstance(part, Delta):
            return part
        self._finished = part
        usage = Usage(prompt_tokens=part.prompt_tokens, completion_tokens=part.completion_tokens)
        return Delta(finish_reason=part.finish_reason, usage=usage)


def _joined(pieces: list[ToolCall]) -> ToolCall:
    """Return one tool call from its pieces, of which the first has the id and the name."""
    first = pieces[0]
    arguments = ClinicalText.join(piece.arguments for piece in pieces)
    return ToolCall(id=first.id, name=first.name, arguments=arguments, index=first.index)
