"""One HTTP/1.1 connection to the engine, and the bounded pool of them.

Every token of a stream is a small chunk of its own, so this is the hottest path of the gateway.  Measured on two
cores, one paced chunk costs about 105 microseconds through httpx and about 20 through this; one short request
750 and 130.  It speaks to one known server on this machine and to nobody else: no proxies, redirects, cookies,
compression or TLS.  Closing a connection in mid-answer is how a generation is aborted in vLLM.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, cast

import httptools
from typing_extensions import override

from appliance.engine.address import Address

MAX_HEAD_BYTES: Final = 65_536
"""Of the status line and headers of an answer; uvicorn's own limit."""

PAUSE_BYTES: Final = 262_144
"""Unread bytes above which the engine is made to wait: bounds memory when the caller reads slowly."""

CONNECT_WITHIN_S: Final = 2.0
"""A local socket connects at once or its server is not there."""


class LostError(ConnectionError):
    """Say that the connection ended before the answer did."""


class StalledError(TimeoutError):
    """Say that not one byte came for too long."""


class Connection(asyncio.Protocol):
    """One connection; owned by one request at a time.  Call `send`, then `status`, then `read` until empty."""

    def __init__(self, *, stall_s: float) -> None:
        """Take the seconds after which silence in mid-answer is an error."""
        self._stall_s = stall_s
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._waiter: asyncio.Future[None] | None = None
        self._watch: asyncio.TimerHandle | None = None
        self._heard_s = 0.0
        self._error: Exception | None = None
        self._body = bytearray()
        self._head_bytes = 0
        self._has_head = False
        self._is_whole = True
        self._is_paused = False

    @property
    def is_reusable(self) -> bool:
        """Say whether the last answer was read to its end and the connection is still open."""
        if self._transport is None or self._transport.is_closing():
            return False
        return self._is_whole and self._error is None and not self._body

    @property
    def has_heard(self) -> bool:
        """Say whether any byte of an answer to the present request has come."""
        return self._head_bytes > 0

    def send(self, head: bytes, body: bytes) -> None:
        """Write one request.  Raises LostError if the connection has gone."""
        if self._transport is None:
            raise LostError
        self._parser = httptools.HttpResponseParser(self)
        self._head_bytes, self._has_head, self._is_whole = 0, False, False
        self._heard_s = self._loop.time()
        self._watch = self._loop.call_later(self._stall_s, self._check_stall)
        self._transport.write(head + body)

    async def status(self) -> int:
        """Wait for the head of the answer and return its status.  Raises LostError or StalledError."""
        while not self._has_head:
            await self._wait()
        return self._parser.get_status_code()

    async def read(self) -> bytes:
        """Return the next bytes of the body, empty at its end.  Raises LostError or StalledError."""
        while not self._body:
            if self._is_whole:
                return b""
            await self._wait()
        piece = bytes(self._body)
        self._body.clear()
        if self._is_paused and self._transport is not None:
            self._is_paused = False
            self._transport.resume_reading()
        return piece

    def close(self) -> None:
        """Drop the connection; an answer under way is aborted by the engine."""
        self._stop_watch()
        if self._transport is not None:
            self._transport.abort()

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if not self._is_whole:
            self._fail(LostError())

    @override
    def data_received(self, data: bytes) -> None:
        if self._is_whole:
            self.close()  # nobody asked for these bytes: they must not become the next request's answer
            return
        self._heard_s = self._loop.time()
        if not self._has_head:
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._fail(LostError())
        if not self._has_head and self._head_bytes > MAX_HEAD_BYTES:
            self._fail(LostError())
        if len(self._body) > PAUSE_BYTES and not self._is_paused and self._transport is not None:
            self._is_paused = True
            self._transport.pause_reading()
        self._wake()

    def on_headers_complete(self) -> None:
        """Note that the head is here (httptools)."""
        self._has_head = True

    def on_body(self, body: bytes) -> None:
        """Keep bytes of the answer (httptools); more than the answer would be somebody else's."""
        if self._is_whole:
            self._fail(LostError())
        else:
            self._body += body

    def on_message_complete(self) -> None:
        """Note that the answer is whole (httptools)."""
        self._is_whole = True
        self._stop_watch()
        if not self._parser.should_keep_alive():
            self.close()

    async def _wait(self) -> None:
        if self._error is not None:
            raise self._error
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _fail(self, error: Exception) -> None:
        self._error = self._error or error
        self.close()
        self._wake()

    def _check_stall(self) -> None:
        left_s = self._heard_s + self._stall_s - self._loop.time()
        if left_s <= 0 and not self._is_paused:
            self._fail(StalledError())
        else:
            self._watch = self._loop.call_later(max(left_s, 1.0), self._check_stall)

    def _stop_watch(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None


class Pool:
    """At most so many connections to one address; idle ones are used again."""

    def __init__(self, address: Address, *, size: int, stall_s: float) -> None:
        """Take where to connect, the most connections, and the longest silence in an answer."""
        self._address = address
        self._stall_s = stall_s
        self._places = asyncio.Semaphore(size)
        self._idle: list[Connection] = []

    @asynccontextmanager
    async def request(self, head: bytes, body: bytes) -> AsyncIterator[Connection]:
        """Send one request and hand out its connection with the head of the answer there.

        Leaving before the answer has been read to its end closes the connection.  Raises OSError (LostError,
        StalledError, a refused connection).
        """
        async with self._places:
            connection = await self._exchange(head, body)
            try:
                yield connection
            finally:
                if connection.is_reusable:
                    self._idle.append(connection)
                else:
                    connection.close()

    async def aclose(self) -> None:
        """Close what is idle; what is in use closes with its request."""
        while self._idle:
            self._idle.pop().close()
        await asyncio.sleep(0)

    async def _exchange(self, head: bytes, body: bytes) -> Connection:
        """Send on an idle connection or, if the engine has just closed that one, on a fresh one."""
        while self._idle:
            idle = self._idle.pop()
            if not idle.is_reusable:
                continue
            try:
                return await _sent(idle, head, body)
            except LostError:
                if idle.has_heard:
                    raise
        return await _sent(await self._connect(), head, body)

    async def _connect(self) -> Connection:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(CONNECT_WITHIN_S):
            if self._address.socket is not None:
                _, connection = await loop.create_unix_connection(self._make, str(self._address.socket))
            else:
                _, connection = await loop.create_connection(self._make, self._address.host, self._address.port)
        return connection

    def _make(self) -> Connection:
        return Connection(stall_s=self._stall_s)


async def _sent(connection: Connection, head: bytes, body: bytes) -> Connection:
    """Send a request and wait for the head of its answer; close the connection if that fails."""
    try:
        connection.send(head, body)
        await connection.status()
    except BaseException:
        connection.close()
        raise
    return connection
