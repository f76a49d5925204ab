"""HTTP/1.1 on one connection, hardened: caps and clocks that uvicorn does not have.

* A head that is too large is refused while it arrives (431), also when it never ends (CVE-2025-48956 is such a case).
* A head that trickles in (slow-loris) ends with 408; a body that trickles in is answered by `body`, and if the caller
  goes on trickling after that answer, the connection is cut.
* A caller that does not read its answer is cut, so that it cannot hold a place in the engine.
* Connections above the cap are answered 503 at once.
* What is not HTTP gets a problem document and a closed connection.
"""

import asyncio
import math
from typing import TYPE_CHECKING, cast

from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from appliance.api.middleware import SECURITY_HEADERS
from appliance.api.problems import bare_problem
from appliance.config import Limits

if TYPE_CHECKING:
    from uvicorn.config import Config
    from uvicorn.server import ServerState

BODY_GRACE_S = 5.0
"""After the body's own deadline the application gets this long to answer 408 before the connection is cut."""

STALL_S = 30.0
"""A caller that has read nothing for this long, while data waits, is gone: TCP's own timeout takes 15 minutes."""

MAX_DROPPED_BYTES = 16 * 1024 * 1024
"""Eight times the largest body that is served: a caller that sends more has not read its answer."""

NEVER = math.inf
"""No message is arriving."""

PER_HEADER_BYTES = 4
"""Colon, blank and line end beside each name and value."""

_REASONS = {
    400: ("Bad Request", "malformed_http", "This is not HTTP/1.1 as RFC 9112 has it."),
    408: ("Request Timeout", "head_too_slow", "The request's head did not arrive in time."),
    431: ("Request Header Fields Too Large", "headers_too_large", "The request's head is too large; send less."),
    503: ("Service Unavailable", "too_many_connections", "Too many connections are open; try again later."),
}


class HardenedProtocol(HttpToolsProtocol):
    """One connection; owned by the event loop."""

    limits: Limits
    """Set by `bounded`, on a subclass of its own."""

    _head_bytes = 0
    """Of the head that is arriving."""

    _in_head = True
    _dropped_bytes = 0
    """Of bodies that came after their answer."""

    _has_cycle = False
    """Whether uvicorn's `cycle` stands for a request yet."""

    _arrives_by_s = NEVER
    """When the message that is arriving must be whole, on the loop's clock."""

    _watch: asyncio.TimerHandle | None = None
    """Looks at `_arrives_by_s`; one timer serves many requests, since making one for each cost 9 % of the CPU."""

    _stall: asyncio.TimerHandle | None = None
    """Fires when the caller does not read."""

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, or refuse it above the cap."""
        super().connection_made(cast("asyncio.Transport", transport))
        if len(self.connections) > self.limits.connections:
            self._refuse(503)
            return
        self._await_arrival(self.limits.body_timeout_s)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the clocks."""
        if self._watch is not None:
            self._watch.cancel()
        self.resume_writing()
        super().connection_lost(exc)

    @override
    def data_received(self, data: bytes) -> None:
        """Parse what came; refuse a head that goes on without end."""
        if self.transport.is_closing():
            return
        is_of_head = self._in_head or self._arrives_by_s == NEVER  # else it may end a body before the head
        if self._arrives_by_s == NEVER:
            self._await_arrival(self.limits.body_timeout_s)
        super().data_received(data)
        if is_of_head and self._in_head and not self.transport.is_closing():
            self._head_bytes += len(data)
            if self._head_bytes > self.limits.header_bytes:
                self._refuse(431)

    @override
    def on_message_begin(self) -> None:
        """Start counting a new head."""
        super().on_message_begin()
        self._in_head, self._head_bytes = True, 0

    @override
    def on_headers_complete(self) -> None:
        """Hand on a head within the cap; from here on the body's clock runs."""
        size = len(self.url) + sum(len(name) + len(value) + PER_HEADER_BYTES for name, value in self.headers)
        self._in_head = False
        if size > self.limits.header_bytes:
            self._refuse(431)
        if self.transport.is_closing():
            return
        self._await_arrival(self.limits.body_timeout_s + BODY_GRACE_S)
        self._has_cycle = True
        super().on_headers_complete()

    @override
    def on_body(self, body: bytes) -> None:
        """Take a part of a body, unless the connection was refused.

        What comes after the answer (413, 401) is read and dropped, up to a bound: closing at once would reset the
        connection, and the caller would never see the answer (RFC 9112 §9.6).
        """
        if self.transport.is_closing():
            return
        if self.cycle.response_complete:
            self._dropped_bytes += len(body)
            if self._dropped_bytes > MAX_DROPPED_BYTES:
                self.transport.abort()
        super().on_body(body)

    @override
    def on_message_complete(self) -> None:
        """Stop the clock: the message is whole."""
        self._arrives_by_s = NEVER
        if not self.transport.is_closing():
            super().on_message_complete()

    @override
    def pause_writing(self) -> None:
        """Note that the caller does not keep up, and for how long."""
        super().pause_writing()
        if self._stall is None:
            self._stall = self.loop.call_later(STALL_S, self.transport.abort)

    @override
    def resume_writing(self) -> None:
        """Note that the caller reads again."""
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None
        super().resume_writing()

    @override
    def send_400_response(self, msg: str) -> None:
        """Answer what is not HTTP."""
        self._refuse(400)

    def _await_arrival(self, seconds: float) -> None:
        self._arrives_by_s = self.loop.time() + seconds
        if self._watch is not None and self._watch.when() > self._arrives_by_s:
            self._watch.cancel()
            self._watch = None
        if self._watch is None:
            self._watch = self.loop.call_at(self._arrives_by_s, self._look)

    def _look(self) -> None:
        self._watch = None
        if self._arrives_by_s == NEVER:
            return
        if self.loop.time() < self._arrives_by_s:
            self._watch = self.loop.call_at(self._arrives_by_s, self._look)
        elif self._in_head and self._head_bytes and not self._is_answering():
            self._refuse(408)
        else:
            self.transport.abort()

    def _is_answering(self) -> bool:
        return self._has_cycle and not self.cycle.response_complete

    def _refuse(self, status: int) -> None:
        """Answer below the application and close; the bytes are constant."""
        if self._is_answering():  # an answer of an earlier request is on its way: nothing may be mixed into it
            self.transport.abort()
            return
        phrase, code, sentence = _REASONS[status]
        body = bare_problem(status, code, sentence)
        lines = [
            f"HTTP/1.1 {status} {phrase}".encode("ascii"),
            b"content-type: application/problem+json",
            b"content-length: " + str(len(body)).encode("ascii"),
            b"connection: close",
            *(name + b": " + value for name, value in SECURITY_HEADERS),
        ]
        self.transport.write(b"\r\n".join(lines) + b"\r\n\r\n" + body)
        self.transport.close()


def bounded(limits: Limits) -> type[HardenedProtocol]:
    """Return the protocol with these limits; uvicorn makes its instances by itself and passes none of ours."""
    return type("BoundedProtocol", (HardenedProtocol,), {"limits": limits})


def make_protocol(kind: type[HardenedProtocol], config: "Config", state: "ServerState") -> HardenedProtocol:
    """Return the protocol of one new connection."""
    return kind(config=config, server_state=state, app_state={})
