"""Everything around a target host: an operator's LAN, a gateway, and a pretend Internet where every address answers.

    with world() as outside, outside.host("clinic") as host, capture(outside.net, LAN) as seen:
        host.boot()

One process namespace holds it all (`keeper`), with the network, the mounts and every host in it; it ends with the test
run, however that ends.  Nothing has a route out of it.  The LAN is a bridge, so that a capture on it sees a host's very
first packet, and what hosts send to each other.
"""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from tests.support.net_namespace import NetNamespace
from tests.support.target_host.base import base_root
from tests.support.target_host.groups import clear_dead_groups
from tests.support.target_host.host import Layer, TargetHost
from tests.support.target_host.places import run_folder

LAN = "lan0"
"""Name of the bridge; where a capture sees everything."""

NETWORK, NETWORK_6 = "10.231.7", "2001:db8:7:"
"""First three numbers of the LAN's addresses (RFC 1918), and as above (RFC 3849)."""

OPERATOR = f"{NETWORK}.1"
"""The operator's workstation, which is the gateway too."""

NEIGHBOUR = f"{NETWORK}.9"
"""Another machine on the LAN, with which the appliance has no business."""

VENDOR, SINK, METADATA, RESOLVER = "203.0.113.10", "198.51.100.66", "169.254.169.254", "198.51.100.53"
"""The managed API that is listed; somebody who is not; a cloud's metadata address; a name server."""

SILENT = "192.0.2.53"
"""The only address that answers nothing and refuses nothing: a resolver that a hospital took down."""

SINK_6 = "2001:db8:ffff::9"
"""As the sink."""

ANSWERS = (
    f"tcp:{SINK}:443", f"tcp:{SINK}:80", f"tcp:{VENDOR}:8443", f"tcp:{METADATA}:80", f"tcp:{RESOLVER}:53",
    f"udp:{RESOLVER}:53", f"udp:{SINK}:123", f"tcp:{NEIGHBOUR}:8099", f"tcp:{OPERATOR}:8099",
    f"tcp:[{NETWORK_6}:9]:443", f"tcp:[{SINK_6}]:443",
)  # fmt: skip
"""Who answers; the vendor's own port is left to a stand-in (`answer`)."""

_KEEPER, _ANSWERS = (str(Path(__file__).with_name(f"{name}.py")) for name in ("keeper", "answers"))
_APART = ("unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation", "private")
_QUIET = (
    "net.ipv6.conf.default.router_solicitations=0",
    "net.ipv6.conf.default.accept_dad=0",
    "net.ipv4.ip_nonlocal_bind=1",
)
_WITHIN_S = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """One world; make it with `world`."""

    net: NetNamespace
    """The network of the operator and of everybody outside, for captures and stand-ins."""

    folder: Path
    """Of this run; cleared at its end."""

    numbers: Iterator[int] = field(default_factory=lambda: count(2))
    """Last number of each host's address."""

    def command(self, *words: str) -> list[str]:
        """Return the command that runs these words as the operator, who has no way out and is gone with the world."""
        target = str(self.net.holder)
        return ["nsenter", "-t", target, "--net", "--mount", "--pid", "--wd=.", "--", *words]

    @contextmanager
    def host(
        self, name: str = "clinic", *, suite: str = "bookworm", layers: tuple[Layer, ...] = (), bpf: bool = True
    ) -> Iterator[TargetHost]:
        """Make a host, not booted, on the base root of its suite and on layers above; it is off at the end."""
        number = next(self.numbers)
        host = TargetHost(
            name=name,
            address=f"{NETWORK}.{number}",
            address_6=f"{NETWORK_6}:{number}",
            base=base_root(suite),
            layers=layers,
            folder=self.folder / f"{name}-{number}",
            holder=self.net.holder,
            bpf=bpf,
        )
        host.furnish(gateway=OPERATOR, gateway_6=f"{NETWORK_6}:1")
        try:
            yield host
        finally:
            host.cut_power()

    @contextmanager
    def answer(self, *places: str) -> Iterator[None]:
        """Let somebody answer at these places, such as ``tcp:203.0.113.10:443``, until the end."""
        words = self.command(sys.executable, "-I", "-S", _ANSWERS, *places)
        with subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                if not process.stdout.readline():
                    raise RuntimeError(f"nobody listens at {places}")
                yield
            finally:
                for child in _children(process.pid):
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(child, 9)
                process.kill()


@contextmanager
def world() -> Iterator[World]:
    """Make a world until the end, with what dead runs left cleared first."""
    with ExitStack() as stack:
        folder = stack.enter_context(run_folder())
        made = World(net=NetNamespace(holder=stack.enter_context(_kept(folder))), folder=folder)
        clear_dead_groups(made.net.holder)
        _join(made.net)
        stack.enter_context(made.answer(*ANSWERS))
        yield made


@contextmanager
def _kept(folder: Path) -> Iterator[int]:
    """Yield the process that keeps a world, as seen from here."""
    words = [*_APART, sys.executable, "-I", "-S", _KEEPER]
    with (folder / "keeper.log").open("w") as log, subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
    ) as process:  # fmt: skip
        try:
            assert process.stdout is not None
            if process.stdout.readline() != "up\n":
                raise RuntimeError(f"no world: {(folder / 'keeper.log').read_text()}")
            [keeper] = _children(process.pid)
            yield keeper
        finally:
            assert process.stdin is not None
            process.stdin.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_WITHIN_S)
            process.kill()


def _join(net: NetNamespace) -> None:
    """Lay the LAN, and take every address on earth for our own, so that all of them answer."""
    net.run("sysctl", "--quiet", "--write", *_QUIET)
    net.ip("link set lo up")
    net.ip(f"link add {LAN} type bridge stp_state 0 forward_delay 0 mcast_snooping 0")
    for address in (OPERATOR, NEIGHBOUR):
        net.ip(f"address add {address}/24 dev {LAN}")
    for number in (1, 9):
        net.ip(f"-6 address add {NETWORK_6}:{number}/64 dev {LAN} nodad")
    net.ip(f"link set {LAN} up")
    net.ip("route add local default dev lo table main")
    net.ip(f"route add blackhole {SILENT}")
    net.ip(f"-6 address add {SINK_6}/128 dev lo nodad")


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []
