"""Where the tries go: the Internet, DNS, the metadata service, the LAN, IPv6, the other units and this host itself.

Addresses of the Internet are those that RFC 5737 and RFC 3849 keep for documentation: should a packet leave, it meets
nobody.  What stands around this host is read from the host, because a hole is most likely toward a neighbour.
"""

import ipaddress
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

from appliance.isolation.connections import Destination
from appliance.isolation.expectations import Unit
from appliance.isolation.network_file import Network

WORLD = (
    Destination(label="Internet", address="203.0.113.10", port=443),
    Destination(label="Internet", address="198.51.100.66", port=443),
    Destination(label="Internet", address="192.0.2.80", port=80),
    Destination(label="Internet mail", address="192.0.2.25", port=25),
    Destination(label="DNS", address="192.0.2.53", port=53),
    Destination(label="DNS over TLS", address="198.51.100.53", port=853),
    Destination(label="NTP", address="192.0.2.123", port=123),
    Destination(label="metadata", address="169.254.169.254", port=80),
    Destination(label="IPv6 Internet", address="2001:db8::10", port=443),
    Destination(label="IPv6 metadata", address="fd00:ec2::254", port=80),
    Destination(label="IPv6 neighbour", address="fd00::1", port=443),
)
"""The same for every unit."""

PRIVATE = (
    Destination(label="LAN 10/8", address="10.255.255.1", port=443),
    Destination(label="LAN 172.16/12", address="172.31.255.1", port=443),
    Destination(label="LAN 192.168/16", address="192.168.255.1", port=443),
)
"""Private networks in general; the host's own are read from it."""

SERVICES = (22, 111, 5432)
"""Ports that a host's own services often have: remote login, port mapper, database."""

RESOLVER_STUB = "127.0.0.53"
"""systemd-resolved's own address: a way out by DNS for whoever may use loopback."""

_ROUTE_FIELDS = 8
"""Columns of /proc/net/route up to the mask."""

_GATEWAY_FLAG = 0x2
"""`RTF_GATEWAY` (linux/route.h)."""

_MAX_NETWORKS = 2
"""Networks of one listed place that are tried beside: a large cloud has a hundred."""

_MAX_NEIGHBOURS = 8
"""Networks of one host that are tried; bounds the time."""


def destinations(unit: Unit, network: Network, *, proc: Path = Path("/proc/self")) -> tuple[Destination, ...]:
    """Return everything that this unit must not reach, each address and port once.

    The loopback of an own empty network is left out where the unit may use it: nobody else is there.
    """
    every = [*WORLD, *PRIVATE, *_resolvers(), *_neighbours(proc), *_this_host(network, proc), *_beside_listed(unit)]
    tried = {(each.address, each.port): each for each in every if not is_listed(unit, each)}
    if unit.has_own_network and unit.may_speak_to_itself:
        return tuple(each for each in tried.values() if not ipaddress.ip_address(each.address).is_loopback)
    return tuple(tried.values())


def is_listed(unit: Unit, destination: Destination) -> bool:
    """Say whether the unit may go there."""
    if unit.link and unit.link.holds(destination.address, destination.port):
        return True
    return any(endpoint.holds(destination.address, destination.port) for endpoint in unit.endpoints)


def listed(unit: Unit) -> tuple[Destination, ...]:
    """Return one address of each place where the unit may go."""
    return tuple(
        Destination(label=endpoint.name, address=str(network[0]), port=endpoint.port)
        for endpoint in unit.endpoints
        for network in endpoint.addresses[:1]
    )


def _beside_listed(unit: Unit) -> Iterator[Destination]:
    """Give each listed address on other ports, and the address after each listed network on the listed port."""
    for endpoint in unit.endpoints:
        for network in endpoint.addresses[:_MAX_NETWORKS]:
            first, after = network[0], network[-1] + 1
            for port in (80, 22, 53, 8443):
                yield Destination(label=f"{endpoint.name}, another port", address=str(first), port=port)
            yield Destination(label=f"beside {endpoint.name}", address=str(after), port=endpoint.port)
    if unit.link:
        around, port = unit.link.network, unit.link.first_port
        yield Destination(label="beside the engine's link", address=str(around[-1] + 1), port=port)
        yield Destination(label="the engine's link, another port", address=str(around[1]), port=port - 1)


def _resolvers(file: Path = Path("/etc/resolv.conf")) -> Iterator[Destination]:
    yield Destination(label="DNS stub", address=RESOLVER_STUB, port=53)
    try:
        lines = file.read_text(errors="replace").splitlines()
    except OSError:
        return
    for words in (line.split() for line in lines):
        if len(words) > 1 and words[0] == "nameserver" and _is_address(words[1]):
            yield Destination(label="DNS resolver", address=words[1], port=53)


def _neighbours(proc: Path) -> Iterator[Destination]:
    """Give the routers and the first addresses of the networks that this host stands in."""
    own = set(own_addresses(proc))
    for address in _around(proc)[:_MAX_NEIGHBOURS]:
        if address not in own:
            for port in (443, 53):
                yield Destination(label="LAN", address=address, port=port)


def _around(proc: Path) -> list[str]:
    found: dict[str, None] = {}
    for target, gateway, flags, mask in _routes(proc):
        if flags & _GATEWAY_FLAG:
            found[str(gateway)] = None
        elif int(mask) and not target.is_loopback:
            network = ipaddress.ip_network(f"{target}/{mask}", strict=False)
            found.update(dict.fromkeys(str(each) for each in (network[0] + 1, network[-1] - 1) if each in network))
    return list(found)


def _routes(
    proc: Path,
) -> Iterator[tuple[ipaddress.IPv4Address, ipaddress.IPv4Address, int, ipaddress.IPv4Address]]:
    try:
        lines = (proc / "net/route").read_text().splitlines()[1:]
    except OSError:
        return
    for words in (line.split() for line in lines):
        if len(words) >= _ROUTE_FIELDS:
            yield _ipv4(words[1]), _ipv4(words[2]), int(words[3], 16), _ipv4(words[7])


def _ipv4(word: str) -> ipaddress.IPv4Address:
    """Read an address of /proc/net/route: hexadecimal, in this machine's byte order."""
    return ipaddress.IPv4Address(struct.pack("=I", int(word, 16)))


def own_addresses(proc: Path = Path("/proc/self")) -> list[str]:
    """Return this host's addresses, as it would choose them to speak to each neighbour; asks nobody."""
    found: dict[str, None] = {}
    for address in _around(proc):
        try:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
                made.connect((address, 9))  # on a datagram socket: chooses the own address, sends nothing
                found[str(made.getsockname()[0])] = None
        except OSError:
            continue
    return list(found)


def _this_host(network: Network, proc: Path) -> Iterator[Destination]:
    """Give the other units and the host's own services, on loopback and on the host's addresses."""
    for address in ("127.0.0.1", *own_addresses(proc), "::1"):
        for port in (*sorted(network.ports.values()), *SERVICES):
            yield Destination(label="this host", address=address, port=port)


def _is_address(word: str) -> bool:
    try:
        ipaddress.ip_address(word)
    except ValueError:
        return False
    return True
