"""Tries to speak to every Unix socket that can be found: D-Bus, the resolver, other units, and abstract names.

A socket in the file system leads out of any network namespace, and whoever listens there may speak to the world for
the unit: D-Bus starts programs, systemd-resolved asks DNS.  So every one is tried, not only the known ones.
"""

import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

from appliance.isolation.attempt import Attempt, Outcome, error_name
from appliance.isolation.expectations import RUN, Unit

GROUP = "unix socket"

KNOWN = (
    "dbus/system_bus_socket", "systemd/private", "systemd/resolve/io.systemd.Resolve",
    "systemd/userdb/io.systemd.Multiplexer", "docker.sock", "containerd/containerd.sock", "nscd/socket",
    "udev/control", "lxd.socket", "snapd.socket", "postgresql/.s.PGSQL.5432", "appliance-engine/engine.sock",
    "appliance-broker/broker.sock", "appliance-recorder/recorder.sock", "appliance-witness/witness.sock",
)  # fmt: skip
"""Under /run; named in the report also where they are hidden, so that one sees that they were tried.  The other units'
are among them: each unit may open those of its own peers and no more."""

MAX_DEPTH = 5
MAX_SOCKETS = 500
"""Bounds the time on a host with very many."""

_LISTENS = 0x10000
"""`__SO_ACCEPTCON` in the flags of /proc/net/unix (net/unix/af_unix.c)."""

_NAME_AT = 7
"""Column of the name in /proc/net/unix."""

_TYPES = (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET)


def try_unix_sockets(unit: Unit, *, run: Path = RUN, proc: Path = Path("/proc/self")) -> tuple[Attempt, ...]:
    """Try every socket under /run and every abstract one that listens."""
    named = {run / each for each in KNOWN}
    found = [each for _, each in zip(range(MAX_SOCKETS), _sockets(run, 0), strict=False)]
    paths = sorted(each for each in named.union(found) if not _is_listed(each, unit))
    return (
        *(_try(str(each), os.fsencode(each)) for each in paths),
        *(_try(f"@{name.decode(errors='replace')}", b"\0" + name) for name in _abstract(proc)),
    )


def _is_listed(path: Path, unit: Unit) -> bool:
    return any(path == each or each in path.parents for each in unit.sockets)


def _sockets(folder: Path, depth: int) -> Iterator[Path]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        return  # what cannot be listed is tried by its known names
    for entry in entries:
        if stat.S_ISSOCK(_mode(entry)):
            yield Path(entry.path)
        elif depth < MAX_DEPTH and entry.is_dir(follow_symlinks=False):
            yield from _sockets(Path(entry.path), depth + 1)


def _mode(entry: os.DirEntry[str]) -> int:
    try:
        return entry.stat(follow_symlinks=False).st_mode
    except OSError:
        return 0


def _abstract(proc: Path) -> Iterator[bytes]:
    """Give the abstract names that listen in this network namespace."""
    try:
        lines = (proc / "net/unix").read_bytes().splitlines()[1:]
    except OSError:
        return
    for words in (line.split(maxsplit=_NAME_AT) for line in lines):
        if len(words) > _NAME_AT and words[_NAME_AT].startswith(b"@") and int(words[3], 16) & _LISTENS:
            yield words[_NAME_AT][1:]


def _try(target: str, address: bytes) -> Attempt:
    said: dict[str, None] = {}
    for kind in _TYPES:
        try:
            with socket.socket(socket.AF_UNIX, kind | socket.SOCK_NONBLOCK) as made:
                made.connect(address)
        except BlockingIOError:
            return _attempt(target, Outcome.REACHED, "it listens, and is busy")
        except OSError as error:
            said[error_name(error.errno or 0)] = None
        else:
            return _attempt(target, Outcome.REACHED, "it answered")
    return _attempt(target, Outcome.REFUSED, ", ".join(said))


def _attempt(target: str, outcome: Outcome, evidence: str) -> Attempt:
    return Attempt(group=GROUP, target=target, outcome=outcome, evidence=evidence)
