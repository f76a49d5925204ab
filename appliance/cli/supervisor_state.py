"""What runs on a home folder, as the supervisor writes it and other commands read it.

``RUN/supervisor.json`` counts only while the supervisor holds its lock: a file that a killed one left behind is
read by nobody but the next start, which uses it to end what was left (`supervisor_leftovers`).
"""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from appliance.auth.private_file import write_private
from appliance.cli.supervisor_claims import is_claimed
from appliance.config import Config

State = Literal["starting", "running", "waiting_to_restart", "refused", "stopping", "stopped"]
"""What one process is doing; ``refused``: its start was refused, as with changed weights."""


class ProcessState(BaseModel):
    """One process under the supervisor."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    pid: int = 0
    """0 while there is none."""

    state: State = "stopped"
    since: str = ""
    """When it came into this state, ISO 8601, UTC."""

    restarts: int = 0
    """Times it was started again since the supervisor's start."""

    detail: str = ""
    """Why it is not running, in one sentence."""


class Running(BaseModel):
    """A running appliance."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    pid: int
    """The supervisor's."""

    boot: str
    """The kernel's boot id: process numbers mean nothing after a reboot."""

    since: str
    home: Path
    url: str
    console_url: str
    metrics_url: str
    ca: Path
    asked_at: str = ""
    """At a site: where this machine reaches the gateway, whose certificate `ca` then is itself; else `url` and `ca`."""

    upstream: str | None = None
    """What stands in the engine's place."""

    profile: str = ""
    ready: bool = False
    """True once the gateway has said that it can answer."""

    processes: dict[str, ProcessState] = {}


def state_file(config: Config) -> Path:
    """Return where the supervisor writes its state."""
    return config.run / "supervisor.json"


def write(config: Config, running: Running) -> None:
    """Replace the state file."""
    write_private(state_file(config), running.model_dump_json().encode())


def read_left(config: Config) -> Running | None:
    """Return the state as it stands on disk, whether its supervisor lives or not."""
    try:
        return Running.model_validate_json(state_file(config).read_bytes())
    except (OSError, ValidationError):
        return None


def read_running(config: Config) -> Running | None:
    """Return what runs on this home folder, or None when nothing does."""
    return read_left(config) if is_claimed(config.home) else None


def boot_id() -> str:
    """Return the kernel's id of this boot."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
