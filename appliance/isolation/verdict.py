"""What an error of the network says: whether this machine refused, or the packet was out.

The same errno comes from a missing route, a filter of this machine and a router on the way; only the first two
are walls.  So an error of the system call itself is this machine's, and a later one is judged by who sent it.
"""

import errno
import ipaddress
import socket
from dataclasses import dataclass

from appliance.isolation.attempt import Outcome, error_name

REFUSALS = frozenset({errno.EPERM, errno.EACCES, errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EAFNOSUPPORT})
"""What this machine says when it will not send; a lack of ports, memory or descriptors is not among them, since that
would make a probe that cannot try look like a wall."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one try."""

    outcome: Outcome
    evidence: str


def refused(evidence: str) -> Verdict:
    """Return that this machine refused it."""
    return Verdict(Outcome.REFUSED, evidence)


def reached(evidence: str) -> Verdict:
    """Return that it answered or left."""
    return Verdict(Outcome.REACHED, evidence)


def unproven(evidence: str) -> Verdict:
    """Return that nothing says who stopped it."""
    return Verdict(Outcome.UNPROVEN, evidence)


def judge_call(number: int, family: socket.AddressFamily) -> Verdict:
    """Judge an error of a system call that came before anything left."""
    # An IPv6 destination without an own IPv6 address says EADDRNOTAVAIL; in IPv4 that is a lack of ports.
    is_refusal = number in REFUSALS or (number == errno.EADDRNOTAVAIL and family == socket.AF_INET6)
    name = error_name(number)
    return refused(f"this machine refused: {name}") if is_refusal else unproven(f"it could not be tried: {name}")


def judge_sender(number: int, *, sender: str | None, own_address: str) -> Verdict:
    """Judge an ICMP error by its sender: a filter of this machine, or somebody whom the packet reached."""
    name = error_name(number)
    if number in {errno.ECONNREFUSED, errno.ECONNRESET}:
        return reached(f"it answered: {name}")
    if sender is None:
        return unproven(f"{name}, and nothing says from where")
    if sender == own_address or ipaddress.ip_address(sender).is_loopback:
        return refused(f"a filter of this machine rejected it ({name})")
    return reached(f"the packet left; {sender} answered {name}")
