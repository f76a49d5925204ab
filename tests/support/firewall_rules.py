"""The firewall's files as role `firewall` writes them, rendered by Ansible itself and without a host.

Needs the controller's environment, which `.ci/environment ansible` builds.
"""

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
ANSIBLE = ROOT / "ansible"
COMMAND = ROOT / ".venv-ansible" / "bin" / "ansible-playbook"

EXAMPLE = ANSIBLE / "inventory" / "example" / "group_vars" / "appliance.yml"

CHRONY_UID = "123"
"""Whatever number the distribution gave."""

PLAY = """
- hosts: localhost
  gather_facts: false
  tasks:
    - name: Render as the role does
      ansible.builtin.include_role: {name: firewall, tasks_from: render, public: true}
    - name: Write the rules
      ansible.builtin.copy: {content: "{{ firewall_ruleset }}", dest: "{{ folder }}/nftables.conf", mode: "0644"}
    - name: Write what they were made from
      ansible.builtin.template:
        src: ROOT/roles/firewall/templates/network.yaml.j2
        dest: "{{ folder }}/network.yaml"
        mode: "0644"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the role writes for one site."""

    nftables: str
    network: str


def why_not() -> str:
    """Return why nothing can be rendered here; empty if it can."""
    return "" if COMMAND.is_file() else "the controller's environment is not built; run '.ci/environment ansible'"


def rules(folder: Path, variables: Mapping[str, Any]) -> Rules:
    """Render for a site with these answers, and the defaults for the rest."""
    play = folder / "play.yml"
    play.write_text(PLAY.replace("ROOT", str(ANSIBLE)))
    python = str(COMMAND.with_name("python"))
    own = {"firewall_clock_uid": CHRONY_UID, "folder": str(folder), "ansible_python_interpreter": python}
    answers = {**own, **variables}
    common = ANSIBLE / "group_vars" / "all.yml"
    done = subprocess.run(  # fixed words
        (str(COMMAND), "-i", "localhost,", "-c", "local", "-e", f"@{common}", "-e", json.dumps(answers), str(play)),
        cwd=ANSIBLE, capture_output=True, text=True, check=False, timeout=120,
        env={
            **os.environ, "ANSIBLE_CONFIG": str(ANSIBLE / "ansible.cfg"), "ANSIBLE_ROLES_PATH": str(ANSIBLE / "roles"),
            "ANSIBLE_LOCAL_TEMP": str(folder / "local"), "ANSIBLE_REMOTE_TEMP": str(folder / "remote"),
        },
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return Rules(nftables=(folder / "nftables.conf").read_text(), network=(folder / "network.yaml").read_text())
