"""The `audit keys` commands against a real trail and a real recorder: each change is in the trail before it is made."""

import json
import shutil
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from audit.approvals import Act
from audit.cli.root import root
from audit.keyring import open_custodian, open_root
from audit.keyring.root import RootFile
from audit.keyring.wrapping import next_root_identity, wrap
from tests.support.officers import FIRST, SECOND, Office
from tests.support.recorder_process import running_recorder
from tests.support.softhsm import LABEL, PIN, soft_token
from tests.support.swtpm import running_tpm
from tests.support.trail_builder import TrailBuilder, TurnableClock

NOW_MS = time.time_ns() // 1_000_000
OLD_MS = NOW_MS - (6 * 366 + 62) * 24 * 3600 * 1000
"""More than six years and a month ago: what was sealed then is due."""

OLD_MONTH = datetime.fromtimestamp(OLD_MS / 1000, UTC).strftime("%Y-%m")
NEW_PASSPHRASE = "four random words here"


@pytest.fixture(scope="session")
def original(tmp_path_factory: pytest.TempPathFactory) -> TrailBuilder:
    """Build a trail with one exchange from more than six years ago and one of today."""
    builder = TrailBuilder(home=tmp_path_factory.mktemp("keys") / "home", clock=TurnableClock(now_ms=OLD_MS))
    builder.add_exchanges(1)
    builder.clock.move((NOW_MS - OLD_MS) / 1000 - 31 * 24 * 3600)
    builder.next_month()
    builder.add_exchanges(1, seconds_between=0.01)
    return builder


@pytest.fixture
def trail(original: TrailBuilder, tmp_path: Path) -> TrailBuilder:
    return original.copy(tmp_path / "h")


@pytest.fixture
def recorded(trail: TrailBuilder) -> Iterator[TrailBuilder]:
    """Give a trail whose recorder runs."""
    with running_recorder(trail.home):
        yield trail


def run(trail: TrailBuilder, *arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(root, [*arguments, "--home", str(trail.home)], input=stdin)


def answer(trail: TrailBuilder, *arguments: str, stdin: str | None = None) -> Any:
    result = run(trail, *arguments, "--json", stdin=stdin)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def operations(trail: TrailBuilder) -> list[dict[str, Any]]:
    """Return the changes of keys that the trail knows, newest first."""
    rows = answer(trail, "query", "--topic", "keys", "--events")["rows"]
    return [event for row in rows for event in row.get("events", [row])]


def codes(trail: TrailBuilder) -> list[str]:
    return [str(event["code"]) for event in operations(trail)]


def by_file(trail: TrailBuilder) -> tuple[str, str]:
    return ("--passphrase-file", str(trail.passphrase_file))


def secret_file(folder: Path, name: str, text: str) -> str:
    path = folder / name
    path.write_text(text + "\n")
    return str(path)


def test_a_first_home_gets_an_origin_of_its_own_and_keeps_it(tmp_path: Path) -> None:
    first = CliRunner().invoke(root, ["keys", "init", "--home", str(tmp_path / "h")])
    again = CliRunner().invoke(root, ["keys", "init", "--home", str(tmp_path / "h")])
    as_json = CliRunner().invoke(root, ["keys", "init", "--json", "--home", str(tmp_path / "h")])

    assert first.exit_code == again.exit_code == 0
    assert first.stdout == again.stdout
    assert json.loads(as_json.stdout)["origin"] in first.stdout


def test_months_ahead_are_recorded_and_then_made(recorded: TrailBuilder) -> None:
    none = run(recorded, "keys", "ahead", *by_file(recorded))
    made = answer(recorded, "keys", "ahead", "--months", "3", *by_file(recorded))
    prepared = run(recorded, "keys", "prepare", "--months", "4", *by_file(recorded))

    assert "Nothing was missing" in none.stdout
    assert "Made the keys of" in prepared.stdout
    assert (len(made["made"]), len(made["months"])) == (1, 4)
    assert codes(recorded) == ["months_prepared", "months_prepared"]
    assert operations(recorded)[-1]["facts"]["months"] == made["made"]


def test_without_a_recorder_no_key_is_changed(trail: TrailBuilder) -> None:
    before = {path: path.read_bytes() for path in trail.home.rglob("*.json")}
    new = ("--new-passphrase-file", secret_file(trail.home, "new", NEW_PASSPHRASE))
    changes = (
        ("ahead", "--months", "5", *by_file(trail)), ("rotate-root", *by_file(trail)),
        ("change-passphrase", *by_file(trail), *new), ("hold", OLD_MONTH, "--case", "M-1"),
    )  # fmt: skip

    assert [run(trail, "keys", *change).exit_code for change in changes] == [6, 6, 6, 6]
    assert {path: path.read_bytes() for path in trail.home.rglob("*.json")} == before


def test_a_month_without_any_key_is_made_even_though_nothing_can_be_recorded_before(trail: TrailBuilder) -> None:
    for file in trail.trail.keys.glob("*.index"):
        file.unlink()
    with running_recorder(trail.home):
        made = answer(trail, "keys", "ahead", *by_file(trail))

        assert len(made["made"]) == 3
        assert operations(trail)[0]["facts"]["months"] == made["made"]


def test_key_months_and_their_keepers_are_listed(trail: TrailBuilder) -> None:
    months = answer(trail, "keys", "list")
    by_month = {row["month"]: row for row in months}

    assert by_month[OLD_MONTH]["state"] == "past"
    assert by_month[OLD_MONTH]["search"] == "custodian only"
    assert [row["search"] for row in months if row["state"] == "current"] == ["recorder"]
    assert "custodian only" in run(trail, "keys", "list").stdout
    status = answer(trail, "keys", "status")
    assert (status["advice"], status["root"], status["opens_by_itself"]) == ("Nothing to do.", "passphrase", True)
    assert "verifier_keys" in run(trail, "keys", "status").stdout


def test_keys_that_run_out_say_what_to_do(trail: TrailBuilder) -> None:
    prepared = sorted(trail.trail.keys.glob("*.index"))
    for file in prepared[1:]:
        file.unlink()
    assert "audit keys ahead" in answer(trail, "keys", "status")["advice"]

    prepared[0].unlink()
    assert "nothing can be recorded" in answer(trail, "keys", "status")["advice"]


def test_a_month_whose_file_is_lost_is_listed_as_missing(trail: TrailBuilder) -> None:
    custodian = trail.home / "custodian"
    (custodian / "months" / f"{OLD_MONTH}.json").unlink()
    assert {row["month"]: row["custodian"] for row in answer(trail, "keys", "list")}[OLD_MONTH] == "missing"

    custodian.rename(trail.home / "elsewhere")
    assert answer(trail, "keys", "list")[0]["custodian"] == "not on this machine"
    assert answer(trail, "keys", "status")["root"] == "not on this machine"


def test_a_rotation_is_recorded_and_bodies_open_after_it(recorded: TrailBuilder) -> None:
    before = recorded.private_keys(OLD_MONTH)

    done = answer(recorded, "keys", "rotate-root", *by_file(recorded))
    again = run(recorded, "keys", "rotate-root", *by_file(recorded))

    assert OLD_MONTH in done["months"]
    assert "fresh root" in again.stdout
    assert recorded.private_keys(OLD_MONTH) == before
    assert codes(recorded) == ["root_rotated", "root_rotated"]


def test_a_rotation_that_was_cut_short_is_shown_and_finished(recorded: TrailBuilder) -> None:
    opened = open_root(recorded.home / "custodian")
    identity = next_root_identity(opened.custodian.origin)
    opened.custodian.file.with_next(wrap(opened.root, b"n" * 32, identity)).replace()
    assert "rotate-root" in answer(recorded, "keys", "status")["advice"]

    answer(recorded, "keys", "rotate-root", *by_file(recorded))

    assert operations(recorded)[0]["facts"]["finishes_earlier"] is True
    assert answer(recorded, "keys", "status")["rotation_unfinished"] is False


def test_a_wrong_passphrase_changes_and_records_nothing(recorded: TrailBuilder) -> None:
    wrong = secret_file(recorded.home, "wrong", "not the passphrase")

    assert run(recorded, "keys", "rotate-root", "--passphrase-file", wrong).exit_code == 5
    assert codes(recorded) == []


@pytest.mark.parametrize(("option", "kept"), [((), True), (("--no-keep",), False)])
def test_a_changed_passphrase_opens_and_is_kept_as_asked(
    recorded: TrailBuilder, option: tuple[str, ...], *, kept: bool
) -> None:
    old = recorded.passphrase_file.read_text()
    done = run(recorded, "keys", "change-passphrase", *option, stdin=f"{old}{NEW_PASSPHRASE}\n")

    assert done.exit_code == 0, done.output
    assert recorded.passphrase_file.exists() == kept
    assert open_custodian(recorded.home / "custodian", passphrase=NEW_PASSPHRASE.encode()).months()
    assert codes(recorded) == ["passphrase_changed"]
    assert old.strip() not in done.output
    assert NEW_PASSPHRASE not in done.output


def test_a_new_passphrase_that_is_short_is_refused_before_anything_is_recorded(recorded: TrailBuilder) -> None:
    short, long = secret_file(recorded.home, "short", "short"), secret_file(recorded.home, "long", NEW_PASSPHRASE)
    to_short, to_long = ("--new-passphrase-file", short), ("--new-passphrase-file", long)

    done = run(recorded, "keys", "change-passphrase", *by_file(recorded), *to_short)

    assert (done.exit_code, codes(recorded)) == (5, [])
    assert answer(recorded, "keys", "change-passphrase", *by_file(recorded), *to_long) == {
        "changed": True,
        "kept_on_machine": True,
    }


def test_the_root_moves_to_a_token_and_back(
    recorded: TrailBuilder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = soft_token(tmp_path / "hsm")
    monkeypatch.setenv("SOFTHSM2_CONF", str(token.configuration))
    pin, new = secret_file(tmp_path, "pin", PIN), secret_file(tmp_path, "new", NEW_PASSPHRASE)
    to_token = ("--module", str(token.module), "--token", LABEL)
    before = recorded.private_keys(OLD_MONTH)

    there = answer(recorded, "keys", "protect", "pkcs11", *to_token, *by_file(recorded), "--new-passphrase-file", pin)
    changed = run(recorded, "keys", "change-passphrase", "--passphrase-file", pin, "--new-passphrase-file", new)
    status = answer(recorded, "keys", "status")
    back = run(recorded, "keys", "protect", "passphrase", "--passphrase-file", pin, "--new-passphrase-file", new)
    twice = run(recorded, "keys", "protect", "passphrase", "--passphrase-file", new, "--new-passphrase-file", new)

    assert (there["before"], there["after"]) == ("passphrase", "pkcs11")
    assert (status["root"], status["opens_by_itself"]) == ("pkcs11", False)
    assert (changed.exit_code, twice.exit_code) == (5, 5)
    assert "moved from pkcs11 to passphrase" in back.stdout
    custodian = open_custodian(recorded.home / "custodian", passphrase=NEW_PASSPHRASE.encode())
    assert custodian.secrets(OLD_MONTH) == before
    assert codes(recorded) == ["root_moved", "root_moved"]


def test_a_wrong_pin_for_the_new_keeper_moves_and_records_nothing(
    recorded: TrailBuilder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = soft_token(tmp_path / "hsm")
    monkeypatch.setenv("SOFTHSM2_CONF", str(token.configuration))
    wrong = secret_file(tmp_path, "pin", "0000")
    to_token = ("--module", str(token.module), "--token", LABEL, "--new-passphrase-file", wrong)

    assert run(recorded, "keys", "protect", "pkcs11", *to_token, *by_file(recorded)).exit_code == 5
    assert RootFile.read(recorded.home / "custodian").protection == "passphrase"
    assert codes(recorded) == []


def test_the_root_moves_to_the_tpm_and_is_asked_for_nothing_or_for_its_pin(recorded: TrailBuilder) -> None:
    pin = secret_file(recorded.home, "pin", PIN)
    with running_tpm() as tpm:
        moved = run(recorded, "keys", "protect", "tpm2", "--tcti", tpm.tcti, *by_file(recorded))
        made = answer(recorded, "keys", "ahead", "--months", "3")
        again = ("--pin", "--tcti", tpm.tcti, "--new-passphrase-file", pin)
        locked = answer(recorded, "keys", "protect", "tpm2", *again)
        wrong = run(recorded, "keys", "ahead", "--months", "4", stdin="0000\n")
        right = answer(recorded, "keys", "ahead", "--months", "4", stdin=f"{PIN}\n")

    assert moved.exit_code == 0, moved.output
    assert len(made["made"]) == len(right["made"]) == 1
    assert (locked["before"], locked["after"]) == ("tpm2", "tpm2")
    assert wrong.exit_code == 5
    assert run(recorded, "keys", "protect", "tpm2", "--pin", "--pcrs", "sha256:7").exit_code == 2


def test_a_hold_names_months_or_an_exchange_and_is_released(recorded: TrailBuilder) -> None:
    exchange = f"ex_{1:032x}"
    made = answer(recorded, "keys", "hold", OLD_MONTH, "--case", "M-17", "--reason", "all records of the claim")
    other = run(recorded, "keys", "hold", "--exchange", exchange, "--case", "M-18")
    due = answer(recorded, "keys", "due")
    shown = run(recorded, "keys", "due").stdout

    assert other.exit_code == 0, other.output
    assert [hold["case"] for hold in due["holds"]] == ["M-17", "M-18"]
    assert due["holds"][1]["exchange"] == exchange
    assert {row["month"]: row["state"] for row in due["months"]}[OLD_MONTH] == "held"
    assert "M-17" in shown
    assert answer(recorded, "keys", "release", made["hold"])["months"] == [OLD_MONTH]
    assert "no longer" in run(recorded, "keys", "release", due["holds"][1]["hold"]).stdout
    assert {row["month"]: row["state"] for row in answer(recorded, "keys", "due")["months"]}[OLD_MONTH] == "due"
    assert codes(recorded) == ["legal_hold_released", "legal_hold_released", "legal_hold", "legal_hold"]


def test_a_hold_on_an_exchange_that_is_not_there_is_told(recorded: TrailBuilder) -> None:
    assert run(recorded, "keys", "hold", "--exchange", "ex_" + "f" * 32, "--case", "M-1").exit_code == 7
    assert run(recorded, "keys", "release", "hold_0123456789abcdef").exit_code == 1


def approved(trail: TrailBuilder, month: str) -> tuple[str, str]:
    """Return an approval to destroy a month that the second officer gave, and the first one's key file."""
    office = Office(custodian=trail.home / "custodian")
    return approval_of(office, Act.DESTROY_MONTH, month), str(office.key_file(FIRST))


def approval_of(office: Office, action: Act, subject: str) -> str:
    return office.approved(action, subject, now_ms=time.time_ns() // 1_000_000).id


def test_showing_a_body_of_a_destroyed_month_says_so_even_without_the_tombstone(recorded: TrailBuilder) -> None:
    office, exchange = Office(custodian=recorded.home / "custodian"), f"ex_{1:032x}"
    key = ("--officer-key-file", str(office.key_file(FIRST)))
    destroy, show = approval_of(office, Act.DESTROY_MONTH, OLD_MONTH), approval_of(office, Act.OPEN_BODY, exchange)
    assert run(recorded, "keys", "destroy", OLD_MONTH, "--approval", destroy, *key).exit_code == 0
    opening = ("show", exchange, "--open", "--approval", show, *key, *by_file(recorded))

    by_tombstone = run(recorded, *opening)
    (recorded.home / "custodian" / "destroyed" / f"{OLD_MONTH}.json").unlink()
    by_record = run(recorded, *opening)

    for shown in (by_tombstone, by_record):
        assert shown.exit_code == 0, shown.output
        assert f"by {FIRST} and {SECOND} under CASE-7" in shown.stdout


def test_a_destroyed_month_is_in_the_trail_opens_never_again_and_breaks_no_proof(recorded: TrailBuilder) -> None:
    assert run(recorded, "verify").exit_code == 0
    approval, key = approved(recorded, OLD_MONTH)
    today = datetime.now(UTC).strftime("%Y-%m-%d")
    file = recorded.home / "custodian" / "months" / f"{OLD_MONTH}.json"
    backup = file.read_bytes()

    done = run(recorded, "keys", "destroy", OLD_MONTH, "--approval", approval, "--officer-key-file", key)
    file.write_bytes(backup)
    back = run(recorded, "keys", "due").stdout
    again = answer(recorded, "keys", "destroy", OLD_MONTH, "--officer-key-file", key)
    verified = run(recorded, "verify")
    due = answer(recorded, "keys", "due")

    sentence = f"keys of {OLD_MONTH} were destroyed on {today} by {FIRST} and {SECOND} under CASE-7"
    assert done.exit_code == 0, done.output
    assert sentence in done.stdout
    assert "back from a backup" in back
    assert again["approval"] == approval
    assert not file.exists()
    assert verified.exit_code == 0, verified.output
    assert sentence in due["destroyed"][0]
    assert sentence in run(recorded, "keys", "due").stdout
    assert OLD_MONTH not in [row["month"] for row in due["months"]]
    assert {row["month"]: row["custodian"] for row in answer(recorded, "keys", "list")}[OLD_MONTH] == "destroyed"
    record = operations(recorded)[0]
    assert (record["code"], record["facts"]["month"], record["facts"]["case"]) == (
        "month_destroyed", OLD_MONTH, "CASE-7",
    )  # fmt: skip


def test_a_month_of_an_archived_epoch_is_held_and_destroyed_by_its_own_name(recorded: TrailBuilder) -> None:
    shutil.copytree(recorded.home / "audit", recorded.home / "archive" / "before" / "audit")
    shutil.copytree(recorded.home / "custodian", recorded.home / "archive" / "before" / "custodian")
    there, epoch = ("--archive", "before"), "hospital.example/test"
    office = Office(custodian=recorded.home / "custodian")
    key = ("--officer-key-file", str(office.key_file(FIRST)))
    of_month = approval_of(office, Act.DESTROY_MONTH, OLD_MONTH)
    of_epoch = approval_of(office, Act.DESTROY_MONTH, f"{epoch}:{OLD_MONTH}")
    hold = answer(recorded, "keys", "hold", OLD_MONTH, "--case", "M-1", *there)["hold"]
    held = run(recorded, "keys", "destroy", OLD_MONTH, *there, "--approval", of_epoch, *key)
    answer(recorded, "keys", "release", hold, *there)

    wrong = run(recorded, "keys", "destroy", OLD_MONTH, *there, "--approval", of_month, *key)
    right = run(recorded, "keys", "destroy", OLD_MONTH, *there, "--approval", of_epoch, *key)

    assert (held.exit_code, wrong.exit_code, right.exit_code) == (1, 9, 0), right.output
    assert len(answer(recorded, "keys", "due", *there)["destroyed"]) == 1
    assert answer(recorded, "keys", "due")["destroyed"] == []
    assert operations(recorded)[0]["facts"]["epoch"] == epoch
    assert recorded.private_keys(OLD_MONTH)
    assert [run(recorded, "keys", "due", "--archive", name).exit_code for name in ("..", "after", "a/b")] == [1, 1, 1]


def test_a_destruction_needs_an_officer_and_an_approval(recorded: TrailBuilder) -> None:
    approval, key = approved(recorded, "2001-01")

    assert run(recorded, "keys", "destroy", OLD_MONTH, "--approval", approval).exit_code == 8
    assert run(recorded, "keys", "destroy", OLD_MONTH, "--officer-key-file", key).exit_code == 9
    by_other = run(recorded, "keys", "destroy", OLD_MONTH, "--approval", approval, "--officer-key-file", key)
    assert by_other.exit_code == 9
    assert recorded.private_keys(OLD_MONTH)
