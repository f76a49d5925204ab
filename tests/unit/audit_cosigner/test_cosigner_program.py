import json
import os
import signal
import socket
import threading
from pathlib import Path

import pytest
from typer.testing import CliRunner

from audit.cli.root import root
from audit.cosigner.program import main
from tests.support.witnesses import Authority, SignedLog

LOG = SignedLog([b"a"])


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority.make(tmp_path)


def initialised(tmp_path: Path) -> Path:
    """Return a folder of `audit witness init`."""
    home = tmp_path / "home"
    done = CliRunner().invoke(root, ["witness", "init", "--home", str(home), "--name", "w.example/1"])
    assert done.exit_code == 0, done.output
    assert "verifier.keys" in done.output
    return home


def arguments(home: Path, certificate: Path, key: Path, *more: str) -> list[str]:
    return ["--home", str(home), "--port", "0", "--certificate", str(certificate), "--key", str(key), *more]


def test_init_is_safe_to_run_again_and_keys_prints_what_logs_need(tmp_path: Path) -> None:
    home = initialised(tmp_path)
    again = initialised(tmp_path)

    shown = CliRunner().invoke(root, ["witness", "keys", "--home", str(home)])

    assert shown.stdout == (again / "cosigner.keys").read_text()
    assert shown.stdout.startswith("w.example/1+")
    assert CliRunner().invoke(root, ["witness", "keys", "--home", str(tmp_path / "none")]).exit_code == 1
    assert CliRunner().invoke(root, ["witness", "init", "--home", str(home), "--name", "other"]).exit_code == 1


def test_serve_runs_until_it_is_told_to_stop(
    tmp_path: Path, authority: Authority, capfd: pytest.CaptureFixture[str]
) -> None:
    home = initialised(tmp_path)
    LOG.write_keys(home / "logs" / "a1.keys")
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGTERM)).start()

    done = CliRunner().invoke(
        root, ["witness", "serve", *arguments(home, *authority.issue("w")), "--logs", str(home / "logs")]
    )

    for number, handler in before.items():
        signal.signal(number, handler)
    assert done.exit_code == 0, done.output
    events = [json.loads(line) for line in (capfd.readouterr().err + done.stderr).splitlines()]
    assert [event["event"] for event in events] == ["cosigner.ready", "cosigner.stopped"]
    assert (events[0]["logs"], events[0]["name"]) == (["hospital.example/a1"], "w.example/1")


def test_what_is_wrong_at_the_start_is_said_with_exit_code_2(
    tmp_path: Path, authority: Authority, capfd: pytest.CaptureFixture[str]
) -> None:
    certificate, key = authority.issue("w")
    home = initialised(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        codes = [
            main(arguments(tmp_path / "none", certificate, key)),
            main(arguments(home, certificate, tmp_path / "none")),
            main(arguments(home, certificate, key, "--port", port)),
        ]

    reasons = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    assert codes == [2, 2, 2]
    assert "is no folder" in reasons[0]["reason"]
    assert all("--certificate and --key" in reason["reason"] for reason in reasons[1:])
