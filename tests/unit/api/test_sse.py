"""An answer that stops without its end is told as broken, by the part that broke it."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from appliance.api.sse import StreamedAnswer
from appliance.api.task_answer import EventFraming
from appliance.api.visit import new_visit, visit_of
from appliance.clinical_text import ClinicalText
from appliance.exchange import Delta, EvidenceState, Exchange, ModelIdentity, Route, RouteKind
from appliance.passage import Stream
from appliance.screening import Ending


def a_stream(kind: RouteKind) -> Stream:
    """Return a stream that stops after a piece and was never whole."""

    async def pieces() -> AsyncGenerator[Delta]:
        yield Delta(text=ClinicalText("The patient"))

    route = Route(kind=kind, provider="example", reasons=("Because.",), state=EvidenceState.MEETS)
    model = ModelIdentity(name="model", digest="a" * 64)
    exchange = Exchange(id="ex_1", task="letter", route=route, model=model, receipt="audit1.x.y")
    return Stream(exchange, Ending(is_whole=False), pieces())


@pytest.mark.parametrize(
    ("kind", "code"), [(RouteKind.LOCAL, "engine_stream_broken"), (RouteKind.MANAGED, "provider_stream_broken")]
)
async def test_an_answer_that_stops_without_its_end_blames_who_stopped(kind: RouteKind, code: str) -> None:
    scope: dict[str, Any] = {"type": "http", "headers": []}
    new_visit(scope, 0.0)
    sent: list[bytes] = []

    @asynccontextmanager
    async def opening() -> AsyncIterator[Stream]:
        yield a_stream(kind)

    async def send(message: Any) -> None:
        sent.append(message.get("body", b""))

    async def receive() -> Any:
        await asyncio.Event().wait()

    await StreamedAnswer(opening(), EventFraming())(scope, receive, send)

    assert visit_of(scope).code == code
    assert b"event: error" in sent[-2]
    assert b"event: done" not in b"".join(sent)
