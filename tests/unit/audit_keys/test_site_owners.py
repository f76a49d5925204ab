"""At a site root runs `audit keys init` over folders of two other users, and each may read its own half only."""

import os
import stat
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from audit.approvals import Approvals
from audit.console.people import PeopleKeys
from audit.errors import StoreError
from audit.keyring import Trail, initialise, open_custodian
from audit.keyring.files import make_folder, write_once
from audit.officers import Officers
from audit.places import find_places
from audit.restore import Epoch, Head, restore
from audit.store.lock import FILE_NAME as RECORDER_LOCK
from audit.store.lock import lock
from tests.support.other_users import can_open, needs_root, open_folder, works_as

pytestmark = needs_root

GATEWAY, ENGINE, BROKER, RECORDER, CONSOLE = 861, 862, 863, 864, 865
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
PUBLIC = {"trail.json", "verifier.keys"}


@pytest.fixture
def home(installed: Path) -> Iterator[Path]:
    """Return a home of its own, with the owners of the first one."""
    with open_folder() as folder:
        subprocess.run(["cp", "-a", str(installed), str(folder / "home")], check=True)  # noqa: S607  # cp is everywhere
        yield folder / "home"


@pytest.fixture(scope="module")
def installed() -> Iterator[Path]:
    """Make the folders as the installer does, with a first run of the keys; it opens roots, which is slow."""
    with open_folder() as home:
        for name, owner, mode in (("audit", RECORDER, 0o750), ("custodian", CONSOLE, 0o700)):
            (home / name).mkdir()
            os.chown(home / name, owner, owner)
            (home / name).chmod(mode)
        begin(home)
        yield home


def begin(home: Path, *, now: datetime = NOW) -> Trail:
    return initialise(home / "audit", home / "custodian", origin="hospital.example/a1", now=now)


def owners(folder: Path) -> set[tuple[int, int]]:
    return {(path.lstat().st_uid, path.lstat().st_gid) for path in (folder, *folder.rglob("*"))}


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_what_root_makes_belongs_to_the_owner_of_its_folder(home: Path) -> None:
    begin(home, now=NOW.replace(month=12))  # as the timer does, weeks later

    assert (home / "audit" / "keys" / "2027-02.index").exists()
    assert owners(home / "audit") == {(RECORDER, RECORDER)}
    assert owners(home / "custodian") == {(CONSOLE, CONSOLE)}


def test_the_folder_keeps_the_rights_that_the_installer_gave_it(home: Path) -> None:
    begin(home)

    assert (mode(home / "audit"), mode(home / "audit" / "keys"), mode(home / "custodian")) == (0o750, 0o700, 0o700)


def test_a_folder_that_is_open_to_everybody_is_closed(home: Path) -> None:
    (home / "audit").chmod(0o777)

    begin(home)

    assert mode(home / "audit") == 0o750


@pytest.mark.parametrize("user", [GATEWAY, BROKER, CONSOLE])
def test_the_recorders_group_reads_what_is_public_and_no_secret(home: Path, user: int) -> None:
    files = [path for path in (home / "audit").rglob("*") if path.is_file()]

    readable = {path.name for path in files if can_open(path, user, groups=[RECORDER])}

    assert readable == PUBLIC
    assert not can_open(home / "audit" / "verifier.keys", ENGINE)


def test_the_recorder_reads_its_own_half_and_nothing_of_the_custodians(home: Path) -> None:
    assert all(can_open(path, RECORDER, flags=os.O_RDWR) for path in (home / "audit").rglob("*") if path.is_file())
    assert not any(can_open(path, RECORDER) for path in (home / "custodian").rglob("*"))


def test_the_custodians_user_opens_it(home: Path) -> None:
    def opens() -> None:
        assert "2026-11" in open_custodian(home / "custodian").months()

    assert works_as(CONSOLE, opens)


def test_the_console_searches_this_month_by_the_custodians_key(home: Path) -> None:
    months = {f"{datetime.now(UTC):%Y-%m}"}
    begin(home, now=datetime.now(UTC))

    def finds() -> None:
        assert months <= set(PeopleKeys(find_places(home)).all())

    assert works_as(CONSOLE, finds, groups=[RECORDER])


def test_an_officer_that_root_adds_is_the_consoles_to_read(home: Path) -> None:
    Officers(home / "custodian").add("m.weber", roles=("compliance-officer",))

    assert owners(home / "custodian") == {(CONSOLE, CONSOLE)}


def test_an_approval_that_root_asks_for_is_the_consoles_to_give(home: Path) -> None:
    make_folder(home / "custodian" / "approvals")
    write_once(home / "custodian" / "approvals" / "ap_1.requested.json", b"x")

    assert Approvals(home / "custodian" / "approvals")
    assert owners(home / "custodian") == {(CONSOLE, CONSOLE)}


def test_a_lock_that_root_took_is_the_recorders_to_take(home: Path) -> None:
    os.close(lock(home / "audit"))

    assert can_open(home / "audit" / RECORDER_LOCK, RECORDER, flags=os.O_RDWR)


def test_a_restored_trail_belongs_to_whom_the_old_one_did(home: Path) -> None:
    head = Head(origin="hospital.example/a1", size=1, root=bytes(32), held=1)
    passphrase = (home / "custodian" / "passphrase").read_bytes().strip()

    restore(find_places(home), Epoch(origin="b/e2", head=head, approval={}), passphrase=passphrase, now=NOW)

    assert owners(home / "audit") == {(RECORDER, RECORDER)}
    assert owners(home / "custodian") == {(CONSOLE, CONSOLE)}
    assert (mode(home / "audit"), mode(home / "custodian")) == (0o750, 0o700)
    assert can_open(home / "audit" / "epoch.json", CONSOLE, groups=[RECORDER])


def test_root_follows_no_link_that_a_program_put_in_a_folders_place(home: Path) -> None:
    elsewhere = home / "root-owned"
    elsewhere.mkdir(mode=0o755)
    (home / "audit" / "keys").rename(home / "audit" / "gone")
    (home / "audit" / "keys").symlink_to(elsewhere)

    with pytest.raises(StoreError):
        make_folder(home / "audit" / "keys")
    with pytest.raises(StoreError):
        write_once(home / "audit" / "keys" / "2027-05.public", b"x")

    assert (elsewhere.stat().st_uid, mode(elsewhere), list(elsewhere.iterdir())) == (0, 0o755, [])
