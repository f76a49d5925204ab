"""A TLS server on loopback that says what a test writes, byte for byte, and counts what was asked of it."""

import asyncio
import contextlib
import ssl
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from appliance.policy.register import Endpoint
from tests.support.stand_ins.certificates import HOST, Certificates

Saying = Callable[[asyncio.StreamWriter], Awaitable[None]]
"""What is said to one request."""


def http_answer(
    body: bytes = b"{}", *, status: str = "200 OK", kind: str = "application/json", headers: str = ""
) -> bytes:
    """Return the bytes of an answer."""
    head = f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n{headers}\r\n"
    return head.encode() + body


def saying(*pieces: bytes, pause_s: float = 0.0, then: str = "stay") -> Saying:
    """Say the pieces with a pause before each, then stay, hang up, or fall silent until the caller goes."""

    async def say(writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            await asyncio.sleep(pause_s)
            writer.write(piece)
            await writer.drain()
        if then == "hang_up":
            writer.transport.abort()
        if then == "silence":
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                await writer.wait_closed()

    return say


@dataclass(slots=True, kw_only=True, eq=False)
class ScriptedServer:
    """One running server; make it with `running`."""

    script: deque[Saying]
    certificates: Certificates
    port: int = 0
    requests: list[bytes] = field(default_factory=list)
    """Head and body of each request."""

    connections: int = 0
    names: list[str | None] = field(default_factory=list)
    """The server name of each handshake."""

    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @classmethod
    @contextlib.asynccontextmanager
    async def running(
        cls, script: Iterable[Saying], *, certificates: Certificates, tls: ssl.SSLContext | None = None
    ) -> AsyncIterator["ScriptedServer"]:
        """Run one on a free port until the block ends."""
        server = cls(script=deque(script), certificates=certificates)
        context = tls or certificates.right
        context.sni_callback = lambda _, name, __: server.names.append(name)
        listener = await asyncio.start_server(server._serve, "127.0.0.1", 0, ssl=context)
        server.port = listener.sockets[0].getsockname()[1]
        try:
            yield server
        finally:
            listener.close()
            for task in tuple(server._tasks):
                task.cancel()
            await asyncio.gather(*server._tasks, return_exceptions=True)

    def endpoint(self, **changes: Any) -> Endpoint:
        """Return the endpoint that pins it."""
        told: dict[str, Any] = {"port": self.port, "addresses": ("127.0.0.1",), "ca_pem": self.certificates.ca_pem}
        return Endpoint(**{"host": HOST, **told, **changes})

    @property
    def open(self) -> int:
        """Return how many connections there are."""
        return len(self._tasks)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError, asyncio.CancelledError):
            while self.script:
                head = await reader.readuntil(b"\r\n\r\n")
                self.requests.append(head + await reader.readexactly(_length_of(head)))
                await self.script.popleft()(writer)
        writer.transport.abort()
        self._tasks.discard(task)


def _length_of(head: bytes) -> int:
    lines = head.decode().lower().split("\r\n")
    return sum(int(line.partition(":")[2]) for line in lines if line.startswith("content-length:"))
