"""`audit export` and `audit feed` against a real recorder: recorded first, proven elsewhere, pulled without loss."""

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

from audit.approvals import Act
from audit.cli.bar import counted
from audit.cli.export import _signed
from audit.cli.root import root
from audit.errors import RecorderUnavailableError
from tests.support.bundles import read_members, vkeys
from tests.support.officers import FIRST, READER, SECOND, Office
from tests.support.recorder_process import running_recorder
from tests.support.trail_builder import PATIENT, USER, TrailBuilder, TurnableClock

NOT_RECORDED, NOT_FOUND_OR_USAGE, DENIED, NOT_APPROVED = 6, 2, 8, 9


@pytest.fixture(scope="session")
def original(tmp_path_factory: pytest.TempPathFactory) -> TrailBuilder:
    now = TurnableClock(now_ms=time.time_ns() // 1_000_000 - 60_000)
    builder = TrailBuilder(home=tmp_path_factory.mktemp("trail") / "home", clock=now)
    builder.add_exchanges(5)
    return builder


@pytest.fixture
def trail(original: TrailBuilder, tmp_path: Path) -> TrailBuilder:
    return original.copy(tmp_path / "h")


@pytest.fixture
def recorded(trail: TrailBuilder) -> Iterator[TrailBuilder]:
    """Give a trail whose recorder runs."""
    with running_recorder(trail.home):
        yield trail


def run(trail: TrailBuilder, *arguments: str) -> Result:
    return CliRunner().invoke(root, [*arguments, "--home", str(trail.home)])


def accesses(trail: TrailBuilder, code: str) -> list[dict[str, Any]]:
    """Return the recorded reads of a code, newest first."""
    result = run(trail, "query", "--kind", "access", "--code", code, "--events", "--json")
    assert result.exit_code == 0, result.output
    rows: list[dict[str, Any]] = json.loads(result.stdout)["rows"]
    return rows


def verify_alone(trail: TrailBuilder, bundle: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Check a bundle as an auditor does: the copied script, plain Python, an empty folder."""
    folder.mkdir()
    shutil.copy(bundle, folder / "bundle.zip")
    (folder / "verify_bundle.py").write_bytes(read_members(bundle)["verify_bundle.py"])
    (folder / "verifier.keys").write_text(vkeys(trail))
    command = [sys.executable, "-I", "verify_bundle.py", "bundle.zip", "verifier.keys"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env={})


def test_an_export_is_recorded_and_proves_itself_elsewhere(recorded: TrailBuilder, tmp_path: Path) -> None:
    result = run(recorded, "export", "--from", "1d", "--to", "2099-01-01", str(tmp_path / "b.zip"), "--json")

    assert result.exit_code == 0, result.output
    written = json.loads(result.stdout)
    (event,) = accesses(recorded, "export")
    assert (event["sequence"], event["facts"]["manifest"]) == (written["recorded"], written["manifest"])
    done = verify_alone(recorded, tmp_path / "b.zip", tmp_path / "away")
    assert done.returncode == 0, done.stdout
    assert written["records"] == 21


def test_one_exchange_can_be_exported(recorded: TrailBuilder, tmp_path: Path) -> None:
    result = run(recorded, "export", "--exchange", f"ex_{5:032x}", str(tmp_path / "b.zip"))

    assert result.exit_code == 0, result.output
    assert "4 records" in result.stderr
    assert verify_alone(recorded, tmp_path / "b.zip", tmp_path / "away").returncode == 0


def test_without_a_recorder_there_is_no_bundle(trail: TrailBuilder, tmp_path: Path) -> None:
    result = run(trail, "export", "--from", "1d", "--to", "2099-01-01", str(tmp_path / "b.zip"))

    assert result.exit_code == NOT_RECORDED
    assert not list(tmp_path.glob("*b.zip*"))


@pytest.mark.parametrize(
    "arguments",
    [(), ("--from", "1d"), ("--to", "2026-01-01"), ("--from", "1d", "--to", "2099-01-01", "--exchange", "x")],
)
def test_what_to_export_must_be_said(trail: TrailBuilder, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    result = run(trail, "export", *arguments, str(tmp_path / "b.zip"))

    assert (result.exit_code, "--from and --to, or --exchange" in result.stderr) == (2, True)


def test_bodies_leave_with_a_second_officers_approval_only(recorded: TrailBuilder, tmp_path: Path) -> None:
    office = Office(recorded.home / "custodian")
    span = ("export", "--from", "1d", "--to", "2099-01-01", "--bodies")
    key = ("--officer-key-file", str(office.key_file(FIRST)))
    now_ms = time.time_ns() // 1_000_000
    waiting = office.requested(Act.EXPORT_BODIES, "1d/2099-01-01", now_ms=now_ms)
    given = office.approved(Act.EXPORT_BODIES, "1d/2099-01-01", now_ms=now_ms)
    other = ("--officer-key-file", str(office.key_file(SECOND)))

    codes = [
        run(recorded, *span, *more, str(tmp_path / "no.zip")).exit_code
        for more in ((), key, (*key, "--approval", waiting.id), (*other, "--approval", given.id))
    ]
    done = run(recorded, *span, *key, "--approval", given.id, str(tmp_path / "b.zip"))
    again = run(recorded, *span, *key, "--approval", given.id, str(tmp_path / "again.zip"))

    assert codes == [DENIED, NOT_APPROVED, NOT_APPROVED, NOT_APPROVED]
    assert not (tmp_path / "no.zip").exists()
    assert done.exit_code == 0, done.output
    assert "bodies.jsonl" in read_members(tmp_path / "b.zip")
    assert again.exit_code == NOT_APPROVED
    (event,) = accesses(recorded, "export")
    assert (event["facts"]["approval"], event["facts"]["case"]) == (given.id, "CASE-7")


def feed(trail: TrailBuilder, *arguments: str) -> tuple[list[dict[str, Any]], int]:
    """Return the OCSF events of a pull, and where the next one begins."""
    result = run(trail, "feed", "--format", "ocsf", *arguments)
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()], int(result.stderr.split()[-1])


def test_pulls_in_turn_lose_nothing_and_repeat_nothing(recorded: TrailBuilder, tmp_path: Path) -> None:
    cursor = tmp_path / "cursor"
    seen: list[int] = []

    for _ in range(4):
        events, _ = feed(recorded, "--cursor-file", str(cursor), "--limit", "7")
        seen += [event["metadata"]["sequence"] for event in events]

    rest, following = feed(recorded, "--since-sequence", cursor.read_text().strip())
    seen += [event["metadata"]["sequence"] for event in rest]
    assert seen == list(range(following))
    assert following > 21


def test_a_pull_that_fails_leaves_the_cursor_where_it_was(recorded: TrailBuilder, tmp_path: Path) -> None:
    cursor, taken = tmp_path / "cursor", tmp_path / "taken"
    feed(recorded, "--cursor-file", str(cursor), "--limit", "3")
    taken.touch()

    result = run(recorded, "feed", "--format", "cef", "--cursor-file", str(cursor), "--output", str(taken))

    assert result.exit_code == 2
    assert cursor.read_text() == "3\n"


def test_a_feed_is_recorded_first_and_never_handed_out_unrecorded(trail: TrailBuilder, tmp_path: Path) -> None:
    refused = run(trail, "feed", "--format", "csv", "--output", str(tmp_path / "f.csv"))

    assert (refused.exit_code, refused.stdout) == (NOT_RECORDED, "")
    assert not (tmp_path / "f.csv").exists()
    with running_recorder(trail.home):
        done = run(trail, "feed", "--format", "csv", "--since", "1d", "--until", "2099-01-01",
                   "--output", str(tmp_path / "f.csv"))  # fmt: skip
        (event,) = accesses(trail, "feed")
    assert done.exit_code == 0, done.output
    assert len((tmp_path / "f.csv").read_bytes().splitlines()) == 22
    assert (event["facts"]["first"], event["facts"]["end"], event["facts"]["format"]) == (0, 21, "csv")


def test_people_are_named_for_a_privacy_officer_only(recorded: TrailBuilder) -> None:
    office = Office(recorded.home / "custodian")
    named = ("feed", "--format", "fhir", "--people", "--passphrase-file", str(recorded.passphrase_file))

    siem = run(recorded, "feed", "--format", "cef", "--people")
    nobody = run(recorded, *named)
    reader = run(recorded, *named, "--officer-key-file", str(office.key_file(READER)))
    done = run(recorded, *named, "--officer-key-file", str(office.key_file(FIRST)))

    assert (siem.exit_code, nobody.exit_code, reader.exit_code) == (2, DENIED, DENIED)
    assert done.exit_code == 0, done.output
    assert (PATIENT in done.stdout, USER in done.stdout) == (True, True)
    assert accesses(recorded, "feed")[0]["facts"]["people"] is True


@pytest.mark.parametrize("content", ["x", "-1", "9" * 30, "\xff"])
def test_a_file_that_is_no_cursor_is_refused(trail: TrailBuilder, tmp_path: Path, content: str) -> None:
    (tmp_path / "cursor").write_text(content, encoding="latin-1")

    result = run(trail, "feed", "--format", "csv", "--cursor-file", str(tmp_path / "cursor"))

    assert (result.exit_code, "no cursor" in result.stderr) == (2, True)


def test_a_cursor_beyond_the_trail_asks_whether_it_is_another_one(trail: TrailBuilder) -> None:
    result = run(trail, "feed", "--format", "csv", "--since-sequence", "999")

    assert (result.exit_code, "another trail" in result.stderr) == (2, True)


def test_who_stops_listening_moves_no_cursor(recorded: TrailBuilder, tmp_path: Path) -> None:
    cursor = tmp_path / "cursor"
    command = [sys.executable, "-m", "audit", "feed", "--format", "csv", "--cursor-file", str(cursor)]
    read, write = os.pipe()
    os.close(read)

    done = subprocess.run(
        [*command, "--home", str(recorded.home)], stdout=write, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(write)

    assert done.returncode == 2, done.stderr
    assert "went away" in done.stderr
    assert not cursor.exists()


async def test_a_recorder_that_signs_nothing_gives_no_bundle(
    recorded: TrailBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("audit.cli.export.SIGNED_WITHIN_S", 0.5)

    with pytest.raises(RecorderUnavailableError, match="signed nothing"):
        await _signed(recorded.home / "run" / "recorder.sock", above=10**9)


def test_a_feed_that_stops_half_way_leaves_no_file(trail: TrailBuilder, tmp_path: Path) -> None:
    office, out = Office(trail.home / "custodian"), tmp_path / "f.json"
    key = ("--officer-key-file", str(office.key_file(FIRST)), "--passphrase-file", str(trail.passphrase_file))
    trail.sql("UPDATE record SET ciphertext = (SELECT ciphertext FROM record WHERE sequence = 1) WHERE sequence = 9")

    with running_recorder(trail.home):
        result = run(trail, "feed", "--format", "fhir", "--people", *key, "--output", str(out))

    assert (result.exit_code, out.exists()) == (3, False)


def test_the_bar_moves_in_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("audit.cli.bar.STEP", 2)

    with counted("exporting") as moved:
        moved(1)
        moved(1)
        moved(1)
