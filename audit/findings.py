"""What a verification found, step by step, and the verdict that follows from it (FORMAT.md section 12).

Pure values.  *Tampered* outweighs *unverifiable*, which outweighs *verified*; a step keeps its first findings and the
number of the others, so that a trail with a million faults still makes a short report.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

SHOWN = 5
"""Findings that each step keeps."""

TITLES = {
    1: "the database opens and the verifier keys read",
    2: "records are gapless from 0",
    3: "every leaf is canonical, of this log, in its place and in time",
    4: "what is searched is what the leaves say",
    5: "readable facts are those that were bound",
    6: "sealed bodies are those that were bound",
    7: "events of one exchange follow each other",
    8: "stored tree hashes are those that the records give",
    9: "the database's checkpoints hold",
    10: "checkpoints kept outside hold",
    11: "receipts hold",
    12: "opened bodies are what their leaves say",
}
"""The numbered steps of FORMAT.md section 12."""

OPTIONAL = frozenset({10, 11, 12})
"""Steps that need something from outside."""


class Verdict(StrEnum):
    """What can be said of a trail."""

    VERIFIED = "verified"
    TAMPERED = "tampered"
    UNVERIFIABLE = "unverifiable"
    """A key or a part is missing, so nothing can be said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One fault."""

    verdict: Verdict
    sentence: str
    sequence: int | None
    """First record concerned, where that can be said."""

    last: int | None
    """Last record of the range in which the fault lies; None when `sequence` is exact."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one numbered step looked at and found."""

    number: int
    title: str
    checked: int
    """Things looked at: records, checkpoints, receipts, bodies."""

    verdict: Verdict
    findings: tuple[Finding, ...]
    """The first ones, in the order found."""

    more: int
    """Findings beyond those kept."""

    notes: tuple[str, ...]
    """What is worth saying and no fault."""

    @property
    def was_run(self) -> bool:
        """Say whether the step had anything to look at."""
        return self.number not in OPTIONAL or self.checked > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The result of one verification."""

    verdict: Verdict
    size: int
    """Records read."""

    signed: int
    """Size of the largest tree that a checkpoint vouches for."""

    first_bad: int | None
    """Lowest record at which a fault lies; None when there is none, or none has a place."""

    first_bad_last: int | None
    """Last record of the range, when the first bad record is known to a range only."""

    steps: tuple[Step, ...]


@dataclass(slots=True)
class _Tally:
    checked: int = 0
    verdict: Verdict = Verdict.VERIFIED
    findings: list[Finding] = field(default_factory=list)
    count: int = 0
    notes: dict[str, int] = field(default_factory=dict)


class Ledger:
    """Collects findings while a verification runs; owned by it."""

    def __init__(self) -> None:
        """Begin with nothing checked and nothing found."""
        self._tallies = {number: _Tally() for number in TITLES}
        self._exact: dict[Verdict, Finding] = {}
        """The finding of the lowest record whose place is known exactly."""
        self._range: dict[Verdict, Finding] = {}
        """The finding of the lowest range."""

    def check(self, step: int, count: int = 1) -> None:
        """Count things that a step looked at."""
        self._tallies[step].checked += count

    def checked(self, step: int) -> int:
        """Return how many things a step looked at."""
        return self._tallies[step].checked

    def note(self, step: int, what: str) -> None:
        """Count something that is worth saying and no fault."""
        notes = self._tallies[step].notes
        notes[what] = notes.get(what, 0) + 1

    def tampered(self, step: int, sentence: str, sequence: int | None = None, *, last: int | None = None) -> None:
        """Keep a fault that proves a change; `last` ends the range when its place is not exact."""
        finding = Finding(verdict=Verdict.TAMPERED, sentence=sentence, sequence=sequence, last=last)
        self._keep(self._tallies[step], finding)

    def unverifiable(self, step: int, sentence: str, sequence: int | None = None) -> None:
        """Keep a fault that leaves something unproven."""
        finding = Finding(verdict=Verdict.UNVERIFIABLE, sentence=sentence, sequence=sequence, last=None)
        self._keep(self._tallies[step], finding)

    def report(self, *, size: int, signed: int) -> Report:
        """Return what was found, with the verdict."""
        verdict = _worst(tally.verdict for tally in self._tallies.values())
        first = _first(self._exact.get(verdict), self._range.get(verdict))
        return Report(
            verdict=verdict,
            size=size,
            signed=signed,
            first_bad=first.sequence if first else None,
            first_bad_last=first.last if first else None,
            steps=tuple(_to_step(number, tally) for number, tally in self._tallies.items()),
        )

    def _keep(self, tally: _Tally, finding: Finding) -> None:
        tally.count += 1
        tally.verdict = _worst((tally.verdict, finding.verdict))
        if len(tally.findings) < SHOWN:
            tally.findings.append(finding)
        if finding.sequence is None:
            return
        lowest = self._exact if finding.last is None else self._range
        known = lowest.get(finding.verdict)
        if known is None or known.sequence is None or finding.sequence < known.sequence:
            lowest[finding.verdict] = finding


def _worst(verdicts: Iterable[Verdict]) -> Verdict:
    found = set(verdicts)
    ordered = (Verdict.TAMPERED, Verdict.UNVERIFIABLE)
    return next((verdict for verdict in ordered if verdict in found), Verdict.VERIFIED)


def _first(exact: Finding | None, ranged: Finding | None) -> Finding | None:
    """Return the lower of two findings; an exact one inside the range says the same more exactly."""
    if exact is None or exact.sequence is None:
        return ranged
    if ranged is None or ranged.sequence is None or ranged.last is None:
        return exact
    return exact if exact.sequence <= ranged.last else ranged


def _to_step(number: int, tally: _Tally) -> Step:
    return Step(
        number=number,
        title=TITLES[number],
        checked=tally.checked,
        verdict=tally.verdict,
        findings=tuple(tally.findings),
        more=tally.count - len(tally.findings),
        notes=tuple(f"{count} {what}" for what, count in tally.notes.items()),
    )
