"""The broker runs until it is told to stop, and never without a policy."""

import os
import signal
import stat
import threading
import time
from pathlib import Path

import pytest
import structlog

from appliance.broker.__main__ import main
from appliance.errors import PolicyInvalidError
from tests.support.listening import accepts
from tests.support.service_manager import ServiceManager


@pytest.fixture(autouse=True)
def _log_settings_are_put_back() -> object:
    yield
    structlog.reset_defaults()


@pytest.fixture
def home(tmp_path: Path, policies: Path) -> Path:
    (tmp_path / "appliance.yaml").write_text(f"policies: {policies}\n")
    return tmp_path


def _signal_when_listening(socket: Path, *numbers: signal.Signals) -> threading.Thread:
    """Signal this process once the broker's socket accepts; never if it does not: nobody would handle the signal."""

    def send() -> None:
        limit_s = time.monotonic() + 10
        while not accepts(socket):
            if time.monotonic() > limit_s:
                return
            time.sleep(0.01)
        for number in numbers:
            time.sleep(0.1)
            os.kill(os.getpid(), number)

    thread = threading.Thread(target=send)
    thread.start()
    return thread


def test_it_runs_until_it_is_told_to_stop(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    signals = _signal_when_listening(home / "run" / "broker.sock", signal.SIGHUP, signal.SIGTERM)

    code = main(["--home", str(home)])

    signals.join()
    logged = capsys.readouterr().err
    assert code == 0
    assert [event in logged for event in ("broker_listening", "policy_reloaded", "broker_stopped")] == [True] * 3


def _as_a_site(home: Path, run: Path, *, mode: int = 0o700) -> Path:
    """Make the folders of a site whose broker this very user is; return that of its socket."""
    with (home / "appliance.yaml").open("a") as settings:
        settings.write(f"site: {{run: {run}}}\n")
    (home / "broker").mkdir()
    (home / "broker").chmod(mode)
    folder = run / "appliance-broker"
    folder.mkdir()
    folder.chmod(0o750)
    return folder


def test_at_a_site_its_group_reaches_the_socket_and_systemd_hears_how_it_fares(
    home: Path, run_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    socket, modes = _as_a_site(home, run_folder) / "broker.sock", []
    with ServiceManager(home / "notify") as manager:
        for name, value in manager.environment(watchdog_s=0.2).items():
            monkeypatch.setenv(name, value)
        signals = _signal_when_listening(socket, signal.SIGHUP, signal.SIGTERM)
        looks = threading.Thread(target=lambda: modes.append(_mode_once_there(socket)))
        looks.start()

        code = main(["--home", str(home)])

        looks.join()
        signals.join()
        manager.wait_for("STOPPING=1", within_s=10)
    said = [word for word in manager.heard if not word.startswith(("MONOTONIC", "WATCHDOG"))]
    assert (code, modes) == (0, [0o660])
    assert said == ["READY=1", "RELOADING=1", "READY=1", "STOPPING=1"]
    assert "WATCHDOG=1" in manager.heard


def test_at_a_site_a_folder_that_is_not_as_installed_stops_the_start(
    home: Path, run_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _as_a_site(home, run_folder, mode=0o750)

    assert main(["--home", str(home)]) == 1
    assert "lets others in; run the playbook" in capsys.readouterr().err


def _mode_once_there(socket: Path) -> int:
    limit_s = time.monotonic() + 10
    while not accepts(socket) and time.monotonic() < limit_s:
        time.sleep(0.01)
    return stat.S_IMODE(socket.stat().st_mode)


def test_it_does_not_start_without_a_good_policy(
    home: Path, policies: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (policies / "providers.yaml").write_text("providers: [acme]\n")

    code = main(["--home", str(home)])

    assert code == 1
    assert PolicyInvalidError.code in capsys.readouterr().err
    assert not (home / "run" / "broker.sock").exists()


def test_wrong_use_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main([])

    assert left.value.code == 2
    assert "--home" in capsys.readouterr().err
