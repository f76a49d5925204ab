"""Proves from inside a unit, without any right, that systemd's address filter (IPAddressDeny=) bites on this kernel.

On some kernels and cgroup layouts the filter is never loaded and nothing says so.  In a network of its own no other
filter stands in the way, so what is refused there, the address filter refused: a listener of our own on loopback where
loopback is denied, and a datagram to all hosts over the loopback interface where loopback is allowed.
In the host's network nftables refuses first, and only `verify` can tell the two apart.
"""

import errno
import socket

from appliance.isolation.attempt import Attempt, Outcome, error_name
from appliance.isolation.connections import Destination, try_tcp
from appliance.isolation.expectations import Unit

GROUP = "address filter"

_ALL_HOSTS = ("224.0.0.1", 9)
"""RFC 1112: never forwarded, and over loopback it does not even leave this namespace.  Port 9 discards (RFC 863)."""


def prove_filter(unit: Unit) -> tuple[Attempt, ...]:
    """Prove it where that is possible from inside; nothing where only `verify` can."""
    if not unit.has_own_network:
        return ()
    if socket.AF_INET not in unit.families:
        return (_attempt("loopback", Outcome.REFUSED, "the unit makes no Internet sockets at all"),)
    return (_all_hosts(),) if unit.may_speak_to_itself else (_own_listener(),)


def _own_listener() -> Attempt:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = int(listener.getsockname()[1])
        found = try_tcp([Destination(label="own listener", address="127.0.0.1", port=port)])[0]
    return _attempt("loopback", found.outcome, found.evidence)


def _all_hosts() -> Attempt:
    """Send to all hosts over loopback: a denied address that needs neither a route nor a right."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as made:
            made.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
            made.sendto(b"\0", _ALL_HOSTS)
    except OSError as error:
        # EPERM only: an error of the route would say nothing of the filter.
        outcome = Outcome.REFUSED if error.errno == errno.EPERM else Outcome.UNPROVEN
        return _attempt("all hosts over loopback", outcome, error_name(error.errno or 0))
    return _attempt("all hosts over loopback", Outcome.REACHED, "IPAddressDeny= does not bite on this kernel")


def _attempt(target: str, outcome: Outcome, evidence: str) -> Attempt:
    return Attempt(group=GROUP, target=target, outcome=outcome, evidence=evidence)
