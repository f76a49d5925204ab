"""One command runs the whole appliance, keeps it running, and stops it; two never run on one home folder."""

import json
import os
import signal
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.running_appliance import (
    READY_WITHIN_S,
    RunningAppliance,
    is_alive,
    kill,
    read_ready,
    replay_engine_process,
    run_command,
    running_appliance,
    start_up,
    stop_process,
    wait_until_gone,
)

NAMES = {"gateway", "broker", "recorder", "console"}


@pytest.fixture(scope="module")
def appliance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAppliance]:
    with running_appliance(tmp_path_factory.mktemp("appliance")) as running:
        yield running


def _pids(appliance: RunningAppliance) -> dict[str, int]:
    return {name: process["pid"] for name, process in appliance.processes().items()}


def _until_restarted(appliance: RunningAppliance, name: str, old: int) -> dict[str, object]:
    limit_s = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < limit_s:
        process = appliance.processes()[name]
        if process["state"] == "running" and process["pid"] != old:
            return process
        time.sleep(0.1)
    raise AssertionError(f"{name} did not come back: {appliance.processes()[name]}")


def test_everything_runs_and_the_ready_line_says_where(appliance: RunningAppliance) -> None:
    assert set(_pids(appliance)) == NAMES
    assert {process["state"] for process in appliance.processes().values()} == {"running"}
    assert appliance.readiness()[0] == 200


def test_ports_follow_the_gateways(appliance: RunningAppliance) -> None:
    port = int(appliance.url.rpartition(":")[2])

    assert appliance.console_url.endswith(f":{port + 1}")
    assert appliance.metrics_url.endswith(f":{port + 2}")


def test_everything_that_is_made_is_for_this_user_alone(appliance: RunningAppliance) -> None:
    open_ones = [
        path
        for path in appliance.home.rglob("*")
        if not path.is_symlink() and stat.S_IMODE(path.lstat().st_mode) & 0o077 and path.name != "up.stderr"
    ]

    assert open_ones == []


def test_a_second_up_names_the_process_that_holds_the_home_folder(appliance: RunningAppliance) -> None:
    second = run_command("up", "--port", "0", home=appliance.home)

    assert second.returncode == 2
    assert str(appliance.pid) in second.stderr
    assert appliance.readiness()[0] == 200


def test_a_port_in_use_is_named_before_anything_starts(appliance: RunningAppliance, tmp_path: Path) -> None:
    port = appliance.url.rpartition(":")[2]

    second = run_command("up", "--port", port, "--upstream", appliance.engine_url, home=tmp_path)

    assert second.returncode == 2
    assert f"Port {port}" in second.stderr
    assert "--port" in second.stderr
    assert not (tmp_path / "audit").exists()


def test_a_killed_recorder_comes_back_and_there_is_no_answer_without_it(appliance: RunningAppliance) -> None:
    client = appliance.add_client("recorder-test", tasks=["scheduling-message"])
    old = _pids(appliance)["recorder"]

    os.kill(appliance.pid, signal.SIGSTOP)  # so that the recorder stays away while we ask
    try:
        kill(old)
        with appliance.http(client.key) as http:
            answer = http.post("/api/v1/tasks/scheduling-message", json={"input": {"request": "visit on Monday"}})
    finally:
        os.kill(appliance.pid, signal.SIGCONT)
    process = _until_restarted(appliance, "recorder", old)
    appliance.wait_until_ready()

    assert (answer.status_code, answer.json()["code"]) == (503, "audit_unavailable")
    assert process["restarts"] == 1


@pytest.mark.parametrize("name", ["broker", "console", "gateway"])
def test_a_killed_process_comes_back(appliance: RunningAppliance, name: str) -> None:
    old = _pids(appliance)[name]

    kill(old)

    _until_restarted(appliance, name, old)
    appliance.wait_until_ready()


def test_restarts_are_logged(appliance: RunningAppliance) -> None:
    kill(_pids(appliance)["broker"])
    time.sleep(0.5)

    events = [json.loads(line) for line in (appliance.home / "log" / "supervisor.log").read_text().splitlines()]

    assert any(event["event"] == "process_will_restart" and event["process"] == "broker" for event in events)


def test_status_shows_a_table_for_people(appliance: RunningAppliance) -> None:
    appliance.wait_until_ready()
    shown = appliance.command("status")

    assert shown.returncode == 0
    assert all(name in shown.stdout for name in (*NAMES, appliance.url, "Ready"))


def test_no_secret_stands_in_arguments_or_environment(appliance: RunningAppliance) -> None:
    for pid in _pids(appliance).values():
        try:
            environment = Path(f"/proc/{pid}/environ").read_text().split("\0")
        except PermissionError:
            continue  # a hardened process shows it to root alone
        names = {line.partition("=")[0] for line in environment if line}

        assert names <= {
            "PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "PYTHONUNBUFFERED", "PYTHONNOUSERSITE"
        }  # fmt: skip


def test_a_policy_reload_reaches_gateway_and_broker(appliance: RunningAppliance) -> None:
    appliance.wait_until_ready()
    _until_restarted(appliance, "broker", 0)

    os.kill(appliance.pid, signal.SIGHUP)
    time.sleep(1)

    assert "policy_reloaded" in (appliance.home / "log" / "broker.log").read_text()
    assert "policy_reloaded" in (appliance.home / "log" / "gateway.log").read_text()
    assert is_alive(appliance.pid)


def test_ctrl_c_stops_everything_and_says_so_by_its_exit_code(tmp_path: Path) -> None:
    with running_appliance(tmp_path) as appliance:
        pids = [*_pids(appliance).values(), appliance.pid]
        appliance.process.send_signal(signal.SIGINT)
        code = appliance.process.wait(60)

    assert code == 0
    assert wait_until_gone(pids) == []
    assert run_command("status", home=appliance.home).returncode == 3


def test_after_the_supervisor_was_killed_nothing_is_left_and_the_next_start_works(tmp_path: Path) -> None:
    with replay_engine_process(tmp_path) as engine:
        home = tmp_path / "home"
        options = ("--port", "0", "--upstream", engine)
        with running_appliance(tmp_path, upstream=engine) as appliance:
            pids = list(_pids(appliance).values())
            kill(appliance.pid)
            left = wait_until_gone(pids)
        second = start_up(home, *options)
        try:
            ready = read_ready(second, home)
        finally:
            code = stop_process(second)

    assert left == []
    assert ready["event"] == "ready"
    assert code == 0


def test_a_broken_policy_is_named_and_nothing_starts(tmp_path: Path, policies: Path) -> None:
    (policies / "providers.yaml").write_text("providers: [acme]\n")
    (tmp_path / "appliance.yaml").write_text(f"policies: {policies}\n")

    done = run_command("up", "--port", "0", home=tmp_path)

    assert done.returncode == 1
    assert "providers.yaml:1" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "run" / "supervisor.json").exists()


def test_a_missing_model_is_named_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "appliance.yaml").write_text(f"engine:\n  model: {tmp_path / 'nowhere'}\n")

    done = run_command("up", "--port", "0", home=tmp_path)

    assert done.returncode == 1
    assert "appliance model prepare" in done.stderr


def test_a_program_that_cannot_start_is_named_with_the_end_of_its_log(tmp_path: Path) -> None:
    with replay_engine_process(tmp_path) as engine:
        home = tmp_path / "home"
        first = start_up(home, "--port", "0", "--upstream", engine)
        read_ready(first, home)
        stop_process(first)
        (home / "audit" / "trail.db").write_bytes(b"no database" * 100)
        done = run_command("up", "--port", "0", "--upstream", engine, home=home)

    assert done.returncode == 1
    assert "recorder" in done.stderr
    assert "Traceback" not in done.stderr.splitlines()[0]


def test_an_upstream_on_another_machine_is_refused(tmp_path: Path) -> None:
    done = run_command("up", "--upstream", "http://192.0.2.1:8000", home=tmp_path)

    assert done.returncode == 1
    assert "another machine" in done.stderr
