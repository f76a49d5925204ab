"""Renders the firewall's files for one site, through Ansible's own templar and without a host.

It runs in the controller's environment (`.venv-ansible`), because nothing else reads the role's variables as a converge
does; `firewall_rules` calls it::

    .venv-ansible/bin/python tests/support/render_rules.py '{"appliance_client_networks": []}' FOLDER
"""

import json
import sys
from pathlib import Path
from typing import Any

import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

ANSIBLE = Path(__file__).resolve().parents[2] / "ansible"
FIREWALL = ANSIBLE / "roles" / "firewall"


def main(answers: dict[str, Any], folder: Path) -> None:
    """Write nftables.conf and network.yaml."""
    files = (ANSIBLE / "group_vars" / "all.yml", FIREWALL / "defaults" / "main.yml", FIREWALL / "vars" / "main.yml")
    variables: dict[str, Any] = {}
    for file in files:
        variables |= _trusted(yaml.safe_load(file.read_text()))
    variables |= answers
    rules = _render("nftables.conf.j2", variables)
    (folder / "nftables.conf").write_text(rules)
    (folder / "network.yaml").write_text(_render("network.yaml.j2", {**variables, "firewall_ruleset": rules}))


def _render(name: str, variables: dict[str, Any]) -> str:
    template = trust_as_template((FIREWALL / "templates" / name).read_text())
    return str(Templar(loader=DataLoader(), variables=variables).template(template))


def _trusted(value: Any) -> Any:
    """Mark the expressions of our own files as such; only those are evaluated."""
    if isinstance(value, dict):
        return {key: _trusted(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_trusted(part) for part in value]
    return trust_as_template(value) if isinstance(value, str) else value


if __name__ == "__main__":
    main(json.loads(sys.argv[1]), Path(sys.argv[2]))
