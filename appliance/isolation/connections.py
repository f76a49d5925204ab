"""Tries to send: TCP connections and UDP datagrams, all at once, each with the kernel's own word on what became of it.

Silence proves nothing, so no try rests on it.  A datagram that `sendto` takes has left.  A connection without an answer
is judged by `TCP_INFO` after its first repetition: the kernel counts a repetition that it sent apart from one that its
own filters refused.  An ICMP error counts only if this machine itself sent it (IP_RECVERR names the sender); the same
error from a router means that the packet was out.  MUST NOT send content: a SYN, or one byte of padding.
"""

import errno
import select
import socket
import struct
import time
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from appliance.isolation.attempt import Attempt
from appliance.isolation.verdict import Verdict, judge_call, judge_sender, reached, refused, unproven

PATIENCE_S = 1.4
"""The first repetition of a SYN comes one second after it (RFC 6298 section 2.1, `TCP_TIMEOUT_INIT`)."""

STEP_S = 0.02
"""How often the connections are looked at."""

IP_RECVERR, IPV6_RECVERR = 11, 25
"""linux/in.h and linux/in6.h; Python's socket module does not have them."""

MSG_ERRQUEUE = 0x2000
"""linux/socket.h."""

_INFO_BYTES = 104
"""`struct tcp_info` up to and with `tcpi_total_retrans` (linux/tcp.h)."""

_SENT_AGAIN_AT, _TRIED_AGAIN_AT = 36, 100
"""Offsets of `tcpi_retrans` (repetitions that went out) and `tcpi_total_retrans` (repetitions tried)."""

_LOCAL_ORIGIN, _ICMP_ORIGINS = 1, frozenset({2, 3})
"""`ee_origin` of struct sock_extended_err (linux/errqueue.h): local, ICMP, ICMPv6."""

_ORIGIN_AT, _OFFENDER_AT = 4, 16
"""Where `ee_origin` and the address of the ICMP error's sender stand in the ancillary data."""

_PADDING = b"\0"
"""What a datagram of a try holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """An address and a port to try."""

    label: str
    """What stands there: ``metadata``, ``DNS``, ``LAN``..."""

    address: str
    port: int

    @property
    def family(self) -> socket.AddressFamily:
        """The address family of the address."""
        return socket.AF_INET6 if ":" in self.address else socket.AF_INET

    @property
    def target(self) -> str:
        """How a report names it."""
        shown = f"[{self.address}]" if ":" in self.address else self.address
        return f"{self.label} {shown}:{self.port}"


class _Open:
    """One connection under way."""

    def __init__(self, destination: Destination, made: socket.socket) -> None:
        self.destination = destination
        self.socket = made
        self.own_address = str(made.getsockname()[0])
        """The address that this machine sends from."""

        self.verdict: Verdict | None = None


def try_all(destinations: Sequence[Destination]) -> tuple[Attempt, ...]:
    """Try TCP and UDP to every destination, at once, within `PATIENCE_S`."""
    tcp = try_tcp(destinations)
    udp = tuple(_attempt("udp", each, _try_udp(each)) for each in destinations)
    return (*tcp, *udp)


def try_tcp(destinations: Iterable[Destination]) -> tuple[Attempt, ...]:
    """Try to connect to each, at once."""
    done: list[tuple[Destination, Verdict]] = []
    with ExitStack() as stack:
        opened: list[_Open] = []
        for destination in destinations:
            begun = _begin(destination, stack)
            if isinstance(begun, Verdict):
                done.append((destination, begun))
            else:
                opened.append(begun)
        _await(opened)
        done += [(each.destination, each.verdict or unproven("nothing came of it in time")) for each in opened]
    return tuple(_attempt("tcp", destination, verdict) for destination, verdict in done)


def _begin(destination: Destination, stack: ExitStack) -> _Open | Verdict:
    """Start one connection; an error here is this machine's own, since nothing has left yet."""
    try:
        made = stack.enter_context(socket.socket(destination.family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK))
        _ask_for_errors(made)
        number = made.connect_ex((destination.address, destination.port))
    except OSError as error:
        return judge_call(error.errno or 0, destination.family)
    if number == 0:
        return reached("it answered")
    return _Open(destination, made) if number == errno.EINPROGRESS else judge_call(number, destination.family)


def _ask_for_errors(made: socket.socket) -> None:
    if made.family == socket.AF_INET6:
        made.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVERR, 1)
    else:
        made.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)


def _await(opened: Sequence[_Open]) -> None:
    """Look at the connections until each has a verdict or time is up."""
    deadline = time.monotonic() + PATIENCE_S
    pending, is_late = list(opened), False
    while pending and not is_late:
        select.select([], [], [], STEP_S)
        is_late = time.monotonic() >= deadline  # before the look: a busy machine looks once more after its time
        for each in pending:
            each.verdict = _look(each)
        pending = [each for each in pending if each.verdict is None]


def _look(each: _Open) -> Verdict | None:
    """Return what became of one connection, or None while that is open."""
    number = each.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if number:
        return judge_sender(number, sender=_error_sender(each), own_address=each.own_address)
    if _is_connected(each.socket):
        return reached("it answered")
    sent_again, tried_again = _repetitions(each.socket)
    if sent_again:
        return reached("the packet left; nothing answered")
    return refused("a filter of this machine dropped it (TCP_INFO)") if tried_again else None


def _is_connected(made: socket.socket) -> bool:
    try:
        made.getpeername()
    except OSError:
        return False
    return True


def _repetitions(made: socket.socket) -> tuple[int, int]:
    """Return how many repetitions went out and how many were tried."""
    held = made.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO_BYTES)
    if len(held) < _INFO_BYTES:
        return 0, 0
    return struct.unpack_from("=I", held, _SENT_AGAIN_AT)[0], struct.unpack_from("=I", held, _TRIED_AGAIN_AT)[0]


def _error_sender(each: _Open) -> str | None:
    """Return the address whose ICMP error ended the connection; None if none did."""
    try:
        _, ancillary, _, _ = each.socket.recvmsg(1, 512, MSG_ERRQUEUE)
    except OSError:
        return None
    for _, _, data in ancillary:
        if data[_ORIGIN_AT] in _ICMP_ORIGINS and len(data) >= _OFFENDER_AT + 8:
            return _address(data[_OFFENDER_AT:])
        if data[_ORIGIN_AT] == _LOCAL_ORIGIN:
            return each.own_address
    return None


def _address(sockaddr: bytes) -> str | None:
    family = struct.unpack_from("=H", sockaddr)[0]
    if family == socket.AF_INET:
        return socket.inet_ntop(socket.AF_INET, sockaddr[4:8])
    return socket.inet_ntop(socket.AF_INET6, sockaddr[8:24]) if family == socket.AF_INET6 else None


def _try_udp(destination: Destination) -> Verdict:
    """Send one byte: `sendto` fails at once where a filter or a missing route refuses it."""
    try:
        with socket.socket(destination.family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as made:
            made.sendto(_PADDING, (destination.address, destination.port))
    except OSError as error:
        return judge_call(error.errno or 0, destination.family)
    return reached("the packet left")


def _attempt(group: str, destination: Destination, verdict: Verdict) -> Attempt:
    return Attempt(group=group, target=destination.target, outcome=verdict.outcome, evidence=verdict.evidence)
