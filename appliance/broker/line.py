"""The connection of one disclosure: what the broker says on it, and what the gateway may say, and when.

After its request the gateway may say one thing, `Go`, and only once the broker is `Ready`.  Anything else, silence for
too long or a closed connection ends the disclosure, wherever it is: nobody waits for its answer any more.
"""

import asyncio
from asyncio import StreamReader, StreamWriter
from dataclasses import dataclass

from appliance.broker.not_sent import NotSentError
from appliance.escalation.wire import Answer, FrameError, Go, Ready, read_frame, to_frame, to_request


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long the broker waits, in seconds."""

    go_s: float = 20.0
    """For `Go`: the gateway records in between, with a limit of 15 seconds (`audit.recorder.client`)."""

    say_s: float = 60.0
    """Until the gateway takes a frame; its own caller may be slow, so it gets more than a moment."""

    grace_s: float = 2.0
    """How much later than the adapter a conversation gives up, so that the breaker hears who was late."""


PATIENCE = Patience()
"""As it runs; tests wait less."""


class PeerGoneError(Exception):
    """Say that the gateway closed the connection while a disclosure was under way."""


class Line:
    """One connection while a disclosure is under way; owned by its conversation."""

    def __init__(self, reader: StreamReader, writer: StreamWriter, *, patience: Patience = PATIENCE) -> None:
        """Take both directions of a connection whose request has been read."""
        self.patience = patience
        self._reader = reader
        self._writer = writer
        self._go: asyncio.Future[Go] | None = None
        """Waits for `Go`; None before `Ready` was said."""

    async def say(self, answer: Answer, body: bytes = b"") -> None:
        """Send one frame.  Raises OSError or TimeoutError if the gateway does not take it."""
        async with asyncio.timeout(self.patience.say_s):
            self._writer.write(to_frame(answer, body))
            await self._writer.drain()

    async def ready(self, ready: Ready) -> Go:
        """Say what would leave and wait until it is recorded.  Raises NotSentError if nobody says `Go` in time."""
        self._go = asyncio.get_running_loop().create_future()
        await self.say(ready)
        try:
            async with asyncio.timeout(self.patience.go_s):
                return await self._go
        except TimeoutError as error:
            raise NotSentError(
                "no_record", "the gateway did not say in time that the disclosure is recorded"
            ) from error

    async def watch(self) -> None:
        """Hear the gateway until cancelled.  Raises PeerGoneError when it closes, FrameError out of turn."""
        while True:
            frame = await read_frame(self._reader)
            if frame is None:
                raise PeerGoneError
            message = to_request(frame.header)
            if not isinstance(message, Go) or self._go is None or self._go.done() or len(frame.body):
                raise FrameError("the gateway spoke out of turn")
            self._go.set_result(message)
