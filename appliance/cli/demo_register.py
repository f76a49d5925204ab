"""The policy of the demo's sandbox: the shipped one, with a stand-in on this machine as its only provider.

It is written in a folder of the sandbox's own, so the policy of the appliance itself is never touched.  The agreement
in it is made up, and says so.
"""

import hashlib
import shutil
from datetime import datetime, timedelta
from pathlib import Path

import yaml

from appliance.cli.demo_stand_in import API_VERSION, SERVICE, StandInAddress

PROVIDER = "stand-in"
AGREEMENT = "DEMO-AGREEMENT-1"
RECIPIENT = "Stand-in of a provider, on this machine"
REGION = "this-machine"
CREDENTIAL = "stand-in.key"
TASK = "discharge-summary"
"""The one task that the agreement covers."""

_PINS, _PIN = "pins", "stand-in.pem"
"""A pin that no provider names is refused, so those of the site stay behind."""


def copy_policies(shipped: Path, to: Path, address: StandInAddress) -> None:
    """Copy the policy, without what it pins, and pin the stand-in's authority."""
    shutil.copytree(shipped, to, ignore=shutil.ignore_patterns(_PINS))
    pins = to / _PINS
    pins.mkdir()
    shutil.copyfile(address.ca, pins / _PIN)


def write_register(policies: Path, address: StandInAddress, *, now: datetime, expires: datetime) -> None:
    """Write a register whose one agreement ends at `expires`."""
    host = {"name": address.host, "port": address.port, "addresses": [address.address], "ca": _PIN}
    model = {
        "name": address.model,
        "context_tokens": 200_000,
        "input_usd_per_million": 3.0,
        "output_usd_per_million": 15.0,
    }
    provider = {
        "name": PROVIDER,
        "service": SERVICE,
        "region": REGION,
        "recipient": RECIPIENT,
        "recipient_address": "This machine",
        "host": address.host,
        "api_version": API_VERSION,
        "credential": CREDENTIAL,
        "sandbox": True,
        "models": [model],
        "agreements": [_agreement(now=now, expires=expires)],
    }
    register = {"hosts": [host], "providers": [provider]}
    (policies / "providers.yaml").write_text(yaml.safe_dump(register, sort_keys=False))


def _agreement(*, now: datetime, expires: datetime) -> dict[str, object]:
    return {
        "id": AGREEMENT,
        "parties": ["The demo", RECIPIENT],
        "document_sha256": hashlib.sha256(
            b"The demo's agreement: nobody signed it, and nobody gets anything."
        ).hexdigest(),
        "effective": (now - timedelta(days=1)).isoformat(timespec="seconds"),
        "expires": expires.isoformat(timespec="seconds"),
        "services": [SERVICE],
        "regions": [REGION],
        "tasks": [TASK],
        "purposes": ["TREAT"],
        "data_classes": ["phi"],
        "retention": "Nothing: it is a program of this demo.",
        "training": "Nothing.",
        "notice_contact": "nobody@stand-in.example",
    }
