"""Asks the broker over its socket: who are you, and would you send this.

Every way in which the broker can be absent, slow, confused or unwilling raises; nothing here ever reads as consent by
accident.  Only text that the guard made safe can be handed over, with the keyed identifiers by which the broker checks
it again.  One connection a call, so a broken one never harms the next call.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from appliance.clinical_text import SafeText
from appliance.errors import ApplianceError, EscalationError, PhiBlockedError, PhiGuardUnavailableError
from appliance.escalation.wire import (
    Answer,
    DiscloseRequest,
    FrameError,
    HelloAnswer,
    HelloRequest,
    Refusal,
    Request,
    read_frame,
    to_answer,
    to_frame,
)
from appliance.phi.keyed import KeyedIdentifiers

BrokerHello = HelloAnswer
"""What `BrokerClient.hello` returns: the broker's policy digest, its state and its providers."""

_NO_BROKER = "The managed route is not available: no broker answers on its socket; see 'appliance status'."


@dataclass(frozen=True, slots=True)
class BrokerClient:
    """Speak to the broker; hold no connection between calls."""

    socket: Path

    timeout_s: float = 2.0
    """The broker is a process on the same machine that answers from memory; two seconds means that it hangs."""

    check_timeout_s: float = 15.0
    """As above, for a body that the broker reads first: a little more than its own limit for that."""

    async def hello(self) -> BrokerHello:
        """Ask which policy the broker holds.  Raises EscalationError if it cannot be asked."""
        answer = await self._ask(HelloRequest())
        if not isinstance(answer, HelloAnswer):
            raise EscalationError(_NO_BROKER, detail="broker_answered_out_of_turn")
        return answer

    async def disclose(self, request: DiscloseRequest, body: SafeText, *, identifiers: KeyedIdentifiers) -> None:
        """Ask the broker to send `body`, which it checks for `identifiers` and for anything that looks like one.

        Raises PhiBlockedError when it finds some, PhiGuardUnavailableError when it cannot check, and EscalationError
        with the broker's reason when it refuses for another reason or cannot be asked.
        """
        complete = request.model_copy(update={"identifiers": identifiers.to_wire()})
        answer = await self._ask(complete, body.reveal_bytes(), timeout_s=self.check_timeout_s)
        if isinstance(answer, Refusal):
            raise _refused(answer)
        raise EscalationError(_NO_BROKER, detail="broker_answered_out_of_turn")

    async def _ask(self, request: Request, body: bytes = b"", *, timeout_s: float | None = None) -> Answer:
        try:
            async with asyncio.timeout(timeout_s or self.timeout_s), self._connection() as (reader, writer):
                writer.write(to_frame(request, body))
                await writer.drain()
                frame = await read_frame(reader)
                if frame is None:
                    raise EscalationError(_NO_BROKER, detail="broker_closed_the_connection")
                answer = to_answer(frame.header)
        except (OSError, TimeoutError, FrameError) as error:
            raise EscalationError(_NO_BROKER, detail=type(error).__name__) from error
        if answer.call != request.call:
            raise EscalationError(_NO_BROKER, detail="broker_answered_another_call")
        return answer

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        reader, writer = await asyncio.open_unix_connection(str(self.socket))
        try:
            yield reader, writer
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()


def _refused(refusal: Refusal) -> ApplianceError:
    match refusal.code:
        case "identifiers_left":
            return PhiBlockedError(refusal.reason, detail=refusal.code)
        case "phi_guard_unavailable":
            return PhiGuardUnavailableError(detail=refusal.reason)
        case _:
            return EscalationError(refusal.reason, detail=refusal.code)
