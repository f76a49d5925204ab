"""Each of the two layers alone: what one of them stops is proven where the other is not.

The address filter (cgroup BPF) is tried in an empty network of our own, which has no rules, from inside the unit's
cgroup, at listeners outside of it that answer: a child without the cgroup shows that they do.  The rules (nftables) are
tried in the host's network as the unit's user, from outside its cgroup, where no address filter hangs.
"""

import fcntl
import ipaddress
import socket
import struct
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

from appliance.isolation.attempt import Attempt, Outcome
from appliance.isolation.connections import Destination, try_all, try_tcp
from appliance.isolation.destinations import destinations
from appliance.isolation.expectations import Unit
from appliance.isolation.families import try_raw
from appliance.isolation.joined import Place, Started, become, call, finish_all, start
from appliance.isolation.network_file import Network
from appliance.isolation.system_calls import CLONE_NEWNET

PORT = 44300
"""The filter knows no ports; one below 1024 would need another right."""

ADDRESSES = ("192.0.2.66", "198.51.100.66", "203.0.113.66", "169.254.169.254")
"""Three kept for documentation (RFC 5737) and the metadata service: put on the loopback of the empty network."""

SIOCSIFADDR, SIOCSIFFLAGS = 0x8916, 0x8914
"""linux/sockios.h."""

_UP = 0x1
"""`IFF_UP` (linux/if.h)."""

_CONTROL = "control"


def start_filter(unit: Unit, cgroup: Path, network: Network) -> Started:
    """Begin to try a unit's address filter where nothing else filters."""
    return start(f"{unit.name} filter", enter_empty_network, partial(_try_filter, unit, cgroup, network))


def start_rules(unit: Unit, network: Network) -> Started:
    """Begin to try the rules as the unit's user, in the host's network and outside of the unit's cgroup."""
    here = replace(unit, has_own_network=False)
    place = partial(become, Place(unit=unit))
    return start(f"{unit.name} rules", place, lambda: (*try_all(destinations(here, network)), *try_raw(here)))


def enter_empty_network() -> None:
    """Leave the host's network for a new one in which our addresses are this machine's own.  Needs root."""
    call("unshare", CLONE_NEWNET)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        fcntl.ioctl(made, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", _UP))
        for index, address in enumerate(ADDRESSES):
            name = f"lo:{index}".encode()
            fcntl.ioctl(made, SIOCSIFADDR, struct.pack("16sHH4s8x", name, socket.AF_INET, 0, socket.inet_aton(address)))


def _try_filter(unit: Unit, cgroup: Path, network: Network) -> Sequence[Attempt]:
    """Listen, and let one child with the cgroup and one without it try to connect."""
    denied = tuple(
        Destination(label="listener of verify", address=address, port=PORT)
        for address in ADDRESSES
        if not _is_allowed(address, unit, network)
    )
    with ExitStack() as stack:
        for address in ADDRESSES:
            stack.enter_context(socket.create_server((address, PORT)))
        confined = start(unit.name, partial(become, Place(unit=unit, cgroup=cgroup)), lambda: try_all(denied))
        free = start(_CONTROL, partial(become, Place(unit=unit)), lambda: try_tcp(denied))
        return (*confined.finish(), _control(finish_all([free])))


def _is_allowed(address: str, unit: Unit, network: Network) -> bool:
    """Say whether the unit's address filter lets this one through on purpose: it knows no ports and no direction."""
    allowed = [each for endpoint in unit.endpoints for each in endpoint.addresses]
    allowed += network.inward.get(unit.name, ())
    return any(ipaddress.ip_address(address) in each for each in allowed)


def _control(answers: Iterable[Attempt]) -> Attempt:
    """Say whether the same listeners answered a child that no filter held: else the refusals beside it say nothing."""
    silent = [each for each in answers if each.outcome is not Outcome.REACHED]
    return Attempt(
        group=_CONTROL,
        target="without the unit's cgroup",
        outcome=Outcome.UNPROVEN if silent else Outcome.EXPECTED,
        evidence="; ".join(f"{each.target}: {each.evidence}" for each in silent) or "the listeners answered",
    )
