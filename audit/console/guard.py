"""What stands around every request of the console: caps on the body, headers that forbid caching, one log line.

The whole body is read before anything else looks at it, with a cap and a time limit (slow-loris, CWE-400).  The log
line holds the route's template, never the path: a path may hold an exchange id, a query string may hold anything.
"""

import asyncio
import time
from http import HTTPStatus

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from audit.console.problems import problem

MAX_BODY_BYTES = 64 * 1024
"""A query is a few hundred bytes."""

BODY_TIMEOUT_S = 10.0
"""The whole body must be here by then."""

_HEADERS = (
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"strict-transport-security", b"max-age=31536000"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
)
"""Nothing is kept by a browser or a proxy; a page that is made for a browser brings a content policy of its own."""

_log = structlog.get_logger("audit.console")


class Guard:
    """ASGI middleware around the console's application."""

    def __init__(self, app: ASGIApp) -> None:
        """Take the application inside."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on once its body is here and small enough."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        reply = _Reply(scope, send)
        try:
            body = await asyncio.wait_for(_read(receive), BODY_TIMEOUT_S)
        except TimeoutError:
            late = "The body did not arrive in time; send it again."
            await self._refuse(reply, receive, HTTPStatus.REQUEST_TIMEOUT, code="body_too_slow", detail=late)
            return
        if body is None:
            await self._refuse(
                reply,
                receive,
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                code="request_too_large",
                detail=f"A query has at most {MAX_BODY_BYTES} bytes; send less.",
            )
            return
        await self._app(scope, _Replay(body, receive), reply)
        reply.log()

    @staticmethod
    async def _refuse(reply: "_Reply", receive: Receive, status: HTTPStatus, *, code: str, detail: str) -> None:
        response = problem(status, code, detail, headers={"Connection": "close"})
        await response(reply.scope, receive, reply)
        reply.log()


class _Reply:
    """The way out: adds the headers and remembers the status for the log."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self.scope = scope
        self._send = send
        self._status = 0
        self._began = time.monotonic()

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            own = {name.lower() for name, _value in message["headers"]}
            added = [(name, value) for name, value in _HEADERS if name not in own]
            message = {**message, "headers": [*message["headers"], *added]}
        await self._send(message)

    def log(self) -> None:
        """Write the one line of this request."""
        route = getattr(self.scope.get("route"), "path", "")
        _log.info(
            "request_answered",
            method=self.scope["method"] if self.scope["method"].isalpha() else "",
            route=route,
            status=self._status,
            milliseconds=round((time.monotonic() - self._began) * 1000),
        )


class _Replay:
    """Hand the body on as one message, then whatever the connection says next."""

    def __init__(self, body: bytes, receive: Receive) -> None:
        self._body: bytes | None = body
        self._receive = receive

    async def __call__(self) -> Message:
        if self._body is None:
            return await self._receive()
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}


async def _read(receive: Receive) -> bytes | None:
    """Return the whole body, or None as soon as it is over the cap."""
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > MAX_BODY_BYTES:
            return None
        if not message.get("more_body", False):
            return bytes(body)
