from typing import Any

import pytest
from prometheus_client import generate_latest
from starlette.types import Receive, Scope, Send
from structlog.testing import capture_logs

from appliance.api.metrics import Metrics
from appliance.api.middleware import Boundary, CutError
from appliance.clock import Clock

SECRET = "Jane Canary"


async def refuse(_scope: Scope, _receive: Receive, _send: Send) -> None:
    """Fail before anything was sent."""
    raise KeyError(SECRET)


async def break_off(_scope: Scope, _receive: Receive, send: Send) -> None:
    """Fail in the middle of an answer."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    raise KeyError(SECRET)


async def receive() -> dict[str, Any]:
    """Return nothing of interest."""
    return {"type": "http.disconnect"}


async def pass_through(app: Any, kind: str = "http") -> tuple[list[dict[str, Any]], Metrics]:
    """Return what went out for one request."""
    sent: list[dict[str, Any]] = []
    metrics = Metrics()

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await Boundary(app, metrics=metrics, clock=Clock())({"type": kind, "headers": [], "path": "/"}, receive, send)
    return sent, metrics


async def test_an_unforeseen_exception_becomes_500_that_tells_nothing() -> None:
    with capture_logs() as logs:
        sent, metrics = await pass_through(refuse)

    assert sent[0]["status"] == 500
    assert b"internal_error" in sent[1]["body"]
    assert SECRET not in f"{sent}{logs}"
    assert [entry["event"] for entry in logs] == ["request_failed", "request"]
    assert b'code="internal_error"' in generate_latest(metrics.registry)


async def test_an_answer_that_cannot_be_finished_is_cut() -> None:
    with capture_logs() as logs, pytest.raises(CutError) as caught:
        await pass_through(break_off)

    assert caught.value.__suppress_context__
    assert SECRET not in str(logs)


async def test_other_kinds_of_connections_do_not_exist() -> None:
    assert (await pass_through(refuse, kind="lifespan"))[0] == []
