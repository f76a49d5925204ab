"""The guard's own detection as an evaluation and the commands use it: the same functions in the same order.

`Analyzer.find` and what is known of the patient meet in `combine`, as they do before a text leaves the building; a
figure measured on anything else would say nothing about the guard.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from appliance.clinical_text import ClinicalText
from appliance.evaluation.parts import parts
from appliance.evaluation.records import Record, Span
from appliance.phi.combine import combine
from appliance.phi.findings import Finding
from appliance.phi.known_identifiers import KnownIdentifiers
from appliance.phi.people import parse_people


class Finder(Protocol):
    """What finds identifiers in a text without knowing the patient; `phi.analyzer.Analyzer` is one."""

    def find(self, text: str) -> tuple[Finding, ...]:
        """Return what is found, in order of place."""
        ...


class Candidates(Protocol):
    """What says of each recognizer what it found; `phi.analyzer.Analyzer` is one."""

    def candidates(self, text: str) -> Iterator[Finding]:
        """Yield what each recognizer finds, overlaps included."""
        ...


@dataclass(frozen=True, slots=True)
class Detector:
    """Finds what the guard would replace."""

    finder: Finder

    def find(
        self, text: ClinicalText, known: KnownIdentifiers, *, tell: Callable[[int], None] = lambda _: None
    ) -> tuple[Finding, ...]:
        """Return what would be replaced in one text, in order of place; `tell` hears how many characters are done."""
        characters = text.reveal()
        found: list[Finding] = []
        for start, part in parts(characters):
            found += [_moved(each, start) for each in self.finder.find(part)]
            tell(start + len(part))
        return combine([characters], [found], known)[0]

    def detect(self, record: Record) -> tuple[Span, ...]:
        """Return what is found in a record, given what it says of its patient.  Raises InvalidRequestError."""
        return to_spans(self.find(record.text, known_of(record)))


def _moved(finding: Finding, by: int) -> Finding:
    return replace(finding, start=finding.start + by, end=finding.end + by) if by else finding


def candidates(analyzer: Candidates, text: ClinicalText, offset: int) -> Iterator[Finding]:
    """Yield what each recognizer says of the part of a text that holds this offset, overlaps included."""
    for start, part in parts(text.reveal()):
        if start <= offset < start + len(part):
            yield from (_moved(each, start) for each in analyzer.candidates(part))


def known_of(record: Record) -> KnownIdentifiers:
    """Return what a record says of its patient.  Raises InvalidRequestError naming the line and the path."""
    if record.patient is None:
        return KnownIdentifiers.nothing()
    return parse_people(record.patient, field=f"line {record.line}: meta.patient")


def to_spans(findings: Sequence[Finding]) -> tuple[Span, ...]:
    """Return findings as an evaluation writes them."""
    return tuple(Span(start=each.start, end=each.end, type=each.kind.value, score=each.score) for each in findings)
