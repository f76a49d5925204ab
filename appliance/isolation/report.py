"""What one verification found: written for the operator, and read by the gateway, which is ready only while it holds.

It stands under /run, so it ends with the boot: after a reboot nothing is proven until somebody proves it again.  Only
root writes it.  A report that is missing, old, or cannot be read means not proven.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from appliance.durable_file import write_durably
from appliance.isolation.attempt import Attempt, failures

FILE = "report.json"

FOLDER = "appliance-isolation"
"""Under the site's runtime folder."""

LIMIT_S = 3600.0
"""How long a proof holds: the timer repeats it every 15 minutes, so three may fail to run before the gateway closes."""

CLOCK_SLACK_S = 60.0
"""A report from further in the future was written under another clock and proves nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitReport:
    """What was tried from one unit."""

    name: str
    state: str
    """As systemd calls it."""

    attempts: tuple[Attempt, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What one verification found."""

    at: float
    """Seconds since 1970 at its end."""

    seconds: float
    """How long it took."""

    units: tuple[UnitReport, ...]
    host: tuple[Attempt, ...]
    """What concerns no single unit: the rules."""

    @property
    def failures(self) -> tuple[tuple[str, Attempt], ...]:
        """Everything that did not hold, with the unit's name or ``host``."""
        found = [(unit.name, each) for unit in self.units for each in failures(unit.attempts)]
        return (*found, *(("host", each) for each in failures(self.host)))

    @property
    def holds(self) -> bool:
        """Whether isolation is proven."""
        return not self.failures

    @property
    def tries(self) -> int:
        """How many tries were made."""
        return len(self.host) + sum(len(unit.attempts) for unit in self.units)

    def to_json(self) -> dict[str, object]:
        """Return the report as the file and ``--json`` hold it."""
        return {
            "format": 1,
            "ok": self.holds,
            "at": self.at,
            "seconds": round(self.seconds, 2),
            "tries": self.tries,
            "failures": [{"unit": name, **each.to_json()} for name, each in self.failures],
            "units": [
                {"name": unit.name, "state": unit.state, "attempts": [each.to_json() for each in unit.attempts]}
                for unit in self.units
            ],
            "host": [each.to_json() for each in self.host],
        }


def write_report(report: Report, folder: Path) -> None:
    """Replace the report.  Raises OSError."""
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    write_durably(folder / FILE, json.dumps(report.to_json()).encode(), mode=0o644)


def is_proven(folder: Path, *, now: float | None = None) -> bool:
    """Say whether the last report is there, is young enough, and held."""
    try:
        held = json.loads((folder / FILE).read_text())
    except (OSError, ValueError):
        return False
    if not isinstance(held, Mapping) or held.get("ok") is not True:
        return False
    at = held.get("at")
    age = (time.time() if now is None else now) - at if isinstance(at, int | float) else None
    return age is not None and -CLOCK_SLACK_S <= age <= LIMIT_S
