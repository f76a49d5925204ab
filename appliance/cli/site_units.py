"""What systemd says about the five programs of a site: one call of ``systemctl show``.

Only what the service manager knows by itself is taken (state, main process, restarts); what a program says of itself
comes over its socket.  Where systemd does not run, as in a container, nothing is known here and nobody guesses.
"""

import shutil
import subprocess
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from appliance.cli.supervisor_state import ProcessState, State
from appliance.config import ProgramName

WITHIN_S = 10.0
"""PID 1 answers in milliseconds; a machine that is starting gets its time."""

PROPERTIES = "Id,LoadState,ActiveState,SubState,MainPID,NRestarts,Result,StatusText,StateChangeTimestamp"
"""What is asked of each unit (org.freedesktop.systemd1(5))."""

_STATES: Mapping[str, State] = {
    "active": "running",
    "reloading": "running",
    "activating": "starting",
    "deactivating": "stopping",
    "inactive": "stopped",
    "failed": "refused",
}
_WAITING = "auto-restart"
"""The ``SubState`` of a unit that has ended and will be started again."""


def unit_of(program: ProgramName) -> str:
    """Return the name of a program's unit."""
    return f"appliance-{program}.service"


def read_units(
    programs: Iterable[ProgramName], *, systemctl: str = "systemctl", within_s: float = WITHIN_S
) -> dict[ProgramName, ProcessState]:
    """Return the state of each unit that systemd has loaded; nothing where it does not run."""
    wanted = {unit_of(program): program for program in programs}
    command = shutil.which(systemctl)
    if command is None:
        return {}
    try:
        done = subprocess.run(  # noqa: S603  # systemd's own command, no shell
            [command, "show", "--timestamp=unix", f"--property={PROPERTIES}", *wanted],
            capture_output=True,
            text=True,
            timeout=within_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return {}
    if done.returncode != 0:
        return {}
    found = (dict(line.partition("=")[::2] for line in block.splitlines()) for block in done.stdout.split("\n\n"))
    return {wanted[unit["Id"]]: to_state(unit) for unit in found if _is_loaded(unit) and unit["Id"] in wanted}


def to_state(unit: Mapping[str, str]) -> ProcessState:
    """Return what a unit's properties mean, in the words that the supervisor uses for its own children."""
    active = unit.get("ActiveState", "")
    state = "waiting_to_restart" if unit.get("SubState") == _WAITING else _STATES.get(active, "stopped")
    result, said = unit.get("Result", ""), unit.get("StatusText", "")
    detail = said if result in {"", "success"} else f"{result}; see 'journalctl -u {unit.get('Id', '')}'"
    return ProcessState(
        pid=_number(unit, "MainPID"),
        state=state,
        since=_since(unit.get("StateChangeTimestamp", "")),
        restarts=_number(unit, "NRestarts"),
        detail=detail,
    )


def _is_loaded(unit: Mapping[str, str]) -> bool:
    return unit.get("LoadState") == "loaded" and "Id" in unit


def _number(unit: Mapping[str, str], name: str) -> int:
    text = unit.get(name, "")
    return int(text) if text.isascii() and text.isdigit() else 0


def _since(text: str) -> str:
    """Return ``@SECONDS`` as ISO 8601; nothing for a unit that never changed its state."""
    seconds = text.removeprefix("@")
    if not text.startswith("@") or not (seconds.isascii() and seconds.isdigit()):
        return ""
    return datetime.fromtimestamp(int(seconds), UTC).isoformat(timespec="seconds")
