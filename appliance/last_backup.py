"""When the last backup was made, for metrics and `appliance doctor`; the trail has the evidence of it."""

import json
from datetime import UTC, datetime
from pathlib import Path

from appliance.durable_file import make_named, write_durably

FILE = "last.json"
_MODE = 0o644


def tell_backup(folder: Path, *, name: str, made: datetime) -> None:
    """Write down that a backup lies in its place and is recorded.  Raises OSError."""
    make_named(folder, mode=0o755)
    write_durably(folder / FILE, json.dumps({"file": name, "made": made.isoformat()}).encode(), mode=_MODE)


def last_backup(folder: Path) -> datetime | None:
    """Return when the last backup was made; None if none is known, or what was written is damaged."""
    try:
        made = datetime.fromisoformat(json.loads((folder / FILE).read_bytes())["made"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return made if made.tzinfo else made.replace(tzinfo=UTC)
