"""The values that an evaluation works on: texts with labelled places, and places that a detector says.

Offsets are those of Python's `str`, end exclusive.  Texts are `ClinicalText`, because a site evaluates on its own
notes too.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from appliance.clinical_text import ClinicalText

NOT_SCORED = ("ORG", "NONPHI_")
"""Beginnings of labels that are carried and not counted: no credit for finding them, and no blame."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One place with a type, labelled by a person or said by a detector."""

    start: int
    end: int
    type: str
    score: float = 1.0

    def overlaps(self, start: int, end: int) -> bool:
        """Say whether this place shares a character with another."""
        return self.start < end and start < self.end


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One text of a set."""

    id: str | int
    text: ClinicalText
    patient: object = field(default=None, repr=False)
    """What the set says of the patient whom the text is about (`patient.known_of`); None when nothing."""

    line: int = 0
    """Where it stands in its file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """One text with what people found in it."""

    record: Record
    spans: tuple[Span, ...]
    labels_partial: bool = False
    """True when some identifiers of the set are not labelled, so that precision cannot be told."""

    def gold(self) -> list[Span]:
        """Return what must be found."""
        return [span for span in self.spans if not span.type.startswith(NOT_SCORED)]

    def ignored(self) -> list[Span]:
        """Return what may be found and need not be."""
        return [span for span in self.spans if span.type.startswith(NOT_SCORED)]


Predictions = Mapping[str | int, tuple[Span, ...]]
"""What a detector said, by the record's id."""
