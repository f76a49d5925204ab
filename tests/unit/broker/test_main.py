"""The broker runs until it is told to stop, and never without a policy."""

import os
import signal
import threading
import time
from pathlib import Path

import pytest
import structlog

from appliance.broker.__main__ import main
from appliance.errors import PolicyInvalidError
from tests.support.listening import accepts


@pytest.fixture(autouse=True)
def _log_settings_are_put_back() -> object:
    yield
    structlog.reset_defaults()


@pytest.fixture
def home(tmp_path: Path, policies: Path) -> Path:
    (tmp_path / "appliance.yaml").write_text(f"policies: {policies}\n")
    return tmp_path


def _signal_when_listening(socket: Path, *numbers: signal.Signals) -> threading.Thread:
    """Signal this process once the broker's socket is there."""

    def send() -> None:
        limit_s = time.monotonic() + 10
        while not accepts(socket) and time.monotonic() < limit_s:
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
