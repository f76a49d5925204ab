import io
import json
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from audit.access import asked
from audit.console import limits
from audit.console.journal import configure_journal
from audit.errors import AppendError, DiskReservedError, QuarantinedError
from audit.officers import Officers
from audit.places import find_places
from audit.question import Question
from tests.support.console_client import Console, console_of
from tests.support.officers import FIRST, READER, SECOND
from tests.support.trail_builder import PATIENT, TrailBuilder


@pytest.fixture(scope="module")
def trail(tmp_path_factory: pytest.TempPathFactory) -> TrailBuilder:
    builder = TrailBuilder(home=tmp_path_factory.mktemp("app") / "h")
    builder.add_exchanges(2)
    return builder


@pytest.fixture
def console(trail: TrailBuilder, tmp_path: Path) -> Console:
    return console_of(trail.copy(tmp_path / "h").home)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Keep the console's log out of the test's output."""
    with structlog.testing.capture_logs():
        yield


async def test_a_query_is_recorded_before_it_is_answered(console: Console) -> None:
    answer = await console.ask("POST", "/api/v1/queries", {"patient": PATIENT})

    assert len(answer.json()["rows"]) == 2
    event = console.recorder.events[-1]
    assert (event.user, event.client, event.code) == (READER, "console", "query")
    assert event.patients == (PATIENT,)
    assert event.facts["results"] == 2
    assert PATIENT not in str(event.facts)


async def test_several_patients_are_asked_for_at_once(console: Console) -> None:
    answer = await console.ask("POST", "/api/v1/queries", {"patients": [PATIENT, "MRN-other"]})

    assert len(answer.json()["rows"]) == 2
    assert console.recorder.events[-1].patients == (PATIENT, "MRN-other")


async def test_rows_by_event_are_events(console: Console) -> None:
    rows = (await console.ask("POST", "/api/v1/queries", {"events": True, "kind": "release"})).json()["rows"]
    listed = (await console.ask("GET", "/api/v1/events?kind=release")).json()["rows"]

    assert [row["kind"] for row in rows] == ["release", "release"]
    assert listed == rows


@pytest.mark.parametrize(
    "filters",
    ["task=medical-coding", "client=ehr-main", "tenant=sandbox", "state=answered", "route=local", "code=route"],
)
async def test_every_filter_that_names_nobody_stands_in_an_address(console: Console, filters: str) -> None:
    answer = await console.ask("GET", f"/api/v1/exchanges?{filters}")

    assert len(answer.json()["rows"]) == 2


async def test_pages_follow_each_other_and_end(console: Console) -> None:
    first = (await console.ask("GET", "/api/v1/exchanges?limit=1")).json()
    second = (await console.ask("GET", f"/api/v1/exchanges?limit=1&cursor={first['next_cursor']}")).json()

    assert [len(page["rows"]) for page in (first, second)] == [1, 1]
    assert first["rows"] != second["rows"]
    assert second["next_cursor"] == ""


async def test_showing_is_recorded_with_what_was_read(console: Console) -> None:
    answer = await console.ask("GET", "/api/v1/exchanges/1")

    assert len(answer.json()["events"]) == 4
    assert console.recorder.events[-1].facts == {"read": "1", "records": ["1", "2", "3", "4"]}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/api/v1/exchanges", None),
        ("GET", "/api/v1/events", None),
        ("GET", "/api/v1/exchanges/1", None),
        ("POST", "/api/v1/queries", {}),
        ("POST", "/api/v1/disclosures", {"patients": [PATIENT]}),
        ("GET", "/api/v1/disclosures/summary", None),
        ("GET", "/api/v1/feeds/ocsf", None),
    ],
)
async def test_without_a_record_there_is_no_answer(console: Console, method: str, path: str, body: Any) -> None:
    await console.ask("GET", "/api/v1/checkpoint")
    console.recorder.is_down = True

    answer = await console.ask(method, path, body)

    assert (answer.status_code, answer.json()["code"]) == (503, "audit_unavailable")


@pytest.mark.parametrize(
    ("reason", "code"),
    [(QuarantinedError("x"), "trail_quarantined"), (DiskReservedError("x"), "disk_reserved")],
)
async def test_why_no_read_is_answered_is_said(console: Console, reason: AppendError, code: str) -> None:
    await console.ask("GET", "/api/v1/checkpoint")
    console.recorder.refusal = reason

    answer = await console.ask("GET", "/api/v1/exchanges")

    assert (answer.status_code, answer.json()["code"]) == (503, code)


async def test_the_checkpoint_and_the_health_need_a_right_and_no_record(console: Console) -> None:
    checkpoint = (await console.ask("GET", "/api/v1/checkpoint")).json()
    health = (await console.ask("GET", "/api/v1/health")).json()
    console.recorder.is_down = True
    down = (await console.ask("GET", "/api/v1/health")).json()

    assert checkpoint["size"] == checkpoint["records"] == 9
    assert health["state"] == "open"
    assert down == {"state": "unavailable", "reason": "recorder_unavailable"}
    assert console.codes() == []


async def test_a_trail_without_checkpoint_says_so(console: Console) -> None:
    places = find_places(console.office.custodian.parent)
    TrailBuilder(home=places.custodian.parent).sql("DELETE FROM checkpoint")

    answer = await console.ask("GET", "/api/v1/checkpoint")

    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_record")


@pytest.mark.parametrize("scheme", ["Basic", "", "bearer2"])
async def test_only_bearer_is_taken(console: Console, scheme: str) -> None:
    async with console.client() as client:
        key = client.headers["Authorization"].split(" ")[1]
        answer = await client.get("/api/v1/checkpoint", headers={"Authorization": f"{scheme} {key}"})

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/api/v1/exchanges", None),
        ("GET", "/api/v1/nothing", None),
        ("POST", "/api/v1/queries", b"{"),
        ("POST", "/api/v1/queries", b"[" * 10_000),
        ("GET", "/api/v1/exchanges?patient=x", None),
    ],
)
async def test_the_key_is_looked_at_before_anything_else(console: Console, method: str, path: str, body: Any) -> None:
    answers = [await console.ask(method, path, body, key=key) for key in ("", "no", "ofk_00000000_" + "A" * 43)]

    assert {(answer.status_code, answer.text) for answer in answers} == {(401, answers[0].text)}


async def test_an_officer_without_a_role_may_do_nothing_and_is_told_why(console: Console) -> None:
    key = Officers(console.office.custodian).add("new")

    answers = [
        await console.ask(method, path, body, key=key)
        for method, path, body in (
            ("GET", "/api/v1/exchanges", None),
            ("POST", "/api/v1/queries", {}),
            ("GET", "/api/v1/approvals", None),
            ("POST", "/api/v1/openings", {"exchange": "1", "approval": "ap_" + "0" * 32}),
            ("POST", "/api/v1/approvals", {"action": "open_body", "subject": "ex_1", "case": "C"}),
            ("GET", "/api/v1/feeds/csv", None),
        )
    ]

    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(403, "not_permitted")}
    assert all("audit officer roles new --role ROLE" in answer.json()["detail"] for answer in answers)
    assert set(console.codes()) == {"denied"}


async def test_who_reads_the_trail_may_not_take_it_out(console: Console) -> None:
    answer = await console.ask("GET", "/api/v1/feeds/csv", officer=FIRST)

    assert (answer.status_code, answer.json()["code"]) == (403, "not_permitted")
    assert [(event.code, event.user) for event in console.recorder.events[-1:]] == [("denied", FIRST)]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/healthz", None, 200),
        ("GET", "/nothing", None, 404),
        ("PUT", "/healthz", None, 405),
        ("GET", "/api/v1/exchanges?patient=x", None, 400),
        ("GET", "/api/v1/exchanges?user=x", None, 400),
        ("GET", "/api/v1/exchanges?task=a&task=b", None, 400),
        ("GET", "/api/v1/events?limit=1&limit=2", None, 400),
        ("GET", "/api/v1/exchanges?limit=2000", None, 400),
        ("GET", "/api/v1/exchanges?limit=x", None, 422),
        ("GET", "/api/v1/exchanges?cursor=x", None, 400),
        ("GET", "/api/v1/exchanges?cursor=s1.2.3.4", None, 400),
        ("GET", "/api/v1/exchanges?task=%00", None, 400),
        ("GET", "/api/v1/exchanges?topic=nonsense", None, 400),
        ("GET", f"/api/v1/exchanges?task={'x' * 300}", None, 422),
        ("GET", "/api/v1/exchanges/ex%00", None, 404),
        ("GET", f"/api/v1/exchanges/{'9' * 400}", None, 404),
        ("POST", "/api/v1/queries", b"{", 422),
        ("POST", "/api/v1/queries", b"[" * 10_000, 400),
        ("POST", "/api/v1/queries", b'{"patient": ["x"]}', 422),
        ("POST", "/api/v1/queries", b'{"kind": "x"}', 400),
        ("POST", "/api/v1/queries", b'{"patient": "\\ud800"}', 422),
        ("POST", "/api/v1/queries", b'{"patient": "\\u0000"}', 400),
        ("POST", "/api/v1/queries", b'{"limit": 1e400}', 422),
        ("POST", "/api/v1/queries", b'{"patients": [' + b'"a",' * 20 + b'"a"]}', 422),
        ("POST", "/api/v1/queries", b"null", 422),
        ("POST", "/api/v1/queries", b'{"x": ' + b'{"x":' * 5000 + b"1" + b"}" * 5001, 400),
        ("POST", "/api/v1/disclosures", b"{}", 422),
        ("POST", "/api/v1/disclosures", b'{"patients": []}', 422),
        ("POST", "/api/v1/disclosures", b'{"patients": [""]}', 422),
        ("POST", "/api/v1/disclosures", b'{"patients": ["x"], "format": "pdf"}', 422),
        ("POST", "/api/v1/disclosures", b'{"patients": ["x"], "since": "then"}', 400),
        ("GET", "/api/v1/disclosures/summary?format=html", None, 422),
        ("GET", "/api/v1/disclosures/summary?patient=x", None, 400),
        ("GET", "/api/v1/feeds/pdf", None, 422),
        ("GET", "/api/v1/feeds/csv?after=-1", None, 422),
        ("GET", "/api/v1/feeds/csv?after=1000", None, 400),
        ("GET", "/api/v1/feeds/csv?limit=0", None, 422),
        ("POST", "/api/v1/approvals", b'{"action": "open_body", "subject": "ex_1", "case": "Mrs Canary"}', 422),
        ("POST", "/api/v1/approvals", b'{"action": "sell_body", "subject": "ex_1", "case": "C"}', 422),
        ("POST", "/api/v1/approvals/..%2f..%2fofficers/give", b"", 404),
        ("POST", "/api/v1/approvals/ap_1/give", b"", 422),
        ("POST", "/api/v1/openings", b'{"exchange": "1", "approval": "../x"}', 422),
    ],
)
async def test_bad_input_gets_the_status_that_was_promised_and_no_echo(
    console: Console, method: str, path: str, body: bytes | None, status: int
) -> None:
    answer = await console.ask(method, path, body, officer=FIRST if "openings" in path else READER)

    assert answer.status_code == status
    assert answer.headers["cache-control"] == "no-store"
    if status >= 400:
        problem = answer.json()
        assert answer.headers["content-type"] == "application/problem+json"
        assert (problem["status"], problem["type"], bool(problem["code"])) == (status, "about:blank", True)
        assert problem["detail"].endswith(".")
        assert "Canary" not in answer.text


async def test_an_officer_who_asks_too_fast_is_told_when(console: Console) -> None:
    for _ in range(limits.OFFICER_BURST * 5):  # the bucket fills while the test runs
        answer = await console.ask("GET", "/api/v1/nothing")
        if answer.status_code != 404:
            break

    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_requests")
    assert answer.headers["retry-after"] == "1"
    assert (await console.ask("GET", "/api/v1/checkpoint", officer=FIRST)).status_code == 200


async def test_guessing_keys_is_slowed_and_locks_no_officer_out(console: Console) -> None:
    answers = [await console.ask("GET", "/api/v1/checkpoint", key=f"guess{n}") for n in range(22)]

    assert [answer.status_code for answer in answers] == [401] * 20 + [429] * 2
    assert answers[-1].headers["retry-after"] == "10"
    assert (await console.ask("GET", "/api/v1/checkpoint")).status_code == 200


async def test_a_broken_policy_answers_nobody_and_says_what_to_do(trail: TrailBuilder, tmp_path: Path) -> None:
    home = trail.copy(tmp_path / "h").home
    (home / "trail.yaml").write_text(f"policies: {tmp_path / 'absent'}\n")
    console = console_of(home)

    answer = await console.ask("GET", "/api/v1/exchanges")

    assert (answer.status_code, answer.json()["code"]) == (503, "settings_invalid")
    assert "trail.yaml" in answer.json()["detail"]


async def test_two_officers_open_a_body_over_https(console: Console) -> None:
    name = (await console.ask("GET", "/api/v1/exchanges")).json()["rows"][0]["exchange"]
    wish = {"action": "open_body", "subject": name, "case": "CASE-9"}

    asked_for = await console.ask("POST", "/api/v1/approvals", wish, officer=FIRST)
    approval = asked_for.json()["approval"]
    alone = await console.ask("POST", f"/api/v1/approvals/{approval}/give", officer=FIRST)
    given = await console.ask("POST", f"/api/v1/approvals/{approval}/give", officer=SECOND)
    opened = await console.ask("POST", "/api/v1/openings", {"exchange": name, "approval": approval}, officer=FIRST)
    again = await console.ask("POST", "/api/v1/openings", {"exchange": name, "approval": approval}, officer=FIRST)
    listed = (await console.ask("GET", "/api/v1/approvals")).json()["approvals"]

    assert (asked_for.status_code, asked_for.json()["state"]) == (201, "waiting")
    assert (alone.status_code, alone.json()["code"]) == (409, "approval_missing")
    assert given.json()["state"] == "given"
    assert "Canary" in opened.json()["events"][0]["body"]
    assert opened.json()["events"][0]["patients"] == [PATIENT]
    assert (again.status_code, again.json()["code"]) == (409, "approval_missing")
    assert [each["state"] for each in listed] == ["spent"]
    assert console.codes() == ["query", "approval_requested", "approval_given", "body_opened"]


async def test_an_opening_that_cannot_be_recorded_shows_nothing_and_spends_nothing(console: Console) -> None:
    name = (await console.ask("GET", "/api/v1/exchanges")).json()["rows"][0]["exchange"]
    wish = {"action": "open_body", "subject": name, "case": "CASE-9"}
    approval = (await console.ask("POST", "/api/v1/approvals", wish, officer=FIRST)).json()["approval"]
    await console.ask("POST", f"/api/v1/approvals/{approval}/give", officer=SECOND)
    opening = {"exchange": name, "approval": approval}

    console.recorder.is_down = True
    refused = await console.ask("POST", "/api/v1/openings", opening, officer=FIRST)
    console.recorder.is_down = False
    opened = await console.ask("POST", "/api/v1/openings", opening, officer=FIRST)

    assert (refused.status_code, "Canary" in refused.text) == (503, False)
    assert opened.status_code == 200


async def test_without_the_passphrase_on_this_machine_nothing_opens_here(console: Console) -> None:
    name = (await console.ask("GET", "/api/v1/exchanges")).json()["rows"][0]["exchange"]
    wish = {"action": "open_body", "subject": name, "case": "CASE-9"}
    approval = (await console.ask("POST", "/api/v1/approvals", wish, officer=FIRST)).json()["approval"]
    await console.ask("POST", f"/api/v1/approvals/{approval}/give", officer=SECOND)
    (console.office.custodian / "passphrase").unlink()

    answer = await console.ask("POST", "/api/v1/openings", {"exchange": name, "approval": approval}, officer=FIRST)

    assert answer.status_code == 503
    assert "by hand" in answer.json()["detail"]


async def test_people_of_this_month_are_found_without_the_passphrase(console: Console) -> None:
    (console.office.custodian / "passphrase").unlink()

    answer = await console.ask("POST", "/api/v1/queries", {"patient": PATIENT})

    assert len(answer.json()["rows"]) == 2


async def test_a_collector_goes_on_where_it_stopped(console: Console) -> None:
    first = await console.ask("GET", "/api/v1/feeds/ocsf?limit=4")
    place = first.headers["appliance-next-sequence"]
    second = await console.ask("GET", f"/api/v1/feeds/ocsf?after={place}")
    third = await console.ask("GET", f"/api/v1/feeds/ocsf?after={second.headers['appliance-next-sequence']}")

    assert [len(page.content.splitlines()) for page in (first, second, third)] == [4, 5, 0]
    assert first.headers["content-type"] == "application/x-ndjson"
    assert PATIENT not in first.text + second.text
    assert console.recorder.events[-3].facts == {"format": "ocsf", "first": 0, "end": 4}


async def test_a_feed_of_a_span_holds_its_records_only(console: Console) -> None:
    none = await console.ask("GET", "/api/v1/feeds/csv?since=2020-01-01&until=2020-12-31")
    every = await console.ask("GET", "/api/v1/feeds/csv?since=2020-01-01")

    assert len(none.text.splitlines()) < len(every.text.splitlines())


async def test_this_surface_describes_itself(console: Console) -> None:
    document = (await console.ask("GET", "/api/v1/openapi.json")).json()

    assert document["info"]["title"] == "Audit console"
    assert "/api/v1/openings" in document["paths"]


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
