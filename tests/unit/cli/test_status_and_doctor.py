"""Status and doctor tell what is, what is wrong and what to do, and change nothing."""

import os
import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest

from appliance.auth.certificates import ensure_certificates
from appliance.cli import doctor, doctor_home, doctor_machine, status, supervisor_state
from appliance.cli.doctor_finding import Verdict
from appliance.cli.supervisor_claims import claimed
from appliance.cli.supervisor_state import ProcessState, Running
from appliance.clock import Clock
from appliance.config import Config, EngineConfig
from tests.support.command_line import run
from tests.support.trails import TurnedClock, new_trail, open_writer

UPSTREAM = EngineConfig(upstream="http://127.0.0.1:9")


@pytest.fixture
def home(tmp_path: Path, policies: Path) -> Path:
    (tmp_path / "appliance.yaml").write_text(
        f"policies: {policies}\nengine:\n  upstream: http://127.0.0.1:9\nport: 0\n"
    )
    tmp_path.chmod(0o700)
    return tmp_path


@pytest.fixture
def config(tmp_path: Path, policies: Path) -> Config:
    return Config(home=tmp_path, policies=policies, engine=UPSTREAM, port=0)


def _state(config: Config) -> Running:
    yesterday = (Clock().now() - timedelta(days=1)).isoformat()
    running = Running(
        pid=os.getpid(), boot=supervisor_state.boot_id(), since=Clock().now().isoformat(), home=config.home,
        url="https://127.0.0.1:9", console_url="https://127.0.0.1:9", metrics_url="http://127.0.0.1:9/metrics",
        ca=ensure_certificates(config.tls, ["127.0.0.1"]).ca, upstream="http://127.0.0.1:9",
        processes={"gateway": ProcessState(pid=9, state="running", since=yesterday)},
    )  # fmt: skip
    config.run.mkdir(exist_ok=True)
    supervisor_state.write(config, running)
    return running


def test_status_says_that_nothing_runs(home: Path) -> None:
    shown = run("status", home=home)

    assert shown.code == status.EXIT_NOT_RUNNING
    assert "Not running" in shown.out
    assert "appliance up" in shown.out


def test_programs_are_told_the_same(home: Path) -> None:
    shown = run("status", "--json", home=home)

    assert shown.code == status.EXIT_NOT_RUNNING
    assert shown.json()["running"] is False
    assert len(shown.json()["policy"]["digest"]) == 64
    assert shown.json()["model"]["pinned"] is False


def test_status_of_a_gateway_that_is_silent_names_it(home: Path, config: Config) -> None:
    with claimed(home):
        _state(config)
        shown, told = run("status", home=home), run("status", "--json", home=home)

    assert shown.code == told.code == status.EXIT_NOT_READY
    assert "gateway_silent" in shown.out
    assert "1 d" in shown.out
    assert "recorder does not answer" in told.json()["trail"]["problem"]


def test_status_names_a_broken_policy_and_a_missing_model(home: Path, policies: Path) -> None:
    (policies / "providers.yaml").write_text("providers: [acme]\n")
    (home / "appliance.yaml").write_text(f"policies: {policies}\nengine:\n  model: {home / 'none'}\n")

    told = run("status", "--json", home=home).json()

    assert "providers.yaml" in told["policy"]["problem"]
    assert "appliance model prepare" in told["model"]["problem"]


def test_doctor_finds_a_good_home_good(home: Path) -> None:
    shown = run("doctor", "--json", home=home)

    failed = [check for check in shown.json()["checks"] if check["verdict"] == "failed"]
    assert failed == []
    assert shown.code == 0


def test_doctor_shows_people_a_table(home: Path) -> None:
    shown = run("doctor", home=home)

    assert all(name in shown.out for name in ("python", "certificates", "supervisor", "what to do"))


def test_doctor_fails_with_what_to_do_and_goes_on(home: Path, policies: Path) -> None:
    (policies / "providers.yaml").write_text("providers: [acme]\n")

    shown = run("doctor", "--json", home=home)

    by_name = {check["check"]: check for check in shown.json()["checks"]}
    assert shown.code == 1
    assert "providers.yaml:1" in by_name["policy"]["found"]
    assert set(by_name) == set(doctor.CHECKS)


def test_a_key_that_others_can_read_is_found(config: Config) -> None:
    config.secrets.mkdir(mode=0o700)
    (config.secrets / "pepper").touch(mode=0o644)
    (config.secrets / "pepper").chmod(0o644)

    (finding,) = doctor_home.modes(config)

    assert finding.verdict is Verdict.FAILED
    assert "pepper" in finding.found


def test_private_files_are_counted(config: Config) -> None:
    config.secrets.mkdir(mode=0o700)

    assert [finding.verdict for finding in doctor_home.modes(config)] == [Verdict.OK]


@pytest.mark.parametrize("content", [b"no database " * 100, None])
def test_something_else_in_the_trails_place_is_found(config: Config, content: bytes | None) -> None:
    config.trail.mkdir()
    (config.trail / "trail.json").touch()
    database = config.trail / "trail.db"
    if content is None:
        sqlite3.connect(database).executescript("CREATE TABLE other (x);").connection.close()
    else:
        database.write_bytes(content)

    assert [finding.verdict for finding in doctor_home.trail(config)] == [Verdict.FAILED]


def test_a_trail_opens(config: Config) -> None:
    open_writer(new_trail(config.home), TurnedClock()).log.close()

    (finding,) = doctor_home.trail(config)

    assert finding.verdict is Verdict.OK
    assert "1 records" in finding.found


def test_a_database_that_does_not_answer_is_named_with_what_to_do(config: Config) -> None:
    (config.home / "trail.yaml").write_text("database: postgresql:///trail?host=/nowhere&user=recorder\n")

    (finding,) = doctor_home.trail(config)

    assert finding.verdict is Verdict.FAILED
    assert "PostgreSQL database 'trail'" in finding.found


def test_a_home_that_never_started_has_no_trail_yet(config: Config) -> None:
    assert [finding.verdict for finding in doctor_home.trail(config)] == [Verdict.OK]


def test_certificates_are_dated(config: Config) -> None:
    ensure_certificates(config.tls, ["127.0.0.1"])

    assert [finding.verdict for finding in doctor_home.certificates(config)] == [Verdict.OK, Verdict.OK]


def test_a_damaged_certificate_is_found(config: Config) -> None:
    config.tls.mkdir()
    (config.tls / "ca.crt").write_text("no certificate")

    assert [finding.verdict for finding in doctor_home.certificates(config)] == [Verdict.FAILED, Verdict.OK]


def test_clients_are_counted(home: Path, config: Config) -> None:
    run("client", "add", "his", "--task", "medical-coding", home=home)

    assert [finding.found for finding in doctor_home.clients(config)] == ["1 active"]


def test_what_a_killed_supervisor_left_is_a_warning(config: Config) -> None:
    _state(config)

    assert [finding.verdict for finding in doctor_home.supervisor(config)] == [Verdict.WARNING]


def test_a_running_supervisor_is_named(config: Config) -> None:
    with claimed(config.home):
        _state(config)

        assert str(os.getpid()) in next(doctor_home.supervisor(config)).found
        assert "held by this appliance" in next(doctor_machine.ports(config)).found


def test_a_missing_engine_environment_is_found(tmp_path: Path) -> None:
    config = Config(home=tmp_path, engine=EngineConfig(python=tmp_path / "none"))

    assert next(doctor_machine.engine_environment(config)).verdict is Verdict.FAILED


def test_a_missing_compiler_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    assert next(doctor_machine.compiler(Config(home=tmp_path))).verdict is Verdict.FAILED


def test_the_engines_environment_is_found(tmp_path: Path) -> None:
    (tmp_path / "python").touch(mode=0o700)
    config = Config(home=tmp_path, engine=EngineConfig(python=tmp_path / "python"))

    assert next(doctor_machine.engine_environment(config)).verdict is Verdict.OK


def test_a_port_in_use_is_found(tmp_path: Path) -> None:
    config = Config(home=tmp_path, host="192.0.2.1", port=9000)

    assert next(doctor_machine.ports(config)).verdict is Verdict.FAILED
