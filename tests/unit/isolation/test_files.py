"""A file that could be made outside of a unit's folders is found, and is not left behind."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.isolation.attempt import Attempt
from appliance.isolation.files import try_files
from appliance.isolation.joined import Place, become, start
from tests.support.isolation import a_unit
from tests.support.isolation_network import AS_ROOT


def tried(home: Path) -> dict[tuple[str, str], Attempt]:
    """Return what the gateway's user can do to files here, by group and target."""
    unit = a_unit(home)
    found = start("test", lambda: become(Place(unit=unit)), lambda: try_files(unit, home)).finish()
    return {(each.group, each.target): each for each in found}


@pytest.fixture
def home() -> Iterator[Path]:
    """Return a folder that other users can enter, and that is not under /tmp, which every unit has for itself."""
    with tempfile.TemporaryDirectory(dir="/run") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def made(folder: Path, mode: int) -> Path:
    """Make a folder with this mode, whatever the umask says."""
    folder.mkdir()
    folder.chmod(mode)
    return folder


@AS_ROOT
def test_a_folder_that_anybody_may_write_is_found_and_left_clean(home: Path) -> None:
    loose = made(home / "approvals", 0o777)

    found = tried(home)

    assert not found["write", str(loose)].holds
    assert list(loose.iterdir()) == []


@AS_ROOT
def test_the_units_own_folder_is_not_tried(home: Path) -> None:
    own = made(home / "gateway", 0o777)

    assert ("write", str(own)) not in tried(home)


@AS_ROOT
def test_a_secret_of_another_unit_that_can_be_read_is_found(home: Path) -> None:
    shut, ajar = made(home / "broker", 0o700), made(home / "custodian", 0o755)

    found = tried(home)

    assert found["read", str(shut)].evidence == "EACCES"
    assert not found["read", str(ajar)].holds


@AS_ROOT
def test_the_hosts_folders_and_secrets_are_tried(home: Path) -> None:
    found = tried(home)

    assert {("write", "/etc"), ("write", "/usr/local/bin"), ("read", "/etc/shadow")} <= found.keys()


@AS_ROOT
def test_a_folder_in_a_shut_one_does_not_stop_the_tries(home: Path) -> None:
    made(made(home / "shut", 0o700) / "inner", 0o777)

    assert ("write", "/etc") in tried(home / "shut" / "inner")
