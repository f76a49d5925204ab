"""Two network namespaces joined by one cable, so that a test sees every packet a program tries to send anywhere.

    with cable() as (inside, outside):
        subprocess.Popen(inside.command(sys.executable, "-m", "appliance.broker", ...))
        server = outside.call(lambda: socket.create_server((PINNED, 443)))

`inside` has a default route over the cable, in IPv4 and IPv6: what is sent to any host on earth comes out at the other
end, where a capture sees it, and goes no further, because `outside` forwards nothing.  Both namespaces are held by one
child each and are gone with it, however the test ends; nothing is named or left in a file system.  Needs root.
"""

import contextlib
import ctypes
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

INSIDE, PINNED = "192.0.2.1", "192.0.2.2"
"""The two ends of the cable (RFC 5737: addresses of nobody)."""

INSIDE_6, PINNED_6 = "2001:db8::1", "2001:db8::2"
"""As above (RFC 3849)."""

CABLE = "cable0"
"""Name of the interface at either end."""

_HOLD = "import sys; sys.stdout.write('held\\n'); sys.stdout.flush(); sys.stdin.read()"
"""Lives until its standard input ends, which is when the test does, however."""

_MAC, _MAC_PINNED = "02:00:00:00:00:01", "02:00:00:00:00:02"
"""Locally administered; both ends know each other's, so that no packet waits until its neighbour is found."""

_QUIET = (
    "net.ipv6.conf.default.router_solicitations=0",
    "net.ipv6.conf.default.accept_dad=0",
    "net.ipv6.conf.default.accept_ra=0",
)
"""Keeps the kernel's own chatter low."""

_CLONE_NEWNET = 0x40000000
"""setns(2)."""

_WITHIN_S = 10.0

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class NetNamespace:
    """One namespace, by the child that holds it."""

    holder: int

    @property
    def path(self) -> str:
        """Where the kernel shows it."""
        return f"/proc/{self.holder}/ns/net"

    def command(self, *words: str) -> list[str]:
        """Return the command that runs these words in it; the process is the program itself, with no shell around."""
        return ["nsenter", f"--net={self.path}", "--", *words]

    def call(self, act: Callable[[], T]) -> T:
        """Call something in a thread that is in it; sockets made there stay in it."""
        with ThreadPoolExecutor(1, initializer=self.enter) as thread:
            return thread.submit(act).result()

    def run(self, *words: str) -> None:
        """Run a command in it to its end."""
        done = subprocess.run(self.command(*words), capture_output=True, text=True, timeout=_WITHIN_S, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"'{' '.join(words)}' failed: {done.stderr.strip()}")

    def ip(self, line: str) -> None:
        """Run ``ip`` in it with these words."""
        self.run("ip", *line.split())

    def set_up(self, address: str, address_6: str, mac: str) -> None:
        """Give its end of the cable addresses, and let it and the loopback work."""
        self.ip(f"link set {CABLE} address {mac}")
        self.ip(f"address add {address}/30 dev {CABLE}")
        self.ip(f"-6 address add {address_6}/64 dev {CABLE} nodad")
        self.ip("link set lo up")
        self.ip(f"link set {CABLE} up")

    def enter(self) -> None:
        """Move the calling thread into it."""
        library = ctypes.CDLL(None, use_errno=True)
        descriptor = os.open(self.path, os.O_RDONLY)
        try:
            if library.setns(descriptor, _CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")
        finally:
            os.close(descriptor)


def reason_to_skip() -> str:
    """Return why there can be no namespaces here; empty if there can."""
    if os.geteuid() != 0:
        return "network namespaces are made by root only"
    missing = [tool for tool in ("ip", "nsenter", "unshare", "sysctl") if shutil.which(tool) is None]
    if missing:
        return f"not installed: {', '.join(missing)} (packages iproute2, util-linux and procps)"
    try:
        with cable():
            return ""
    except (RuntimeError, OSError) as error:
        return f"this machine makes no network namespaces: {error}"


@contextmanager
def cable() -> Iterator[tuple[NetNamespace, NetNamespace]]:
    """Make both namespaces and the cable between them, until the end."""
    with _held() as inside, _held() as outside:
        for each in (inside, outside):
            each.run("sysctl", "--quiet", "--write", *_QUIET)
        inside.ip(f"link add {CABLE} type veth peer name {CABLE} netns {outside.holder}")
        inside.set_up(INSIDE, INSIDE_6, _MAC)
        outside.set_up(PINNED, PINNED_6, _MAC_PINNED)
        inside.ip(f"neighbour add {PINNED} lladdr {_MAC_PINNED} dev {CABLE} nud permanent")
        inside.ip(f"-6 neighbour add {PINNED_6} lladdr {_MAC_PINNED} dev {CABLE} nud permanent")
        inside.ip(f"route add default via {PINNED}")
        inside.ip(f"-6 route add default via {PINNED_6}")
        yield inside, outside


@contextmanager
def _held() -> Iterator[NetNamespace]:
    command = ["unshare", "--net", "--", sys.executable, "-I", "-S", "-c", _HOLD]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        try:
            if not holder.stdout.readline():
                raise RuntimeError("unshare made no namespace")
            yield NetNamespace(holder=holder.pid)
        finally:
            holder.stdin.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                holder.wait(_WITHIN_S)
            holder.kill()
