"""What the command line says goes before the file, and nothing starts that must not."""

import json
import socket
from pathlib import Path

import pytest
import structlog

from appliance.auth.certificates import Certificates
from appliance.cli import supervisor_preflight, supervisor_state, up
from appliance.cli.supervisor_plan import programs
from appliance.cli.supervisor_state import ProcessState, Running
from appliance.config import Config, EngineConfig, load_config
from appliance.errors import ConfigError, ManifestMismatchError, PolicyInvalidError
from tests.support.command_line import run

CERTIFICATES = Certificates(ca=Path("/ca.crt"), certificate=Path("/server.crt"), key=Path("/server.key"))


@pytest.fixture
def unix_server(tmp_path: Path) -> object:
    path = tmp_path / "other.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        yield path


def _running(**changes: object) -> Running:
    values: dict[str, object] = {
        "pid": 1, "boot": "b", "since": "2026-11-23T00:00:00+00:00", "home": "/h", "url": "https://127.0.0.1:1",
        "console_url": "https://127.0.0.1:2", "metrics_url": "http://127.0.0.1:3/metrics", "ca": "/ca.crt",
    }  # fmt: skip
    return Running.model_validate({**values, **changes})


def test_options_go_before_the_file(tmp_path: Path) -> None:
    (tmp_path / "appliance.yaml").write_text("port: 9000\nengine:\n  profile: cpu\n  model: /m\n")

    config = up.override(load_config(tmp_path), {"port": 9500, "console_port": None}, {"profile": "a100x2"})

    assert (config.port, config.engine.profile, config.engine.model) == (9500, "a100x2", Path("/m"))
    assert "console_port" not in config.model_fields_set


def test_a_profile_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--profile"):
        up.override(Config(home=tmp_path), {}, {"profile": "tpu"})


def test_servers_on_this_machine_may_stand_in_the_engines_place(tmp_path: Path, unix_server: Path) -> None:
    for upstream in ("http://127.0.0.1:8000", "http://localhost:8000", "http://[::1]:8000", f"unix:{unix_server}"):
        assert up.override(Config(home=tmp_path), {}, {"upstream": upstream}).engine.upstream == upstream


@pytest.mark.parametrize(
    "upstream",
    ["http://192.0.2.1:8000", "https://api.example.com", "ftp://127.0.0.1", "127.0.0.1:8000", "unix:/nowhere"],
)
def test_a_server_elsewhere_or_nowhere_is_refused(tmp_path: Path, upstream: str) -> None:
    with pytest.raises(ConfigError, match="--upstream"):
        up.override(Config(home=tmp_path), {}, {"upstream": upstream})


def test_a_missing_model_is_named_with_what_to_do(tmp_path: Path, policies: Path) -> None:
    config = Config(home=tmp_path, port=0, policies=policies, engine=EngineConfig(model=tmp_path / "none"))

    with pytest.raises(ConfigError, match=r"make run.*appliance model prepare"):
        supervisor_preflight.prepare(up.with_ports(config), announce=print)


def test_a_missing_engine_environment_is_named(tmp_path: Path, policies: Path) -> None:
    model = tmp_path / "model"
    model.mkdir()
    (model / "manifest.json").write_text("{}")
    engine = EngineConfig(model=model, python=tmp_path / "none")

    with pytest.raises(ConfigError, match="engine environment"):
        supervisor_preflight.prepare(
            up.with_ports(Config(home=tmp_path, policies=policies, engine=engine)), announce=print
        )


def test_changed_weights_start_nothing(tmp_path: Path, policies: Path) -> None:
    model, python = tmp_path / "model", tmp_path / "python"
    model.mkdir()
    (model / "manifest.json").write_text("{}")
    python.touch(mode=0o700)
    config = Config(home=tmp_path, port=0, policies=policies, engine=EngineConfig(model=model, python=python))

    with pytest.raises(ManifestMismatchError):
        supervisor_preflight.prepare(up.with_ports(config), announce=print)
    assert not (tmp_path / "audit").exists()


def test_a_broken_policy_starts_nothing(tmp_path: Path, policies: Path) -> None:
    (policies / "providers.yaml").write_text("providers: [acme]\n")

    with pytest.raises(PolicyInvalidError, match=r"providers\.yaml:1"):
        supervisor_preflight.prepare(up.with_ports(Config(home=tmp_path, port=0, policies=policies)), announce=print)
    assert not (tmp_path / "audit").exists()


def test_the_gateway_is_told_of_the_upstream_and_no_engine_is_planned(tmp_path: Path) -> None:
    engine = EngineConfig(upstream="http://127.0.0.1:1", upstream_model="llama")

    planned = programs(Config(home=tmp_path, engine=engine), CERTIFICATES)

    assert sorted(planned) == ["broker", "console", "gateway", "recorder"]
    assert " ".join(planned["gateway"].command).endswith("--upstream http://127.0.0.1:1 --upstream-model llama")


def test_the_engine_is_planned_in_its_own_environment(tmp_path: Path) -> None:
    planned = programs(Config(home=tmp_path), CERTIFICATES)["engine"]

    assert planned.command[0] == str(Config(home=tmp_path).engine.python)
    assert planned.folder == tmp_path / "engine-cache"
    assert "VLLM_CACHE_ROOT" in planned.environment


async def test_the_engines_weights_are_weighed_again_at_each_restart(tmp_path: Path) -> None:
    engine = programs(Config(home=tmp_path, engine=EngineConfig(model=tmp_path / "none")), CERTIFICATES)["engine"]

    await engine.check()

    with pytest.raises(ManifestMismatchError):
        await engine.check()


def test_the_ready_line_is_one_json_object(capsys: pytest.CaptureFixture[str]) -> None:
    up.print_ready_json(_running())

    line = capsys.readouterr().out
    ready = json.loads(line)
    assert line.count("\n") == 1
    assert ready["event"] == "ready"
    assert {"url", "console_url", "metrics_url", "ca", "home", "pid"} <= set(ready)


def test_people_are_told_where_it_is_and_how_to_add_a_client(capsys: pytest.CaptureFixture[str]) -> None:
    up.print_ready(_running())

    shown = capsys.readouterr().out
    assert all(word in shown for word in ("https://127.0.0.1:1", "https://127.0.0.1:2", "/ca.crt", "client add"))


def test_a_state_file_without_its_supervisor_does_not_count(tmp_path: Path) -> None:
    config = Config(home=tmp_path)
    config.run.mkdir()
    supervisor_state.write(config, _running(processes={"gateway": ProcessState(pid=7, state="running")}))

    assert supervisor_state.read_left(config) is not None
    assert supervisor_state.read_running(config) is None


def test_wrong_options_are_wrong_use() -> None:
    assert run("up", "--port", "70000").code == 2


@pytest.fixture(autouse=True)
def _log_settings_are_put_back() -> object:
    yield
    structlog.reset_defaults()


def test_officers_and_gateway_under_different_policies_start_nothing(tmp_path: Path, policies: Path) -> None:
    config = Config(home=tmp_path, port=0, policies=policies, engine=EngineConfig(upstream="http://127.0.0.1:9"))

    with pytest.raises(ConfigError, match="in both files"):
        supervisor_preflight.prepare(up.with_ports(config), announce=print)


def test_wrong_settings_of_the_trail_start_nothing(tmp_path: Path) -> None:
    (tmp_path / "trail.yaml").write_text("witness: []\n")
    config = Config(home=tmp_path, port=0, engine=EngineConfig(upstream="http://127.0.0.1:9"))

    with pytest.raises(ConfigError, match="'witness'"):
        supervisor_preflight.prepare(up.with_ports(config), announce=print)
