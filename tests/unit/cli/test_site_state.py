"""At a site the commands ask systemd and the sockets, believe neither alone, and signal nobody on a program's word."""

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml

from appliance.cli import status
from appliance.cli.site_state import PROGRAMS, find_running, tell_to_reload
from appliance.cli.supervisor_state import ProcessState, Running
from appliance.config import Config, Site, load_config
from appliance.errors import ConfigError
from tests.support.command_line import run
from tests.support.listening_as import listening_as
from tests.support.other_users import needs_root

pytestmark = needs_root

USERS = Site().users


@pytest.fixture
def home(tmp_path: Path, run_folder: Path, policies: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a site's HOME on which nothing runs, on a machine without systemd."""
    for name in PROGRAMS:
        (run_folder / f"appliance-{name}").mkdir()
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    site = {"run": str(run_folder), "etc": str(tmp_path / "etc"), "hostname": "appliance.hospital.example"}
    settings = {"site": site, "policies": str(policies), "port": 9, "console_port": 9}
    (tmp_path / "appliance.yaml").write_text(yaml.safe_dump(settings))
    return tmp_path


@pytest.fixture
def sockets(home: Path) -> Iterator[None]:
    """Listen on the three sockets, each as its program's user."""
    config = load_config(home)
    with ExitStack() as stack:
        for name in ("recorder", "engine", "broker"):
            stack.enter_context(listening_as(config.run_of(name) / f"{name}.sock", getattr(USERS, name)))
        yield


def shown_by_systemd(home: Path, **units: str) -> None:
    """Put a systemctl in place that shows these units, each loaded and in its state."""
    blocks = "\n".join(
        f"Id=appliance-{name}.service\nLoadState=loaded\nActiveState={state}\nMainPID=77\nResult=success\n"
        for name, state in units.items()
    )
    (home / "shown").write_text(blocks)
    program = home / "bin" / "systemctl"
    program.write_text(f"#!/bin/sh\n/bin/cat {home}/shown\n")
    program.chmod(0o755)


def test_status_of_a_site_on_which_nothing_runs_says_how_to_start_it(home: Path) -> None:
    shown = run("status", home=home)

    assert shown.code == status.EXIT_NOT_RUNNING
    assert "systemctl start appliance.target" in shown.out


@pytest.mark.usefixtures("sockets")
def test_without_systemd_what_answers_on_its_socket_runs(home: Path) -> None:
    running = find_running(load_config(home))

    assert running is not None
    told = {name: process.state for name, process in running.processes.items()}
    assert told == dict.fromkeys(("recorder", "engine", "broker"), "running") | {
        "gateway": "stopped",
        "console": "stopped",
    }
    assert running.processes["gateway"].detail == "nothing accepts on port 9"
    assert (running.url, running.asked_at) == ("https://appliance.hospital.example:9", "https://127.0.0.1:9")
    assert running.ca == home / "etc" / "tls" / "gateway.crt"


def test_something_else_that_listens_in_a_programs_place_is_told_as_such(home: Path) -> None:
    config = load_config(home)
    with listening_as(config.recorder_socket, USERS.recorder), listening_as(config.broker_socket, 4242):
        running = find_running(config)

    assert running is not None
    assert running.processes["broker"].state == "stopped"
    assert "user 4242 listens on" in running.processes["broker"].detail
    assert "find out who that is" in running.processes["broker"].detail


@pytest.mark.usefixtures("sockets")
def test_a_unit_that_is_active_and_does_not_answer_is_not_called_running(home: Path) -> None:
    shown_by_systemd(home, recorder="active", gateway="active", broker="failed")

    running = find_running(load_config(home))

    assert running is not None
    assert running.processes["recorder"].state == "running"
    assert running.processes["recorder"].pid == 77
    assert running.processes["broker"].state == "refused"
    gateway = running.processes["gateway"]
    assert gateway.state == "starting"
    assert gateway.detail == "nothing accepts on port 9; see 'journalctl -u appliance-gateway.service'"


def test_the_gateways_own_file_says_its_port_and_its_process_only_if_that_is_its_own(home: Path) -> None:
    config = load_config(home)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        told = {"port": port, "pid": os.getpid(), "metrics_port": 5}
        (config.run / "gateway.json").write_text(json.dumps(told))
        shown_by_systemd(home, gateway="active")
        running = find_running(config)

    assert running is not None
    assert running.processes["gateway"].state == "running"
    assert running.metrics_url == "http://127.0.0.1:5"
    assert running.asked_at == f"https://127.0.0.1:{port}"
    (home / "bin" / "systemctl").unlink()
    (config.run / "gateway.json").write_text(json.dumps({"port": 9, "pid": 2**30, "metrics_port": 5}))
    assert find_running(config) is None
    (config.run / "gateway.json").write_text("[]")
    assert find_running(config) is None


def test_an_external_engine_is_no_program_of_the_site(home: Path) -> None:
    settings = yaml.safe_load((home / "appliance.yaml").read_text())
    (home / "appliance.yaml").write_text(yaml.safe_dump({**settings, "engine": {"upstream": "http://127.0.0.1:9"}}))
    config = load_config(home)

    with listening_as(config.recorder_socket, USERS.recorder):
        running = find_running(config)

    assert running is not None
    assert "engine" not in running.processes


@pytest.mark.parametrize(
    ("host", "asked"),
    [
        ("0.0.0.0", "https://127.0.0.1:9"),  # noqa: S104
        ("::", "https://[::1]:9"),
        ("fd00::7", "https://[fd00::7]:9"),
        ("10.0.0.7", "https://10.0.0.7:9"),
    ],
)
def test_the_gateway_is_asked_at_an_address_of_this_machine(home: Path, host: str, asked: str) -> None:
    settings = yaml.safe_load((home / "appliance.yaml").read_text())
    (home / "appliance.yaml").write_text(yaml.safe_dump({**settings, "host": host}))
    shown_by_systemd(home, recorder="active", gateway="inactive", console="inactive")

    running = find_running(load_config(home))

    assert running is not None
    assert running.asked_at == asked


def test_only_root_can_ask_and_others_are_told_how(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    with pytest.raises(ConfigError, match="run it with 'sudo'"):
        find_running(load_config(home))


def test_a_reload_signals_a_program_only_if_the_process_is_its_users(tmp_path: Path) -> None:
    word = "trap 'echo heard; exit' HUP; echo ready; while :; do sleep 0.05; done"
    # A shell cannot trap what was ignored before it began, as under nohup.
    anew = ["/usr/bin/env", "--default-signal=HUP", "/bin/sh", "-c", word]
    command = ["/usr/bin/setpriv", f"--reuid={USERS.gateway}", "--clear-groups", *anew]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as gateway,
        subprocess.Popen(["/bin/sleep", "60"]) as innocent,
    ):
        assert gateway.stdout is not None
        assert gateway.stdout.readline() == "ready\n"
        tell_to_reload(a_running(tmp_path, gateway=gateway.pid, broker=innocent.pid), Site())
        assert gateway.stdout.readline() == "heard\n"
        time.sleep(0.05)
        assert innocent.poll() is None
        innocent.send_signal(signal.SIGTERM)


def a_running(home: Path, **pids: int) -> Running:
    """Return a running site with these processes."""
    processes = {name: ProcessState(pid=pid, state="running") for name, pid in pids.items()}
    return Running(
        pid=1, boot="", since="", home=home, url="", console_url="", metrics_url="", ca=home, processes=processes
    )


def test_what_the_supervisor_would_start_is_refused_at_a_site(home: Path) -> None:
    before = home.stat().st_mode

    for command in ("up", "demo"):
        refused = run(command, home=home)
        assert refused.code == 1
        assert "is a site's" in refused.err

    assert home.stat().st_mode == before
    assert isinstance(load_config(home), Config)
