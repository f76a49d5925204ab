"""What a rule is: a name and a way to find one family of identifiers in normalised text (`phi.normalise`).

Every expression runs in linear time: no repetition stands inside a repetition of the same characters, each repetition
is bounded, and none matches across a line end unless it says so.  A property test feeds them hostile text (CVE-like
case: catastrophic backtracking as denial of service).  A rule MUST NOT keep what it read.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from appliance.phi.findings import Finding, Kind


class Rule(Protocol):
    """Find identifiers by their form or by what stands beside them."""

    @property
    def name(self) -> str:
        """Return what stands in each finding as its recognizer."""

    def find(self, text: str) -> Iterable[Finding]:
        """Yield what this rule finds in normalised text."""


def accept(_value: str) -> bool:
    """Accept whatever the expression matched."""
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class PatternRule:
    """Find one kind by a regular expression whose group ``value`` is the identifier."""

    name: str
    kind: Kind
    pattern: re.Pattern[str]
    """Has a group ``value``; the rest is context."""

    score: float
    check: Callable[[str], bool] = accept
    """Takes the matched value and says whether it can be such an identifier at all."""

    signs: tuple[str, ...] = ()
    """Text without any of these, in this case, cannot hold a match; a quick look that saves the expression."""

    gate: re.Pattern[str] | None = None
    """A quick expression, found in every text that holds a match."""

    def find(self, text: str) -> Iterator[Finding]:
        """Yield a finding for each match that passes the check."""
        if (self.signs and not any(sign in text for sign in self.signs)) or (self.gate and not self.gate.search(text)):
            return
        for match in self.pattern.finditer(text):
            start, end = match.span("value")
            if end > start and self.check(text[start:end]):
                yield Finding(kind=self.kind, start=start, end=end, score=self.score, recognizer=self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledRule:
    """Find one kind by its value first and then by what stands to its left, because few places can be such a value."""

    name: str
    kind: Kind
    value: re.Pattern[str]
    """Matches the identifier alone."""

    before: re.Pattern[str]
    """Ends with ``\\Z``: what must stand to the left, within `window` characters."""

    score: float
    check: Callable[[str], bool] = accept
    window: int = 64
    signs: tuple[str, ...] = ()
    """Text without any of these, in this case, cannot hold a label; a quick look that saves the expression."""

    def find(self, text: str) -> Iterator[Finding]:
        """Yield a finding for each value that has its label."""
        if self.signs and not any(sign in text for sign in self.signs):
            return
        for match in self.value.finditer(text):
            start, end = match.span()
            if self.check(match[0]) and self.before.search(text, max(0, start - self.window), start):
                yield Finding(kind=self.kind, start=start, end=end, score=self.score, recognizer=self.name)


def pattern(expression: str) -> re.Pattern[str]:
    """Compile an expression, case-insensitive, verbose and ASCII-only: text is normalised before it is matched.

    It should begin with a digit class or a letter of one case where it can: the engine then skips to such characters.
    """
    return re.compile(expression, re.IGNORECASE | re.VERBOSE | re.ASCII)


def exact(expression: str) -> re.Pattern[str]:
    """Compile an expression that minds the case, because capitals are what it goes by."""
    return re.compile(expression, re.VERBOSE | re.ASCII)


def words(text: str) -> frozenset[str]:
    """Return the words of a list that is written as prose."""
    return frozenset(text.split())
