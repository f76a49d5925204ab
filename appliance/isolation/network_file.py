"""``/etc/appliance/network.yaml``: what the firewall was made from, and so what the proof must expect.

The playbook writes it together with ``/etc/nftables.conf`` and puts that file's digest into it, so that the two cannot
drift apart unseen.  Only root writes it.  It is checked key by key: a list that was read wrongly would excuse a leak.
"""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import yaml

from appliance.errors import ConfigError

NETWORK_FILE = Path("/etc/appliance/network.yaml")
"""Where the playbook puts it."""

MAX_PORT = 65535

_SPOKEN_TO = MappingProxyType({"gateway": "client", "console": "officer", "metrics": "monitoring"})
"""The units that are spoken to from the network, and the key of the networks that may."""

Networks = tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One place that one unit may reach."""

    name: str
    addresses: Networks
    port: int

    def holds(self, address: str, port: int) -> bool:
        """Say whether an address and port are this place."""
        wanted = ipaddress.ip_address(address)
        return port == self.port and any(wanted in network for network in self.addresses)


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """The private link between the hosts of one engine (`ansible/scale.yml`)."""

    network: ipaddress.IPv4Network
    first_port: int
    last_port: int
    """Ray, torch and NCCL take any ports of this range, on the link and on loopback."""

    is_lender: bool
    """Whether this host lends its cards to another one's engine, and runs nothing else."""

    def holds(self, address: str, port: int) -> bool:
        """Say whether the engine may speak to this address and port."""
        wanted = ipaddress.ip_address(address)
        is_near = wanted in self.network or wanted == _LOOPBACK
        return is_near and self.first_port <= port <= self.last_port


_LOOPBACK = ipaddress.ip_address("127.0.0.1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """What the firewall was made from."""

    users: Mapping[str, int]
    """The unit's name (without ``appliance-``) and its user's number."""

    endpoints: tuple[Endpoint, ...]
    """The pinned hosts of the providers, for the broker."""

    witness_relay: Endpoint | None
    """The witness that the relay speaks to."""

    syslog: Endpoint | None
    """The site's log server, for the unit that forwards the logs."""

    engine_link: Link | None
    """The engine's way to its other hosts; None where one host is enough."""

    inward: Mapping[str, Networks]
    """From where each unit is spoken to; its address filter, which knows no direction, lets these through both ways."""

    metrics_port: int
    """The gateway's metrics on loopback, for the relay to the monitoring."""

    ports: Mapping[str, int]
    """Every port that a unit listens on, by name."""

    fingerprint: str
    """SHA-256 of the ``nftables.conf`` that was made with it."""


def read_network(file: Path = NETWORK_FILE) -> Network:
    """Read the file.  Raises ConfigError naming the file, the key and what to do."""
    try:
        held = yaml.safe_load(file.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        message = f"{file} cannot be read; run the playbook with --tags firewall, which writes it."
        raise ConfigError(message, detail=type(error).__name__) from error
    try:
        return _network(held)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        message = f"{file} is not what the playbook writes; run it with --tags firewall."
        raise ConfigError(message, detail=type(error).__name__) from error


def _network(held: Mapping[str, object]) -> Network:
    users, ports = _mapping(held["users"]), _mapping(held["ports"])
    listed = held["endpoints"]
    if not isinstance(listed, list):
        raise TypeError
    numbers = {name: _port(value) for name, value in ports.items()}
    return Network(
        users={name: _number(value) for name, value in users.items()},
        endpoints=tuple(_endpoint(_mapping(row)) for row in listed),
        witness_relay=_one("witness", _mapping(held.get("witness_relay") or {})),
        syslog=_one("syslog", _mapping(held.get("syslog") or {})),
        engine_link=_link(_mapping(held.get("engine_link") or {})),
        inward=_inward(_mapping(held["networks"])),
        metrics_port=numbers["metrics"],
        ports=numbers,
        fingerprint=str(held["fingerprint"]),
    )


def _inward(held: Mapping[str, object]) -> Mapping[str, Networks]:
    return {unit: networks(held[name]) for unit, name in _SPOKEN_TO.items()}


def networks(listed: object) -> Networks:
    """Read a list of addresses and ranges.  Raises TypeError or ValueError."""
    if not isinstance(listed, list):
        raise TypeError
    return tuple(ipaddress.ip_network(str(each), strict=False) for each in listed)


def _endpoint(row: Mapping[str, object]) -> Endpoint:
    addresses = networks(row["addresses"])
    if not addresses:
        raise ValueError
    return Endpoint(name=str(row["name"]), addresses=addresses, port=_port(row["port"]))


def _one(name: str, row: Mapping[str, object]) -> Endpoint | None:
    """Read a single address and port; None where the site has none."""
    if not row:
        return None
    return _endpoint({"name": name, "addresses": [row["address"]], "port": row["port"]})


def _link(row: Mapping[str, object]) -> Link | None:
    """Read the engine's link; None where there is none."""
    if not row:
        return None
    first, last = _mapping(row["ports"])["first"], _mapping(row["ports"])["last"]
    is_lender = row["lender"]
    if not isinstance(is_lender, bool):
        raise TypeError
    network = ipaddress.IPv4Network(str(row["network"]))
    return Link(network=network, first_port=_port(first), last_port=_port(last), is_lender=is_lender)


def _mapping(value: object) -> dict[str, object]:
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise TypeError
    return value


def _number(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
        raise ValueError
    return value


def _port(value: object) -> int:
    number = _number(value)
    if number > MAX_PORT:
        raise ValueError
    return number
