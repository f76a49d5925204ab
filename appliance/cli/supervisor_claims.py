"""Claims a home folder and its ports for one `appliance up`, before anything starts.

Two supervisors on one home would run two recorders on one trail, so the second is refused and told who holds it.
The claim is a file lock (flock(2)): the kernel ends it with the process, however it dies, so a stale one cannot be.
"""

import errno
import fcntl
import os
import random
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from appliance.config import Config, make_private
from appliance.errors import ConfigError

FREE_PORTS = range(20000, 32000, 3)
"""Where ``--port 0`` looks: above the well-known services, below Linux's outgoing ports (ip_local_port_range), so
that no outgoing connection takes one between the look and the start."""

_TRIES = 64
"""Places to look at before giving up; a machine with 12,000 listeners has other worries."""

_PAUSES_S = (0.05, 0.1, 0.2)
"""`is_claimed` holds the lock for an instant; a start at that instant looks again before it calls it a conflict."""


class StartConflictError(ConfigError):
    """Say who already holds the home folder or a port."""


def lock_file(home: Path) -> Path:
    """Return the file that a running supervisor holds locked."""
    return home / "supervisor.lock"


@contextmanager
def claimed(home: Path) -> Iterator[None]:
    """Hold the home folder.  Raises StartConflictError with the process that holds it already."""
    make_private(home)
    descriptor = os.open(lock_file(home), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if not _is_locked_by_us(descriptor):
            holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip() or "unknown"
            message = f"An appliance already runs on {home} (process {holder}); stop it, or choose another --home."
            raise StartConflictError(message)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)  # closing ends the claim


def is_claimed(home: Path) -> bool:
    """Say whether a living supervisor holds the home folder."""
    try:
        descriptor = os.open(lock_file(home), os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def with_ports(config: Config) -> Config:
    """Return the settings with every port decided: 0 becomes a free one, the others follow the gateway's.

    The console's port is the gateway's plus one and the metrics' plus two, unless the settings name them.
    """
    port = config.port or _find_free(config.host)
    ports = {"port": port}
    for offset, name in enumerate(("console_port", "metrics_port"), start=1):
        wanted = getattr(config, name) if name in config.model_fields_set else port + offset
        ports[name] = wanted or _find_free(config.host)
    if len(set(ports.values())) < len(ports) or max(ports.values()) > 65535:  # noqa: PLR2004  # highest TCP port
        raise ConfigError(f"The ports {ports} must be three different ones up to 65535; choose others.")
    return Config.model_validate({**dict(config), **ports})


def check_ports(config: Config) -> None:
    """Raise StartConflictError naming the first port that something else already listens on."""
    wanted: Mapping[str, tuple[str, int]] = {
        "--port": (config.host, config.port),
        "--console-port": (config.host, config.console_port),
        "--metrics-port": ("127.0.0.1", config.metrics_port),
    }
    for option, (host, port) in wanted.items():
        reason = why_not_free(host, port)
        if reason:
            message = f"Port {port} on {host} {reason}; stop what uses it, or choose another with {option}."
            raise StartConflictError(message)


def why_not_free(host: str, port: int) -> str:
    """Return why a port cannot be listened on, or nothing when it can."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the servers do: TIME_WAIT is no conflict
        try:
            probe.bind((host, port))
        except OSError as error:
            known = {errno.EADDRINUSE: "is in use", errno.EACCES: "needs privileges"}
            return known.get(error.errno or 0, f"cannot be used ({os.strerror(error.errno or 0)})")
    return ""


def _is_locked_by_us(descriptor: int) -> bool:
    for pause_s in (*_PAUSES_S, None):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if pause_s is not None:
                time.sleep(pause_s)
        else:
            return True
    return False


def _find_free(host: str) -> int:
    for port in random.sample(FREE_PORTS, _TRIES):
        if not any(why_not_free(host, port + offset) for offset in range(FREE_PORTS.step)):
            return port
    raise StartConflictError(f"No free port was found on {host}; name one with --port.")
