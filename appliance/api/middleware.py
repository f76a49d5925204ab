"""The ASGI boundary: what surrounds every request, in one pure ASGI layer.

It gives each request its ids, puts ids and security headers on each answer, counts and logs it once with typed fields,
and is one of the three places where any exception is caught: the caller then learns nothing but ``internal_error``,
and the log the exception's type and place.  A stream that had begun is cut, so that it cannot pass for a whole answer.
"""

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from appliance.api.metrics import Metrics
from appliance.api.problems import bare_problem
from appliance.api.visit import Visit, new_visit
from appliance.clock import Clock
from appliance.held_loggers import describe

SECURITY_HEADERS = (
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"strict-transport-security", b"max-age=31536000"),
)
"""On every answer: nothing is cached, sniffed, framed or sent on (OWASP Secure Headers)."""

_FAILED = "The appliance could not do this; its operator finds the reason in the log."


class Boundary:
    """Wraps the whole application."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics, clock: Clock) -> None:
        """Take what it wraps, where it counts and how it measures."""
        self._app = app
        self._metrics = metrics
        self._clock = clock
        self._log = structlog.get_logger("gateway")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request; the gateway has no other kind of connection."""
        if scope["type"] != "http":
            return
        visit = new_visit(scope, self._clock.monotonic_s())
        status = 0

        async def dress(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], *_headers(visit)]
            await send(message)

        self._metrics.in_flight.inc()
        try:
            await self._app(scope, receive, dress)
        except Exception as error:  # noqa: BLE001  # the ASGI boundary, one of the three named places
            visit.code = "internal_error"
            self._log.error("request_failed", **describe(error))
            if status:
                raise CutError from None  # the server drops the connection; the cause was logged by type
            await _fail(dress)
        finally:
            self._metrics.in_flight.dec()
            self._finish(visit, status)

    def _finish(self, visit: Visit, status: int) -> None:
        seconds = self._clock.monotonic_s() - visit.started_s
        self._metrics.count(visit, seconds)
        self._log.info(
            "request",
            exchange=visit.exchange,
            trace=visit.trace_id,
            client=visit.client,
            surface=visit.surface,
            task=visit.task,
            route=visit.route,
            status=status,
            ms=round(seconds * 1000),
            code=visit.code,
        )


class CutError(Exception):
    """Make the server drop a connection whose answer cannot be finished; says nothing else on purpose."""


def _headers(visit: Visit) -> list[tuple[bytes, bytes]]:
    return [
        (b"x-request-id", visit.request_id.encode("ascii")),
        (b"traceparent", visit.traceparent().encode("ascii")),
        *SECURITY_HEADERS,
    ]


async def _fail(send: Send) -> None:
    body = bare_problem(500, "internal_error", _FAILED)
    headers = [(b"content-type", b"application/problem+json"), (b"content-length", str(len(body)).encode("ascii"))]
    await send({"type": "http.response.start", "status": 500, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
