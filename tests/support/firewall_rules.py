"""The firewall's files as role `firewall` writes them, rendered by Ansible itself and without a host.

Needs the controller's environment, which `.ci/environment ansible` builds.
"""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".venv-ansible" / "bin" / "python"
RENDER = Path(__file__).with_name("render_rules.py")

EXAMPLE = ROOT / "ansible" / "inventory" / "example" / "group_vars" / "appliance.yml"

CHRONY_UID = "123"
"""Whatever number the distribution gave."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the role writes for one site."""

    nftables: str
    network: str


def why_not() -> str:
    """Return why nothing can be rendered here; empty if it can."""
    return "" if PYTHON.is_file() else "the controller's environment is not built; run '.ci/environment ansible'"


def rules(folder: Path, variables: Mapping[str, Any]) -> Rules:
    """Render for a site with these answers, and the defaults for the rest."""
    answers = json.dumps({"firewall_clock_uid": CHRONY_UID, **variables})
    done = subprocess.run(
        (str(PYTHON), str(RENDER), answers, str(folder)), capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return Rules(nftables=(folder / "nftables.conf").read_text(), network=(folder / "network.yaml").read_text())
