"""What a recognizer found in a text: a kind and a place, never the characters themselves.

A `Finding` can be recorded, counted and compared without holding PHI (45 CFR 164.514(b)(2) names the kinds).
It MUST NOT gain a field with text: whoever needs the characters slices the `ClinicalText` that was inspected.
"""

from collections import Counter
from dataclasses import dataclass
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


def without_overlaps(findings: list[Finding]) -> tuple[Finding, ...]:
    """Return the findings in order of place; of two that overlap the surer, then the longer, stays."""
    kept: list[Finding] = []
    covered = bytearray(max((finding.end for finding in findings), default=0))
    for finding in sorted(findings, key=lambda each: (-each.score, each.start - each.end, each.start)):
        if not any(covered[finding.start : finding.end]):
            covered[finding.start : finding.end] = b"\x01" * (finding.end - finding.start)
            kept.append(finding)
    return tuple(sorted(kept, key=lambda each: each.start))
