"""Renders every unit of the appliance for one profile, through Ansible's own templar and without a host.

It runs in the controller's environment (`.venv-ansible`), because nothing else reads the roles' variables as a converge
does::

    .venv-ansible/bin/python tests/support/render_units.py a100x2 FOLDER
    .venv-ansible/bin/python tests/support/render_units.py a100x2x2 FOLDER 192.168.77.2
"""

import sys
from pathlib import Path
from typing import Any

import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

ANSIBLE = Path(__file__).resolve().parents[2] / "ansible"
ROLES = ANSIBLE / "roles"

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

ON_LINK = {"engine": "engine_unit", "ray": "scale_ray_unit"}
"""What differs on a host of an engine over several; the last argument is its address on their link."""

HEAD = "192.168.77.1"

SITE: dict[str, Any] = {
    "appliance_broker_addresses": ["203.0.113.0/28", "2001:db8:77::/64"],
    "appliance_provider_credentials": {"example-cloud.key": "never rendered"},
    "appliance_witness_relay": {"address": "10.20.1.20", "port": 6514},
    "appliance_python": "python3.11",
    "unit_release": "0123456789abcdef",
}
"""What the example inventory leaves empty, or what is read from the host."""


def main(profile: str, folder: Path, address: str = "") -> None:
    """Write one file a unit."""
    variables = _read(ANSIBLE / "group_vars" / "all.yml")
    variables |= _read(ANSIBLE / "inventory" / "example" / "group_vars" / "appliance.yml")
    for role in ("unit", "recorder", "engine", "broker", "gateway", "console", "witness", "verify", "scale"):
        for kind in ("defaults", "vars"):
            variables |= _read(ROLES / role / kind / "main.yml")
    link = {"interface": "ib0", "network": "192.168.77.0/30", "address": address, "head": HEAD} if address else {}
    variables |= {**SITE, "appliance_profile": profile, "appliance_engine_link": link}
    template = trust_as_template((ROLES / "unit" / "templates" / "service.j2").read_text())
    folder.mkdir(parents=True, exist_ok=True)
    for name, variable in (ON_LINK if link else UNITS).items():
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
    main(sys.argv[1], Path(sys.argv[2]), *sys.argv[3:])
