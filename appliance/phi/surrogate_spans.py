"""Turn findings into the stretches of text that are replaced.

Whatever any finding covers is covered: findings that overlap become one stretch, and one that begins or ends inside a
word takes the whole word, because half a name beside its surrogate would leave and could not come back.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from appliance.phi.findings import Finding, Kind
from appliance.phi.restore_tokens import TOKEN


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One stretch of text that holds an identifier."""

    kind: Kind
    start: int
    end: int


def spans(text: str, findings: Iterable[Finding]) -> list[Span]:
    """Return the stretches in order of place; where findings overlap, the kind of the longest."""
    whole = [_whole_words(text, finding) for finding in findings]
    joined: list[Span] = []
    longest = 0
    for span in sorted((span for span in whole if span.start < span.end), key=lambda each: (each.start, -each.end)):
        length = span.end - span.start
        if joined and _meets(text, joined[-1], span):
            last = joined.pop()
            kind = span.kind if length > longest else last.kind
            longest = max(longest, length)
            joined.append(Span(kind=kind, start=last.start, end=max(last.end, span.end)))
        else:
            longest = length
            joined.append(span)
    return joined


def _meets(text: str, one: Span, other: Span) -> bool:
    """Say whether two stretches overlap, or touch so that their surrogates would read as one word."""
    is_run_together = other.start == one.end and text[other.start - 1].isalnum() and text[other.start].isalnum()
    return other.start < one.end or is_run_together


def _whole_words(text: str, finding: Finding) -> Span:
    start, end = max(0, finding.start), min(len(text), finding.end)
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    while start < end and start > 0 and TOKEN.fullmatch(text, start - 1, start + 1):
        start -= 1
    while start < end < len(text) and TOKEN.fullmatch(text, end - 1, end + 1):
        end += 1
    return Span(kind=finding.kind, start=start, end=end)
