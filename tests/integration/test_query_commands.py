"""`audit query` and `audit disclosures` at the command line, against a real trail and a real recorder."""

import json
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from audit.cli.root import root
from audit.query import Reader
from audit.record import Kind
from audit.rows import Rows
from audit.store.address import sqlite_address
from tests.support.disclosures import AGREEMENT, managed_exchange, operation
from tests.support.recorder_process import running_recorder
from tests.support.trail_builder import PATIENT, TrailBuilder, TurnableClock

MONTH_MS = 31 * 24 * 3600 * 1000


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> TrailBuilder:
    """Build a disclosure in last month and one in this month."""
    clock = TurnableClock(now_ms=time.time_ns() // 1_000_000 - MONTH_MS)
    builder = TrailBuilder(home=tmp_path_factory.mktemp("trail") / "home", clock=clock)
    with builder.opened() as log:
        builder.append(log, managed_exchange("ex_" + "1" * 32))
    builder.next_month()
    with builder.opened() as log:
        builder.append(log, [*managed_exchange("ex_" + "2" * 32, patients=("MRN-1",)), operation("policy_reloaded")])
    return builder


@pytest.fixture
def trail(original: TrailBuilder, tmp_path: Path) -> TrailBuilder:
    return original.copy(tmp_path / "h")


@pytest.fixture
def recorded(trail: TrailBuilder) -> Iterator[TrailBuilder]:
    with running_recorder(trail.home):
        yield trail


def _run(trail: TrailBuilder, *arguments: str) -> Result:
    return CliRunner().invoke(root, [*arguments, "--home", str(trail.home)])


def _done(trail: TrailBuilder, *arguments: str) -> str:
    result = _run(trail, *arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def _json(trail: TrailBuilder, *arguments: str) -> Any:
    return json.loads(_done(trail, *arguments, "--json"))


def _with_passphrase(trail: TrailBuilder) -> tuple[str, str]:
    return "--passphrase-file", str(trail.passphrase_file)


def test_an_accounting_of_the_past_needs_the_custodian(trail: TrailBuilder) -> None:
    without = _run(trail, "disclosures", "--patient", PATIENT)
    complete = _json(trail, "disclosures", "--patient", PATIENT, *_with_passphrase(trail))

    assert "INCOMPLETE" in without.stdout
    assert "not searched for people" in without.stderr
    assert complete["complete"]
    assert [one["exchange"] for one in complete["disclosures"]] == ["ex_" + "1" * 32]


@pytest.mark.parametrize(("form", "begins"), [("text", "Accounting"), ("html", "<!DOCTYPE"), ("csv", "time,")])
def test_an_accounting_is_printed_in_each_format(trail: TrailBuilder, form: str, begins: str) -> None:
    text = _done(trail, "disclosures", "--patient", PATIENT, "--format", form, *_with_passphrase(trail))

    assert text.startswith(begins)
    assert "Example Cloud Inc." in text


def test_an_accounting_in_a_file_is_its_owners_alone(trail: TrailBuilder, tmp_path: Path) -> None:
    file = tmp_path / "accounting.html"
    arguments = ("disclosures", "--patient", "MRN-1", "--format", "html", "--output", str(file))

    _done(trail, *arguments)
    again = _run(trail, *arguments)

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "MRN-1" in file.read_text()
    assert (again.exit_code, "is there already" in again.stderr) == (2, True)


def test_what_left_is_a_table_and_a_document(trail: TrailBuilder, tmp_path: Path) -> None:
    table = _done(trail, "disclosures")
    told = _json(trail, "disclosures", "--agreement", AGREEMENT, "--since", "90d")
    _done(trail, "disclosures", "--output", str(tmp_path / "left.csv"))

    assert "2 disclosures" in table
    assert "(all)" in table
    assert told["disclosures"] == 2
    assert (tmp_path / "left.csv").read_text().startswith("agreement,provider")
    assert not _json(trail, "disclosures", "--provider", "other")["lines"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--format", "pdf"), "format is one of: text, html, csv, json."),
        (("--format", "html"), "table, csv or json"),
        (("--patient", "1", "--agreement", "baa"), "leave them out"),
        (("--patient", ""), "patient is empty"),
        (("--since", "soon"), "since is no moment"),
    ],
)
def test_a_wrong_accounting_says_what_to_do(trail: TrailBuilder, arguments: tuple[str, ...], told: str) -> None:
    result = _run(trail, "disclosures", *arguments)

    assert (result.exit_code, told in result.stderr) == (2, True)


def test_each_accounting_and_summary_is_a_record_that_names_nobody(recorded: TrailBuilder) -> None:
    _done(recorded, "disclosures", "--patient", "MRN-1")
    _done(recorded, "disclosures", "--agreement", AGREEMENT)
    _done(recorded, "query", "--patient", "MRN-1", "--patient", PATIENT)

    with Rows.open(sqlite_address(recorded.trail.database)) as rows:
        entries = [entry for entry in Reader(rows).span(0, end=99) if entry.leaf.kind is Kind.ACCESS]
    facts = [dict(entry.facts) for entry in entries]

    assert [(one["results"], one.get("asked_by"), one.get("agreement")) for one in facts] == [
        (1, ["patient"], None),
        (2, None, AGREEMENT),
        (1, ["patient"], None),
    ]
    assert [len(entry.leaf.patients) for entry in entries] == [1, 0, 2]
    assert "MRN" not in str(facts)


def test_who_looked_a_patient_up_is_told(recorded: TrailBuilder) -> None:
    _done(recorded, "query", "--patient", "MRN-1")

    rows = _json(recorded, "query", "--patient", "MRN-1", "--topic", "reads")["rows"]
    table = _done(recorded, "query", "--topic", "reads")

    assert [(row["kind"], row["code"]) for row in rows] == [("access", "query")]
    assert "asked_by: patient" in table


def test_topics_and_states_are_asked_at_the_command_line(trail: TrailBuilder) -> None:
    changes = _done(trail, "query", "--topic", "changes")
    orphans = _json(trail, "query", "--state", "orphaned")
    left = _json(trail, "query", "--provider", "example-cloud", "--state", "answered", "--events")

    assert "policy_reloaded" in changes
    assert not orphans["rows"]
    assert [row["kind"] for row in left["rows"]] == ["outcome", "outcome"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--state", "lost"), "state is one of"),
        (("--topic", "x"), "topic is one of"),
        (("--route", "remote"), "route is local"),
        (("--policy", "xyz"), "policy is the digest"),
        (("--cursor", "x"), "cursor"),
        (("--provider", "a", "--route", "local"), "exclude each other"),
        (tuple(word for number in range(21) for word in ("--patient", str(number))), "more than 20"),
    ],
)
def test_a_wrong_question_says_what_to_do(trail: TrailBuilder, arguments: tuple[str, ...], told: str) -> None:
    result = _run(trail, "query", *arguments)

    assert (result.exit_code, told in result.stderr) == (2, True)
