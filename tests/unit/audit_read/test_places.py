import os
from pathlib import Path

import pytest

from audit.places import CHECKOUT, MAX_SOCKET_PATH_BYTES, find_places


def test_the_home_given_wins_over_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APPLIANCE_HOME", "/elsewhere")

    places = find_places(tmp_path)

    assert places.trail.folder == tmp_path / "audit"
    assert places.custodian == tmp_path / "custodian"
    assert places.socket == tmp_path / "run" / "recorder.sock"


def test_the_environment_wins_over_the_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APPLIANCE_HOME", "/elsewhere")
    assert find_places().custodian == Path("/elsewhere/custodian")

    monkeypatch.delenv("APPLIANCE_HOME")
    assert find_places().custodian == CHECKOUT / "var" / "custodian"


def test_a_run_folder_given_holds_the_socket(tmp_path: Path) -> None:
    assert find_places(tmp_path, run=tmp_path / "r").socket == tmp_path / "r" / "recorder.sock"


def test_a_sites_settings_name_the_run_folder(tmp_path: Path) -> None:
    (tmp_path / "trail.yaml").write_text("run: /run/appliance-recorder\n")

    assert find_places(tmp_path).socket == Path("/run/appliance-recorder/recorder.sock")
    assert find_places(tmp_path, run=tmp_path).socket == tmp_path / "recorder.sock"


def test_a_copied_trail_folder_is_a_home_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "trail.db").touch()

    assert find_places(tmp_path).trail.folder == tmp_path


def test_a_home_too_deep_for_a_socket_gets_a_private_run_folder(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 90) / ("e" * 90)

    address = find_places(deep).socket

    assert len(os.fsencode(address)) <= MAX_SOCKET_PATH_BYTES
    assert f"appliance-{os.getuid()}-" in str(address)
    assert find_places(deep).socket == address
