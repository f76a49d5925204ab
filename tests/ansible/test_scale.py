"""More machines than one: what is rendered for them, without running it, because no second GPU host stands here."""

import subprocess
from pathlib import Path

import pytest
import yaml

from tests.support.target_host.controller import COMMAND, PLAYBOOKS

LINK = {"scale_interface": "ib0", "scale_network": "192.168.77.0/30", "scale_head": "192.168.77.1"}


def rendered(folder: Path, group: str, variables: dict[str, object]) -> subprocess.CompletedProcess[str]:
    """Run the playbook in check mode against this very machine, which is changed by nothing of it."""
    local = {"ansible_connection": "local", "ansible_become": False, "ansible_python_interpreter": "/usr/bin/python3"}
    inventory = folder / "hosts.yml"
    inventory.write_text(yaml.safe_dump({group: {"hosts": {"here": {**local, **variables}}}}))
    command = [str(COMMAND), "-i", str(inventory), "--check", "--diff", str(PLAYBOOKS / "scale.yml")]
    return subprocess.run(command, cwd=PLAYBOOKS, capture_output=True, text=True, check=False, timeout=120)


@pytest.fixture(autouse=True)
def _has_ansible() -> None:
    if not COMMAND.exists():
        pytest.skip("no environment for Ansible; run '.ci/environment ansible'")


def test_engines_of_several_hosts_reach_their_private_link_and_nothing_else(tmp_path: Path) -> None:
    done = rendered(tmp_path, "appliance_engines", {**LINK})

    assert done.returncode == 0, done.stdout + done.stderr
    assert "IPAddressDeny=any" in done.stdout
    assert "IPAddressAllow=localhost 192.168.77.0/30" in done.stdout
    assert "ray start --head" in done.stdout
    assert "io_uring_setup" in done.stdout


def test_engines_without_a_private_link_are_refused(tmp_path: Path) -> None:
    done = rendered(tmp_path, "appliance_engines", {})

    assert done.returncode != 0
    assert "scale_interface" in done.stdout + done.stderr


def test_a_shared_database_is_reached_over_checked_tls_only(tmp_path: Path) -> None:
    pem = tmp_path / "some.pem"
    pem.write_text("pem")
    files = dict.fromkeys(("certificate", "key", "ca"), str(pem))
    server = {"address": "10.20.0.40", "port": 5432, "name": "appliance2", **files}
    done = rendered(tmp_path, "appliance_gateways", {"scale_database": server})

    assert done.returncode == 0, done.stdout + done.stderr
    assert "verifyChain = yes" in done.stdout
    assert "checkIP = 10.20.0.40" in done.stdout
    assert "IPAddressAllow=10.20.0.40" in done.stdout


def test_a_shared_database_without_tls_is_refused(tmp_path: Path) -> None:
    done = rendered(tmp_path, "appliance_gateways", {"scale_database": {"address": "10.20.0.40"}})

    assert done.returncode != 0
    assert "certificate" in done.stdout + done.stderr
