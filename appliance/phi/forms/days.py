"""Every way to write a known day: ``1961-03-14``, ``3/14/61``, ``14.03.1961``, ``March 14th, 1961``, ``14-Mar-61``.

Each form is a sequence of words; what separates them is left to the search. A day without its year counts only beside
a word about a birthday. A bare year is no identifier (45 CFR 164.514(b)(2)(i)(C)) and has no form.
"""

from collections.abc import Iterator
from datetime import date

from appliance.phi.findings import Kind
from appliance.phi.forms.form import Form, Need

_MONTHS = (
    ("january", "jan"),
    ("february", "feb"),
    ("march", "mar"),
    ("april", "apr"),
    ("may", "may"),
    ("june", "jun"),
    ("july", "jul"),
    ("august", "aug"),
    ("september", "sep", "sept"),
    ("october", "oct"),
    ("november", "nov"),
    ("december", "dec"),
)

_UNITS = """
    zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
    eighteen nineteen
    """.split()  # noqa: SIM905 - a list of words reads better than a column of literals

_TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")

_ORDINALS = """
    zeroth first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth
    fifteenth sixteenth seventeenth eighteenth nineteenth
    """.split()  # noqa: SIM905 - a list of words reads better than a column of literals

_TEENTH = range(11, 14)
"""Days that take ``th`` although they end in 1, 2 or 3."""

WITH_YEAR = Form(kind=Kind.DATE, recognizer="known_date")
"""What a whole day means."""

WITHOUT_YEAR = Form(kind=Kind.DATE, recognizer="known_birthday", score=0.95, need=Need.BIRTHDAY)
"""What a day without its year means."""


def day_forms(day: date) -> Iterator[tuple[tuple[str, ...], Form]]:
    """Yield the sequences of words that stand for this day."""
    years = _years(day.year)
    for sequence in _month_and_day(day):
        yield sequence, WITHOUT_YEAR
        for year in years:
            yield (*sequence, *year), WITH_YEAR
    for month, number in _digits(day):
        for year in ((f"{day.year}",), (f"{day.year % 100:02}",)):
            yield (month, number, *year), WITH_YEAR
            yield (number, month, *year), WITH_YEAR
        yield (f"{day.year}", month, number), WITH_YEAR
        yield (month, number), WITHOUT_YEAR
    for name in _MONTHS[day.month - 1]:
        for number in (f"{day.day}", f"{day.day:02}"):
            yield (f"{day.year}", name, number), WITH_YEAR


def day_runs(day: date) -> tuple[str, ...]:
    """Return the eight digits that stand for this day without separators."""
    return day.strftime("%Y%m%d"), day.strftime("%m%d%Y"), day.strftime("%d%m%Y")


def _digits(day: date) -> list[tuple[str, str]]:
    months = sorted({f"{day.month}", f"{day.month:02}"})
    return [(month, number) for month in months for number in sorted({f"{day.day}", f"{day.day:02}"})]


def _month_and_day(day: date) -> Iterator[tuple[str, ...]]:
    ordinal = _ordinal_words(day.day)
    spoken = [(f"{day.day}",), (f"{day.day:02}",), (f"{day.day}", _suffix(day.day)), ordinal]
    for name in _MONTHS[day.month - 1]:
        for number in spoken:
            yield (name, *number)
            yield (*number, name)
            yield (*number, "of", name)
        yield (name, "the", *ordinal)
        yield (name, "the", f"{day.day}", _suffix(day.day))


def _suffix(number: int) -> str:
    return "th" if number in _TEENTH else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")


def _ordinal_words(number: int) -> tuple[str, ...]:
    if number < len(_ORDINALS):
        return (_ORDINALS[number],)
    tens, unit = divmod(number, 10)
    return (_TENS[tens], _ORDINALS[unit]) if unit else (_TENS[tens].replace("y", "ieth"),)


def number_words(number: int) -> tuple[str, ...]:
    """Return a number below one hundred in words."""
    if number < len(_UNITS):
        return (_UNITS[number],)
    tens, unit = divmod(number, 10)
    return (_TENS[tens], _UNITS[unit]) if unit else (_TENS[tens],)


def _years(year: int) -> list[tuple[str, ...]]:
    century, rest = divmod(year, 100)
    words: list[tuple[str, ...]] = [(f"{year}",), (f"{rest:02}",)]
    if rest:
        words.append((*number_words(century), *(("oh",) if rest < 10 else ()), *number_words(rest)))  # noqa: PLR2004
    if century == 20:  # noqa: PLR2004 - people say "two thousand four"
        words += [("two", "thousand", *number_words(rest)), ("two", "thousand", "and", *number_words(rest))]
    return words
