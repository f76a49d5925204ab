"""One HTTP request as the gateway's own bookkeeping sees it: ids in and out, and what the log line will say.

Made by `middleware` before anything else runs and handed on in the ASGI scope.  It holds no header value but two that
were checked against a narrow form, and never a part of a body.
"""

import re
import secrets
from dataclasses import dataclass
from typing import cast

from starlette.types import Scope

from appliance.errors import ApplianceError
from appliance.exchange import Exchange

SCOPE_KEY = "appliance.visit"
"""Where the visit stands in the ASGI scope."""

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:/+=-]{1,128}")
"""Fits UUIDs, ULIDs and the ids of common proxies; nothing that could break a header or a log."""

_TRACEPARENT = re.compile(rb"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
"""W3C Trace Context §3.2; other versions start a new trace."""


@dataclass(slots=True, kw_only=True)
class Visit:
    """One request from its first byte to its last; owned by the task that handles it."""

    request_id: str
    trace_id: str
    """32 hex digits."""

    trace_flags: str
    span_id: str
    """16 hex digits, this gateway's own span."""

    started_s: float
    """Monotonic."""

    surface: str = "other"
    client: str = ""
    task: str = ""
    """Set once the task is known to exist for this caller: a log or metric never shows a word of the caller's."""

    route: str = ""
    exchange: str = ""
    code: str = ""
    """Stable code of the error that ended it; empty for success."""

    def tell(self, exchange: Exchange) -> None:
        """Note what was answered."""
        self.exchange, self.task, self.route = exchange.id, exchange.task, exchange.route.label()

    def fail(self, error: ApplianceError) -> None:
        """Note what went wrong."""
        self.code = error.code
        self.exchange = error.exchange_id or self.exchange

    def traceparent(self) -> str:
        """Return the W3C header of this gateway's span."""
        return f"00-{self.trace_id}-{self.span_id}-{self.trace_flags}"


def new_visit(scope: Scope, started_s: float) -> Visit:
    """Return the visit of a request and put it into the scope."""
    request_id, trace_id, flags = "", "", "01"
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
            request_id = value.decode("ascii")
        elif name == b"traceparent" and (match := _TRACEPARENT.fullmatch(value)) and int(match[1], 16):
            trace_id, flags = match[1].decode("ascii"), match[3].decode("ascii")
    visit = Visit(
        request_id=request_id or f"req_{secrets.token_hex(16)}",
        trace_id=trace_id or secrets.token_hex(16),
        trace_flags=flags,
        span_id=secrets.token_hex(8),
        started_s=started_s,
    )
    scope[SCOPE_KEY] = visit
    return visit


def visit_of(scope: Scope) -> Visit:
    """Return the visit that `new_visit` put there."""
    return cast("Visit", scope[SCOPE_KEY])
