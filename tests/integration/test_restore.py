"""A restored backup goes on as a new epoch that names the old head and who approved, and never as the old one."""

import asyncio
import json
import shutil
import subprocess
import sys
import time
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from audit.approvals import Act
from audit.cli.root import root
from audit.errors import QuarantinedError, SettingsError
from audit.keyring import Trail
from audit.places import find_places
from audit.record import Kind
from audit.recorder.client import RecorderClient
from audit.restore import next_origin
from tests.support.officers import Office
from tests.support.postgres import READER, RECORDER, PostgresDatabase, PostgresServer
from tests.support.recorder_process import running_recorder
from tests.support.trails import ORIGIN, example_event, new_trail

LOST = 3
"""Records that the backup lacks."""


def append(home: Path, count: int) -> None:
    """Append events through a running recorder."""

    async def run() -> None:
        async with aclosing(RecorderClient(home / "run" / "recorder.sock")) as client:
            for _ in range(count):
                await client.append(example_event())

    asyncio.run(run())


def audit(home: Path, *arguments: str) -> Result:
    """Run a command."""
    return CliRunner().invoke(root, [*arguments, "--home", str(home)])


def facts_of_the_beginning(home: Path) -> dict[str, Any]:
    """Return the facts of record 0."""
    shown = audit(home, "show", "0", "--json")
    assert shown.exit_code == 0, shown.output
    facts: dict[str, Any] = json.loads(shown.stdout)["events"][0]["facts"]
    return facts


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the home of a trail whose database was put back from a backup that lacks the newest records."""
    home = tmp_path_factory.mktemp("restored")
    new_trail(home)
    with running_recorder(home):
        append(home, 5)
    shutil.copytree(home / "audit", home / "backup")
    with running_recorder(home):
        append(home, LOST)
    shutil.rmtree(home / "audit")
    (home / "backup").rename(home / "audit")
    shutil.rmtree(home / "run")
    return home


@pytest.fixture
def home(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original, tmp_path / "h"))


def approved(home: Path, subject: str = ORIGIN) -> str:
    """Return the id of a restore that two officers agreed on."""
    return Office(home / "custodian").approved(Act.RESTORE, subject, now_ms=time.time_ns() // 1_000_000).id


def test_the_restored_trail_takes_nothing(home: Path) -> None:
    with running_recorder(home), pytest.raises(QuarantinedError):
        append(home, 1)


def test_the_new_epoch_names_the_old_head_and_who_approved(home: Path) -> None:
    approval = approved(home)

    done = audit(home, "restore", "--approval", approval, "--json")
    assert done.exit_code == 0, done.output
    with running_recorder(home):
        append(home, 1)

    told = json.loads(done.stdout)
    facts = facts_of_the_beginning(home)
    assert told["origin"] == f"{ORIGIN}/e2"
    assert (facts["old_origin"], facts["old_size"] - facts["old_held"]) == (ORIGIN, LOST)
    assert (facts["approval"], facts["requested_by"], facts["approved_by"]) == (approval, "p.first", "p.second")
    assert len(facts["old_root"]) == 64


def test_old_and_new_trail_both_verify(home: Path) -> None:
    done = audit(home, "restore", "--approval", approved(home), "--json")
    with running_recorder(home):
        append(home, 1)

    archive = Path(json.loads(done.stdout)["archive"])
    new, old = audit(home, "verify"), audit(archive, "verify", "--json")
    assert new.exit_code == 0, new.output
    assert json.loads(old.stdout)["verdict"] == "verified"
    assert Trail(folder=home / "audit").signing_key() != Trail(folder=archive / "audit").signing_key()


def test_the_archive_beside_the_witness_shows_what_is_missing(home: Path) -> None:
    done = audit(home, "restore", "--approval", approved(home), "--json")

    archive = json.loads(done.stdout)["archive"]
    checked = audit(Path(archive), "verify", "--checkpoint", str(home / "witness" / "checkpoints.log"))

    assert checked.exit_code == 3
    assert "restored old copy" in checked.output


def test_officers_and_their_keys_outlive_the_epoch(home: Path) -> None:
    office = Office(home / "custodian")
    approval = office.approved(Act.RESTORE, ORIGIN, now_ms=time.time_ns() // 1_000_000)
    key = office.key_file("c.reader").rename(home / "reader.key")

    audit(home, "restore", "--approval", approval.id)
    with running_recorder(home):
        listed = audit(home, "approval", "list", "--officer-key-file", str(key))

    assert listed.exit_code == 0, listed.output
    assert "spent" in listed.output


@pytest.mark.parametrize("subject", ["", "hospital.example/other"])
def test_without_an_approval_for_this_trail_nothing_is_touched(home: Path, subject: str) -> None:
    approval = approved(home, subject) if subject else "ap_" + "0" * 32

    refused = audit(home, "restore", "--approval", approval)

    assert refused.exit_code == 9, refused.output
    assert not (home / "archive").exists()
    assert Trail(folder=home / "audit").origin() == ORIGIN


def test_the_old_name_is_refused(home: Path) -> None:
    refused = audit(home, "restore", "--approval", approved(home), "--origin", ORIGIN)

    assert refused.exit_code == 1
    assert "another name" in refused.output


def test_a_running_recorder_is_stopped_first(home: Path) -> None:
    approval = approved(home)
    with running_recorder(home):
        refused = audit(home, "restore", "--approval", approval)

    assert refused.exit_code == 1
    assert "stop the appliance first" in refused.output


CUT = """
import sys
from pathlib import Path
import audit.restore
from audit.cli.root import root

left = int(sys.argv.pop(1))
rename = Path.rename

def count(self, target):
    global left
    if left == 0:
        raise SystemExit(99)
    left -= 1
    return rename(self, target)

Path.rename = count
root(prog_name="audit")
"""


@pytest.mark.parametrize("moves", range(4))
def test_an_interrupted_restore_is_finished_and_until_then_nothing_else_runs(home: Path, moves: int) -> None:
    approval = approved(home)
    cut = subprocess.run(
        [sys.executable, "-c", CUT, str(moves), "restore", "--approval", approval, "--home", str(home)], check=False
    )
    with pytest.raises(SettingsError, match="audit restore"):
        find_places(home)

    done = audit(home, "restore")

    assert (cut.returncode, done.exit_code) == (99, 0), done.output
    with running_recorder(home):
        append(home, 1)
    assert facts_of_the_beginning(home)["old_origin"] == ORIGIN


def test_a_second_restore_counts_on() -> None:
    assert [next_origin(name) for name in ("a/b", "a/b/e2", "a/e9x")] == ["a/b/e2", "a/b/e3", "a/e9x/e2"]


def test_a_home_without_any_head_says_what_to_bring(tmp_path: Path) -> None:
    new_trail(tmp_path)

    refused = audit(tmp_path, "restore", "--approval", approved(tmp_path))

    assert refused.exit_code == 1
    assert "missing" in refused.output or "checkpoint" in refused.output


def test_the_kinds_are_as_before(home: Path) -> None:
    audit(home, "restore", "--approval", approved(home))
    with running_recorder(home):
        append(home, 1)

    listed = audit(home, "query", "--events", "--kind", Kind.EPOCH.value, "--json")

    assert len(json.loads(listed.stdout)["rows"]) == 1


def on_postgres(home: Path, database: PostgresDatabase) -> None:
    """Let the home's trail be in this database."""
    (home / "trail.yaml").write_text(f"database: {database.text(RECORDER)}\nreaders: {database.text(READER)}\n")


def test_on_postgresql_the_restored_database_is_named_and_the_new_one_must_be_empty(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    restored, fresh = postgres.database(), postgres.database()
    new_trail(tmp_path)
    on_postgres(tmp_path, restored)
    with running_recorder(tmp_path):
        append(tmp_path, 5)
    options = ("--approval", approved(tmp_path), "--old-database", restored.text(READER))
    not_empty = audit(tmp_path, "restore", *options)
    unnamed = audit(tmp_path, "restore", *options[:2])
    on_postgres(tmp_path, fresh)

    done = audit(tmp_path, "restore", *options, "--json")
    assert done.exit_code == 0, done.output
    with running_recorder(tmp_path):
        append(tmp_path, 1)

    told = json.loads(done.stdout)
    assert (not_empty.exit_code, unnamed.exit_code) == (1, 1)
    assert facts_of_the_beginning(tmp_path)["old_held"] == told["old_held"] == 6
    assert audit(tmp_path, "verify").exit_code == 0
    old = audit(Path(told["archive"]), "verify", "--json")
    assert json.loads(old.stdout)["verdict"] == "verified", old.output
