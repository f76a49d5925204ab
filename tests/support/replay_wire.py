"""HTTP/1.1 as vLLM's uvicorn speaks it, small enough to be an instant upstream; for `replay_engine` only."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import httptools

_LEAST = {"string": "", "integer": 0, "number": 0, "boolean": False, "null": None}


def minimal_instance(schema: Any) -> Any:
    """Return the least value that fits a JSON schema of the usual keywords."""
    if not isinstance(schema, dict):
        return None
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return schema["enum"][0]
    alternatives = schema.get("anyOf") or schema.get("oneOf")
    return minimal_instance(alternatives[0]) if alternatives else _minimal_of_type(schema)


def _minimal_of_type(schema: dict[str, Any]) -> Any:
    kind = schema.get("type")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "array":
        return [minimal_instance(schema.get("items"))] * schema.get("minItems", 0)
    if kind == "string":
        return "x" * schema.get("minLength", 0)
    if kind in _LEAST:
        return schema.get("minimum", _LEAST[kind])
    properties = schema.get("properties", {})
    return {name: minimal_instance(properties.get(name, {})) for name in schema.get("required", [])}


Handler = Callable[["ReplayConnection", str, bytes], Awaitable[None]]


class ReplayConnection(asyncio.Protocol):
    """One keep-alive connection; requests on it are answered one after the other."""

    def __init__(self, *, handler: Handler, opened: set["ReplayConnection"]) -> None:
        self._handler = handler
        self._opened = opened
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._task: asyncio.Task[None] | None = None
        self._writable = asyncio.Event()
        self._path = ""
        self._body: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where to write."""
        self._transport = transport  # type: ignore[assignment]
        self._opened.add(self)
        self._writable.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel what is being answered: the caller hung up."""
        del exc
        self._opened.discard(self)
        self._transport = None
        self._writable.set()
        if self._task:
            self._task.cancel()

    def data_received(self, data: bytes) -> None:
        """Parse requests."""
        self._parser.feed_data(data)

    def pause_writing(self) -> None:
        """Make `drain` wait."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """Let `drain` go on."""
        self._writable.set()

    def on_url(self, url: bytes) -> None:
        """Keep the path (httptools)."""
        self._path = url.decode()

    def on_body(self, body: bytes) -> None:
        """Collect the body (httptools)."""
        self._body.append(body)

    def on_message_complete(self) -> None:
        """Answer the request (httptools)."""
        body = b"".join(self._body)
        self._body.clear()
        self._task = asyncio.ensure_future(self._run(self._path, body))

    async def _run(self, path: str, body: bytes) -> None:
        try:
            await self._handler(self, path, body)
        except ConnectionError:
            return

    def send_whole(self, status: int, body: bytes, *, kind: str) -> None:
        """Send one answer with its length."""
        head = f"HTTP/1.1 {status} Replay\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n\r\n"
        self._write(head.encode() + body)

    def send_json(self, status: int, value: object) -> None:
        """Send one JSON answer."""
        self.send_whole(status, json.dumps(value).encode(), kind="application/json")

    def start_stream(self) -> None:
        """Send the head of a chunked event stream."""
        head = (
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n"
        )
        self._write(head)

    def send_event(self, value: object) -> None:
        """Send one server-sent event."""
        self.send_data(b"data: " + json.dumps(value, separators=(",", ":")).encode() + b"\n\n")

    def send_data(self, data: bytes) -> None:
        """Send one HTTP chunk."""
        self._write(b"%x\r\n%b\r\n" % (len(data), data))

    def end_stream(self) -> None:
        """Send the last HTTP chunk."""
        self._write(b"0\r\n\r\n")

    async def drain(self) -> None:
        """Wait until the caller has read enough."""
        await asyncio.sleep(0)
        await self._writable.wait()

    def abort(self) -> None:
        """Drop the connection without a word."""
        if self._transport:
            self._transport.abort()

    def _write(self, data: bytes) -> None:
        if self._transport is None or self._transport.is_closing():
            raise ConnectionResetError
        self._transport.write(data)
