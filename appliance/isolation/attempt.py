"""What one try to get out came to, and the evidence for it.

A try counts as refused only with positive evidence that this machine refused it.  Silence is no evidence: a packet that
left and was never answered has left.  MUST NOT hold anything but addresses, paths of the appliance and error names.
"""

import errno
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum


class Outcome(StrEnum):
    """What a try came to."""

    REFUSED = "refused"
    """This machine refused it, and the evidence says which part of it."""

    REACHED = "reached"
    """It answered, it was made, or it left the machine."""

    UNPROVEN = "unproven"
    """It could not be tried, or nothing says who stopped it; counts as a failure."""

    EXPECTED = "expected"
    """It is listed and it answered, as it must: shows that the tries beside it could have been answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try."""

    group: str
    """What was tried: ``tcp``, ``udp``, ``socket``, ``write``, ``system call``..."""

    target: str
    """Where or on what: an address and a port, a path, a name."""

    outcome: Outcome
    evidence: str
    """Why the outcome is what it is, in a few words."""

    @property
    def holds(self) -> bool:
        """Whether isolation held here."""
        return self.outcome in {Outcome.REFUSED, Outcome.EXPECTED}

    def to_json(self) -> dict[str, str]:
        """Return the try as a report holds it."""
        return {"group": self.group, "target": self.target, "outcome": self.outcome, "evidence": self.evidence}

    @classmethod
    def from_json(cls, held: Mapping[str, str]) -> "Attempt":
        """Read a try.  Raises KeyError or ValueError if it is not one."""
        return cls(
            group=str(held["group"]),
            target=str(held["target"]),
            outcome=Outcome(held["outcome"]),
            evidence=str(held["evidence"]),
        )


def failures(attempts: Iterable[Attempt]) -> tuple[Attempt, ...]:
    """Return the tries in which isolation did not hold."""
    return tuple(attempt for attempt in attempts if not attempt.holds)


def labelled(label: str, attempts: Iterable[Attempt]) -> Iterator[Attempt]:
    """Name the step in each try's group, so that a report tells the same try of two steps apart."""
    return (replace(each, group=f"{label}: {each.group}") for each in attempts)


def error_name(number: int) -> str:
    """Return the name of an errno, such as ``EPERM``."""
    return errno.errorcode.get(number, str(number))
