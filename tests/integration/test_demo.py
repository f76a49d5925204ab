"""The demo runs real tasks through the whole appliance, checks each, and leaves nothing running behind."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from appliance.cli.supervisor_state import read_left, read_running
from appliance.config import CHECKOUT, load_config
from tests.support.running_appliance import (
    kill,
    replay_engine_process,
    run_command,
    running_appliance,
    wait_until_gone,
)


def test_it_uses_the_appliance_that_runs_and_names_what_a_model_without_sense_did_wrong(tmp_path: Path) -> None:
    with running_appliance(tmp_path) as appliance:
        done = appliance.command("demo")
        appliance.wait_until_ready()

    assert "Using the appliance that runs" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    failed = {line.split("FAILED")[1].split(";")[0].strip() for line in done.stdout.splitlines() if "FAILED" in line}
    assert failed <= {"at least one code is suggested"}  # the replay engine chooses no code
    assert done.returncode == (1 if failed else 0)
    assert "VERIFIED" in done.stdout


def test_its_client_is_revoked_at_the_end(tmp_path: Path) -> None:
    with running_appliance(tmp_path) as appliance:
        appliance.command("demo")
        clients = appliance.command("client", "list")

    assert "demo-" in clients.stdout
    assert "revoked" in clients.stdout


def test_it_says_why_when_no_appliance_can_be_had(tmp_path: Path) -> None:
    (tmp_path / "appliance.yaml").write_text(f"engine:\n  model: {tmp_path / 'nowhere'}\n")

    done = run_command("demo", home=tmp_path)

    assert done.returncode == 1
    assert "appliance model prepare" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_what_it_started_ends_with_it(tmp_path: Path, number: signal.Signals) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    with replay_engine_process(tmp_path) as engine:
        (home / "appliance.yaml").write_text(f"engine:\n  upstream: {engine}\n")
        command = [sys.executable, "-m", "appliance", "demo", "--home", str(home)]
        with subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as demo:
            config = load_config(home)
            while (running := read_running(config)) is None or "gateway" not in running.processes:
                time.sleep(0.05)
                assert demo.poll() is None
            kill(demo.pid) if number is signal.SIGKILL else demo.send_signal(number)
            demo.wait(60)
        limit_s = time.monotonic() + 60
        while read_running(config) is not None and time.monotonic() < limit_s:
            time.sleep(0.1)
        left = read_left(config)

    assert left is not None
    assert wait_until_gone([running.pid, *(process.pid for process in left.processes.values() if process.pid)]) == []


@pytest.mark.engine
def test_with_the_real_engine_everything_behaves_as_it_should(tmp_path: Path) -> None:
    with running_appliance(tmp_path, upstream="engine") as appliance:
        done = appliance.command("demo")

    assert done.returncode == 0, done.stdout
    assert "Everything behaved as it should." in done.stdout
