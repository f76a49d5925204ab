"""Make the surrogates of numbers, addresses of the network, ages and days.

A number keeps its length, its letters' case and whatever stands between its characters; the same number written with
other separators gets the same characters, and its last four digits get the surrogate's last four.
"""

import re
from collections.abc import Iterator

from appliance.phi.dates import Precision, Written, read, read_at
from appliance.phi.findings import Kind
from appliance.phi.restore_ledger import SHORT, Form
from appliance.phi.restore_tokens import keys
from appliance.phi.surrogate_issuer import Issuer, Made, Part
from appliance.phi.surrogate_values import numbers

_LAST_FOUR = 4

_FEWEST_WITH_LAST_FOUR = 7
"""A number this long is quoted by its last four digits."""

_LAST_FOUR_AFTER = ("in", "with", "four", "4", "digits", "xx", "xxxx", "x", "*")
"""What people write before them: "ending in", "last four", "xxx-xx-", "***-"."""

_TELEPHONES = frozenset({Kind.PHONE, Kind.FAX})

_COUNTRY_DIGITS = 11
"""Digits of a North American number with its country code."""

_BEFORE_AGE = ("age", "aged")

_AFTER_AGE = ("year", "years", "yr", "yrs", "yo", "y")

_AGES = tuple(str(age) for age in range(90, 106))
"""Ages that stand for a high age."""

_NO_ESCAPES = str.maketrans(dict.fromkeys("%&\\=", "-"))
"""What begins an escape in some spelling: the tripwire would read on, and find what was not issued."""

_YEAR = re.compile(r"(?:19|20)\d\d")
"""Four digits that an answer has for another reason too often."""


def make_number(issuer: Issuer, kind: Kind, original: str) -> Made | None:
    """Return a number of the same form; None where no such number is free."""
    if kind in _TELEPHONES and (extension := numbers.EXTENSION.search(original)):
        return _with_extension(issuer, kind, original[: extension.start("digits")], extension["digits"])
    written = number_like(issuer, kind, original)
    if written is None:
        return None
    if written == original:
        return Made(text=original)
    if len("".join(keys(written))) > SHORT:
        return Made(text=written, words=(written,))
    part = Part(start=0, end=len(written), surrogate=written, original=original, kind=kind, form=Form.CHARACTERS)
    return Made(text=written, parts=(part,), words=(written,))


def _with_extension(issuer: Issuer, kind: Kind, number: str, extension: str) -> Made | None:
    """Return a telephone number and its extension as two, because an answer may leave the extension out."""
    label = numbers.EXTENSION_LABEL.search(number)
    start = label.start() if label else len(number)
    main, inner = make_number(issuer, kind, number[:start]), make_number(issuer, kind, extension)
    if main is None or inner is None:
        return None
    before = main.text + number[start:]
    parts = (*main.parts, *(part.moved(len(before)) for part in inner.parts))
    text = before + inner.text
    return Made(text=text, parts=parts, words=(text, *main.words, *inner.words))


def make_address(issuer: Issuer, kind: Kind, original: str) -> Made | None:
    """Return a mail, web or network address that belongs to nobody."""
    for name in (f"{kind.value}:{original.casefold()}", f"{kind.value}={original}"):
        drawing = issuer.drawing(name)
        if kind is Kind.EMAIL:
            drawn = numbers.mail_addresses(original, drawing, issuer.known)
        else:
            drawn = numbers.candidates(kind, original, drawing)
        written = issuer.draw(name, drawn)
        if written and issuer.ledger.can_issue(written, original, Form.WHOLE):
            issuer.ledger.issue(written, original, kind=kind, form=Form.WHOLE)
            return Made(text=written, words=(written,))
    return None


def make_age(issuer: Issuer, kind: Kind, original: str) -> Made | None:
    """Return another high age; None for one that is not written in digits."""
    more = original[len(original.rstrip("+")) :]
    original = original.rstrip("+")
    written = issuer.draw(f"age:{original}", issuer.drawing(f"age:{original}").shuffled(_AGES))
    if written is None or not original.isdecimal():
        return None
    places = [*((None, after) for after in _AFTER_AGE), *((before, None) for before in _BEFORE_AGE)]
    issuer.ledger.expect_between(written, original, kind, Form.WHOLE, places)
    part = Part(start=0, end=len(written), surrogate=written, original=original, kind=kind, form=Form.WHOLE)
    return Made(text=written + more, parts=(part,), words=(written,))


def make_day(issuer: Issuer, _kind: Kind, original: str) -> Made | None:
    """Return the day moved by the secret interval; None for what is no day that can be moved and moved back."""
    days = issuer.ledger.days
    day = read(original, day_first=days.day_first)
    if day is None or not days.shift_days:
        return None
    core = original[day.start : day.end]
    moved = days.moved(day)
    if days.written.get(moved, core) != core or not _is_read_back(issuer, day, moved):
        return None
    days.remember(day, moved, core)
    text = original[: day.start] + moved + original[day.end :]
    return Made(text=text, words=(text, moved))


def number_like(issuer: Issuer, kind: Kind, original: str, *, candidates: Iterator[str] | None = None) -> str | None:
    """Return a number written like the original; enter it in the ledger unless it is short."""
    characters = "".join(filter(str.isalnum, original))
    if not characters:
        return original
    for name in (f"#{characters.casefold()}", f"#={original}"):
        drawn = candidates or numbers.candidates(kind, original, issuer.drawing(name))
        base = issuer.known(f"last four:{characters}") or issuer.draw(name, _safe(drawn))
        written = base and _in_the_form_of(original, base)
        if written and len("".join(keys(written))) <= SHORT:
            return written
        if written and issuer.ledger.can_issue(written, original, Form.CHARACTERS):
            issuer.ledger.issue(written, original, kind=kind, form=Form.CHARACTERS)
            _expect_last_four(issuer, kind, characters, written)
            _expect_without_country(issuer, kind, original, written)
            return written
    return None


def _safe(candidates: Iterator[str]) -> Iterator[str]:
    return (each for each in candidates if not _YEAR.fullmatch(each))


def _expect_last_four(issuer: Issuer, kind: Kind, characters: str, written: str) -> None:
    """Foresee that a long number is quoted by its end."""
    ending = "".join(keys(written))[-_LAST_FOUR:]
    original = characters[-_LAST_FOUR:]
    if len(characters) < _FEWEST_WITH_LAST_FOUR or not (ending.isdecimal() and original.isdecimal()):
        return
    if not _YEAR.fullmatch(ending):
        issuer.draw(f"last four:{original}", iter((ending,)))
        places = [(before, None) for before in _LAST_FOUR_AFTER]
        issuer.ledger.expect_between(ending, original, kind, Form.CHARACTERS, places)


def _expect_without_country(issuer: Issuer, kind: Kind, original: str, written: str) -> None:
    """Foresee that an answer leaves the country code out."""
    ours, theirs = ("".join(filter(str.isalnum, each)) for each in (written, original))
    if kind in _TELEPHONES and len(ours) == _COUNTRY_DIGITS and ours[0] == theirs[0] == "1":
        local, own = ours[1:], theirs[1:]
        if issuer.ledger.can_issue(local, own, Form.CHARACTERS):
            issuer.ledger.issue(local, own, kind=kind, form=Form.CHARACTERS)


def _in_the_form_of(original: str, characters: str) -> str:
    drawn = iter(filter(str.isalnum, characters))
    last = max(place for place, each in enumerate(original) if each.isalnum()) + 1
    form = original[:last].translate(_NO_ESCAPES) + original[last:]
    return "".join(_cased(next(drawn, each), each) if each.isalnum() else each for each in form)


def _cased(drawn: str, like: str) -> str:
    return drawn.upper() if like.isupper() else drawn.lower()


def _is_read_back(issuer: Issuer, day: Written, moved: str) -> bool:
    """Say whether the day as written reads as the day that is meant: two digits of a year may not."""
    days = issuer.ledger.days
    again = read_at(moved, 0, day_first=days.day_first)
    if again is None or again.end != len(moved) or again.precision is not day.precision:
        return False
    return days.target(again, -1) == (day.year, day.month, day.day) or day.precision is Precision.NO_YEAR
