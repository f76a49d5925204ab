# ruff: noqa: E501 - an expression or a list is not cut in the middle
"""What a number looks like as it is written, and which numbers are measurements, days or codes instead.

The tests here decide about numbers whose label is an everyday word or missing: what a clinician reads MUST stay.
"""

import re
from dataclasses import dataclass

from appliance.phi.findings import Kind
from appliance.phi.recognizers import checksums
from appliance.phi.recognizers.labels import CODE_PREFIXES, PREFIXES
from appliance.phi.recognizers.rule import words

_VALUE = re.compile(r"[A-Za-z0-9*]+(?:[-_][A-Za-z0-9*]+|\.\d[A-Za-z0-9]*){0,8}")
_GROUPS = re.compile(r"[0-9OolISB]{2,5}(?:[ ][0-9OolISB]{2,5}){1,4}(?![\w%/.,-]|[ ]?(?:mg|ml|mcg|y|\d))")
_MEDICARE = re.compile(r"[1-9][A-Za-z][A-Za-z0-9]\d[ -]?[A-Za-z][A-Za-z0-9]\d[ -]?[A-Za-z]{2}\d{2}(?!\w)")
"""The eleven places of a Medicare beneficiary identifier (CMS, MBI format)."""

_HEAD = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789*-_."
_LONGEST_HEAD = 24
"""Letters before the first digit of a value; a longer run is no identifier's prefix."""

_UNITS = words(
    """g mg mcg ug kg ng pg l ml dl ul mls liter liters mmhg mmol meq mol bpm cm mm km m cc unit units iu hz khz mhz kcal cal lb lbs
    pound pounds oz inch inches ft feet year years yr yrs yo month months mo mos week weeks wk wks day days hour hours hr hrs h
    minute minutes min mins second seconds sec secs times x tablet tablets tab tabs cap caps capsule capsules puff puffs drop
    drops dose doses cell cells copies steps beats breath breaths point points percent degree degrees c f patient patients
    people participants am pm st nd rd th k mcl cmh torr kpa msec ms flights pack packs ppd french fr gauge ga joule joules
    watt watts met mets tesla t"""
)
"""Words that follow a measurement."""

_UNIT = re.compile(r"[ -]?(?:%|(?:y/o|[ap]\.m)(?![a-z])|([a-z]+))|[ ]?(?:/[a-z\d]|[=^]|[-/+]\d)", re.IGNORECASE)
"""A unit, or a word in its place, or the sign of a quotient or a range."""

_NO_UNITS_BEFORE_SLASH = words("c f h t")
"""``c/o``, ``f/u``, ``h/o``, ``t/b``."""

_LETTER = re.compile(r"[ ][A-Za-z](?![\w/])")
"""One letter after a blank: no unit of so long a number, but a sex or a word (``MRN 4710497 F``)."""

_LONGEST_MEASURED = 5
"""Digits of a measurement."""

_DECIMAL = re.compile(r"\d{1,4}\.\d{1,3}")
_YEAR = re.compile(r"(?:19|20)\d\d(?:[-/](?:19|20)?\d\d)?")
_DAY = re.compile(
    r"(?:0?[1-9]|[12]\d|3[01])([-.])(?:0?[1-9]|[12]\d|3[01])\1(?:(?:19|20)?\d\d)|(?:19|20)\d\d([-.])(?:0?[1-9]|1[0-2])\2\d\d?(?:T\d\d)?"
)
_PHONE = re.compile(r"[2-9]\d\d([-. ])\d{3}\1\d{4}")
_WORDY = re.compile(r"\d{1,3}-[a-z]+(?:-[a-z]+)*|[a-z]+-\d{1,2}(?:-[a-z]+)*|\d{1,4}[a-z]{2,}", re.IGNORECASE)
"""``92-year-old``, ``Covid-19``, ``500mg``."""

_PREFIXED = re.compile(r"([A-Z]{1,6})[-_]?[A-Z0-9]{0,3}[-_]?(?=[A-Za-z0-9_-]*\d)")
_CODE_BY_FORM = re.compile(
    r"[A-Z]{2,6}[-_]\d{5,12}(?:-[A-Z0-9]{1,6})*|[A-Z]{1,3}\d[A-Z0-9]?\d{5,8}|[A-Z]\d{3,4}(?:-\d{3,5}){1,3}|[A-Z]{1,2}\d{4}[-_]\d{4,8}(?:[-_]\d{2,6})?"
)
_ACCOUNT_BY_FORM = re.compile(r"[A-Z]{2}\d{2}[A-Z]{4}\d{6,16}")
"""An international account number as some countries write it, even with a wrong check digit."""

_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
"""RFC 9562."""

_NORTH_AMERICAN = re.compile(r"1?[2-9]\d{2}[2-9]\d{6}")

_CARD_DIGITS = range(13, 20)
"""ISO/IEC 7812-1."""

_FEWEST_DIGITS = 9
"""A bare number of as many digits is no measurement; SNOMED codes have their label."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """A number as it stands in the text."""

    start: int
    end: int
    text: str
    is_measured: bool
    """Whether a unit follows."""

    @property
    def digits(self) -> int:
        """Return how many digits it has."""
        return sum(map(str.isdigit, self.text))

    @property
    def has_letters(self) -> bool:
        """Say whether letters belong to it."""
        return any(map(str.isalpha, self.text))

    @property
    def is_year_or_day(self) -> bool:
        """Say whether it is a year or a date."""
        return (_YEAR.fullmatch(self.text) or _DAY.fullmatch(self.text)) is not None

    @property
    def is_phone(self) -> bool:
        """Say whether it is grouped as a telephone number."""
        return _PHONE.fullmatch(self.text) is not None

    @property
    def is_code(self) -> bool:
        """Say whether it begins as a code, a gene or a trial drug does; one letter with many digits is none."""
        letters = prefix(self.text)
        return letters in CODE_PREFIXES and (len(letters) > 1 or self.digits <= _LONGEST_MEASURED)

    def can_follow_label(self) -> bool:
        """Say whether this can be an identifier beside a label that says it all."""
        if self.is_measured or _DECIMAL.fullmatch(self.text) or _WORDY.fullmatch(self.text):
            return False
        return sum(map(str.isalnum, self.text)) >= 3 and self.digits >= 2  # noqa: PLR2004 - shorter ones are counts

    def can_follow_everyday_word(self, *, has_sign: bool) -> bool:
        """Say whether this can be an identifier beside a word that is mostly no label."""
        if not self.can_follow_label() or self.is_year_or_day or self.is_phone:
            return False
        if not has_sign and self.is_code:
            return False
        if self.has_letters:
            return self.digits >= (3 if has_sign else 4) and len(self.text) >= 5  # noqa: PLR2004 - ``T2DM`` is none
        return self.digits >= (5 if has_sign else 6)


def value_at(text: str, place: int, floor: int) -> Value:
    """Return the value that holds the digit at this place; it reaches no further left than `floor`."""
    window = text[max(floor, place - _LONGEST_HEAD) : place]
    head = window[len(window.rstrip(_HEAD)) :].lstrip("-_.")
    return value_from(text, place - len(head))


def value_from(text: str, start: int) -> Value:
    """Return the value that begins here."""
    match = _MEDICARE.match(text, start) or _GROUPS.match(text, start) or _VALUE.match(text, start)
    end = match.end() if match else start + 1
    value = text[start:end]
    is_long = sum(map(str.isdigit, value)) > _LONGEST_MEASURED
    is_measured = _has_unit(text, end) and not (is_long and _LETTER.match(text, end))
    return Value(start=start, end=end, text=value, is_measured=is_measured)


def _has_unit(text: str, end: int) -> bool:
    match = _UNIT.match(text, end)
    if match is None or match[1] is None:
        return match is not None
    unit = match[1].lower()
    return unit in _UNITS and (text[match.end() : match.end() + 1] != "/" or unit not in _NO_UNITS_BEFORE_SLASH)


def prefix(value: str) -> str:
    """Return the letters before the first digit or dash, in lower case."""
    letters = len(value) - len(value.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"))
    return value[:letters].lower()


def kind_by_form(value: Value) -> Kind | None:
    """Return what a value without a label is by its own form."""
    if value.is_measured:
        return None
    if value.text.isdigit():
        return _kind_of_digits(value.text)
    if _UUID.fullmatch(value.text):
        return Kind.OTHER_ID
    letters = prefix(value.text)
    if not _PREFIXED.match(value.text) or letters in CODE_PREFIXES:
        return None
    if letters in PREFIXES and value.digits >= 4:  # noqa: PLR2004 - ``PLAN1`` is a heading
        return PREFIXES[letters]
    has_form = _CODE_BY_FORM.fullmatch(value.text) or _ACCOUNT_BY_FORM.fullmatch(value.text)
    return _kind_of_code(value.text) if has_form else None


def _kind_of_code(value: str) -> Kind:
    if _ACCOUNT_BY_FORM.fullmatch(value):
        return Kind.ACCOUNT
    if len(value) == 9 and value[:2].isalpha() and value[2:].isdigit() and checksums.is_dea(value):  # noqa: PLR2004
        return Kind.LICENSE
    return Kind.OTHER_ID


def _kind_of_digits(value: str) -> Kind | None:
    if len(value) < _FEWEST_DIGITS:
        return None
    if len(value) == 10 and checksums.is_npi(value):  # noqa: PLR2004 - the length of an NPI
        return Kind.LICENSE
    if _NORTH_AMERICAN.fullmatch(value):
        return Kind.PHONE
    if len(value) in _CARD_DIGITS and checksums.is_luhn(value):
        return Kind.ACCOUNT
    return Kind.OTHER_ID
