"""What the proof expects is read strictly: a list that was read wrongly would excuse a leak."""

from pathlib import Path

import pytest

from appliance.errors import ConfigError
from appliance.isolation.network_file import read_network
from tests.support.isolation import LINK, a_network, write_network


def test_the_playbooks_file_is_read(tmp_path: Path) -> None:
    network = a_network(tmp_path)

    assert (network.users["broker"], network.metrics_port) == (863, 8445)
    assert [(each.name, each.port) for each in network.endpoints] == [("api.vendor.example", 443)]
    assert network.witness_relay is not None
    assert network.witness_relay.holds("10.9.0.7", 6514)
    assert network.syslog is None


@pytest.mark.parametrize(
    "changed",
    [
        {"users": None},
        {"users": {"gateway": True}},
        {"users": {"gateway": 0}},
        {"users": {7: 861}},
        {"ports": {"metrics": 65536}},
        {"ports": {}},
        {"endpoints": {}},
        {"endpoints": [{"name": "x", "port": 443, "addresses": []}]},
        {"endpoints": [{"name": "x", "port": 443, "addresses": ["not an address"]}]},
        {"endpoints": ["203.0.113.10"]},
        {"networks": {"client": "10.0.0.0/8", "officer": [], "monitoring": []}},
        {"networks": {}},
        {"witness_relay": {"address": "10.9.0.7"}},
        {"fingerprint": None},
        {"engine_link": {"network": "192.168.77.0/30"}},
        {"engine_link": {**LINK, "network": "192.168.77.1/30"}},
        {"engine_link": {**LINK, "ports": {"first": 20000, "last": 65536}}},
        {"engine_link": {**LINK, "lender": "no"}},
    ],
)
def test_a_file_that_is_not_the_playbooks_is_refused(tmp_path: Path, changed: dict[str, object]) -> None:
    file = write_network(tmp_path / "network.yaml", **changed)

    with pytest.raises(ConfigError, match="--tags firewall"):
        read_network(file)


@pytest.mark.parametrize("text", ["", "[]", "{", "\x00"])
def test_a_broken_file_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "network.yaml"
    file.write_text(text)

    with pytest.raises(ConfigError, match="--tags firewall"):
        read_network(file)


def test_a_missing_file_names_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--tags firewall"):
        read_network(tmp_path / "network.yaml")
