"""Tries to make sockets that a unit may not make, and to send without a connection: raw, packet, vsock, netlink, ping.

Every family that Linux numbers is tried, not only those that are known to be dangerous: a family that nobody thought of
is the one that leads out.  A family that this kernel does not have is refused as well; should it come with a module
later, the next check tries again.
"""

import errno
import socket
import struct
from collections.abc import Iterator

from appliance.isolation.attempt import Attempt, Outcome, error_name
from appliance.isolation.expectations import Unit

GROUP = "socket"

HIGHEST_FAMILY = 46
"""`AF_MAX` of Linux 6 (linux/socket.h)."""

_TYPES = (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW, socket.SOCK_SEQPACKET, socket.SOCK_RDM)

_LACKS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS, errno.EAGAIN})
"""Errors that say that the try could not be made."""

_NAMES = {int(getattr(socket, name)): name for name in sorted(dir(socket), reverse=True) if name.startswith("AF_")}

_ECHO_REQUEST = struct.pack("!BBHHH", 8, 0, 0xF7FF, 0, 0)
"""An ICMP echo request without content (RFC 792)."""

_PING_TARGET = "192.0.2.1"
"""Kept for documentation (RFC 5737)."""


def try_families(unit: Unit) -> tuple[Attempt, ...]:
    """Try every family that the unit may not use, raw sockets of those that it may, and ping."""
    return (*_forbidden(unit), *try_raw(unit))


def try_raw(unit: Unit) -> tuple[Attempt, ...]:
    """Try what needs a capability or a sysctl rather than a family: raw sockets, packet sockets and ping."""
    return (*_raw(unit), _attempt(_NAMES[socket.AF_PACKET], *_make_any(socket.AF_PACKET)), _ping())


def _forbidden(unit: Unit) -> Iterator[Attempt]:
    for family in range(1, HIGHEST_FAMILY):
        if family not in unit.families:
            yield _attempt(_NAMES.get(family, f"family {family}"), *_make_any(family))


def _make_any(family: int) -> tuple[Outcome, str]:
    said: dict[str, None] = {}
    for kind in _TYPES:
        outcome, evidence = _judge(_make(family, kind, 0))
        if outcome is not Outcome.REFUSED:
            return outcome, evidence
        said[evidence] = None
    return Outcome.REFUSED, ", ".join(said)


def _raw(unit: Unit) -> Iterator[Attempt]:
    for family in (socket.AF_INET, socket.AF_INET6):
        if family in unit.families:
            yield _attempt(f"raw {_NAMES[family]}", *_judge(_make(family, socket.SOCK_RAW, socket.IPPROTO_RAW)))


def _judge(number: int) -> tuple[Outcome, str]:
    if number == 0:
        return Outcome.REACHED, "a socket was made"
    return (Outcome.UNPROVEN if number in _LACKS else Outcome.REFUSED), error_name(number)


def _make(family: int, kind: int, protocol: int) -> int:
    """Make a socket and close it; return 0 or the errno."""
    try:
        made = socket.socket(family, kind | socket.SOCK_CLOEXEC, protocol)
    except OSError as error:
        return error.errno or errno.EINVAL
    made.close()
    return 0


def _ping() -> Attempt:
    """Send an ICMP echo over a ping socket, which needs no right where `ping_group_range` lets everybody."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK, socket.IPPROTO_ICMP) as made:
            made.sendto(_ECHO_REQUEST, (_PING_TARGET, 0))
    except OSError as error:
        return _attempt("ping", *_judge(error.errno or errno.EINVAL))
    return _attempt("ping", Outcome.REACHED, "the packet left")


def _attempt(target: str, outcome: Outcome, evidence: str) -> Attempt:
    return Attempt(group=GROUP, target=target, outcome=outcome, evidence=evidence)
