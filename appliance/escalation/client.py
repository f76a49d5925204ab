"""Asks the broker over its socket: who are you, and send this.

Every way in which the broker can be absent, slow, confused or unwilling raises; nothing here ever reads as consent by
accident.  Only text that the guard made safe can be handed over, with the keyed identifiers by which the broker checks
it again, and it is told to send only once the disclosure is recorded.  One connection a call, cut at its end: a broken
one never harms the next call, and the broker stops an answer that nobody waits for any more.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from appliance.clinical_text import ClinicalText, SafeText
from appliance.errors import EscalationError
from appliance.escalation.answer import NO_BROKER, Conversation
from appliance.escalation.wire import (
    Answer,
    DiscloseRequest,
    Finished,
    FrameError,
    Go,
    HelloAnswer,
    HelloRequest,
    Request,
    read_frame,
    to_answer,
    to_frame,
)
from appliance.exchange import Delta
from appliance.phi.keyed import KeyedIdentifiers

BrokerHello = HelloAnswer
"""What `BrokerClient.hello` returns: the broker's policy digest, its state and its providers."""

Facts = Mapping[str, str | int | bool | list[str]]

Record = Callable[[Facts, str], Awaitable[str]]
"""Makes the disclosure durable from its facts and the model's label, and returns the recorder's compact receipt.

MUST raise when it cannot: the broker is then never told to send.
"""

_TOO_LARGE: Final = "This request is too large to leave the building in one piece; send less at a time."

_LOST = (OSError, TimeoutError, FrameError)
"""What a broken connection, a silent broker and anything that is no frame come as."""


@dataclass(frozen=True, slots=True)
class BrokerClient:
    """Speak to the broker; hold no connection between calls."""

    socket: Path

    timeout_s: float = 2.0
    """The broker is a process on the same machine that answers from memory; two seconds means that it hangs."""

    check_timeout_s: float = 30.0
    """Until it is ready: it reads the body (15 seconds at most), asks the recorder, and connects to the provider."""

    grace_s: float = 2.0
    """The broker ends an answer at its deadline and says so; after this much more it is taken for stuck."""

    async def hello(self) -> BrokerHello:
        """Ask which policy the broker holds and how its providers stand.  Raises EscalationError."""
        request = HelloRequest()
        try:
            async with self._connection() as (reader, writer):
                await self._say(writer, request)
                answer, _ = await self._heard(reader, until_s=_from_now(self.timeout_s))
        except _LOST as error:
            raise EscalationError(NO_BROKER, detail=type(error).__name__) from error
        if answer.call != request.call:
            raise EscalationError(NO_BROKER, detail="broker_answered_another_call")
        if not isinstance(answer, HelloAnswer):
            raise EscalationError(NO_BROKER, detail="broker_answered_out_of_turn")
        return answer

    async def disclose(
        self, request: DiscloseRequest, body: SafeText, *, identifiers: KeyedIdentifiers, record: Record
    ) -> AsyncGenerator[Delta | Finished]:
        """Have `body` sent and yield the answer in pieces, and as the last one its end.

        The broker checks the body for `identifiers` and anything that looks like one; `record` is awaited once it is
        ready, before a byte leaves.  Closing the generator early makes the broker stop.  Raises PhiBlockedError,
        PhiGuardUnavailableError, or EscalationError and its kin with the reason; and whatever `record` raises.
        """
        complete = request.model_copy(update={"identifiers": identifiers.to_wire()})
        opening = _opening(complete, body)
        conversation = Conversation(request)
        last_s = _from_now(request.deadline_s + self.grace_s)
        try:
            async with self._connection() as (reader, writer):
                until_s = min(last_s, _from_now(self.check_timeout_s))
                await self._write(writer, opening)
                answer, _ = await self._heard(reader, until_s=until_s)
                ready = conversation.ready(answer)
                receipt = await record(ready.facts, ready.model)
                conversation.went()
                await self._say(writer, Go(call=request.call, receipt=receipt))
                is_whole = False
                while not is_whole:
                    part = conversation.part(*await self._heard(reader, until_s=last_s))
                    is_whole = isinstance(part, Finished)
                    yield part
        except _LOST as error:
            raise conversation.lost(_kind(error)) from error

    async def _say(self, writer: asyncio.StreamWriter, request: Request) -> None:
        await self._write(writer, to_frame(request))

    async def _write(self, writer: asyncio.StreamWriter, frame: bytes) -> None:
        writer.write(frame)
        async with asyncio.timeout(self.timeout_s):
            await writer.drain()

    async def _heard(self, reader: asyncio.StreamReader, *, until_s: float) -> tuple[Answer, ClinicalText]:
        async with asyncio.timeout_at(until_s):
            frame = await read_frame(reader)
        if frame is None:
            raise ConnectionResetError
        return to_answer(frame.header), frame.body

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        async with asyncio.timeout(self.timeout_s):
            reader, writer = await asyncio.open_unix_connection(str(self.socket))
        try:
            yield reader, writer
        finally:
            # Not `close`, which would first wait for a broker that does not read.
            writer.transport.abort()
            with suppress(OSError):
                await writer.wait_closed()


def _opening(request: DiscloseRequest, body: SafeText) -> bytes:
    """Return the frame that asks.  Raises EscalationError if it is larger than the broker takes."""
    try:
        return to_frame(request, body.reveal_bytes())
    except FrameError as error:
        raise EscalationError(_TOO_LARGE, detail=type(error).__name__) from error


def _from_now(seconds: float) -> float:
    return asyncio.get_running_loop().time() + seconds


def _kind(error: OSError | TimeoutError | FrameError) -> str:
    """Name what happened for the log; the words of a foreign exception stay where they are."""
    return type(error).__name__
