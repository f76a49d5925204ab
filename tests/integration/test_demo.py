"""The demo runs real tasks through the whole appliance, checks each, and leaves nothing running behind."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from appliance.cli.demo_sandbox import empty
from appliance.cli.demo_stand_in import stand_in
from appliance.cli.supervisor_state import read_left, read_running
from appliance.config import CHECKOUT, load_config
from appliance.errors import ConfigError
from tests.support.running_appliance import (
    kill,
    replay_engine_process,
    run_command,
    running_appliance,
    wait_until_gone,
)

DEMO_WITHIN_S = 300.0
"""It waits for two starts and for an agreement to end, on a machine that runs other tests too."""

STAND_IN = ("--stand-in", "tests.support.stand_ins")


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """What a whole demo said on an appliance that ran, and what it left."""

    done: subprocess.CompletedProcess[str]
    clients: str
    sandbox: Path

    def said(self) -> str:
        """Return everything that it said, in one line."""
        return " ".join(self.done.stdout.split())


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    with running_appliance(tmp_path_factory.mktemp("demo")) as appliance:
        words = (sys.executable, "-m", "appliance", "demo", *STAND_IN, "--home", str(appliance.home))
        done = subprocess.run(words, cwd=CHECKOUT, capture_output=True, text=True, timeout=DEMO_WITHIN_S, check=False)
        appliance.wait_until_ready()
        clients = appliance.command("client", "list").stdout
        yield Played(done=done, clients=clients, sandbox=appliance.home / "sandbox")


def test_it_uses_the_appliance_that_runs_and_names_what_a_model_without_sense_did_wrong(played: Played) -> None:
    done = played.done

    assert "Using the appliance that runs" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    failed = {line.split("FAILED")[1].split(";")[0].strip() for line in done.stdout.splitlines() if "FAILED" in line}
    assert failed <= {"at least one code is suggested"}  # the replay engine chooses no code
    assert done.returncode == (1 if failed else 0)
    assert "VERIFIED" in done.stdout


def test_its_client_is_revoked_at_the_end(played: Played) -> None:
    assert "demo-" in played.clients
    assert "revoked" in played.clients


def test_with_a_stand_in_one_summary_leaves_marked_as_sandbox_and_nothing_after_its_agreement(played: Played) -> None:
    said = played.said()

    assert "route managed:stand-in" in said
    assert "SANDBOX: a stand-in on this machine wrote this answer" in said
    for expectation in (
        "ok nobody approves a change of their own",
        "ok with no identifier of anybody in it",
        "ok it names the very bytes that left",
        "ok because the agreement has ended",
        "ok and nothing more has left",
    ):
        assert expectation in said
    assert read_running(load_config(played.sandbox)) is None


def test_a_sandbox_that_is_somebody_elses_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "sandbox").mkdir()
    (tmp_path / "sandbox" / "mine").write_text("keep")

    with pytest.raises(ConfigError, match="move it away"):
        empty(tmp_path / "sandbox")

    assert (tmp_path / "sandbox" / "mine").read_text() == "keep"


@pytest.mark.parametrize("module", ["appliance.no_such_module", "json.tool"])
def test_a_module_that_is_no_stand_in_is_refused(tmp_path: Path, module: str) -> None:
    with pytest.raises(ConfigError, match="did not say where it listens"), stand_in(module, tmp_path):
        pass


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
