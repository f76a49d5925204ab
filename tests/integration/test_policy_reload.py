"""A running appliance takes a new policy, and keeps the old one when the new one is bad."""

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.policy_folder import copy_policies, edit
from tests.support.running_appliance import RunningAppliance, running_appliance


@pytest.fixture
def policies(tmp_path: Path) -> Path:
    return copy_policies(tmp_path / "policies")


@pytest.fixture
def appliance(tmp_path: Path, policies: Path) -> Iterator[RunningAppliance]:
    (tmp_path / "home").mkdir(mode=0o700)
    (tmp_path / "home" / "trail.yaml").write_text(f"policies: {policies}\n")
    with running_appliance(tmp_path, settings=f"policies: {policies}\n") as running:
        yield running


def _digest(appliance: RunningAppliance) -> str:
    return str(appliance.readiness()[1]["policy_digest"])


def test_a_reloaded_policy_is_in_force_with_the_next_request(appliance: RunningAppliance, policies: Path) -> None:
    client = appliance.add_client(tasks=["medical-coding", "scheduling-message"])
    before = _digest(appliance)
    forbid = (
        '\n@id("closed-for-review") @reason("Scheduling is closed for review.")\n'
        'forbid (principal, action == Action::"UseTask", resource) when { resource.name == "scheduling-message" };\n'
    )
    (policies / "tasks.cedar").write_text((policies / "tasks.cedar").read_text() + forbid)

    told = appliance.command("policy", "reload", "--json")

    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout) == {"before": before, "now": _digest(appliance), "in_force": True}
    assert before != _digest(appliance)
    with appliance.http(client.key) as http:
        assert [model["id"] for model in http.get("/v1/models").json()["data"]] == ["medical-coding"]


def test_a_bad_policy_is_never_sent(appliance: RunningAppliance, policies: Path) -> None:
    before = _digest(appliance)
    edit(policies, "roles.yaml", old="[Operate]", new="[Operat]")

    told = appliance.command("policy", "reload")

    assert told.returncode == 1
    assert "roles.yaml:38: 'roles.operator.actions.0'" in told.stderr
    assert _digest(appliance) == before


def test_a_bad_policy_that_is_signalled_all_the_same_keeps_the_old_one_and_is_said(
    appliance: RunningAppliance, policies: Path
) -> None:
    before = _digest(appliance)
    edit(policies, "roles.yaml", old="[Operate]", new="[Operat]")

    os.kill(appliance.pid, signal.SIGHUP)

    limit_s = time.monotonic() + 20
    while not appliance.readiness()[1]["warnings"] and time.monotonic() < limit_s:
        time.sleep(0.1)
    status, body = appliance.readiness()
    assert status == 200
    assert body["policy_digest"] == before
    assert "policy_invalid" in json.dumps(body["warnings"])
