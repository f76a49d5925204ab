"""What systemd says of the units: whether each runs, its main process, its cgroup, and which start this is.

Asked of `systemctl`, whose words are stable (`systemctl show` is made for programs).  MUST NOT change a unit.
"""

import os
import subprocess
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from appliance.errors import ConfigError

CGROUPS = Path("/sys/fs/cgroup")

SYSTEMCTL = "/usr/bin/systemctl"

_PROPERTIES = "MainPID,ControlGroup,InvocationID,ActiveState"

_PATIENCE_S = 5.0
"""`systemctl show` answers in milliseconds; longer means that systemd itself is stuck."""

STARTING_S = 8.0
"""How long a unit may be in its ExecStartPre before verify calls it not running: the check itself takes up to two."""

_STEP_S = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """One unit as systemd sees it."""

    state: str
    """``active``, ``activating``, ``inactive``, ``failed``..."""

    pid: int
    """Its main process; 0 if there is none."""

    cgroup: Path
    """The folder of its cgroup."""

    invocation: str
    """This start of the unit, as its processes have it in ``INVOCATION_ID``."""


def running(service: str) -> Running:
    """Ask for one unit; wait a little if it is about to start.  Raises ConfigError if systemd does not answer."""
    deadline = time.monotonic() + STARTING_S
    found = _ask(service)
    while found.state == "activating" and not found.pid and time.monotonic() < deadline:
        time.sleep(_STEP_S)
        found = _ask(service)
    return found


def _ask(service: str) -> Running:
    try:
        said = subprocess.run(  # noqa: S603  # fixed words and the name of a unit of ours
            (SYSTEMCTL, "show", "--property", _PROPERTIES, service),
            capture_output=True,
            text=True,
            check=True,
            timeout=_PATIENCE_S,
            env={"PATH": os.defpath},
        ).stdout
    except (OSError, subprocess.SubprocessError) as error:
        message = "systemd does not answer; isolation can only be proven on a host that runs the units, as root."
        raise ConfigError(message, detail=type(error).__name__) from error
    return read_properties(said.splitlines())


def read_properties(lines: Iterable[str]) -> Running:
    """Read what `systemctl show` prints."""
    held: Mapping[str, str] = {name: value for name, _, value in (line.partition("=") for line in lines)}
    return Running(
        state=held.get("ActiveState", ""),
        pid=int(held.get("MainPID") or 0),
        cgroup=CGROUPS / held.get("ControlGroup", "").lstrip("/"),
        invocation=held.get("InvocationID", ""),
    )
