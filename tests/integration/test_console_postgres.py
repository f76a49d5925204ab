"""The console on PostgreSQL reads as the read-only role, answers as on SQLite, and cannot change a row."""

from collections.abc import Iterator

import pytest
import structlog

from tests.support.console_client import Console, console_of
from tests.support.officers import FIRST, SECOND
from tests.support.postgres import READER, RECORDER, PostgresDatabase, PostgresServer
from tests.support.store_trail import StoreTrail
from tests.support.trail_builder import PATIENT


@pytest.fixture(scope="module")
def database(postgres: PostgresServer) -> PostgresDatabase:
    return postgres.database()


@pytest.fixture(scope="module")
def trail(database: PostgresDatabase, tmp_path_factory: pytest.TempPathFactory) -> StoreTrail:
    settings = f"database: {database.text(RECORDER)}\nreaders: {database.text(READER)}\n"
    home = tmp_path_factory.mktemp("postgres") / "h"
    return StoreTrail.build(home, settings=settings, owner=database.owner, exchanges=3)


@pytest.fixture
def console(trail: StoreTrail) -> Iterator[Console]:
    with structlog.testing.capture_logs():
        yield console_of(trail.home)
    for file in (trail.home / "custodian").glob("officers.*"):
        file.unlink()


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/api/v1/exchanges?state=answered", None),
        ("POST", "/api/v1/queries", {"patient": PATIENT}),
        ("GET", "/api/v1/events?kind=release", None),
    ],
)
async def test_questions_are_answered_from_postgresql(
    console: Console, method: str, path: str, body: dict[str, str] | None
) -> None:
    answer = await console.ask(method, path, body)

    assert answer.status_code == 200, answer.text
    assert len(answer.json()["rows"]) >= 3


async def test_two_officers_open_a_body_from_postgresql(console: Console) -> None:
    name = (await console.ask("GET", "/api/v1/exchanges")).json()["rows"][0]["exchange"]
    wish = {"action": "open_body", "subject": name, "case": "CASE-9"}
    approval = (await console.ask("POST", "/api/v1/approvals", wish, officer=FIRST)).json()["approval"]
    await console.ask("POST", f"/api/v1/approvals/{approval}/give", officer=SECOND)

    opened = await console.ask("POST", "/api/v1/openings", {"exchange": name, "approval": approval}, officer=FIRST)

    assert opened.json()["events"][0]["patients"] == [PATIENT]


@pytest.mark.parametrize("path", ["/api/v1/exchanges/ex%00", "/api/v1/exchanges/%F0%9F%98%80", "/api/v1/exchanges/'"])
async def test_an_odd_name_is_nobodys_on_postgresql_too(console: Console, path: str) -> None:
    assert (await console.ask("GET", path)).status_code == 404


async def test_a_feed_and_the_checkpoint_come_from_postgresql(console: Console) -> None:
    feed = await console.ask("GET", "/api/v1/feeds/csv")
    checkpoint = await console.ask("GET", "/api/v1/checkpoint")

    assert len(feed.text.splitlines()) > 12
    assert checkpoint.json()["records"] == checkpoint.json()["size"]
