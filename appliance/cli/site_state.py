"""What runs at a site, where systemd and not our supervisor has started it: asked of systemd and of each socket.

A program counts as running when its socket accepts, whoever says otherwise, and the process at the other end must be
the program's own user: something else that listens there is told as such.  Nothing is read of what the programs do.
MUST NOT signal a process on a program's word alone: a file in its folder can name any process of the machine.
"""

import asyncio
import json
import os
import signal
import socket
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from appliance.cli.site_units import read_units, unit_of
from appliance.cli.supervisor_probes import is_port_open
from appliance.cli.supervisor_state import ProcessState, Running, boot_id, read_running
from appliance.config import Config, ProgramName, Site
from appliance.errors import ConfigError

PROGRAMS: Final[tuple[ProgramName, ...]] = ("recorder", "engine", "broker", "gateway", "console")
"""In the order in which they need each other."""

TARGET = "appliance.target"
"""The unit that wants the five programs."""

RELOADED: Final[tuple[ProgramName, ...]] = ("gateway", "broker")
"""Those that hold the policy in memory, and read it again on SIGHUP."""

CONNECT_WITHIN_S = 5.0
"""As `supervisor_probes.PATIENCE_S`."""

_PEER = struct.Struct("3i")
"""``struct ucred``: process, user and group id (unix(7), SO_PEERCRED)."""


@dataclass(frozen=True, slots=True)
class _Peer:
    """The process that listens on a socket."""

    pid: int
    user: int


def find_running(config: Config) -> Running | None:
    """Return what runs on a home folder, under systemd or our supervisor; None when nothing does.

    Raises ConfigError for somebody who is not root at a site.
    """
    return read_running(config) if config.site is None else read_site(config, config.site)


def how_to_start(config: Config) -> str:
    """Return the command that starts the appliance of a home folder."""
    return "appliance up" if config.site is None else f"systemctl start {TARGET}"


def read_site(config: Config, site: Site) -> Running | None:
    """Return what runs at a site, or None when nothing does.  Raises ConfigError for somebody who is not root."""
    _check_root()
    units = read_units(PROGRAMS)
    processes: dict[str, ProcessState] = {
        name: _seen(config, site, name, units.get(name)) for name in PROGRAMS if _is_ours(config, name)
    }
    gateway = processes["gateway"]
    if not any(process.pid for process in processes.values()):
        return None
    port = _told(config).get("port", config.port)
    return Running(
        pid=gateway.pid,
        boot=boot_id(),
        since=gateway.since,
        home=config.home,
        url=f"https://{_name(config, site)}:{port}",
        console_url=f"https://{_name(config, site)}:{config.console_port}",
        metrics_url=f"http://127.0.0.1:{_told(config).get('metrics_port', config.metrics_port)}",
        ca=config.tls / "gateway.crt",
        asked_at=f"https://{_nearest(config.host)}:{port}",
        upstream=config.engine.upstream,
        profile=config.engine.profile,
        ready=gateway.state == "running",
        processes=processes,
    )


def tell_to_reload(running: Running, site: Site) -> None:
    """Make gateway and broker read the policy again, each only if the process is really its own user's."""
    for name in RELOADED:
        pid = running.processes[name].pid
        if pid and _user_of(pid) == getattr(site.users, name):
            os.kill(pid, signal.SIGHUP)


def _check_root() -> None:
    if os.geteuid() != 0:
        raise ConfigError("The programs of a site are other users', so only root can ask them; run it with 'sudo'.")


def _is_ours(config: Config, name: ProgramName) -> bool:
    return name != "engine" or config.engine.upstream is None


def _seen(config: Config, site: Site, name: ProgramName, unit: ProcessState | None) -> ProcessState:
    """Return what systemd says of a program, corrected by whether it answers."""
    problem, pid = _asked(config, site, name)
    if unit is None:
        return ProcessState(pid=pid, state="stopped" if problem else "running", detail=problem)
    if problem and unit.state == "running":
        return unit.model_copy(
            update={"state": "starting", "detail": f"{problem}; see 'journalctl -u {unit_of(name)}'"}
        )
    return unit


def _asked(config: Config, site: Site, name: ProgramName) -> tuple[str, int]:
    """Return why a program cannot be spoken to, and its process where it is known."""
    if name == "console":
        return _asked_port(config.host, config.console_port), 0
    if name == "gateway":
        told = _told(config)
        pid = told.get("pid", 0)
        problem = _asked_port(config.host, told.get("port", config.port))
        return problem, pid if _user_of(pid) == site.users.gateway else 0
    return _asked_socket(config.run_of(name) / f"{name}.sock", getattr(site.users, name))


def _asked_port(host: str, port: int) -> str:
    is_open = asyncio.run(is_port_open(_nearest(host).strip("[]"), port))
    return "" if is_open else f"nothing accepts on port {port}"


def _asked_socket(path: Path, user: int) -> tuple[str, int]:
    try:
        peer = _peer_at(path)
    except OSError as error:
        return f"nothing accepts on {path} ({error.strerror or type(error).__name__})", 0
    if peer.user != user:
        return f"user {peer.user} listens on {path}, which is user {user}'s: find out who that is", 0
    return "", peer.pid


def _peer_at(path: Path) -> _Peer:
    """Return who listens on a socket, as the kernel knows it.  Raises OSError if nobody does."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        asking.settimeout(CONNECT_WITHIN_S)
        asking.connect(str(path))
        pid, user, _ = _PEER.unpack(asking.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size))
    return _Peer(pid, user)


def _told(config: Config) -> dict[str, int]:
    """Return the numbers that the gateway wrote of itself when it began to listen; none if it did not."""
    try:
        stated = json.loads((config.run / "gateway.json").read_bytes())
    except (OSError, ValueError):
        return {}
    names = ("port", "pid", "metrics_port")
    is_whole = isinstance(stated, dict) and all(isinstance(stated.get(name), int) for name in names)
    return {name: stated[name] for name in names} if is_whole else {}


def _user_of(pid: int) -> int:
    """Return whose process this is; -1 if there is none."""
    try:
        return Path(f"/proc/{pid}").stat().st_uid if pid > 0 else -1
    except OSError:
        return -1


def _name(config: Config, site: Site) -> str:
    return site.hostname or _nearest(config.host)


def _nearest(host: str) -> str:
    """Return the address by which this machine reaches a listener, as it stands in a URL."""
    if host in {"", "0.0.0.0"}:  # noqa: S104  # compared with, not bound to
        return "127.0.0.1"
    if host == "::":
        return "[::1]"
    return f"[{host}]" if ":" in host else host
