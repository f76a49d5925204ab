"""What one check of `appliance doctor` comes to.

A finding names what was found and what to do; it never holds patient data, because no check reads any.
"""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARNING = "warning"
    """It works, and somebody should look at it."""

    FAILED = "failed"
    """The appliance will not start, or should not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The answer of one check."""

    check: str
    verdict: Verdict
    found: str
    advice: str = ""
    """What to do; empty when there is nothing to do."""


def ok(check: str, found: str) -> Finding:
    """Return a finding that asks for nothing."""
    return Finding(check=check, verdict=Verdict.OK, found=found)


def warning(check: str, found: str, advice: str) -> Finding:
    """Return a finding that somebody should look at."""
    return Finding(check=check, verdict=Verdict.WARNING, found=found, advice=advice)


def failed(check: str, found: str, advice: str) -> Finding:
    """Return a finding that keeps the appliance from starting, or should."""
    return Finding(check=check, verdict=Verdict.FAILED, found=found, advice=advice)
