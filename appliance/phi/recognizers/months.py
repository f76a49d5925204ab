# ruff: noqa: E501 - an expression or a list is not cut in the middle
"""Days that are written with the name of a month: ``March 3rd, 2026``, ``the third of March``, ``04MAR21``, ``May 2021``.

The months of a text are found first and each form is tried around them only, because months are rare and forms many.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from appliance.phi.findings import Finding, Kind
from appliance.phi.recognizers.rule import PatternRule, Rule, exact, pattern

_LONG_MONTH = "(?:january|february|march|april|may|june|july|august|september|october|november|december)"

_MONTH = (
    r"(?:jan(?:uary)?|feb(?:r?uary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)(?![a-z])\.?"
)

_CAPITAL_MONTH = "(?:Jan(?:uary)?|Feb(?:ruary)?|March|April|May|June|July|Aug(?:ust)?|Sept?(?:ember)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)"
"""With a capital, because a month alone is a day's element only where it can be no other word."""

_FOREIGN_MONTH = (
    r"(?:enero|febrero|marzo|abril|mayo|junio|julio|agosto|septiembre|octubre|noviembre|diciembre|janvier|fevrier|mars"
    r"|avril|mai|juin|juillet|aout|septembre|octobre|novembre|decembre|januar|februar|marz|maerz|juni|juli|oktober"
    r"|dezember|gennaio|febbraio|aprile|maggio|giugno|luglio|settembre|ottobre|dicembre|janeiro|fevereiro|marco|maio"
    r"|junho|julho|setembro|outubro|novembro|dezembro)"
)
"""Spanish, French, German, Italian and Portuguese, without their accents."""

_DAY = r"(?:3[01]|[12]\d|0?[1-9])(?!\d)"

_YEAR = r"(?:1[89]|20|21)\d{2}(?!\d)"

_SHORT_YEAR = rf"(?:{_YEAR}|'\d\d(?!\w)|\d\d(?![\w%:]|[ ]?(?:mg|ml|year|yo|y/o)))"

_ENDING = r"(?:[ ]?(?:st|nd|rd|th)\b)?"

_ORDINAL = (
    r"(?:(?:twenty|thirty)[ -])?(?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth)|tenth|eleventh|twelfth"
    r"|thirteenth|fourteenth|fifteenth|sixteenth|seventeenth|eighteenth|nineteenth|twentieth|thirtieth"
)

_WEEKDAY = r"(?:\b(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?\b[.,]?[ ](?:the[ ])?)?"

_CLOCK = r"(?:,?[ ](?:at[ ])?\d{1,2}:\d{2}(?::\d{2})?(?:[ ]?[ap]\.?m\b)?)?"

_NO_UNIT = r"(?![ ]?(?:mg|mcg|ml|units|tablets?|tabs?|%|percent|doses?|days|weeks|hours|times)\b)"

_NAMED = re.compile(
    "[JFMASONDEGjfmasondeg](?:an|eb|ar|pr|ay|un|ul|ug|ep|ct|ov|ec|AN|EB|AR|PR|AY|UN|UL|UG|EP|CT|OV|EC"
    "|ne|br|go|ic|vr|ai|ui|ou|kt|ez|iu|en|et|tt|io|ut)"
)
"""The first letters of a month's name, in English and the languages above."""

_REACH_LEFT, _REACH_RIGHT = 32, 72
"""Characters around the month that a form may take."""

_FORMS: tuple[tuple[str, re.Pattern[str], float], ...] = (
    (
        "date-month-day",
        pattern(
            rf"(?<![a-z])(?P<value>{_WEEKDAY}{_MONTH}[ -]?(?:the[ ])?{_DAY}{_ENDING}"
            rf"(?:[ ]?(?:-|to|and|&|through)[ ]?{_DAY}{_ENDING})?(?:(?:,?[ ]?(?:of[ ]|in[ ])?|-){_SHORT_YEAR}{_CLOCK})?)"
            rf"(?!\w|[.-]\d){_NO_UNIT}"
        ),
        0.9,
    ),
    (
        "date-day-month",
        pattern(
            rf"(?<![\w/.-])(?P<value>{_WEEKDAY}(?:the[ ])?{_DAY}{_ENDING}(?:[ ]?(?:-|to|and)[ ]?{_DAY}{_ENDING})?"
            rf"[ -]{{0,2}}(?:(?:day[ ])?of[ ])?{_MONTH}(?:(?:,?[ ]?(?:of[ ])?|-)(?:{_SHORT_YEAR}){_CLOCK})?)(?!\w|-\d)"
        ),
        0.9,
    ),
    (
        "date-month-year",
        pattern(rf"(?<![a-z])(?P<value>{_MONTH}[ ,/-]{{1,2}}(?:of[ ]|in[ ])?(?:{_YEAR}|'\d\d(?!\w)))(?!\w|-\d)"),
        0.85,
    ),
    ("date-year-month", pattern(rf"(?<![\w-])(?P<value>{_YEAR}[ -]{_MONTH}(?:[ -]{_DAY})?)(?![\w-])"), 0.85),
    (
        "date-in-words",
        pattern(
            rf"\b(?P<value>{_LONG_MONTH}[ ](?:the[ ])?(?:{_ORDINAL})\b|(?:the[ ])?(?:{_ORDINAL})(?:[ ]day)?[ ]of[ ]{_LONG_MONTH})\b"
        ),
        0.9,
    ),
    (
        "date-in-other-languages",
        pattern(
            rf"(?<![\w/.-])(?P<value>{_DAY}(?:er|\.|o)?[ ](?:de[ ])?{_FOREIGN_MONTH}(?:[ ](?:de[ ]|del[ ])?{_YEAR})?)(?!\w)"
        ),
        0.85,
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DatesByMonth:
    """Find every form of a day around the name of a month."""

    name: str = "date-by-month"

    def find(self, text: str) -> Iterator[Finding]:
        """Yield a finding for each form that fits; forms of one day overlap and are settled later."""
        for start, end in _surroundings(text):
            for name, form, score in _FORMS:
                for match in form.finditer(text, start, end):
                    yield Finding(
                        kind=Kind.DATE, start=match.start("value"), end=match.end("value"), score=score, recognizer=name
                    )


def _surroundings(text: str) -> Iterator[tuple[int, int]]:
    """Yield the stretches of text around months that have a digit or an ordinal's ending near; none overlap."""
    first = last = -1
    for named in _NAMED.finditer(text):
        if text[max(0, named.start() - 1) : named.start()].isalpha() or not _has_day(text, named.start()):
            continue
        start, end = max(0, named.start() - _REACH_LEFT), named.start() + _REACH_RIGHT
        if start <= last:
            last = end
            continue
        if last >= 0:
            yield first, last
        first, last = start, end
    if last >= 0:
        yield first, last


_DAY_NEAR = re.compile(r"\d|(?:st|nd|rd|th)\b", re.IGNORECASE)
_MONTH_HERE = re.compile(rf"{_MONTH}|{_FOREIGN_MONTH}", re.IGNORECASE | re.VERBOSE)


def _has_day(text: str, place: int) -> bool:
    near = _DAY_NEAR.search(text, max(0, place - _REACH_LEFT), place + _REACH_LEFT)
    return near is not None and _MONTH_HERE.match(text, place) is not None


RULES: tuple[Rule, ...] = (
    DatesByMonth(),
    PatternRule(
        name="date-month-relative",
        kind=Kind.DATE,
        pattern=exact(
            rf"\b(?P<value>(?i:last|next|this|this[ ]past|past|early|late|mid)[ -]{_CAPITAL_MONTH})(?![\w'-])"
        ),
        score=0.7,
        gate=exact(_CAPITAL_MONTH),
    ),
    PatternRule(
        name="date-month-alone",
        kind=Kind.DATE,
        pattern=exact(
            rf"\b(?i:in|since|until|till|during|by|from|through|before|after|around)[ ](?P<value>{_CAPITAL_MONTH})(?![\w'-])"
        ),
        score=0.7,
        gate=exact(_CAPITAL_MONTH),
    ),
)
"""Rules for days with the name of a month."""
