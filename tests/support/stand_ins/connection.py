"""HTTP/1.1 as a stand-in speaks it: requests kept to the byte, answers whole or chunked, and breaks on purpose.

Keep-alive works as at a vendor, so that a caller's pool is real.  For stand-ins only: it trusts its caller.
"""

import asyncio
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass

MAX_BODY_BYTES = 32 * 1024 * 1024
"""As Anthropic's own limit of a request; the others are of the same order."""

_REASONS = {
    200: "OK", 307: "Temporary Redirect", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found",
    405: "Method Not Allowed", 413: "Payload Too Large", 429: "Too Many Requests", 500: "Internal Server Error",
    503: "Service Unavailable", 529: "Overloaded",
}  # fmt: skip


class BadRequestError(Exception):
    """Say that bytes came which are no HTTP request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One request as it came."""

    method: str
    target: str
    """Path and query, still escaped."""

    headers: tuple[tuple[str, str], ...]
    """In their order, names as written."""

    body: bytes

    @property
    def path(self) -> str:
        """Return the path without the query, still escaped."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        """Return the query, still escaped; empty without one."""
        return self.target.partition("?")[2]

    def header(self, name: str) -> str:
        """Return the value of a header, whatever the case of its name; empty without it."""
        return next((value for each, value in self.headers if each.lower() == name), "")


class Connection:
    """One connection of a caller."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def read(self) -> Received | None:
        """Read one request, or return None when the caller has closed.  Raises BadRequestError on anything else."""
        try:
            head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        except asyncio.IncompleteReadError as error:
            if not error.partial:
                return None
            raise BadRequestError from error
        except asyncio.LimitOverrunError as error:
            raise BadRequestError from error
        first, *lines = head.removesuffix("\r\n\r\n").split("\r\n")
        method, target, _ = first.split(" ")
        headers = tuple((name, value.strip()) for name, _, value in (line.partition(":") for line in lines))
        received = Received(method=method, target=target, headers=headers, body=b"")
        length = int(received.header("content-length") or 0)
        if received.header("transfer-encoding") or length > MAX_BODY_BYTES:
            raise BadRequestError
        body = await self._reader.readexactly(length)
        return Received(method=method, target=target, headers=headers, body=body)

    async def send(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        """Send one answer with its length."""
        self._writer.write(self._head(status, {**headers, "content-length": str(len(body))}) + body)
        await self._writer.drain()

    async def start(self, headers: Mapping[str, str]) -> None:
        """Send the head of a chunked answer."""
        self._writer.write(self._head(200, {**headers, "transfer-encoding": "chunked"}))
        await self._writer.drain()

    async def chunk(self, data: bytes) -> None:
        """Send one chunk."""
        self._writer.write(b"%x\r\n%b\r\n" % (len(data), data))
        await self._writer.drain()

    async def end(self) -> None:
        """Send the last chunk."""
        self._writer.write(b"0\r\n\r\n")
        await self._writer.drain()

    async def reset(self) -> None:
        """Drop the connection with a TCP reset, after what was sent has left."""
        await asyncio.sleep(0)
        plain = self._writer.get_extra_info("socket")
        # SO_LINGER with no time makes the kernel send RST instead of FIN, as a crashed peer's does.
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()

    async def lost(self) -> None:
        """Wait until the caller hangs up."""
        while await self._reader.read(65536):
            pass

    def close(self) -> None:
        """Close it."""
        self._writer.transport.abort()

    @staticmethod
    def _head(status: int, headers: Mapping[str, str]) -> bytes:
        lines = [f"HTTP/1.1 {status} {_REASONS[status]}", *(f"{name}: {value}" for name, value in headers.items())]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
