"""A clock whose wall time a test sets, as somebody at the machine could."""

from datetime import UTC, datetime, timedelta

from typing_extensions import override

from appliance.clock import Clock

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
"""What it shows first."""


class SetClock(Clock):
    """A machine whose wall clock somebody sets, and whose counter of seconds nobody can."""

    def __init__(self, wall: datetime = NOON) -> None:
        """Take what the wall clock shows first."""
        object.__setattr__(self, "wall", wall)
        object.__setattr__(self, "passed_s", 1000.0)

    @override
    def now(self) -> datetime:
        wall: datetime = object.__getattribute__(self, "wall")
        return wall

    @override
    def boottime_s(self) -> float:
        return float(object.__getattribute__(self, "passed_s"))

    def wait(self, time: timedelta) -> None:
        """Let time pass on both."""
        object.__setattr__(self, "wall", self.now() + time)
        object.__setattr__(self, "passed_s", self.boottime_s() + time.total_seconds())

    def set(self, wall: datetime) -> None:
        """Set wall time, as somebody at the machine can."""
        object.__setattr__(self, "wall", wall)
