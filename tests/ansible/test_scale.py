"""More machines than one: which are refused, and what is rendered for them; no second GPU host stands here.

Units and rules of an engine over two hosts are golden files (`tests/golden`).
"""

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from tests.support.firewall_rules import EXAMPLE
from tests.support.target_host.controller import COMMAND, PLAYBOOKS

LINK = {
    "interface": "lo",
    "network": "192.168.77.0/30",
    "address": "192.168.77.1",
    "head": "192.168.77.1",
    "token_file": "/nowhere",
}
LENDER = {**LINK, "address": "192.168.77.2"}


def rendered(
    folder: Path, group: str, hosts: Mapping[str, Mapping[str, object]], *options: str
) -> subprocess.CompletedProcess[str]:
    """Run the playbook in check mode against this very machine, which is changed by nothing of it."""
    local = {"ansible_connection": "local", "ansible_become": False, "ansible_python_interpreter": "/usr/bin/python3"}
    inventory = folder / "hosts.yml"
    listed = {name: {**local, **variables} for name, variables in hosts.items()}
    inventory.write_text(yaml.safe_dump({group: {"hosts": listed}}))
    command = [str(COMMAND), "-i", str(inventory), "--check", "--diff", *options, str(PLAYBOOKS / "scale.yml")]
    return subprocess.run(command, cwd=PLAYBOOKS, capture_output=True, text=True, check=False, timeout=120)


def engines(folder: Path, *links: Mapping[str, str], profile: str = "a100x2x2") -> subprocess.CompletedProcess[str]:
    """Ask whether hosts with these links can be one engine; nothing else is played."""
    site = yaml.safe_load(EXAMPLE.read_text())
    hosts = {
        f"host{number}": {**site, "appliance_engine_link": link, "appliance_profile": profile}
        for number, link in enumerate(links)
    }
    return rendered(folder, "appliance_engines", hosts, "--tags", "none-but-the-checks")


@pytest.fixture(autouse=True)
def _has_ansible() -> None:
    if not COMMAND.exists():
        pytest.skip("no environment for Ansible; run '.ci/environment ansible'")


def test_two_hosts_on_a_private_link_get_as_far_as_the_medium_that_they_have_not(tmp_path: Path) -> None:
    done = engines(tmp_path, LINK, LENDER)

    assert "TASK [medium : Read the site's copy of the signing key]" in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("links", "found"),
    [
        ([LINK], "appliance_engines has 1 hosts; profile a100x2x2 needs 2."),
        ([LINK, {}], "host1: appliance_engine_link lacks interface, network, address, head, token_file."),
        ([LINK, LINK], "two hosts have the same appliance_engine_link.address"),
        ([LINK, {**LENDER, "network": "192.168.77.0/29"}], "appliance_engine_link.network differs between the hosts"),
        ([LINK, {**LENDER, "address": "192.168.78.2"}], "192.168.78.2 is no address of 192.168.77.0/30"),
        ([LINK, {**LENDER, "network": "not a network"}], "give an IPv4 network in CIDR and addresses of it."),
        ([{**LINK, "address": "192.168.77.3"}, LENDER], "appliance_engine_link.head is no host's address"),
        (
            [{**LINK, "network": "8.8.8.0/24", "address": "8.8.8.1"}, {**LENDER, "network": "8.8.8.0/24"}],
            "8.8.8.0/24 is no private network (RFC 1918)",
        ),
        ([{**LINK, "interface": "no-such0"}, {**LENDER, "interface": "no-such0"}], "There is no interface no-such0"),
    ],
)
def test_hosts_that_cannot_be_one_engine_are_told_why(tmp_path: Path, links: list[dict[str, str]], found: str) -> None:
    done = engines(tmp_path, *links)

    assert done.returncode != 0
    assert found in done.stdout


def test_an_engine_over_two_hosts_needs_the_profile_with_pipeline_stages(tmp_path: Path) -> None:
    done = engines(tmp_path, LINK, LENDER, profile="a100x2")

    assert done.returncode != 0
    assert "host0: appliance_profile is a100x2; an engine over several hosts runs a100x2x2" in done.stdout


def test_a_shared_database_is_reached_over_checked_tls_only(tmp_path: Path) -> None:
    pem = tmp_path / "some.pem"
    pem.write_text("pem")
    files = dict.fromkeys(("certificate", "key", "ca"), str(pem))
    server = {"address": "10.20.0.40", "port": 5432, "name": "appliance2", **files}
    done = rendered(tmp_path, "appliance_gateways", {"here": {"scale_database": server}})

    assert done.returncode == 0, done.stdout + done.stderr
    assert "verifyChain = yes" in done.stdout
    assert "checkIP = 10.20.0.40" in done.stdout
    assert "IPAddressAllow=10.20.0.40" in done.stdout


def test_a_shared_database_without_tls_is_refused(tmp_path: Path) -> None:
    done = rendered(tmp_path, "appliance_gateways", {"here": {"scale_database": {"address": "10.20.0.40"}}})

    assert done.returncode != 0
    assert "certificate" in done.stdout + done.stderr
