"""Scores what a detector said against what people labelled, counted and never quoted.

A labelled place is found *any* when one character is covered, *full* when everything that identifies is (`required`:
what really leaves the box), *strict* when every letter and digit is, and *typed* when it was found under its own type.
A text *leaks* when one of its places is not found in full; a text without any is *clean* when nothing in it is covered.
Where a set is labelled in part, what is found beside the labels is no error and precision is not told.
"""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from appliance.evaluation.labels import ALIKE, canonical
from appliance.evaluation.records import Labelled, Predictions, Span
from appliance.evaluation.required import characters, required

_TOKEN = re.compile(r"\w+")

Z_95 = 1.96
"""Two-sided 95 % of the normal distribution."""


@dataclass(slots=True)
class TypeCount:
    """The counts of one type."""

    labelled: int = 0
    any: int = 0
    full: int = 0
    strict: int = 0
    typed: int = 0
    predicted: int = 0
    """Places said under this type, without those on labels that are not scored."""

    predicted_right: int = 0
    tokens: int = 0
    tokens_found: int = 0
    tokens_typed: int = 0


@dataclass(slots=True)
class Score:
    """The counts of one set; only `score` adds to them."""

    types: defaultdict[str, TypeCount] = field(default_factory=lambda: defaultdict(TypeCount))
    texts: int = 0
    texts_with_labels: int = 0
    leaking: int = 0
    without_labels: int = 0
    clean: int = 0
    right: int = 0
    """Places said that touch a labelled one."""

    wrong: Counter[str] = field(default_factory=Counter)
    """Places said where nothing is labelled, by their type."""

    ignored: int = 0
    tokens: Counter[str] = field(default_factory=Counter)
    """Words by ``right``, ``missed``, ``wrong`` and ``quiet``."""

    labels_partial: bool = False

    def total(self, name: str) -> int:
        """Return the sum of one count over all types."""
        return sum(getattr(each, name) for each in self.types.values())

    def recall(self, name: str) -> float | None:
        """Return the share of labelled places that were found ``any``, ``full``, ``strict`` or ``typed``."""
        return ratio(self.total(name), self.total("labelled"))

    def precision(self) -> float | None:
        """Return the share of places said that touch a labelled one; None for sets labelled in part."""
        return None if self.labels_partial else ratio(self.right, self.right + sum(self.wrong.values()))

    def leak_share(self) -> float | None:
        """Return the share of texts with labels that leak at least one of them."""
        return ratio(self.leaking, self.texts_with_labels)

    def clean_share(self) -> float | None:
        """Return the share of texts without labels that were left untouched."""
        return ratio(self.clean, self.without_labels)


def ratio(part: int, whole: int) -> float | None:
    """Return a share, or None where there is nothing to share."""
    return part / whole if whole else None


def interval(part: int, whole: int) -> tuple[float | None, float | None]:
    """Return the bounds of a share at 95 % (Wilson), to four digits."""
    if not whole:
        return None, None
    share, denominator = part / whole, 1 + Z_95 * Z_95 / whole
    centre = share + Z_95 * Z_95 / (2 * whole)
    half = Z_95 * math.sqrt(share * (1 - share) / whole + Z_95 * Z_95 / (4 * whole * whole))
    return round((centre - half) / denominator, 4), round((centre + half) / denominator, 4)


def score(labelled: Iterable[Labelled], predictions: Predictions, *, min_score: float = 0.0) -> Score:
    """Return the score of what was said about the texts of one set; a text without predictions counts as silent."""
    made = Score()
    for each in labelled:
        said = [
            replace(span, type=canonical(span.type))
            for span in predictions.get(each.record.id, ())
            if span.score >= min_score and span.end > span.start
        ]
        _add(made, _Marked(each, said))
    return made


class _Marked:
    """One text with every character marked: labelled, not scored, covered, and covered under which type."""

    def __init__(self, labelled: Labelled, said: list[Span]) -> None:
        self.text = labelled.record.text.reveal()
        self.gold = labelled.gold()
        self.said = said
        self.labels_partial = labelled.labels_partial
        self.is_gold = self._marks(self.gold)
        self.is_ignored = self._marks(labelled.ignored())
        self.is_covered = self._marks(said)
        self.by_type = {type_: self._marks([s for s in said if s.type == type_]) for type_ in {s.type for s in said}}

    def covers(self, type_: str, start: int, end: int) -> bool:
        return type_ in self.by_type and any(self.by_type[type_][start:end])

    def _marks(self, spans: list[Span]) -> bytearray:
        marks = bytearray(len(self.text))
        for span in spans:
            start, end = min(span.start, len(marks)), min(span.end, len(marks))
            marks[start:end] = b"\x01" * (end - start)
        return marks


def _add(made: Score, marked: _Marked) -> None:
    missed = sum([not _add_label(made, marked, span) for span in marked.gold])
    for span in marked.said:
        _add_said(made, marked, span)
    for token in _TOKEN.finditer(marked.text):
        _add_token(made, marked, *token.span())
    made.texts += 1
    made.leaking += missed > 0
    made.labels_partial |= marked.labels_partial
    if marked.gold:
        made.texts_with_labels += 1
    else:
        made.without_labels += 1
        pairs = zip(marked.is_covered, marked.is_ignored, strict=True)
        made.clean += not any(covered and not ignored for covered, ignored in pairs)


def _add_label(made: Score, marked: _Marked, span: Span) -> bool:
    """Count one labelled place; returns whether it was found in full."""
    count = made.types[span.type]
    is_full = all(marked.is_covered[at] for at in required(marked.text, span))
    count.labelled += 1
    count.any += any(marked.is_covered[span.start : span.end])
    count.full += is_full
    count.strict += all(marked.is_covered[at] for at in characters(marked.text, span))
    names = (span.type, ALIKE.get(span.type, span.type))
    count.typed += any(marked.covers(name, span.start, span.end) for name in names)
    return is_full


def _add_said(made: Score, marked: _Marked, span: Span) -> None:
    if any(marked.is_gold[span.start : span.end]):
        made.right += 1
        count = made.types[span.type]
        count.predicted += 1
        count.predicted_right += any(
            each.type == span.type and each.overlaps(span.start, span.end) for each in marked.gold
        )
    elif any(marked.is_ignored[span.start : span.end]):
        made.ignored += 1
    else:
        made.types[span.type].predicted += 1
        made.wrong[span.type] += 1


def _add_token(made: Score, marked: _Marked, start: int, end: int) -> None:
    is_covered = any(marked.is_covered[start:end])
    if any(marked.is_gold[start:end]):
        made.tokens["right" if is_covered else "missed"] += 1
        span = next(each for each in marked.gold if each.overlaps(start, end))
        count = made.types[span.type]
        count.tokens += 1
        count.tokens_found += is_covered
        count.tokens_typed += marked.covers(span.type, start, end)
    elif not any(marked.is_ignored[start:end]):
        made.tokens["wrong" if is_covered else "quiet"] += 1
