"""What a recognizer found in a text: a kind and a place, never the characters themselves.

A `Finding` can be recorded, counted and compared without holding PHI (45 CFR 164.514(b)(2) names the kinds).
It MUST NOT gain a field with text: whoever needs the characters slices the `ClinicalText` that was inspected.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum


class Kind(StrEnum):
    """The kinds of identifiers, after the Safe Harbor list; the list only grows."""

    NAME = "NAME"
    LOCATION = "LOCATION"
    """Places smaller than a state, ZIP codes among them."""

    DATE = "DATE"
    """A day that belongs to a person: full dates, not bare years."""

    AGE = "AGE"
    """Ages over 89 only; younger ones identify nobody."""

    PHONE = "PHONE"
    FAX = "FAX"
    EMAIL = "EMAIL"
    SSN = "SSN"
    MRN = "MRN"
    HEALTH_PLAN = "HEALTH_PLAN"
    ACCOUNT = "ACCOUNT"
    LICENSE = "LICENSE"
    VEHICLE = "VEHICLE"
    DEVICE = "DEVICE"
    URL = "URL"
    IP = "IP"
    BIOMETRIC = "BIOMETRIC"
    PHOTO = "PHOTO"
    OTHER_ID = "OTHER_ID"

    def words(self) -> str:
        """Return the kind as people write it, such as ``health plan``."""
        return self.value.lower().replace("_", " ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One place that looks like an identifier."""

    kind: Kind
    start: int
    """Offset of the first character, as `str` counts."""

    end: int
    """Offset after the last character."""

    score: float
    """How sure the recognizer is, from 0 to 1."""

    recognizer: str
    """Name of the rule that found it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What was found in the texts of one request, one tuple a text, in the order of the texts."""

    texts: tuple[tuple[Finding, ...], ...]

    def counts(self) -> dict[str, int]:
        """Return how many of each kind, sorted by kind: facts for policy and record."""
        return dict(sorted(Counter(finding.kind.value for text in self.texts for finding in text).items()))


def without_overlaps(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return findings in order of place; those that overlap become one over all, of the longest one's kind.

    Nothing that any recognizer found is left uncovered: dropping the one that is less sure would let a street leave
    because its postal code was surer.
    """
    groups: list[list[Finding]] = []
    end = 0
    for each in sorted(findings, key=lambda finding: (finding.start, -finding.end)):
        if groups and each.start < end:
            groups[-1].append(each)
        else:
            groups.append([each])
        end = max(end, each.end)
    return tuple(map(_as_one, groups))


def _as_one(group: list[Finding]) -> Finding:
    if len(group) == 1:
        return group[0]
    longest = max(group, key=lambda each: (each.end - each.start, each.score))
    return replace(longest, start=group[0].start, end=max(each.end for each in group))
