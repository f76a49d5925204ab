"""A backup holds everything but what opens or signs by itself, opens with the keeper's word only, and proves itself."""

import io
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from appliance.last_backup import last_backup
from tests.support.audit_commands import audit
from tests.support.backup_keys import GPG, keeper
from tests.support.command_line import Done, run
from tests.support.recorder_process import running_recorder


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Give a home with a running recorder and what a backup must and must not take."""
    home = tmp_path_factory.mktemp("backed-up")
    assert audit("keys", "init", "--origin", "hospital.example/a1", home=home).code == 0
    (home / "gateway").mkdir()
    (home / "gateway" / "clients.json").write_text('{"clients": []}')
    (home / "gateway" / "clients.json").chmod(0o640)
    (home / "gateway" / "cache").mkdir()
    (home / "gateway" / "cache" / "large").write_text("made again")
    (home / "gateway" / "secrets").mkdir(mode=0o700)
    (home / "approvals").mkdir()
    (home / "approvals").chmod(0o755)
    if os.geteuid() == 0:
        os.chown(home / "gateway" / "secrets", 861, 861)
    (home / "custodian" / "pkcs11.pin").write_text("1234")
    with running_recorder(home):
        yield home


@pytest.fixture(scope="module")
def made(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make one backup of it."""
    target = tmp_path_factory.mktemp("medium")
    done = make(home, target)
    assert done.code == 0, done.err
    return target / json.loads(done.out)["file"]


@pytest.fixture
def copy(made: Path, tmp_path: Path) -> Path:
    """Give that backup, to be damaged, with its receipt."""
    for path in (made, made.with_name(made.name + ".receipt.json")):
        shutil.copy2(path, tmp_path / path.name)
    return tmp_path / made.name


def make(home: Path, target: Path, *options: str) -> Done:
    recipient = str(keeper().public)
    return run("backup", "make", "--target", str(target), "--recipient", recipient, *options, "--json", home=home)


def open_it(home: Path, file: Path, into: Path, *, key: str) -> Done:
    """Run the command with the session key on its standard input."""
    before, sys.stdin = sys.stdin, io.StringIO(key)
    try:
        return run("backup", "open", str(file), "--into", str(into), "--keys", str(home / "audit"), "--json")
    finally:
        sys.stdin = before


def test_a_backup_opens_with_the_key_of_its_keeper_and_holds_the_trail_and_the_keys(
    home: Path, made: Path, tmp_path: Path
) -> None:
    opened = open_it(home, made, tmp_path / "opened", key=keeper().session_key(made))
    assert opened.code == 0, opened.err
    assert json.loads(opened.out)["origin"] == "hospital.example/a1"
    found = {str(path.relative_to(tmp_path / "opened")) for path in (tmp_path / "opened").rglob("*") if path.is_file()}
    assert {"home/audit/verifier.keys", "home/custodian/root.json", "home/gateway/clients.json"} <= found
    assert any(name.startswith("policies/") for name in found)
    assert (tmp_path / "opened/home/gateway/clients.json").stat().st_mode & 0o777 == 0o640
    with sqlite3.connect(tmp_path / "opened/database/trail.db") as database:
        assert database.execute("SELECT count(*) FROM record").fetchone()[0] > 0


def test_folders_come_back_with_the_owners_and_rights_that_they_had_empty_ones_too(
    home: Path, made: Path, tmp_path: Path
) -> None:
    assert open_it(home, made, tmp_path / "opened", key=keeper().session_key(made)).code == 0

    for name in ("approvals", "audit", "audit/keys", "custodian", "gateway", "gateway/secrets"):
        was, now = (home / name).stat(), (tmp_path / "opened/home" / name).stat()
        assert (now.st_mode, now.st_uid, now.st_gid) == (was.st_mode, was.st_uid, was.st_gid), name


def test_when_the_last_one_was_made_is_told_to_whoever_watches(home: Path, tmp_path: Path) -> None:
    before = datetime.now(UTC)
    assert make(home, tmp_path).code == 0

    assert before <= (last_backup(home / "backup") or before.replace(year=1970))
    assert (home / "backup").stat().st_mode & 0o777 == 0o755


def test_a_backup_never_holds_what_opens_or_signs_by_itself(home: Path, made: Path, tmp_path: Path) -> None:
    assert open_it(home, made, tmp_path / "opened", key=keeper().session_key(made)).code == 0
    names = {path.name for path in (tmp_path / "opened").rglob("*")}
    assert not names & {"passphrase", "checkpoint.key", "pkcs11.pin", "large"}
    secret = (home / "custodian" / "passphrase").read_bytes().strip()
    assert not any(secret in path.read_bytes() for path in (tmp_path / "opened").rglob("*") if path.is_file())


def test_a_backup_is_unreadable_to_whoever_has_the_medium_and_not_the_key(
    home: Path, made: Path, tmp_path: Path
) -> None:
    assert b"verifier.keys" not in made.read_bytes()
    refused = open_it(home, made, tmp_path / "opened", key="9:" + "0" * 64)
    assert refused.code == 1
    assert not (tmp_path / "opened").exists()


def test_a_changed_backup_is_refused(home: Path, copy: Path, tmp_path: Path) -> None:
    key = keeper().session_key(copy)
    data = bytearray(copy.read_bytes())
    data[len(data) // 2] ^= 1
    copy.write_bytes(data)
    refused = open_it(home, copy, tmp_path / "opened", key=key)
    assert refused.code == 1
    assert "not the backup that the trail recorded" in refused.err


def test_a_backup_that_somebody_else_encrypted_to_the_same_key_is_refused(
    home: Path, copy: Path, tmp_path: Path
) -> None:
    forged = tmp_path / "forged"
    forged.write_bytes(b"clients of my own")
    command = [GPG, "--batch", "--yes", "--trust-model", "always", "--recipient-file", str(keeper().public)]
    subprocess.run([*command, "--output", str(copy), "--encrypt", str(forged)], capture_output=True, check=True)
    refused = open_it(home, copy, tmp_path / "opened", key=keeper().session_key(copy))
    assert refused.code == 1
    assert "not the backup that the trail recorded" in refused.err


def test_a_backup_without_its_receipt_is_refused(home: Path, copy: Path, tmp_path: Path) -> None:
    copy.with_name(copy.name + ".receipt.json").unlink()
    refused = open_it(home, copy, tmp_path / "opened", key="9:00")
    assert refused.code == 1
    assert "nothing says that the appliance made this backup" in refused.err


def test_a_folder_that_is_there_is_never_unpacked_into(home: Path, made: Path, tmp_path: Path) -> None:
    refused = open_it(home, made, tmp_path, key="9:00")
    assert refused.code == 1
    assert "is there already" in refused.err


def test_old_backups_go_once_a_new_one_is_whole(home: Path, tmp_path: Path) -> None:
    for day in ("01", "02", "03"):
        (tmp_path / f"appliance-202611{day}T000000Z.tar.gpg").write_text("old")
    done = make(home, tmp_path, "--keep", "2")
    assert done.code == 0, done.err
    kept = sorted(path.name for path in tmp_path.glob("*.gpg"))
    assert kept == ["appliance-20261103T000000Z.tar.gpg", json.loads(done.out)["file"]]


def test_nothing_is_made_without_a_medium_or_a_key_to_encrypt_to(home: Path, tmp_path: Path) -> None:
    assert "mount the medium" in make(home, tmp_path / "nowhere").err
    broken = tmp_path / "key.gpg"
    broken.write_text("no key")
    done = run("backup", "make", "--target", str(tmp_path), "--recipient", str(broken), home=home)
    assert done.code == 1
    assert "gpg" in done.err
    assert not list(tmp_path.glob("*.tar.gpg*")) + list(tmp_path.glob(".*partial"))
    done = run("backup", "make", "--target", str(tmp_path), "--recipient", str(tmp_path / "none"), home=home)
    assert "put the public key there" in done.err


def test_what_happens_to_the_machine_stands_in_the_trail(home: Path) -> None:
    done = run("record", "upgrade_begun", "--fact", "from=1.0", "--fact", "to=1.1", home=home)
    assert done.code == 0, done.err
    told = audit("query", "--kind", "operation", "--json", home=home)
    assert "upgrade_begun" in told.out


@pytest.mark.parametrize("wrong", [("register_approved",), ("upgrade_begun", "--fact", "no value")])
def test_a_record_by_hand_is_none_but_of_the_machine(home: Path, wrong: tuple[str, ...]) -> None:
    assert run("record", *wrong, home=home).code == 1


def test_a_record_that_no_recorder_takes_is_a_failure(tmp_path: Path) -> None:
    done = run("record", "upgrade_begun", "--wait", "0.6", home=tmp_path)
    assert done.code == 1
    assert "No recorder runs" in done.err
