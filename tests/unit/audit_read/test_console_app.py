import io
import json
import logging
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog

from audit.access import asked
from audit.console.app import build_app
from audit.console.journal import configure_journal
from audit.console.reading import Reading
from audit.officers import Officers
from audit.places import find_places
from audit.question import Question
from tests.support.memory_recorder import MemoryRecorder
from tests.support.trail_builder import PATIENT, TrailBuilder


@pytest.fixture(scope="module")
def trail(tmp_path_factory: pytest.TempPathFactory) -> TrailBuilder:
    builder = TrailBuilder(home=tmp_path_factory.mktemp("app") / "h")
    builder.add_exchanges(2)
    return builder


@pytest.fixture
def recorder() -> MemoryRecorder:
    return MemoryRecorder()


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Keep the console's log out of the test's output."""
    with structlog.testing.capture_logs():
        yield


@pytest.fixture
async def client(trail: TrailBuilder, recorder: MemoryRecorder, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    officers = Officers(tmp_path / "custodian")
    key = officers.add("m.weber")
    app = build_app(Reading(find_places(trail.home), recorder), officers)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(transport=transport, base_url="https://console", headers=headers) as client:
        yield client


async def test_a_query_is_recorded_before_it_is_answered(client: httpx.AsyncClient, recorder: MemoryRecorder) -> None:
    answer = await client.post("/api/v1/queries", json={"patient": PATIENT})

    assert len(answer.json()["rows"]) == 2
    [event] = recorder.events
    assert (event.user, event.client, event.code) == ("m.weber", "console", "query")
    assert event.patients == (PATIENT,)
    assert event.facts["results"] == 2
    assert PATIENT not in str(event.facts)


async def test_rows_by_event_are_events(client: httpx.AsyncClient) -> None:
    rows = (await client.post("/api/v1/queries", json={"events": True, "kind": "release"})).json()["rows"]

    assert [row["kind"] for row in rows] == ["release", "release"]


async def test_showing_is_recorded_with_what_was_read(client: httpx.AsyncClient, recorder: MemoryRecorder) -> None:
    answer = await client.get("/api/v1/exchanges/1")

    assert len(answer.json()["events"]) == 4
    assert recorder.events[0].facts == {"read": "1", "records": ["1", "2", "3", "4"]}


@pytest.mark.parametrize("path", ["/api/v1/exchanges", "/api/v1/exchanges/1"])
async def test_without_a_record_there_is_no_answer(
    client: httpx.AsyncClient, recorder: MemoryRecorder, path: str
) -> None:
    recorder.is_down = True

    answer = await client.get(path)

    assert (answer.status_code, answer.json()["code"]) == (503, "audit_unavailable")


async def test_the_checkpoint_needs_a_key_and_no_record(client: httpx.AsyncClient, recorder: MemoryRecorder) -> None:
    answer = await client.get("/api/v1/checkpoint")

    assert answer.json()["size"] == answer.json()["records"] == 9
    assert recorder.events == []


async def test_a_trail_without_checkpoint_says_so(
    tmp_path: Path, trail: TrailBuilder, recorder: MemoryRecorder
) -> None:
    empty = trail.copy(tmp_path / "h")
    empty.sql("DELETE FROM checkpoint")
    officers = Officers(tmp_path / "custodian")
    headers = {"Authorization": f"Bearer {officers.add('m.weber')}"}
    transport = httpx.ASGITransport(build_app(Reading(find_places(empty.home), recorder), officers))

    async with httpx.AsyncClient(transport=transport, base_url="https://console", headers=headers) as client:
        answer = await client.get("/api/v1/checkpoint")

    assert answer.status_code == 404


@pytest.mark.parametrize("scheme", ["Basic", "", "bearer2"])
async def test_only_bearer_is_taken(client: httpx.AsyncClient, scheme: str) -> None:
    key = client.headers["Authorization"].split(" ")[1]

    answer = await client.get("/api/v1/checkpoint", headers={"Authorization": f"{scheme} {key}"})

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/healthz", None, 200),
        ("GET", "/nothing", None, 404),
        ("PUT", "/healthz", None, 405),
        ("GET", "/api/v1/exchanges?patient=x", None, 400),
        ("GET", "/api/v1/exchanges?limit=2000", None, 400),
        ("POST", "/api/v1/queries", b"{", 422),
        ("POST", "/api/v1/queries", b'{"patient": ["x"]}', 422),
        ("POST", "/api/v1/queries", b'{"kind": "x"}', 400),
    ],
)
async def test_answers_have_the_status_that_was_promised(
    client: httpx.AsyncClient, method: str, path: str, body: bytes | None, status: int
) -> None:
    answer = await client.request(method, path, content=body, headers={"Content-Type": "application/json"})

    assert answer.status_code == status
    assert answer.headers["cache-control"] == "no-store"


def test_a_question_is_recorded_without_names_when_no_key_is_at_hand() -> None:
    event = asked(Question(user="dr.house"), operator="o", program="p", results=0, key=None)

    assert event.facts == {"asked_by": ["user"], "limit": 50, "results": 0}


def test_the_journal_is_json_and_uvicorn_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    before = structlog.get_config()
    try:
        configure_journal()
        structlog.get_logger("x").info("console_started", port=1)
    finally:
        structlog.configure(**before)
        names = ("uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi")
        silent = [logging.getLogger(name).disabled for name in names]
        for name in names:
            logging.getLogger(name).disabled = False

    line: dict[str, Any] = json.loads(stream.getvalue())
    assert (line["event"], line["level"], line["port"]) == ("console_started", "info", 1)
    assert silent == [True] * 4
