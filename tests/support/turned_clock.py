"""A clock that tests turn by hand."""

from typing_extensions import override

from appliance.clock import Clock


class TurnedClock(Clock):
    """Monotonic time stands still until a test moves it."""

    def __init__(self, start_s: float = 1000.0) -> None:
        """Take where time stands first."""
        object.__setattr__(self, "_time_s", start_s)

    @override
    def monotonic_s(self) -> float:
        return float(object.__getattribute__(self, "_time_s"))

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        object.__setattr__(self, "_time_s", self.monotonic_s() + seconds)
