"""The whole firewall of the example site: every hole in it is a reviewed diff."""

from pathlib import Path

import pytest
import yaml

from tests.support.firewall_rules import EXAMPLE, rules, why_not
from tests.support.golden import Golden

PROVIDER = {"name": "api.cloud.example", "port": 443, "addresses": ["203.0.113.0/28", "2001:db8:77::/64"]}
"""As the example of policies/providers.yaml has one."""


@pytest.mark.skipif(bool(why_not()), reason=why_not())
def test_the_firewall_of_the_example_site_is_exactly_this(golden: Golden, tmp_path: Path) -> None:
    held = yaml.safe_load(EXAMPLE.read_text())
    answers = {name: value for name, value in held.items() if "{{" not in str(value)}
    syslog = {name: value for name, value in held["appliance_syslog"].items() if name != "ca"}

    made = rules(tmp_path, {**answers, "appliance_syslog": syslog, "firewall_endpoints": [PROVIDER]})

    golden.check("egress.nft", made.nftables)


@pytest.mark.skipif(bool(why_not()), reason=why_not())
def test_the_link_of_an_engines_hosts_opens_its_own_cable_to_the_engine_and_nothing_else(
    golden: Golden, tmp_path: Path
) -> None:
    link = {"interface": "ib0", "network": "192.168.77.0/30", "address": "192.168.77.1", "head": "192.168.77.1"}
    site = {"firewall_endpoints": [], "appliance_admin_networks": ["10.20.0.0/24"]}
    (tmp_path / "without").mkdir()

    with_link = rules(tmp_path, {**site, "appliance_engine_link": link}).nftables.splitlines()
    without = rules(tmp_path / "without", site).nftables.splitlines()

    # The reviewed hole is what the link adds, line by line; nothing goes.
    assert [line for line in without if line not in with_link] == []
    golden.check("engine_link.nft", "\n".join(line for line in with_link if line not in without) + "\n")
