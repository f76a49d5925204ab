import asyncio
import json
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from appliance.config import CHECKOUT, Config
from appliance.errors import ConfigError
from appliance.escalation.condition import BrokerWatch
from appliance.main import Reloading, configured, parse_options, serve
from audit.errors import AppendError, DiskReservedError, QuarantinedError, RecorderUnavailableError
from tests.support.departures import NotingBroker
from tests.support.gateway_client import Gateway, chat, running_gateway
from tests.support.memory_log import no_failure
from tests.support.registers import a_provider, an_agreement, write_register


def run(home: Path, *options: str) -> tuple[int, list[dict[str, object]]]:
    """Run the gateway's process until it refuses to start; return its status and its log."""
    command = [sys.executable, "-m", "appliance.main", "--home", str(home), *options]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, [json.loads(line) for line in done.stderr.splitlines()]


def test_options_stand_over_the_file(tmp_path: Path) -> None:
    (tmp_path / "appliance.yaml").write_text("port: 1000\nhost: 127.0.0.2\nengine: {profile: a100x2}\n")
    options = parse_options(["--home", str(tmp_path), "--port", "0", "--upstream", "unix:/x", "--metrics-port", "7"])

    config = configured(options)

    assert (config.host, config.port, config.metrics_port) == ("127.0.0.2", 0, 7)
    assert (config.engine.profile, config.engine.upstream) == ("a100x2", "unix:/x")


def test_an_option_that_does_not_fit_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--metrics-port"):
        configured(parse_options(["--home", str(tmp_path), "--metrics-port", "70000"]))


def test_a_gateway_that_cannot_start_says_why_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "appliance.yaml").write_text("policies: /nowhere\n")

    status, log = run(tmp_path, "--port", "0", "--metrics-port", "0")

    assert status == 1
    assert (log[-1]["event"], log[-1]["code"]) == ("gateway_refused", "policy_invalid")


async def test_a_site_without_the_hospitals_certificate_does_not_start_with_a_self_made_one(
    tmp_path: Path, run_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    config = Config.model_validate({"home": tmp_path, "site": {"run": str(run_folder)}})
    for folder in (config.gateway_home, config.run):
        folder.mkdir(mode=0o700, parents=True)

    with pytest.raises(ConfigError, match=r"needs LoadCredential=gateway\.crt and gateway\.key; put the hospital's"):
        await serve(config)

    assert not (tmp_path / "tls").exists()


async def test_a_site_whose_folders_are_not_as_installed_does_not_start(tmp_path: Path, run_folder: Path) -> None:
    config = Config.model_validate({"home": tmp_path, "site": {"run": str(run_folder)}})

    with pytest.raises(ConfigError, match=r"gateway cannot be used \(No such file or directory\); run the playbook"):
        await serve(config)


def test_a_setting_that_does_not_exist_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "appliance.yaml").write_text("prot: 1\n")

    status, log = run(tmp_path)

    assert (status, log[-1]["code"]) == (1, "config_invalid")


async def reload(gateway: Gateway) -> list[str]:
    """Reload the policy as SIGHUP does; return the logged events."""
    reloading = Reloading(gateway.appliance)
    with capture_logs() as logs:
        reloading.start()
        reloading.start()
        async with asyncio.timeout(10):
            while not any(str(entry["event"]).startswith("policy") for entry in logs):
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.05)
    return [str(entry["event"]) for entry in logs]


async def test_after_a_reload_the_broker_is_asked_anew(tmp_path: Path, policies: Path) -> None:
    async with running_gateway(tmp_path, policies) as gateway:
        watch = BrokerWatch(NotingBroker())

        await Reloading(replace(gateway.appliance, broker=watch)).run()

    assert watch.condition.reachable


async def test_a_register_with_an_agreement_that_has_ended_is_not_put_in_force(tmp_path: Path, policies: Path) -> None:
    async with running_gateway(tmp_path, policies) as gateway:
        before = gateway.appliance.policy.bundle
        ended = a_provider(agreements=(an_agreement(expires=datetime(2025, 1, 1, tzinfo=UTC)),))
        write_register(policies, ended)

        assert await reload(gateway) == ["policy_refused"]

        assert gateway.appliance.policy.bundle is before


async def test_a_changed_policy_is_taken_and_recorded(tmp_path: Path, policies: Path) -> None:
    async with running_gateway(tmp_path, policies) as gateway:
        before = gateway.appliance.policy.bundle.digest
        task = policies / "tasks" / "scheduling-message.yaml"
        task.write_text(task.read_text().replace("title: ", "title: New "))

        assert await reload(gateway) == ["policy_reloaded"]

        recorded = gateway.log.events[-1]
        assert recorded.code == "policy_reloaded"
        assert recorded.policy_digest == gateway.appliance.policy.bundle.digest != before


async def test_a_bad_policy_is_refused_recorded_and_shown_while_the_old_one_runs(
    tmp_path: Path, policies: Path
) -> None:
    async with running_gateway(tmp_path, policies) as gateway, gateway.http("") as http:
        before = gateway.appliance.policy.bundle.digest
        (policies / "tasks.cedar").write_text("permit (")

        assert await reload(gateway) == ["policy_refused"]

        ready = await http.get("/readyz")
        assert (ready.status_code, ready.json()["policy_digest"]) == (200, before)
        assert [warning["code"] for warning in ready.json()["warnings"]] == ["policy_invalid"]
        assert (gateway.log.events[-1].code, gateway.log.events[-1].policy_digest) == ("policy_refused", before)


async def test_a_reload_that_cannot_be_recorded_is_logged(tmp_path: Path, policies: Path) -> None:
    def lose(_event: object) -> None:
        raise RecorderUnavailableError("no recorder")

    async with running_gateway(tmp_path, policies) as gateway:
        gateway.log.before = lose

        assert await reload(gateway) == ["policy_reloaded", "policy_reload_unrecorded"]


@pytest.mark.parametrize(
    ("state", "refusal", "code"),
    [
        ("failing", AppendError, "audit_unavailable"),
        ("reserved", DiskReservedError, "disk_reserved"),
        ("quarantined", QuarantinedError, "trail_quarantined"),
    ],
)
async def test_a_recorder_that_refuses_is_named_to_caller_and_probe_until_it_takes_records_again(
    tmp_path: Path, policies: Path, *, state: str, refusal: type[AppendError], code: str
) -> None:
    def refuse(_event: object) -> None:
        raise refusal("a reason for the log")

    async with running_gateway(tmp_path, policies) as gateway, gateway.http() as http:
        gateway.log.before, gateway.log.state = refuse, state
        answer = await http.post("/v1/chat/completions", json=chat())
        unready = await http.get("/readyz")
        gateway.log.before, gateway.log.state = no_failure, "open"
        ready = await http.get("/readyz")

    assert (answer.status_code, answer.json()["error"]["code"]) == (503, code)
    assert (unready.status_code, [reason["code"] for reason in unready.json()["reasons"]]) == (503, [code])
    assert ready.status_code == 200
