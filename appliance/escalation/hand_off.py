"""Hands a request to the broker, with the identifiers of everybody replaced; the way out has no other door.

For one exchange a `Departure` stands where the local engine's client stands otherwise: the pipeline's step 7 calls the
one or the other.  The map of surrogates lives as long as the call and is wiped whatever happens.  A guard that cannot
answer ends the call with `phi_guard_unavailable`: nothing is sent unguarded, and nothing is tried a second way.
"""

import contextlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Protocol

from appliance.clinical_text import ClinicalText, SafeText
from appliance.engine.messages import EngineCall
from appliance.errors import EscalationError
from appliance.escalation.body import leaves, structure_of, to_safe
from appliance.escalation.wire import DiscloseRequest
from appliance.exchange import Completion, Delta
from appliance.phi.guard import Pseudonymised
from appliance.phi.keyed import KeyedIdentifiers
from appliance.phi.known_identifiers import KnownIdentifiers


class Guardian(Protocol):
    """The part of `phi.guard.Guard` that a departure needs."""

    async def pseudonymise(self, texts: list[ClinicalText], *, known: KnownIdentifiers) -> Pseudonymised:
        """Replace every identifier.  Raises PhiGuardUnavailableError or PhiBlockedError."""
        ...


class Door(Protocol):
    """The part of `escalation.client.BrokerClient` that a departure needs."""

    async def disclose(self, request: DiscloseRequest, body: SafeText, *, identifiers: KeyedIdentifiers) -> None:
        """Ask the broker to send it.  Raises EscalationError, PhiBlockedError or PhiGuardUnavailableError."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Departure:
    """One request on its way out; speaks the interface of the local engine's client."""

    guard: Guardian
    broker: Door
    request: DiscloseRequest
    known: KnownIdentifiers
    """The people whom the caller named, and the record numbers of the request."""

    async def complete(self, call: EngineCall) -> Completion:
        """Replace, and ask the broker.  Raises EscalationError, PhiBlockedError or PhiGuardUnavailableError.

        This version's broker has no provider to send to, so its answer is always a refusal with its reason.
        """
        structure = structure_of(call)
        replaced = await self.guard.pseudonymise(list(leaves(structure)), known=self.known)
        with contextlib.closing(replaced):
            body = to_safe(structure, iter(replaced.texts))
            await self.broker.disclose(self.request, body, identifiers=replaced.keyed)
        raise EscalationError(detail="broker_accepted_without_an_answer")

    async def stream(self, call: EngineCall) -> AsyncGenerator[Delta]:
        """Yield the whole answer as one piece.  Raises as `complete` does."""
        completion = await self.complete(call)
        yield Delta(text=completion.text, finish_reason=completion.finish_reason, usage=completion.usage)
