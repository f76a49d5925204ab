import base64
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from tests.support.console_client import Console, console_of
from tests.support.disclosures import AGREEMENT, PROVIDER, managed_exchange
from tests.support.officers import READER
from tests.support.trail_builder import PATIENT, TrailBuilder

HOSTILE = "<script>alert(1)</script><style>body{display:none}</style>"


@pytest.fixture(scope="module")
def trail(tmp_path_factory: pytest.TempPathFactory) -> TrailBuilder:
    """Return a trail with one disclosure now and one in the month before, whose key only the custodian holds."""
    builder = TrailBuilder(home=tmp_path_factory.mktemp("disclosures") / "h")
    with builder.opened() as log:
        builder.append(log, managed_exchange("ex_" + "1" * 32))
    builder.next_month()
    with builder.opened() as log:
        builder.append(log, managed_exchange("ex_" + "2" * 32, facts={"description": HOSTILE}))
    return builder


@pytest.fixture
def console(trail: TrailBuilder, tmp_path: Path) -> Console:
    return console_of(trail.copy(tmp_path / "h").home)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Keep the console's log out of the test's output."""
    with structlog.testing.capture_logs():
        yield


async def test_an_accounting_lists_what_left_in_every_month_that_the_custodian_holds(console: Console) -> None:
    answer = await console.ask("POST", "/api/v1/disclosures", {"patients": [PATIENT], "since": "2026-01-01"})

    document = answer.json()
    assert answer.headers["content-type"] == "application/json"
    assert len(document["disclosures"]) == 2
    assert document["disclosures"][0]["agreement"] == AGREEMENT


async def test_an_accounting_is_recorded_with_its_patient_before_it_is_answered(console: Console) -> None:
    await console.ask("POST", "/api/v1/disclosures", {"patients": [PATIENT], "since": "2026-01-01"})

    event = console.recorder.events[-1]
    assert (event.code, event.user, event.patients) == ("query", READER, (PATIENT,))
    assert (event.facts["results"], event.facts["topic"]) == (2, "disclosures")
    assert PATIENT not in str(event.facts)


@pytest.mark.parametrize("name", ["passphrase", "root.json"])
async def test_months_that_cannot_be_searched_are_named(console: Console, name: str) -> None:
    (console.office.custodian / name).unlink()

    answer = await console.ask("POST", "/api/v1/disclosures", {"patients": [PATIENT], "since": "2026-01-01"})

    assert [len(answer.json()["disclosures"]), answer.json()["months_not_searched"]] == [1, ["2026-11"]]


async def test_a_passphrase_file_that_is_wrong_costs_past_months_only(console: Console) -> None:
    (console.office.custodian / "passphrase").write_text("wrong\n")

    answer = await console.ask("POST", "/api/v1/disclosures", {"patients": [PATIENT], "since": "2026-01-01"})

    assert answer.json()["months_not_searched"] == ["2026-11"]


async def test_the_printed_page_runs_no_script_whatever_the_trail_holds(console: Console) -> None:
    wish = {"patients": [PATIENT], "since": "2026-01-01", "format": "html"}

    answer = await console.ask("POST", "/api/v1/disclosures", wish)

    policy = answer.headers["content-security-policy"]
    [style] = re.findall(r"<style>(.*?)</style>", answer.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert "<script" not in answer.text
    assert f"style-src 'sha256-{digest}';" in policy
    assert policy.startswith("default-src 'none';")
    assert "sandbox" in policy
    assert "script-src" not in policy


@pytest.mark.parametrize(("form", "media"), [("csv", "text/csv; charset=utf-8"), ("text", "text/plain; charset=utf-8")])
async def test_an_accounting_has_other_forms(console: Console, form: str, media: str) -> None:
    wish = {"patients": [PATIENT], "since": "2026-01-01", "format": form}

    answer = await console.ask("POST", "/api/v1/disclosures", wish)

    assert answer.headers["content-type"] == media
    assert answer.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert "Example Cloud Inc." in answer.text


@pytest.mark.parametrize(
    ("filters", "count"),
    [("", 2), (f"&agreement={AGREEMENT}", 2), (f"&provider={PROVIDER}", 2), ("&provider=another", 0)],
)
async def test_what_left_is_counted_by_agreement_and_names_nobody(console: Console, filters: str, count: int) -> None:
    answer = await console.ask("GET", f"/api/v1/disclosures/summary?since=2026-01-01{filters}")
    table = await console.ask("GET", f"/api/v1/disclosures/summary?format=csv&since=2026-01-01{filters}")

    assert answer.json()["disclosures"] == count
    assert PATIENT not in answer.text + table.text
    assert table.headers["content-type"] == "text/csv; charset=utf-8"


async def test_keys_of_past_months_are_opened_once_for_a_while(console: Console) -> None:
    wish = {"patient": PATIENT, "since": "2026-01-01"}
    first = await console.ask("POST", "/api/v1/queries", wish)
    (console.office.custodian / "passphrase").unlink()

    second = await console.ask("POST", "/api/v1/queries", wish)

    assert len(first.json()["rows"]) == len(second.json()["rows"]) == 2
