"""One rule: a regular expression whose group ``value`` is the identifier, and an optional check of it.

Every expression runs in linear time: no repetition stands inside a repetition, each repetition is bounded or
of one character class, and none can match across a line end.  A property test feeds them hostile text
(CVE-like case: catastrophic backtracking as denial of service).
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from appliance.phi.findings import Finding, Kind


def accept(_value: str) -> bool:
    """Accept whatever the expression matched."""
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Find one kind of identifier in folded text (`phi.fold`)."""

    name: str
    """Stands in each finding as its recognizer."""

    kind: Kind
    pattern: re.Pattern[str]
    """Has a group ``value``; the rest is context."""

    score: float
    check: Callable[[str], bool] = accept
    """Takes the matched value and says whether it can be such an identifier at all."""

    def find(self, text: str) -> Iterator[Finding]:
        """Yield a finding for each match that passes the check."""
        for match in self.pattern.finditer(text):
            start, end = match.span("value")
            if self.check(text[start:end]):
                yield Finding(kind=self.kind, start=start, end=end, score=self.score, recognizer=self.name)


def pattern(expression: str) -> re.Pattern[str]:
    """Compile an expression, case-insensitive, verbose and ASCII-only: text is folded before it is matched."""
    return re.compile(expression, re.IGNORECASE | re.VERBOSE | re.ASCII)
