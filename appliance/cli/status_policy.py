"""What ``appliance status`` says of the policy on disk: tasks, providers, and agreements that end.

The gateway's own answer stands in ``readyz``.  Reads no patient data and asks nobody.
"""

from collections.abc import Sequence
from dataclasses import asdict

from appliance.cli.provider_state import Standing, standings
from appliance.clock import Clock
from appliance.config import Config
from appliance.errors import ApplianceError
from appliance.policy.agreements import warnings
from appliance.policy.load import load_bundle


def policy_on_disk(config: Config) -> tuple[dict[str, object], list[dict[str, object]]]:
    """Return what the bundle says, or why it cannot be read, and what must be told of its agreements."""
    try:
        bundle = load_bundle(config.policies)
    except ApplianceError as error:
        return {"folder": str(config.policies), "problem": error.public}, []
    now = Clock().now()
    found = list(standings(config, bundle, now))
    told: dict[str, object] = {"folder": str(config.policies), "digest": bundle.digest, "tasks": sorted(bundle.tasks)}
    if bundle.providers:
        told["providers"] = [
            _provider(name, [each for each in found if each.provider.name == name]) for name in bundle.providers
        ]
    ending = warnings(bundle.providers, now)
    return told, [{**asdict(each), "expires": each.expires.isoformat()} for each in ending]


def _provider(name: str, found: Sequence[Standing]) -> dict[str, object]:
    """Return whether a provider is open, and by which agreement or why not; it has one at least."""
    standing = next((each for each in found if each.is_open()), found[-1])
    agreement = standing.agreement
    if standing.is_open():
        reason = f"{agreement.id} until {agreement.expires:%Y-%m-%d}, {standing.days_left} days left"
        return {"name": name, "state": "open", "reason": reason}
    return {"name": name, "state": "closed", "reason": standing.closed or f"{agreement.id} {standing.state}"}
