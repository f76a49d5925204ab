"""What `/readyz` says of the managed route: a warning for whatever closes it, and never a reason not to be ready."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from appliance.api.health import Health
from appliance.auth.registry import Registry
from appliance.clock import Clock
from appliance.config import Site
from appliance.errors import PolicyInvalidError
from appliance.escalation.condition import BrokerCondition
from appliance.escalation.wire import ProviderCondition
from appliance.isolation.report import FOLDER, write_report
from appliance.policy.current import CurrentPolicy
from appliance.policy.register import Provider
from appliance.wiring import Appliance
from tests.support.isolation import a_report
from tests.support.memory_log import MemoryLog
from tests.support.pipeline_builder import ScriptedWatch
from tests.support.registers import a_provider, an_agreement, write_register

OPEN = ProviderCondition(name="example-cloud", state="open")


async def readiness(
    folder: Path, policy: CurrentPolicy, *, site: Site | None = None, **condition: Any
) -> tuple[int, dict[str, Any]]:
    """Return status and body of ``/readyz`` with this policy and this broker."""
    told = {"reachable": True, "policy_digest": policy.bundle.digest, "providers": {OPEN.name: OPEN}, **condition}
    parts = SimpleNamespace(
        engine=ScriptedWatch(),
        recorder=MemoryLog(),
        registry=Registry.open(folder / "clients.json", folder / "secrets"),
        policy=policy,
        broker=SimpleNamespace(condition=BrokerCondition(**told)),
        clock=Clock(),
        config=SimpleNamespace(site=site),
    )
    response = await Health(cast("Appliance", parts)).ready()
    return response.status_code, json.loads(bytes(response.body))


def naming(policies: Path, *providers: Provider) -> CurrentPolicy:
    """Return a policy that names these providers."""
    return CurrentPolicy(write_register(policies, *providers))


def ending(in_days: float) -> Provider:
    """Return a provider whose agreement ends then."""
    expires = datetime.now(UTC) + timedelta(days=in_days)
    return a_provider(agreements=(an_agreement(expires=expires),))


def codes(told: Iterable[dict[str, str]]) -> list[str]:
    """Return the codes of reasons or warnings."""
    return [each["code"] for each in told]


async def test_an_open_route_warns_of_nothing(tmp_path: Path, policies: Path) -> None:
    status, body = await readiness(tmp_path, naming(policies, a_provider()))

    assert (status, body["reasons"], body["warnings"]) == (200, [], [])


@pytest.mark.parametrize(
    ("provider", "condition", "code"),
    [
        (ending(59), {}, "agreement_ending"),
        (ending(0.5), {}, "agreement_ending"),
        (ending(-1), {}, "agreement_ended"),
        (a_provider(), {"reachable": False, "providers": {}, "policy_digest": ""}, "broker_unreachable"),
        (a_provider(), {"policy_digest": "0" * 64}, "broker_policy_differs"),
        (a_provider(), {"approval": "nobody approved it"}, "policy_not_approved"),
        (
            a_provider(),
            {"providers": {OPEN.name: OPEN.model_copy(update={"state": "closed"})}},
            "provider_closed",
        ),
    ],
)
async def test_what_closes_the_managed_route_is_a_warning(
    tmp_path: Path, policies: Path, provider: Provider, condition: dict[str, Any], code: str
) -> None:
    status, body = await readiness(tmp_path, naming(policies, provider), **condition)

    assert (status, codes(body["warnings"])) == (200, [code])
    assert "example" not in json.dumps(body["warnings"])


async def test_without_a_provider_the_broker_is_nobodys_concern(tmp_path: Path, policies: Path) -> None:
    status, body = await readiness(tmp_path, CurrentPolicy(policies), reachable=False, policy_digest="")

    assert (status, body["warnings"]) == (200, [])


async def test_a_refused_bundle_is_told_beside_the_rest(tmp_path: Path, policies: Path) -> None:
    policy = naming(policies, ending(-1))
    with pytest.raises(PolicyInvalidError):
        policy.reload(datetime.now(UTC))

    _, body = await readiness(tmp_path, policy)

    assert codes(body["warnings"]) == ["policy_invalid", "agreement_ended"]


async def test_a_site_is_not_ready_until_isolation_is_proven(tmp_path: Path, run_folder: Path, policies: Path) -> None:
    site = Site(run=run_folder)

    status, body = await readiness(tmp_path, naming(policies, a_provider()), site=site)

    assert (status, codes(body["reasons"])) == (503, ["isolation_unproven"])


async def test_a_site_with_a_fresh_proof_is_ready(tmp_path: Path, run_folder: Path, policies: Path) -> None:
    write_report(a_report(), run_folder / FOLDER)

    status, body = await readiness(tmp_path, naming(policies, a_provider()), site=Site(run=run_folder))

    assert (status, body["reasons"]) == (200, [])
