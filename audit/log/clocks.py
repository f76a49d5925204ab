"""The two clocks that a log reads, handed in so that tests can turn them.

Wall time goes into records and may be set back; waiting is measured by the other one, which never goes back.
"""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Clocks:
    """The two clocks that a log reads."""

    now_ms: Callable[[], int]
    """Wall time, milliseconds since 1970 UTC."""

    monotonic_s: Callable[[], float]
    """Seconds that never go back."""
