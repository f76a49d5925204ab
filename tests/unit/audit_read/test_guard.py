import asyncio
import json
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Message, Receive, Scope, Send

from audit.console import guard
from audit.console.guard import MAX_BODY_BYTES, Guard
from audit.console.problems import on_audit_error, on_fault, on_http_error, on_invalid
from audit.errors import FormatError, OpenError, StoreError

SCOPE: Scope = {"type": "http", "method": "POST", "path": "/x", "headers": [], "query_string": b""}


async def _echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the length of the body, and with what the connection says after it."""
    body = await Request(scope, receive).body()
    after = await receive()
    await JSONResponse({"bytes": len(body), "after": after["type"]})(scope, receive, send)


async def _ask(messages: list[Message], scope: Scope = SCOPE) -> tuple[int, dict[str, Any]]:
    incoming, sent = iter(messages), list[Message]()

    async def receive() -> Message:
        try:
            return next(incoming)
        except StopIteration:
            return await asyncio.Future()

    async def send(message: Message) -> None:
        sent.append(message)

    await Guard(_echo)(scope, receive, send)
    return sent[0]["status"], json.loads(sent[1]["body"])


async def test_a_body_in_pieces_arrives_whole() -> None:
    pieces = [{"type": "http.request", "body": b"ab", "more_body": more} for more in (True, True, False)]

    assert await _ask([*pieces, {"type": "http.disconnect"}]) == (200, {"bytes": 6, "after": "http.disconnect"})


async def test_a_body_above_the_cap_is_refused_before_it_is_whole() -> None:
    piece = {"type": "http.request", "body": b"x" * (MAX_BODY_BYTES + 1), "more_body": True}

    status, problem = await _ask([piece])

    assert (status, problem["code"]) == (413, "request_too_large")


async def test_a_body_that_never_ends_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "BODY_TIMEOUT_S", 0.01)

    status, problem = await _ask([{"type": "http.request", "body": b"x", "more_body": True}])

    assert (status, problem["code"]) == (408, "body_too_slow")


async def test_what_is_no_request_passes_by() -> None:
    seen = []

    async def app(scope: Scope, _receive: Receive, _send: Send) -> None:
        seen.append(scope["type"])

    await Guard(app)({"type": "lifespan"}, None, None)  # type: ignore[arg-type]

    assert seen == ["lifespan"]


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (StoreError("gone"), 503, "store_unusable"),
        (FormatError("odd"), 500, "format_invalid"),
        (OpenError("no"), 500, "open_failed"),
        (ValueError("a library's own words"), 500, "internal_error"),
    ],
)
async def test_each_error_has_its_status(error: Exception, status: int, code: str) -> None:
    response = await on_audit_error(Request(SCOPE), error)

    assert response.status_code == status
    assert json.loads(bytes(response.body))["code"] == code
    assert b"library" not in bytes(response.body)


async def test_what_no_handler_expects_is_still_a_problem_without_detail() -> None:
    for handler in (on_invalid, on_http_error, on_fault):
        response = await handler(Request(SCOPE), ValueError("a library's own words"))
        assert response.status_code >= 400
        assert b"library" not in bytes(response.body)
