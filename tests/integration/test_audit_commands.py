"""The `audit` commands against a real trail, with and without a real recorder."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from audit.checkpoint import sign_checkpoint
from audit.cli.root import root
from audit.merkle import Frontier
from audit.record import Event
from audit.rows import Rows
from audit.store.address import sqlite_address
from audit.witness import series
from tests.support.recorder_process import running_recorder
from tests.support.trail_builder import PATIENT, USER, TrailBuilder, TurnableClock, exchange_events


@pytest.fixture(scope="session")
def original(tmp_path_factory: pytest.TempPathFactory) -> TrailBuilder:
    """Build last month's exchanges and this month's: the recorder holds this month's index key only."""
    month_ago = time.time_ns() // 1_000_000 - 31 * 24 * 3600 * 1000
    builder = TrailBuilder(home=tmp_path_factory.mktemp("trail") / "home", clock=TurnableClock(now_ms=month_ago))
    builder.add_exchanges(2)
    builder.next_month()
    builder.add_exchanges(3, seconds_between=0.01)
    builder.add_exchanges(1, seconds_between=0.01, client="ehr-other", task="scheduling-message", patients=("MRN-1",))
    builder.add_exchanges(1, seconds_between=0.01, outcome="refused", user="someone.else")
    return builder


@pytest.fixture
def trail(original: TrailBuilder, tmp_path: Path) -> TrailBuilder:
    return original.copy(tmp_path / "h")


@pytest.fixture
def recorded(trail: TrailBuilder) -> Iterator[TrailBuilder]:
    """Give a trail whose recorder runs."""
    with running_recorder(trail.home):
        yield trail


def _run(trail: TrailBuilder, *arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(root, [*arguments, "--home", str(trail.home)], input=stdin)


def _json(trail: TrailBuilder, *arguments: str) -> Any:
    result = _run(trail, *arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def _rows(trail: TrailBuilder, *arguments: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = _json(trail, "query", *arguments)["rows"]
    return rows


def test_query_lists_one_row_an_exchange_newest_first(trail: TrailBuilder) -> None:
    rows = _rows(trail)

    assert len(rows) == 7
    assert [row["sequence"] for row in rows] == sorted((row["sequence"] for row in rows), reverse=True)
    assert rows[0]["outcome"] == "refused"
    assert rows[0]["route"] == "local"
    assert rows[0]["reasons"] == ["The local edit rate of 8 % is under the threshold of 30 %."]


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        (["--task", "scheduling-message"], 1),
        (["--client", "ehr-other"], 1),
        (["--client", "ehr"], 0),
        (["--outcome", "refused"], 1),
        (["--kind", "release"], 7),
        (["--kind", "epoch"], 1),
        (["--since", "1d"], 5),
        (["--until", "1d"], 2),
        (["--since", "1d", "--until", "1h"], 0),
        (["--since", "2020-01-01", "--task", "medical-coding", "--outcome", "answered"], 5),
        (["--exchange", "ex_nothing"], 0),
    ],
)
def test_query_filters(trail: TrailBuilder, filters: list[str], count: int) -> None:
    assert len(_rows(trail, *filters)) == count


def test_query_by_event_gives_one_row_an_event(trail: TrailBuilder) -> None:
    rows = _rows(trail, "--events", "--kind", "outcome")

    assert {row["kind"] for row in rows} == {"outcome"}
    assert len(rows) == 7


def test_pages_meet_without_gap_or_repeat(trail: TrailBuilder) -> None:
    seen: list[str] = []
    cursor = ""
    while True:
        page = _json(trail, "query", "--limit", "2", *(["--cursor", cursor] if cursor else []))
        seen += [row["exchange"] for row in page["rows"]]
        cursor = page["next_cursor"]
        if not cursor:
            break

    assert seen == [row["exchange"] for row in _rows(trail)]
    assert len(set(seen)) == 7


def test_an_exchange_that_goes_on_between_two_pages_shows_once(trail: TrailBuilder) -> None:
    first = _json(trail, "query", "--limit", "4")
    late = _rows(trail)[5]["exchange"]
    with trail.opened() as log:
        trail.append(log, [_event_of(late)])

    second = _json(trail, "query", "--limit", "50", "--cursor", first["next_cursor"])

    seen = [row["exchange"] for row in (*first["rows"], *second["rows"])]
    assert len(seen) == len(set(seen)) == 7


def test_a_patient_is_found_in_the_month_whose_key_is_at_hand(trail: TrailBuilder) -> None:
    result = _run(trail, "query", "--patient", PATIENT, "--json")
    answer = json.loads(result.stdout)

    assert len(answer["rows"]) == 4
    assert len(answer["months_not_searched"]) == 1
    assert "--passphrase-file" in result.stderr


def test_a_patient_is_found_in_past_months_with_the_custodians_passphrase(trail: TrailBuilder) -> None:
    options = ("--passphrase-file", str(trail.passphrase_file))

    answer = _json(trail, "query", "--patient", PATIENT, *options)

    assert len(answer["rows"]) == 6
    assert answer["months_not_searched"] == []


def test_a_user_is_found(trail: TrailBuilder) -> None:
    assert len(_rows(trail, "--user", "someone.else")) == 1
    assert len(_rows(trail, "--user", USER, "--patient", "MRN-1")) == 1
    assert len(_rows(trail, "--user", "nobody")) == 0


def test_without_any_key_nobody_is_found_and_it_says_so(trail: TrailBuilder) -> None:
    for key in trail.trail.keys.glob("*.index"):
        key.unlink()

    answer = _json(trail, "query", "--patient", PATIENT)

    assert answer["rows"] == []
    assert len(answer["months_not_searched"]) == 2


def test_tables_are_for_people(trail: TrailBuilder) -> None:
    result = _run(trail, "query", "--limit", "1")

    assert result.exit_code == 0
    assert "medical-coding" in result.stdout
    assert "answered" in result.stdout or "refused" in result.stdout
    assert "--cursor s" in result.stderr


def test_event_tables_are_for_people(trail: TrailBuilder) -> None:
    assert "epoch" in _run(trail, "query", "--events", "--kind", "epoch").stdout


def test_a_read_without_a_recorder_says_that_it_was_not_recorded(trail: TrailBuilder) -> None:
    assert "not recorded" in _run(trail, "query").stderr
    assert "not recorded" in _run(trail, "show", "1").stderr


def test_every_read_is_an_event_of_the_trail(recorded: TrailBuilder) -> None:
    _run(recorded, "query", "--patient", PATIENT, "--task", "medical-coding")
    _run(recorded, "show", "1")
    _run(recorded, "receipt", "1")

    receipt, show, query = _rows(recorded, "--kind", "access", "--events")
    assert (query["code"], query["client"]) == ("query", "audit-command")
    assert query["facts"]["asked_by"] == ["patient"]
    assert query["facts"]["results"] == 4
    assert len(query["facts"]["query"]) == 64
    assert show["code"] == "show"
    assert show["facts"]["records"] == ["1", "2", "3", "4"]
    assert receipt["code"] == "receipt"


def test_who_looked_a_patient_up_can_be_asked(recorded: TrailBuilder) -> None:
    _run(recorded, "query", "--patient", PATIENT)

    rows = _rows(recorded, "--patient", PATIENT, "--kind", "access")

    assert [row["code"] for row in rows] == ["query"]


def test_no_patient_or_user_that_was_asked_for_reaches_the_disk(recorded: TrailBuilder) -> None:
    _run(recorded, "query", "--patient", "CANARY-PATIENT-77", "--user", "canary.user.77")

    for file in (*recorded.trail.folder.iterdir(), recorded.home / "recorder.log"):
        content = file.read_bytes() if file.is_file() else b""
        assert b"CANARY-PATIENT-77" not in content
        assert b"canary.user.77" not in content


@pytest.mark.parametrize("by", ["exchange", "event", "sequence"])
def test_show_takes_an_exchange_an_event_or_a_number(trail: TrailBuilder, by: str) -> None:
    first = _json(trail, "show", "5")["events"][0]

    shown = _json(trail, "show", str(first[by]))

    assert [event["kind"] for event in shown["events"]] == ["intent", "decision", "release", "outcome"]
    assert shown["reasons"] == ["The local edit rate of 8 % is under the threshold of 30 %."]


def test_show_prints_reasons_in_plain_words_and_no_body(trail: TrailBuilder) -> None:
    result = _run(trail, "show", "1")

    assert "A request was received (record 1" in result.stdout
    assert "The local edit rate of 8 % is under the threshold" in result.stdout
    assert "Canary" not in result.stdout


def test_show_of_an_event_without_exchange_shows_it_alone(trail: TrailBuilder) -> None:
    assert "This trail began (record 0" in _run(trail, "show", "0").stdout


@pytest.mark.parametrize("name", ["ex_unknown", "ev_unknown", "99999", "9" * 40, "", "x\x00y"])
def test_show_of_an_unknown_name_says_where_to_look(trail: TrailBuilder, name: str) -> None:
    result = _run(trail, "show", name)

    assert result.exit_code == 7
    assert "audit query" in result.stderr


def test_a_copied_column_that_was_changed_is_not_believed(trail: TrailBuilder) -> None:
    trail.sql("UPDATE record SET task = 'scheduling-message' WHERE sequence = 1")
    trail.sql("INSERT OR IGNORE INTO blind_index SELECT value, 25 FROM blind_index WHERE sequence = 21")
    trail.sql("UPDATE record SET time = 1 WHERE sequence = 28")

    assert len(_rows(trail, "--task", "scheduling-message")) == 1
    assert len(_rows(trail, "--user", USER)) == 4


def test_a_row_that_is_no_leaf_is_refused_rather_than_shown(trail: TrailBuilder) -> None:
    trail.sql("UPDATE record SET leaf = x'00' WHERE sequence = 1")
    trail.sql("UPDATE record SET facts = 7 WHERE sequence = 5")

    for name in ("1", "5"):
        result = _run(trail, "show", name)
        assert result.exit_code == 1
        assert "Traceback" not in result.output


def test_a_receipt_proves_an_exchange_without_the_trail(trail: TrailBuilder, tmp_path: Path) -> None:
    keys = tmp_path / "verifier.keys"
    keys.write_bytes((trail.trail.folder / "verifier.keys").read_bytes())
    written = _run(trail, "receipt", "1", "--output", str(tmp_path / "r.json"))

    result = CliRunner().invoke(root, ["verify", str(tmp_path / "r.json"), "--public-key", str(keys)])

    assert written.exit_code == result.exit_code == 0, written.output + result.output
    assert "VERIFIED" in result.stdout
    assert "answered" in result.stdout


def test_a_receipt_that_was_changed_is_tampered(trail: TrailBuilder, tmp_path: Path) -> None:
    text = _run(trail, "receipt", "1").stdout
    file = tmp_path / "r.json"
    file.write_text(text.replace("answered", "refused"))

    assert _run(trail, "verify", str(file)).exit_code == 3


def test_a_full_receipt_speaks_for_its_trail(trail: TrailBuilder, tmp_path: Path) -> None:
    file = tmp_path / "r.json"
    _run(trail, "receipt", "1", "--output", str(file))

    assert _json(trail, "verify", "--receipt", str(file))["steps"][10]["checked"] == 1
    assert json.loads(_run(trail, "verify", str(file), "--json").stdout)["verdict"] == "verified"


def test_a_receipt_does_not_overwrite_a_file(trail: TrailBuilder, tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text("mine")

    result = _run(trail, "receipt", "1", "--output", str(tmp_path / "r.json"))

    assert result.exit_code == 2
    assert (tmp_path / "r.json").read_text() == "mine"


def test_what_no_checkpoint_signs_yet_has_no_receipt_yet(trail: TrailBuilder) -> None:
    _sign_only(trail, 3)
    partly = _run(trail, "receipt", "1")
    none = _run(trail, "receipt", "13")
    trail.sql("DELETE FROM checkpoint")
    without = _run(trail, "receipt", "1")

    assert "left out" in partly.stderr
    assert (none.exit_code, without.exit_code) == (2, 2)
    assert "ask again" in none.stderr
    assert "ask again" in without.stderr


def _sign_only(trail: TrailBuilder, size: int) -> str:
    """Leave the database with one checkpoint, over its first records."""
    with Rows.open(sqlite_address(trail.trail.database)) as rows:
        root = Frontier.read(size, rows.node).root()
    note = sign_checkpoint(trail.trail.signing_key(), size=size, root=root, time_s=1)
    trail.sql("DELETE FROM checkpoint")
    trail.sql("INSERT INTO checkpoint VALUES (?, 1000, ?)", size, note)
    return note


def test_a_checkpoint_that_only_a_witness_has_is_enough_for_a_receipt(trail: TrailBuilder) -> None:
    newest = _run(trail, "checkpoint").stdout
    _sign_only(trail, 3)
    (trail.home / "witness").mkdir()
    for file in series(trail.trail.witness):
        shutil.copy(file, trail.home / "witness")

    assert _run(trail, "checkpoint").stdout == newest
    assert "left out" not in _run(trail, "receipt", "1").stderr


def test_a_receipt_from_a_damaged_tree_is_refused(trail: TrailBuilder) -> None:
    trail.sql("UPDATE record SET nodes = x'00' WHERE sequence = 2")

    result = _run(trail, "receipt", "1")

    assert result.exit_code == 1
    assert "audit verify" in result.stderr


def test_a_file_without_a_receipt_is_wrong_usage(trail: TrailBuilder, tmp_path: Path) -> None:
    (tmp_path / "note").write_text("a letter")

    assert _run(trail, "verify", "--receipt", str(tmp_path / "note")).exit_code == 2


def test_verification_is_told_to_people_too(trail: TrailBuilder) -> None:
    result = _run(trail, "verify")

    assert result.exit_code == 0
    assert " 2. records are gapless from 0: holds (29 checked)" in result.stdout


def test_an_access_is_listed_as_a_row_of_its_own_kind(recorded: TrailBuilder) -> None:
    _run(recorded, "show", "1")

    assert "show" in _run(recorded, "query", "--kind", "access").stdout


def test_the_checkpoint_can_be_kept_and_given_back(trail: TrailBuilder, tmp_path: Path) -> None:
    file = tmp_path / "checkpoint.txt"
    file.write_text(_run(trail, "checkpoint").stdout)

    assert _run(trail, "verify", "--checkpoint", str(file)).exit_code == 0
    assert _json(trail, "checkpoint")["size"] == 29


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["verify", "--receipt", "nonsense"], 2),
        (["verify", "--checkpoint", "/nonexistent"], 2),
        (["verify", "--public-key", "nonsense"], 2),
        (["query", "--since", "yesterday"], 2),
        (["query", "--kind", "x"], 2),
        (["query", "--limit", "0"], 2),
        (["query", "--nonsense"], 2),
    ],
)
def test_a_wrong_argument_is_wrong_usage(trail: TrailBuilder, arguments: list[str], code: int) -> None:
    result = _run(trail, *arguments)

    assert result.exit_code == code
    assert "Traceback" not in result.output


def test_an_over_large_or_unreadable_receipt_file_is_wrong_usage(trail: TrailBuilder, tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    with (tmp_path / "huge").open("wb") as stream:
        stream.truncate(17 * 1024 * 1024)

    for name in ("binary", "huge"):
        assert _run(trail, "verify", "--receipt", str(tmp_path / name)).exit_code == 2


def test_a_copied_trail_folder_can_be_read_by_itself(trail: TrailBuilder) -> None:
    result = CliRunner().invoke(root, ["query", "--home", str(trail.trail.folder), "--json"])

    assert len(json.loads(result.stdout)["rows"]) == 7


def test_a_home_without_a_trail_says_what_to_do(tmp_path: Path) -> None:
    result = CliRunner().invoke(root, ["query", "--home", str(tmp_path)])

    assert result.exit_code == 1
    assert "start the appliance once" in result.stderr


@pytest.mark.parametrize(
    ("pragma", "words"), [("application_id = 1", "is not a trail"), ("user_version = 9", "has schema 9")]
)
def test_a_foreign_database_is_named(trail: TrailBuilder, pragma: str, words: str) -> None:
    trail.sql(f"PRAGMA {pragma}")

    result = _run(trail, "query")

    assert result.exit_code == 1
    assert words in result.stderr


def test_an_index_key_that_this_user_cannot_read_leaves_its_month_unsearched(trail: TrailBuilder) -> None:
    current = min(trail.trail.keys.glob("*.index"))
    current.unlink()
    current.mkdir()

    assert len(_json(trail, "query", "--patient", PATIENT)["months_not_searched"]) == 2


def test_the_module_runs_by_itself_and_exits_with_the_documented_code(trail: TrailBuilder) -> None:
    environment = {**os.environ, "APPLIANCE_HOME": str(trail.home)}
    command = [sys.executable, "-m", "audit", "show", "ex_unknown"]

    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    assert result.returncode == 7
    assert result.stderr.startswith("audit: Nothing in the trail")


def _event_of(exchange_id: str) -> Event:
    return exchange_events(exchange_id)[2][0]
