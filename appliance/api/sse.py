"""Server-sent events that tell the truth: the status line waits for the durable release, the end mark for the end.

An answer that breaks off ends with an error event and nothing that looks like success.  A caller that hangs up leaves
the stream's context, which cancels the generation in the engine.  Each event goes to the socket at once.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from typing_extensions import override

from appliance.api import provenance
from appliance.api.disconnect import while_connected
from appliance.api.visit import Visit, visit_of
from appliance.errors import ApplianceError, CallerGoneError, EngineBrokenStreamError, ProviderBrokenStreamError
from appliance.exchange import RouteKind
from appliance.passage import Stream

Write = Callable[[bytes], Awaitable[None]]


class Framing(Protocol):
    """How one surface writes a stream: OpenAI's chunks, or named events."""

    def events(self, stream: Stream) -> AsyncIterator[bytes]:
        """Yield an event for the start and for each piece of the answer."""
        ...

    def end(self, stream: Stream) -> bytes:
        """Return what says that the answer is whole; sent only when it is."""
        ...

    def error(self, error: ApplianceError) -> bytes:
        """Return what says that the answer broke off."""
        ...


class StreamedAnswer(Response):
    """Runs a stream of the pipeline as the response itself, so that a refusal before its start has a real status."""

    media_type = "text/event-stream"

    def __init__(self, opening: AbstractAsyncContextManager[Stream], framing: Framing) -> None:
        """Take what `Pipeline.stream` returned and how to write it."""
        super().__init__()
        self._opening = opening
        self._framing = framing

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer.  Raises ApplianceError as long as nothing has been sent; a caller that is gone gets nothing more."""
        visit = visit_of(scope)
        try:
            await while_connected(receive, self._run(visit, send))
        except CallerGoneError as error:
            visit.fail(error)

    async def _run(self, visit: Visit, send: Send) -> None:
        async def write(event: bytes) -> None:
            await send({"type": "http.response.body", "body": event, "more_body": True})

        is_started = False
        try:
            async with self._opening as stream:
                visit.tell(stream.exchange)
                await send(_start(stream))
                is_started = True
                async for event in self._framing.events(stream):
                    await write(event)
                if not stream.is_whole:
                    raise _broken(stream)
            await write(self._framing.end(stream))
        except ApplianceError as error:
            if not is_started:
                raise
            visit.fail(error)
            await write(self._framing.error(error))
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def _broken(stream: Stream) -> ApplianceError:
    is_managed = stream.exchange.route.kind is RouteKind.MANAGED
    return ProviderBrokenStreamError() if is_managed else EngineBrokenStreamError()


def _start(stream: Stream) -> dict[str, object]:
    headers = {
        "Content-Type": "text/event-stream; charset=utf-8",
        "X-Accel-Buffering": "no",  # a proxy that buffers would turn the stream into one late answer
        **provenance.headers(stream.exchange),
    }
    raw = [(name.lower().encode("ascii"), value.encode("latin-1")) for name, value in headers.items()]
    return {"type": "http.response.start", "status": 200, "headers": raw}
