"""The clocks that parts are handed, so that tests can turn them.

Wall time is for records and for dates in agreements; monotonic time is for deadlines and is never compared
with wall time.  `agreement_clock` asks whether wall time can be believed.  Nothing else in `appliance` reads a clock.
"""

import time
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """The present as far as a clock that may have jumped can be trusted: it lies between the two."""

    earliest: datetime
    latest: datetime

    @classmethod
    def at(cls, now: datetime) -> "Moment":
        """Return the present of a clock that nobody doubts."""
        return cls(earliest=now, latest=now)


@dataclass(frozen=True, slots=True)
class Clock:
    """Read the machine's clocks."""

    def now(self) -> datetime:
        """Return wall time, always in UTC."""
        return datetime.now(UTC)

    def monotonic_s(self) -> float:
        """Return seconds from an arbitrary start that never go back."""
        return time.monotonic()

    def boottime_s(self) -> float:
        """Return the same, and count on while the machine sleeps (Linux ``CLOCK_BOOTTIME``)."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)
