"""Where the tries go: everything that could answer, and never what is listed."""

import ipaddress
from pathlib import Path

from appliance.isolation.destinations import destinations, own_addresses
from tests.support.isolation import LINK, a_network, a_unit

ROUTES = """Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT
host0 00000000 0107E70A 0003 0 0 0 00000000 0 0 0
host0 0007E70A 00000000 0001 0 0 0 00FFFFFF 0 0 0
short
"""
"""A host in 10.231.7.0/24 behind 10.231.7.1, in the byte order of x86 and ARM."""


def tried(folder: Path, name: str, **changed: object) -> set[tuple[str, int]]:
    """Return where a unit's tries go, on a host with those routes."""
    proc = folder / "proc"
    (proc / "net").mkdir(parents=True, exist_ok=True)
    (proc / "net/route").write_text(ROUTES)
    found = destinations(a_unit(folder, name, **changed), a_network(folder, **changed), proc=proc)
    return {(each.address, each.port) for each in found}


def test_the_internet_dns_metadata_and_ipv6_are_tried(tmp_path: Path) -> None:
    found = tried(tmp_path, "gateway")

    assert {("198.51.100.66", 443), ("192.0.2.53", 53), ("169.254.169.254", 80), ("2001:db8::10", 443)} <= found


def test_the_hosts_own_router_and_neighbours_are_tried(tmp_path: Path) -> None:
    assert {("10.231.7.1", 443), ("10.231.7.254", 53)} <= tried(tmp_path, "gateway")


def test_the_other_units_and_the_resolver_on_loopback_are_tried(tmp_path: Path) -> None:
    assert {("127.0.0.1", 8443), ("127.0.0.1", 8445), ("::1", 8444), ("127.0.0.53", 53)} <= tried(tmp_path, "gateway")


def test_the_listed_is_not_tried_but_its_other_ports_and_its_neighbour_are(tmp_path: Path) -> None:
    found = tried(tmp_path, "broker")

    assert ("203.0.113.8", 443) not in found
    assert {("203.0.113.8", 80), ("203.0.113.8", 8443), ("203.0.113.12", 443)} <= found


def test_a_listed_address_on_the_listed_port_is_left_out_of_the_world_too(tmp_path: Path) -> None:
    assert ("203.0.113.10", 443) not in tried(tmp_path, "broker")
    assert ("203.0.113.10", 443) in tried(tmp_path, "gateway")


def test_the_engine_may_use_the_loopback_of_its_own_network(tmp_path: Path) -> None:
    assert not [address for address, _ in tried(tmp_path, "engine") if ipaddress.ip_address(address).is_loopback]


def test_the_metrics_relay_may_reach_the_metrics_alone(tmp_path: Path) -> None:
    found = tried(tmp_path, "metrics")

    assert ("127.0.0.1", 8445) not in found
    assert ("127.0.0.1", 8443) in found


def test_a_host_whose_routes_cannot_be_read_is_still_tried(tmp_path: Path) -> None:
    found = destinations(a_unit(tmp_path), a_network(tmp_path), proc=tmp_path / "nowhere")

    assert any(each.address == "198.51.100.66" for each in found)
    assert own_addresses(tmp_path / "nowhere") == []


def test_an_engine_on_a_link_is_tried_beside_it_at_other_ports_and_at_the_other_units(tmp_path: Path) -> None:
    found = tried(tmp_path, "engine", engine_link=LINK)

    assert {("192.168.77.4", 20000), ("192.168.77.1", 19999), ("198.51.100.66", 443)} <= found
    assert {("127.0.0.1", 8443), ("127.0.0.1", 8445), ("127.0.0.1", 5432)} <= found
    assert not [port for address, port in found if address in {"192.168.77.1", "127.0.0.1"} and port >= 20000]
