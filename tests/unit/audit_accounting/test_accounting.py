import csv
import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from audit.accounting import (
    Accounting,
    Format,
    account,
    accounting_question,
    read_disclosure,
    render,
    render_summary,
    six_years_before,
    what_left,
)
from audit.errors import QueryError
from audit.keyring import IndexKey
from audit.question import ask
from audit.store.address import sqlite_address
from audit.store.database import Database
from tests.support.disclosures import AGREEMENT, disclosure, managed_exchange
from tests.support.question_trail import ORIGIN, QuestionTrail

PATIENT = "MRN-4711"


@pytest.fixture
def trail(tmp_path: Path) -> QuestionTrail:
    trail = QuestionTrail(sqlite_address(tmp_path / "trail.db"))
    Database(trail.store).close()
    return trail


def _account(trail: QuestionTrail, *patients: str, keys: dict[str, IndexKey] | None = None) -> Accounting:
    question = accounting_question(patients or (PATIENT,), now=trail.now())
    with trail.reader() as reader:
        return account(reader, question, trail.keys if keys is None else keys, origin=ORIGIN)


def test_an_accounting_says_when_to_whom_what_and_why(trail: QuestionTrail) -> None:
    trail.add(*managed_exchange("ex_" + "1" * 32))

    (one,) = _account(trail).disclosures

    assert one.time == "2026-11-20T08:00:03.000Z"
    assert (one.to_whom, one.recipient_address) == ("Example Cloud Inc.", "1 Main Street, Springfield")
    assert one.what == "discharge summary with identifiers replaced; name (1), date (2)"
    assert one.why == "treatment; task discharge-summary"
    assert (one.agreement, one.size_bytes, one.exchange_id) == (AGREEMENT, 2048, "ex_" + "1" * 32)


def test_an_accounting_reaches_six_years_back_and_no_further(trail: QuestionTrail) -> None:
    trail.add(disclosure("ex_" + "1" * 32))
    trail.move(days=365 * 6 + 1)
    trail.add(disclosure("ex_" + "2" * 32), disclosure("ex_" + "3" * 32, patients=("MRN-9",)))
    trail.move(days=2)

    assert [one.exchange_id for one in _account(trail).disclosures] == ["ex_" + "2" * 32]


@pytest.mark.parametrize(("now", "then"), [((2026, 11, 23), "2020-11-23"), ((2028, 2, 29), "2022-02-28")])
def test_six_years_before_is_the_same_day(now: tuple[int, int, int], then: str) -> None:
    assert six_years_before(datetime(*now, tzinfo=UTC)) == then


def test_a_person_with_two_record_numbers_gets_one_list_oldest_first(trail: QuestionTrail) -> None:
    trail.add(disclosure("ex_" + "1" * 32, patients=("MRN-1",)), disclosure("ex_" + "2" * 32, patients=("MRN-2",)))

    found = _account(trail, "MRN-2", "MRN-1").disclosures

    assert [one.exchange_id[-1] for one in found] == ["1", "2"]


def test_a_month_that_cannot_be_searched_is_told_in_every_format(trail: QuestionTrail) -> None:
    trail.add(disclosure())
    accounting = _account(trail, keys={})

    assert not accounting.is_complete
    assert "INCOMPLETE" in render(accounting, Format.TEXT)
    assert "None found in what was searched." in render(accounting, Format.TEXT)
    assert "INCOMPLETE" in render(accounting, Format.HTML)
    assert json.loads(render(accounting, Format.JSON))["months_not_searched"] == ["2026-11"]


def test_an_accounting_holds_record_numbers_and_its_repr_does_not(trail: QuestionTrail) -> None:
    accounting = _account(trail)

    assert PATIENT not in repr(accounting)
    assert PATIENT in render(accounting, Format.TEXT)
    assert "No disclosure was found." in render(accounting, Format.TEXT)


def test_the_printed_text_fits_a_page_and_holds_every_field(trail: QuestionTrail) -> None:
    trail.add(disclosure(), disclosure(facts={"recipient": "A" * 200, "description": ""}, purpose="", task=""))

    text = render(_account(trail), Format.TEXT)

    assert max(len(line) for line in text.splitlines()) <= 88
    for expected in ("Example Cloud Inc.", "1 Main Street", "name (1), date (2)", "Why:", "not recorded", AGREEMENT):
        assert expected in text


@pytest.mark.parametrize("form", list(Format))
def test_hostile_text_is_harmless_in_every_format(trail: QuestionTrail, form: Format) -> None:
    facts = {"recipient": "=cmd|'/c calc'!A1", "recipient_address": "<script>x</script>", "description": "a\x1b[2Jb"}
    trail.add(disclosure(facts=facts))

    text = render(_account(trail), form)

    assert "\x1b" not in text
    if form is Format.HTML:
        assert "<script" not in text
    if form is Format.CSV:
        (row,) = list(csv.DictReader(io.StringIO(text)))
        assert row["recipient"].startswith("'=")


def test_the_html_needs_nothing_from_elsewhere(trail: QuestionTrail) -> None:
    trail.add(disclosure())
    page = render(_account(trail), Format.HTML)

    assert page.count("<tr>") == 5 + 1 + 1
    assert not any(word in page for word in ("<script", "http:", "https:", "<img", "<link", "url("))


def test_csv_and_json_hold_the_same_disclosures(trail: QuestionTrail) -> None:
    trail.add(disclosure())
    accounting = _account(trail)

    (row,) = list(csv.DictReader(io.StringIO(render(accounting, Format.CSV))))
    (member,) = json.loads(render(accounting, Format.JSON))["disclosures"]

    assert member["counts"] == {"name": 1, "date": 2}
    assert {name: str(member[name]) for name in row} == row


@pytest.mark.parametrize(
    "facts",
    [
        {"recipient": 7, "kinds": "name", "counts": ["name", "x=y", "=", "a=9999999999"], "bytes": "many"},
        {"kinds": [], "counts": [], "description": "", "provider": ""},
    ],
)
def test_a_disclosure_with_odd_facts_is_listed_with_gaps(trail: QuestionTrail, facts: dict[str, Any]) -> None:
    trail.add(disclosure(facts=facts))

    with trail.reader() as reader:
        one = read_disclosure(next(reader.span(0, end=1)))

    assert one.to_whom
    assert one.what
    assert set(one.counts.values()) <= {0}


def test_what_left_is_counted_by_agreement_provider_and_kind(trail: QuestionTrail) -> None:
    other = {"agreement": "baa-0", "provider": "other", "recipient": "Other Ltd", "kinds": ["mrn"], "counts": ["mrn=4"]}
    trail.add(disclosure(), disclosure(facts={"counts": ["name=3"], "kinds": ["name"]}), disclosure(facts=other))
    question = ask({"topic": "disclosures"}, now=trail.now(), by_event=True)
    moved: list[int] = []

    with trail.reader() as reader:
        summary = what_left(reader, question, moved=moved.append)
        alone = what_left(reader, ask({"topic": "disclosures", "agreement": "baa-0"}, now=trail.now(), by_event=True))

    counted = [(line.agreement, line.kind, line.disclosures, line.items, line.size_bytes) for line in summary.lines]
    assert counted == [
        ("baa-0", "", 1, 4, 2048),
        ("baa-0", "mrn", 1, 4, 2048),
        (AGREEMENT, "", 2, 6, 4096),
        (AGREEMENT, "date", 1, 2, 2048),
        (AGREEMENT, "name", 2, 4, 4096),
    ]
    assert summary.lines[2].first_ms < summary.lines[2].last_ms
    assert (summary.disclosures, moved, alone.disclosures) == (3, [1, 2, 3], 1)


def test_a_summary_is_csv_or_json_and_no_page(trail: QuestionTrail) -> None:
    trail.add(disclosure())
    with trail.reader() as reader:
        summary = what_left(reader, ask({"topic": "disclosures"}, now=trail.now(), by_event=True))

    rows = list(csv.DictReader(io.StringIO(render_summary(summary, Format.CSV))))
    told = json.loads(render_summary(summary, Format.JSON))

    assert [row["kind"] for row in rows] == ["", "date", "name"]
    assert (told["disclosures"], len(told["lines"])) == (1, 3)
    with pytest.raises(QueryError, match="table, csv or json"):
        render_summary(summary, Format.HTML)
