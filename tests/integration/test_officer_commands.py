"""`audit officer`, `audit approval` and `audit show --open` against a real trail, with and without a real recorder."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from audit.approvals import Act
from audit.cli.root import root
from tests.support.officers import FIRST, READER, SECOND, Office
from tests.support.recorder_process import running_recorder
from tests.support.trail_builder import PATIENT, USER, TrailBuilder, TurnableClock


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> TrailBuilder:
    clock = TurnableClock(now_ms=time.time_ns() // 1_000_000)
    builder = TrailBuilder(home=tmp_path_factory.mktemp("officers") / "home", clock=clock)
    builder.add_exchanges(2, seconds_between=0.01)
    return builder


@pytest.fixture
def trail(original: TrailBuilder, tmp_path: Path) -> TrailBuilder:
    return original.copy(tmp_path / "h")


@pytest.fixture
def recorded(trail: TrailBuilder) -> Iterator[TrailBuilder]:
    """Give a trail whose recorder runs."""
    with running_recorder(trail.home):
        yield trail


@pytest.fixture
def office(trail: TrailBuilder) -> Office:
    return Office(trail.home / "custodian")


def _run(trail: TrailBuilder, *arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(root, [*arguments, "--home", str(trail.home)], input=stdin)


def _json(trail: TrailBuilder, *arguments: str) -> Any:
    result = _run(trail, *arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def _exchange(trail: TrailBuilder) -> str:
    exchange: str = _json(trail, "query")["rows"][0]["exchange"]
    return exchange


def _approval(trail: TrailBuilder, office: Office, exchange: str) -> str:
    """Return an approval that was asked for and given at the command line."""
    first, second = (str(office.key_file(name)) for name in (FIRST, SECOND))
    wish = ["open_body", exchange, "--case", "CASE-7", "--officer-key-file", first]
    approval: str = _json(trail, "approval", "request", *wish)["approval"]
    given = _run(trail, "approval", "give", approval, "--officer-key-file", second)
    assert given.stdout == f"{approval}\n", given.output
    return approval


def _open(trail: TrailBuilder, office: Office, exchange: str, approval: str, *more: str) -> Result:
    key = str(office.key_file(FIRST))
    options = ["--approval", approval, "--officer-key-file", key, *more]
    if "--passphrase-file" not in more:
        options += ["--passphrase-file", str(trail.passphrase_file)]
    return _run(trail, "show", exchange, "--open", *options)


def test_two_officers_open_a_body_and_the_trail_knows_every_step(recorded: TrailBuilder, office: Office) -> None:
    exchange = _exchange(recorded)
    approval = _approval(recorded, office, exchange)

    shown = _open(recorded, office, exchange, approval)

    assert shown.exit_code == 0, shown.output
    assert "Canary" in shown.stdout
    rows = _json(recorded, "query", "--topic", "reads", "--events")["rows"]
    assert [row["code"] for row in rows][:3] == ["body_opened", "approval_given", "approval_requested"]
    assert rows[0]["facts"]["approved_by"] == SECOND


def test_opened_bodies_as_json_are_whole(recorded: TrailBuilder, office: Office) -> None:
    exchange = _exchange(recorded)
    shown = _open(recorded, office, exchange, _approval(recorded, office, exchange), "--json")

    event = json.loads(shown.stdout)["events"][0]

    assert (event["user"], event["patients"]) == (USER, [PATIENT])
    assert "Canary" in event["body"]


def test_who_opened_this_patients_text_can_be_asked(recorded: TrailBuilder, office: Office) -> None:
    exchange = _exchange(recorded)
    _open(recorded, office, exchange, _approval(recorded, office, exchange))

    rows = _json(recorded, "query", "--patient", PATIENT, "--code", "body_opened", "--events")["rows"]

    assert len(rows) == 1


def test_the_passphrase_alone_opens_nothing(recorded: TrailBuilder) -> None:
    result = _run(recorded, "show", "1", "--open", "--passphrase-file", str(recorded.passphrase_file))

    assert result.exit_code == 9
    assert result.stdout == ""
    assert "audit approval request open_body ex_" in result.stderr


def test_an_approval_without_an_officers_key_opens_nothing(recorded: TrailBuilder, office: Office) -> None:
    exchange = _exchange(recorded)
    approval = _approval(recorded, office, exchange)

    result = _run(recorded, "show", exchange, "--open", "--approval", approval)

    assert result.exit_code == 8
    assert "--officer-key-file" in result.stderr


def test_an_approval_is_used_once(recorded: TrailBuilder, office: Office) -> None:
    exchange = _exchange(recorded)
    approval = _approval(recorded, office, exchange)
    _open(recorded, office, exchange, approval)

    again = _open(recorded, office, exchange, approval)

    assert (again.exit_code, again.stdout) == (9, "")
    assert "spent" in again.stderr


def test_a_wrong_passphrase_shows_nothing_and_spends_nothing(
    recorded: TrailBuilder, office: Office, tmp_path: Path
) -> None:
    exchange = _exchange(recorded)
    approval = _approval(recorded, office, exchange)
    wrong = tmp_path / "wrong"
    wrong.write_text("wrong\n")

    result = _open(recorded, office, exchange, approval, "--passphrase-file", str(wrong))

    assert (result.exit_code, result.stdout) == (5, "")
    assert _open(recorded, office, exchange, approval).exit_code == 0


def test_nothing_is_opened_when_the_opening_cannot_be_recorded(trail: TrailBuilder, office: Office) -> None:
    exchange = _exchange(trail)
    with running_recorder(trail.home):
        approval = _approval(trail, office, exchange)

    result = _open(trail, office, exchange, approval)

    assert (result.exit_code, result.stdout) == (6, "")
    assert office.approvals.entry(approval).state(1) == "given"


def test_a_month_whose_keys_are_gone_is_told_and_nothing_is_spent(recorded: TrailBuilder, office: Office) -> None:
    exchange = _exchange(recorded)
    approval = _approval(recorded, office, exchange)
    for month in (recorded.home / "custodian" / "months").glob("*.json"):
        month.unlink()

    result = _open(recorded, office, exchange, approval)

    assert (result.exit_code, result.stdout) == (5, "")
    assert office.approvals.entry(approval).state(1) == "given"


def test_a_body_that_was_cut_out_says_so(recorded: TrailBuilder, office: Office) -> None:
    exchange = _exchange(recorded)
    approval = _approval(recorded, office, exchange)
    recorded.sql("UPDATE record SET ciphertext = X'05' WHERE exchange = ? AND ciphertext IS NOT NULL", exchange)

    result = _open(recorded, office, exchange, approval)

    assert result.exit_code == 3
    assert "not the one that was recorded" in result.stderr


def test_a_compliance_officer_opens_nothing(recorded: TrailBuilder, office: Office) -> None:
    key = str(office.key_file(READER))
    wish = ["open_body", "ex_1", "--case", "CASE-7", "--officer-key-file", key]

    asked = _run(recorded, "approval", "request", *wish)
    opened = _run(recorded, "show", "1", "--open", "--approval", "ap_" + "0" * 32, "--officer-key-file", key)

    assert (asked.exit_code, opened.exit_code) == (8, 8)
    assert "no policy permits it to compliance-officer" in asked.stderr


def test_nobody_approves_their_own_request(recorded: TrailBuilder, office: Office) -> None:
    key = str(office.key_file(FIRST))
    wish = ["open_body", "ex_1", "--case", "CASE-7", "--officer-key-file", key]
    approval = _run(recorded, "approval", "request", *wish).stdout.strip()

    result = _run(recorded, "approval", "give", approval, "--officer-key-file", key)

    assert result.exit_code == 9
    assert "Who asks cannot approve" in result.stderr


def test_approvals_are_listed_for_officers_of_the_trail(recorded: TrailBuilder, office: Office) -> None:
    approval = _approval(recorded, office, _exchange(recorded))
    key = str(office.key_file(READER))

    listed = _json(recorded, "approval", "list", "--officer-key-file", key)
    table = _run(recorded, "approval", "list", "--officer-key-file", key)

    assert [(row["approval"], row["state"]) for row in listed] == [(approval, "given")]
    assert approval in table.stdout
    assert _run(recorded, "approval", "list").exit_code == 8


def test_a_request_without_a_recorder_is_no_request(trail: TrailBuilder, office: Office) -> None:
    wish = ["open_body", "ex_1", "--case", "CASE-7", "--officer-key-file", str(office.key_file(FIRST))]

    assert _run(trail, "approval", "request", *wish).exit_code == 6
    assert office.approvals.entries() == ()


def test_officers_are_added_listed_and_revoked(trail: TrailBuilder) -> None:
    key = _json(trail, "officer", "add", "m.weber", "--role", "compliance-officer", "--tenant", "east")["key"]
    plain = _run(trail, "officer", "add", "a.other")
    listed = _json(trail, "officer", "list")
    revoked = _run(trail, "officer", "revoke", "m.weber")

    assert key.startswith("ofk_")
    assert plain.stdout.startswith("ofk_")
    assert "may do nothing yet" in plain.stderr
    assert [(row["name"], row["roles"], row["tenant"]) for row in listed] == [
        ("m.weber", ["compliance-officer"], "east"),
        ("a.other", [], ""),
    ]
    assert revoked.exit_code == 0
    assert _json(trail, "officer", "revoke", "a.other") == {"name": "a.other", "revoked": True}
    assert "compliance-officer" in _run(trail, "officer", "list").stdout
    assert _run(trail, "officer", "revoke", "m.weber").exit_code == 1


def test_only_a_role_of_the_policy_can_be_given(trail: TrailBuilder) -> None:
    for command in (("add", "m.weber"), ("roles", "m.weber")):
        result = _run(trail, "officer", *command, "--role", "operator")

        assert result.exit_code == 1
        assert "privacy-officer" in result.stderr


def test_changes_of_officers_are_operations_of_the_trail(recorded: TrailBuilder) -> None:
    _run(recorded, "officer", "add", "m.weber")
    changed = _run(recorded, "officer", "roles", "m.weber", "--role", "privacy-officer")
    taken = _json(recorded, "officer", "roles", "m.weber")
    nothing = _run(recorded, "officer", "roles", "m.weber")
    _run(recorded, "officer", "revoke", "m.weber")

    rows = _json(recorded, "query", "--topic", "officers", "--events")["rows"]

    assert "privacy-officer" in changed.stdout
    assert taken["roles"] == []
    assert "may do nothing" in nothing.stdout
    assert [row["code"] for row in reversed(rows)] == ["officer_added", *["officer_roles"] * 3, "officer_revoked"]
    assert {row["facts"]["officer"] for row in rows} == {"m.weber"}


def test_an_officer_added_before_the_first_start_is_recorded_before_acting(trail: TrailBuilder) -> None:
    added = _run(trail, "officer", "add", "m.weber", "--role", "compliance-officer")
    key = trail.home / "m.key"
    key.write_text(added.stdout)
    key.chmod(0o600)
    with running_recorder(trail.home):
        before = _json(trail, "query", "--topic", "officers", "--events")["rows"]
        _json(trail, "approval", "list", "--officer-key-file", str(key))
        after = _json(trail, "query", "--topic", "officers", "--events")["rows"]

    assert "before anybody acts" in added.stderr
    assert (before, [row["code"] for row in after]) == ([], ["officer_added"])


@pytest.mark.parametrize("kind", ["absent", "shared", "long", "unknown"])
def test_a_key_file_is_private_and_holds_a_key(trail: TrailBuilder, office: Office, kind: str) -> None:
    file = office.key_file(READER) if kind != "absent" else trail.home / "absent"
    if kind == "shared":
        file.chmod(0o644)
    elif kind == "long":
        file.write_text("x" * 5000)
    elif kind == "unknown":
        file.write_text("ofk_00000000_" + "A" * 43)

    result = _run(trail, "approval", "list", "--officer-key-file", str(file))

    assert result.exit_code == (8 if kind == "unknown" else 1)
    assert "Traceback" not in result.output


def test_an_approval_made_by_the_library_is_the_same_as_by_command(recorded: TrailBuilder, office: Office) -> None:
    exchange = _exchange(recorded)
    approval = office.approved(Act.OPEN_BODY, exchange, now_ms=time.time_ns() // 1_000_000)

    assert _open(recorded, office, exchange, approval.id).exit_code == 0
