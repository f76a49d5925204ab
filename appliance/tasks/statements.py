"""Cut a note into statements, and leave out what a statement denies.

A code may rest only on what the note says is present; what is denied, probable, suspected, to be ruled out or
another person's is not coded (ICD-10-CM Guidelines IV.H).  Words behind such a turn, up to the end of its clause,
therefore never point to a code.  The rules follow NegEx (Chapman 2001) and err on the side of leaving out.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from appliance.tasks.terms import Word, words

_STATEMENT = re.compile(r"(?:[^\n.;!?]|\.(?=\d))+")
"""Up to a line end, or a stop that is no decimal point."""

_DENIAL = re.compile(
    r"\b(?:no|not|denie[sd]|denying|without|never|negative for|absence of|free of|ruled? out|rule out|r/o|"
    r"possibl[ey]|probabl[ey]|suspected|suspicious for|suspicion of|concern(?:ing)? for|questionable|"
    r"family history|family hx|fhx?|mother|father|brother|sister|grandmother|grandfather|aunt|uncle|"
    r"risk (?:of|for)|screen(?:ing|ed)? for|prophylaxis|vaccin(?:e|ated|ation)|allerg(?:y|ic) to)\b",
    re.IGNORECASE,
)
"""What makes the words behind it no finding in this patient today."""

_NO_DENIAL = re.compile(
    r"not only\b|no (?:change|increase|longer)\b|not (?:well[ -])?controlled\b|no known\b.{0,40}\ballerg", re.IGNORECASE
)
"""What begins like a denial and is none."""

_CLAUSE_END = re.compile(
    r"\b(?:but|however|except|although|though|patient (?:has|with)|presents?|presented|admitted)\b", re.IGNORECASE
)
"""Where a denial ends before its statement does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One statement of a note, as far as it affirms."""

    start: int
    end: int
    words: tuple[Word, ...]
    """Content words outside denials, with their places in the note."""


def statements(note: str) -> Iterator[Statement]:
    """Yield in order the statements of a note that affirm anything."""
    for match in _STATEMENT.finditer(note):
        affirmed = tuple(_affirmed(match[0], match.start()))
        if affirmed:
            yield Statement(start=match.start(), end=match.end(), words=affirmed)


def _affirmed(text: str, offset: int) -> Iterator[Word]:
    denied = tuple(_denied_spans(text))
    for word in words(text):
        if not any(start <= word.start < end for start, end in denied):
            yield Word(stem=word.stem, start=offset + word.start, end=offset + word.end, position=word.position)


def _denied_spans(text: str) -> Iterator[tuple[int, int]]:
    for match in _DENIAL.finditer(text):
        if not _NO_DENIAL.match(text, match.start()):
            end = _CLAUSE_END.search(text, match.end())
            yield match.start(), end.start() if end else len(text)
