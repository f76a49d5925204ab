"""Renders every unit of the appliance for one profile, through Ansible's own templar and without a host.

It runs in the controller's environment (`.venv-ansible`), because nothing else reads the roles' variables as a converge
does::

    .venv-ansible/bin/python tests/support/render_units.py a100x2 FOLDER
"""

import json
import sys
from pathlib import Path
from typing import Any

import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

ROLES = Path(__file__).resolve().parents[2] / "ansible" / "roles"

UNITS = {
    "recorder": "recorder_unit",
    "keys": "recorder_keys_unit",
    "engine": "engine_unit",
    "broker": "broker_unit",
    "gateway": "gateway_unit",
    "console": "console_unit",
    "witness": "witness_unit",
    "isolation": "verify_isolation_unit",
}
"""The unit's name and the variable that holds what is special in it."""

SITE: dict[str, Any] = {
    "appliance_python": "python3.11",
    "appliance_home": "/var/lib/appliance",
    "appliance_root": "/opt/appliance",
    "appliance_etc": "/etc/appliance",
    "appliance_listen": "0.0.0.0",  # noqa: S104  # rendered, not bound to
    "appliance_users": {"gateway": 861, "engine": 862, "broker": 863, "recorder": 864, "console": 865},
    "appliance_client_networks": ["10.20.0.0/16"],
    "appliance_officer_networks": ["10.30.1.0/24"],
    "appliance_broker_addresses": ["203.0.113.10"],
    "appliance_provider_credentials": {"example-cloud.key": "never rendered"},
    "appliance_witnesses": [],
    "appliance_witness_relay": {"address": "10.40.0.7", "port": 6514},
    "software_digest": "0123456789abcdef",
    "recorder_cluster": "15-main",
}
"""A hospital's answers, as the example inventory gives them."""


def main(profile: str, folder: Path) -> None:
    """Write one file a unit."""
    variables: dict[str, Any] = {**SITE, "appliance_profile": profile}
    for role in ("unit", "recorder", "engine", "broker", "gateway", "console", "witness", "verify"):
        variables |= _read(ROLES / role / "vars" / "main.yml")
    template = trust_as_template((ROLES / "unit" / "templates" / "service.j2").read_text())
    folder.mkdir(parents=True, exist_ok=True)
    for name, variable in UNITS.items():
        asked = {**variables, "unit_name": name, "unit_service": trust_as_template("{{ " + variable + " }}")}
        templar = Templar(loader=DataLoader(), variables=asked)
        (folder / f"appliance-{name}.service").write_text(templar.template(template))


def _read(file: Path) -> dict[str, Any]:
    """Return a role's variables with their expressions marked as the role's own, which alone are evaluated."""
    return _trusted(yaml.safe_load(file.read_text())) if file.exists() else {}


def _trusted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _trusted(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_trusted(part) for part in value]
    return trust_as_template(value) if isinstance(value, str) else value


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
