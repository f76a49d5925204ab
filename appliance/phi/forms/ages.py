"""Ages over 89, in digits and in words: identifiers whoever has them (45 CFR 164.514(b)(2)(i)(C)).

Read beside a word about age only: 92 alone is a pulse.
"""

import re
from collections.abc import Iterator

from appliance.phi.findings import Finding, Kind
from appliance.phi.forms.page import Page

_HIGH = (
    r"(?:9\d|1[0-2]\d|ninety(?:[- ](?:one|two|three|four|five|six|seven|eight|nine))?"
    r"|(?:a|one)\shundred(?:\s(?:and\s)?\w{3,6})?)"
)

_AGE = re.compile(
    rf"(?<![\w.])(?P<behind>{_HIGH})\+?[\s-]{{0,2}}(?:y[/.\s]?o\b|(?:years?|yrs?)[\s-]?(?:old|of\sage|young)\b)"
    rf"|\b(?:age[ds]?|age\sis|turn(?:s|ed|ing))[\s:]{{1,2}}(?P<before>{_HIGH})\b(?![./%]\d|\s?%)"
)

_HINTS = frozenset("yo y year years yr yrs age aged ages turns turned turning".split())  # noqa: SIM905 - a list of words reads better
"""A page without any of these words holds no age."""


def find_high_ages(page: Page) -> Iterator[Finding]:
    """Yield the ages of 90 and more."""
    if _HINTS.isdisjoint(page.vocabulary):
        return
    for match in _AGE.finditer(page.plain):
        start, end = match.span("behind" if match["behind"] else "before")
        yield Finding(kind=Kind.AGE, start=start, end=end, score=0.9, recognizer="known_age")
