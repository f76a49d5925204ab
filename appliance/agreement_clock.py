"""What time it is for an agreement: whoever sets the clock back must not reopen one that has ended.

The machine's clocks are held against each other and against the latest time that was ever seen, which outlasts
restarts and power cuts.  In doubt no agreement is in force.  Apart from `clock`, because decisions import that and
touch no file.
"""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from appliance.clock import Clock, Moment
from appliance.durable_file import write_durably

PERSIST_EVERY = timedelta(minutes=1)
"""How much of the time that was seen may be forgotten in a crash; a flush a minute costs milliseconds."""

NO_JUMP = timedelta(seconds=5)
"""What a time server corrects at once in ordinary operation; more is told as a jump."""

END_OF_TIME = datetime.max.replace(tzinfo=UTC)
"""The latest that it may be when nobody knows: no agreement is in force then."""


class AgreementClock:
    """Say what time it is as far as that can be believed (owned by one event loop).

    `earliest` lags behind a clock that was set forward since the start, so that no future agreement opens early;
    `latest` never goes back, over restarts either, so that no ended one opens again.  A file that cannot be read
    closes everything, and says so in `fault`; whoever removes it has looked at the machine's clock before.
    """

    def __init__(self, clock: Clock, *, seen_file: Path | None = None) -> None:
        """Take the machine's clock and the file that holds the latest time that was ever seen."""
        self._clock = clock
        self._file = seen_file
        self._fault = ""
        self._start, self._started_s = clock.now(), clock.boottime_s()
        self._seen = self._written = self._read()

    @property
    def fault(self) -> str:
        """Why the time that was seen cannot be read or kept, in a clause; empty while it can."""
        return self._fault

    @property
    def jumped(self) -> timedelta:
        """By how much wall time is ahead of what passed since the start, or (negative) behind what was ever seen."""
        wall = self._clock.now()
        ahead, behind = wall - self._expected(), wall - max(self._seen, self._expected())
        if ahead > NO_JUMP:
            return ahead
        return behind if behind < -NO_JUMP else timedelta(0)

    def moment(self) -> Moment:
        """Return the present, and remember it."""
        wall, expected = self._clock.now(), self._expected()
        self._seen = max(wall, expected, self._seen)
        if self._seen - self._written >= PERSIST_EVERY:
            self._write()
        return Moment(earliest=min(wall, expected), latest=self._seen)

    def _expected(self) -> datetime:
        return self._start + timedelta(seconds=self._clock.boottime_s() - self._started_s)

    def _read(self) -> datetime:
        never = datetime.min.replace(tzinfo=UTC)
        if self._file is None:
            return never
        try:
            seen = datetime.fromisoformat(json.loads(self._file.read_text())["latest"])
            return seen.astimezone(UTC) if seen.tzinfo is not None else self._unknown()
        except FileNotFoundError:
            return never
        except (OSError, ValueError, KeyError, TypeError, OverflowError):
            return self._unknown()

    def _unknown(self) -> datetime:
        self._fault = (
            f"{self._file} cannot be read, so no agreement counts as in force; look whether this machine's clock is "
            "right, remove the file, and restart"
        )
        return END_OF_TIME

    def _write(self) -> None:
        """Replace the file in one step; a failure is told, and what was seen still counts until the end of this run."""
        self._written = self._seen
        if self._file is None:
            return
        content = json.dumps({"latest": self._seen.isoformat()}) + "\n"
        try:
            write_durably(self._file, content.encode(), mode=0o600)
        except OSError as error:
            self._fault = f"the latest time cannot be kept in {self._file} ({error.strerror})"
        else:
            self._fault = ""
