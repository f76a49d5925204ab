"""Lists of excluded patients that hold what a test says."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


@dataclass
class ListedPatients:
    """Speaks the interface of `exclusions.Excluded`: nobody is excluded, unless the test says who and why."""

    kinds: Mapping[str, str] = field(default_factory=dict)
    """Record number to kind."""

    def kinds_of(self, numbers: Iterable[str]) -> frozenset[str]:
        """Return the kinds of those who are listed."""
        return frozenset(self.kinds[number] for number in numbers if number in self.kinds)
