"""Read a day as people write it, and write another day in the same manner.

``Tuesday, March 5th, 2024`` read and written for the 14th of May gives ``Tuesday, May 14th, 2024``: whoever moves days
(`phi.surrogates`) or moves them back (`phi.restore`) changes the day and nothing else.  What is no day in the calendar,
or is written in a manner not listed here, is None, and the caller MUST NOT guess: it becomes a tag.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from appliance.phi.normalise import fold

MONTHS = (
    "january february march april may june july august september october november december".split()  # noqa: SIM905 - a list of words reads better than a column of literals
)

_MONTH = "|".join(f"{name[:3]}(?:{name[3:]})?" if name != "september" else "sep(?:t(?:ember)?)?" for name in MONTHS)

_WEEKDAY = r"(?:mon|tues?|wed(?:nes)?|thu(?:rs?)?|fri|sat(?:ur)?|sun)(?:day)?"

_TIME = (
    r"(?:(?:T|,?[ ]{1,2}(?:at[ ])?)\d{1,2}(?::\d{2}(?::\d{2}(?:\.\d{1,9})?)?)?(?:[ ]?[ap]\.?m\.?)?"
    r"(?:Z|[ ]?[+-]\d{2}:?\d{2}|[ ]?(?:UTC|[ECMP][SD]T))?)"
)
"""A time of the day after a day; it is no identifier and stays."""

PIVOT = 30
"""Two digits up to this one are years of this century: few patients were born before 1931."""

_CENTURY = 100

_TWELVE = 12

MOST_CHARACTERS = 48
"""No form below is longer, so a stream never waits longer for the end of a day."""


class Precision(StrEnum):
    """How much of a day is written."""

    DAY = "day"
    MONTH = "month"
    """Month and year."""

    NO_YEAR = "no year"
    """Month and day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A day and the manner in which it was written."""

    year: int
    """Zero where none is written."""

    month: int
    day: int
    """Zero where none is written."""

    precision: Precision
    is_numeric: bool
    """Without a month's name."""

    start: int
    """Where the day begins in the text that was read, after what may stand before it."""

    end: int
    """Where it ends, without what may follow it."""

    pieces: tuple[str | tuple[str, str], ...]
    """Characters that stay, and pairs of a field's name and how it was written."""

    def moved(self, *, year: int, month: int, day: int) -> str:
        """Write another day in the same manner."""
        values = {"y": year, "m": month, "d": day, "o": day, "mon": month}
        padded = self.is_padded()
        return "".join(_written(piece, values, is_padded=padded) for piece in self.pieces)

    def is_padded(self) -> bool:
        """Say whether a month or day below ten is written with a zero, as far as this one tells."""
        fields = [piece for piece in self.pieces if not isinstance(piece, str)]
        numbers = [text for name, text in fields if name in "md"]
        is_year_first = bool(fields) and fields[0][0] == "y"
        is_run_together = self.is_numeric and not self.is_separated()
        all_wide = all(len(text) == len("01") for text in numbers)
        return any(text[0] == "0" for text in numbers) or (all_wide and (is_year_first or is_run_together))

    def _between(self) -> list[str | tuple[str, str]]:
        places = [place for place, piece in enumerate(self.pieces) if not isinstance(piece, str)]
        return list(self.pieces[places[0] : places[-1]])

    def is_separated(self) -> bool:
        """Say whether something stands between its fields; eight digits in a row are more often a number."""
        return any(isinstance(piece, str) and piece for piece in self._between())

    def first_field(self) -> str:
        """Return which field stands first: ``y``, ``m``, ``d`` or ``mon``."""
        return next(piece[0] for piece in self.pieces if not isinstance(piece, str))

    def calendar_day(self) -> date | None:
        """Return the day, None where it is not wholly written."""
        return date(self.year, self.month, self.day) if self.precision is Precision.DAY else None


def read(text: str, *, day_first: bool = False) -> Written | None:
    """Read a text that is one day, with or without a weekday before it and a time after it; None if it is not."""
    folded = fold(text)
    before = _BEFORE.match(folded)
    written = read_at(folded, before.end() if before else 0, day_first=day_first)
    return written if written is not None and _AFTER.fullmatch(folded, written.end) else None


def read_at(folded: str, start: int, *, day_first: bool = False) -> Written | None:
    """Read the day that begins at a place of a folded text; None if none does."""
    for form in _FORMS:
        if (match := form.match(folded, start)) and (written := _from_match(match, day_first=day_first)):
            return written
    return None


def days_in(text: str, *, day_first: bool = False) -> Iterator[date]:
    """Yield every whole day of a text."""
    folded = fold(text)
    for match in _DAY_START.finditer(folded):
        written = read_at(folded, match.start(), day_first=day_first)
        if written is not None and (day := written.calendar_day()):
            yield day


def may_go_on(folded: str, start: int) -> bool:
    """Say whether a day that begins at this place may reach past the end of what is there."""
    if len(folded) - start > MOST_CHARACTERS:
        return False
    match = _DAYLIKE.match(folded, start)
    return match is not None and match.end() == len(folded)


_BEFORE = re.compile(rf"(?:on[ ])?{_WEEKDAY}\.?,?[ ]{{1,2}}", re.IGNORECASE)

_AFTER = re.compile(rf"{_TIME}?(?:[ ]?\(?{_WEEKDAY}\)?)?", re.IGNORECASE)

_DAYLIKE = re.compile(
    rf"(?:\d{{1,14}}|(?:{_MONTH})(?![a-z])|st|nd|rd|th|of|[ ,./'年月日-])+[a-z]{{0,9}}", re.IGNORECASE
)

_DAY_START = re.compile(rf"(?<!\w)(?:\d{{1,4}}(?=[-/. ]?[\da-z]|th|st|nd|rd)|{_MONTH}(?![a-z]))", re.IGNORECASE)
"""A cheap first look: few numbers are followed by what a day goes on with."""

_YEAR = r"(?P<y>(?:1[89]|20|21)\d\d)"

_ANY_YEAR = rf"(?:{_YEAR}|'?(?P<yy>\d\d))"

_NAME = rf"(?P<mon>{_MONTH})(?![a-z])\.?"

_ORDINAL = r"(?P<d>\d{1,2})(?P<o>st|nd|rd|th)?"

_END = r"(?![\d%]|[^\W\dTt_]|[-/]\d|\.\d)"
"""A day is not a part of a longer number or word; a ``T`` may begin its time."""

_FORMS: tuple[re.Pattern[str], ...] = tuple(
    re.compile(rf"(?<![\d/.-])(?:{form}){_END}", re.IGNORECASE)
    for form in (
        rf"{_YEAR}(?P<s>[-/.])(?P<m>\d{{1,2}})(?P=s)(?P<d>\d{{1,2}})",
        rf"(?P<a>\d{{1,2}})(?P<s>[-/.])(?P<b>\d{{1,2}})(?P=s)(?:{_YEAR}|(?P<yy>\d\d))",
        rf"{_NAME}[ -]{{0,2}}{_ORDINAL}(?:,?[ -]{{1,2}}|,){_ANY_YEAR}",
        rf"{_ORDINAL}[ -]{{0,2}}(?:of[ ])?{_NAME}(?:,?[ -]{{0,2}}){_ANY_YEAR}",
        rf"{_YEAR}[ ,-]{{1,2}}{_NAME}[ -]{_ORDINAL}",
        rf"{_NAME}[ -]{{0,2}}{_ORDINAL}",
        rf"{_ORDINAL}[ -]{{0,2}}(?:of[ ])?{_NAME}",
        rf"{_NAME},?[ -]{{1,2}}(?:of[ ])?(?:{_YEAR}|'(?P<yy>\d\d))",
        rf"(?P<m>\d{{1,2}})/{_YEAR}",
        rf"{_YEAR}[-/](?P<m>\d\d)",
        r"(?P<a>\d{1,2})(?P<s>[-/])(?P<b>\d{1,2})",
        rf"{_YEAR}(?P<m>\d\d)(?P<d>\d\d)(?:\d{{4}}(?:\d\d)?)?",
        rf"(?P<m>\d\d)(?P<d>\d\d){_YEAR}",
        rf"{_YEAR}年(?P<m>\d{{1,2}})月(?P<d>\d{{1,2}})日",
    )
)
"""The longer and the surer first: the first that gives a day in the calendar is taken."""

_ANY_LEAP_YEAR = 2024
"""Stands in where no year is written, so that the 29th of February is a day."""


def _from_match(match: re.Match[str], *, day_first: bool) -> Written | None:
    groups = {name: text for name, text in match.groupdict().items() if text is not None and name != "s"}
    names = _order(groups, day_first=day_first)
    fields = {names.get(name, name): text for name, text in groups.items()}
    month = MONTHS.index(_full(fields["mon"])) + 1 if "mon" in fields else int(fields["m"])
    year, day = _year(fields), int(fields.get("d", 0))
    if not _is_day(year or _ANY_LEAP_YEAR, month, day or 1):
        return None
    return Written(
        year=year,
        month=month,
        day=day,
        precision=_precision(year, day),
        is_numeric="mon" not in fields,
        start=match.start(),
        end=match.end(),
        pieces=_pieces(match, names, groups),
    )


def _order(groups: dict[str, str], *, day_first: bool) -> dict[str, str]:
    """Say which of two numbers is the month: the first, unless it cannot be or the caller writes the day first."""
    if "a" not in groups:
        return {}
    is_day_first = (day_first or int(groups["a"]) > _TWELVE) and int(groups["b"]) <= _TWELVE
    return {"a": "d", "b": "m"} if is_day_first else {"a": "m", "b": "d"}


def _precision(year: int, day: int) -> Precision:
    if not year:
        return Precision.NO_YEAR
    return Precision.DAY if day else Precision.MONTH


def _pieces(match: re.Match[str], names: dict[str, str], groups: dict[str, str]) -> tuple[str | tuple[str, str], ...]:
    text, position = match.string, match.start()
    pieces: list[str | tuple[str, str]] = []
    for name in sorted(groups, key=match.start):
        field = "y" if name == "yy" else names.get(name, name)
        pieces += [text[position : match.start(name)], (field, groups[name])]
        position = match.end(name)
    return (*pieces, text[position : match.end()])


def _year(fields: dict[str, str]) -> int:
    if "yy" in fields:
        short = int(fields["yy"])
        return short + (2000 if short <= PIVOT else 1900)
    return int(fields.get("y", 0))


def _is_day(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


def _full(name: str) -> str:
    return next(full for full in MONTHS if full.startswith(name.lower()[:3]))


def _written(piece: str | tuple[str, str], values: dict[str, int], *, is_padded: bool) -> str:
    if isinstance(piece, str):
        return piece
    name, text = piece
    return _WRITERS[name](values[name], text, is_padded)


def _number(value: int, text: str, is_padded: bool) -> str:  # noqa: ARG001, FBT001 - the signature is the table's
    return f"{value:02}" if is_padded else str(value)


def _year_like(value: int, text: str, is_padded: bool) -> str:  # noqa: ARG001, FBT001 - as above
    return f"{value:04}" if len(text) > len("yy") else f"{value % _CENTURY:02}"


def _month_like(value: int, text: str, is_padded: bool) -> str:  # noqa: ARG001, FBT001 - as above
    full = MONTHS[value - 1]
    name = full if len(text) > len("sept") or text.lower() in MONTHS else full[:3]
    return name.upper() if text.isupper() else name.lower() if text.islower() else name.title()


def _ordinal_like(value: int, text: str, is_padded: bool) -> str:  # noqa: ARG001, FBT001 - as above
    ending = "th" if value in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(value % 10, "th")
    return ending.upper() if text.isupper() else ending


_WRITERS: dict[str, Callable[[int, str, bool], str]] = {
    "y": _year_like,
    "m": _number,
    "d": _number,
    "o": _ordinal_like,
    "mon": _month_like,
}
