"""Every way to write a known address: number and street, abbreviated or not, unit, city, state, ZIP and ZIP+4.

Each form is a sequence of words.  A state alone is no identifier (45 CFR 164.514(b)(2)(i)(B)) and has no form; a city
whose name is an ordinary word counts only where the text shows a place.
"""

from collections.abc import Iterator

from appliance.phi.demographics import Address
from appliance.phi.findings import Kind
from appliance.phi.forms.form import Form, Need
from appliance.phi.forms.ordinary import ORDINARY, SELDOM
from appliance.phi.forms.plain import runs
from appliance.phi.forms.street_words import STATES, SUFFIXES, UNITS, WORDS

STREET = Form(kind=Kind.LOCATION, recognizer="known_street")
"""What a street line means."""

CITY = Form(kind=Kind.LOCATION, recognizer="known_city", score=0.95)
"""What a city's name of several words or with its state means."""

CITY_OF_ONE_WORD = Form(kind=Kind.LOCATION, recognizer="known_city", score=0.95, need=Need.CAPITAL_OR_PLACE)
"""What a city's name of one word means: many are words of everyday, such as ``Mobile``."""

CITY_OF_ORDINARY_WORD = Form(kind=Kind.LOCATION, recognizer="known_city", score=0.9, need=Need.PLACE)
"""What a city's name means that is a word of everyday."""

ZIP = Form(kind=Kind.LOCATION, recognizer="known_zip", score=0.97)
"""What a ZIP code means."""

_MOST_WRITINGS = 64
"""A street line of many abbreviable words is cut here: each doubles the count."""

_ZIP_DIGITS = 5

_SHORTEST_CITY = 4
"""Fewer letters are a word or an abbreviation."""


def place_forms(address: Address) -> Iterator[tuple[tuple[str, ...], Form]]:
    """Yield the sequences of words that stand for an address or a part of it."""
    for line in address.lines:
        yield from _street_forms(tuple(runs(line)))
    yield from _city_forms(tuple(runs(address.city)), tuple(runs(address.state)))
    digits = runs(address.postal_code)
    if digits and len(digits[0]) >= _ZIP_DIGITS:
        yield (digits[0],), ZIP
        if len(digits) > 1:
            yield tuple(digits), ZIP
    elif len(digits) > 1:
        yield tuple(digits), ZIP


def _street_forms(words: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Form]]:
    street = _without_unit(words)
    for writing in dict.fromkeys([*_writings(words), *_writings(street)]):
        if len(writing) > 1:
            yield writing, STREET
    if not street or not street[0].isdigit():
        return
    name = street[1:]
    bare = name[:-1] if len(name) > 1 and name[-1] in SUFFIXES else name
    for writing in _writings(bare):
        yield (street[0], *writing), STREET
    if len(name) > len(bare):
        for writing in _writings(name):
            yield writing, STREET


def _without_unit(words: tuple[str, ...]) -> tuple[str, ...]:
    """Return the street line before its flat or suite."""
    places = (index for index, word in enumerate(words) if index > 1 and word in UNITS)
    return words[: next(places, len(words))]


def _writings(words: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Return the line with each word as it stands and as it is abbreviated or spelt out."""
    writings: list[tuple[str, ...]] = [()]
    for word in words:
        choices = WORDS.get(word, (word,))
        longer = [(*writing, choice) for writing in writings for choice in choices]
        writings = longer if len(longer) <= _MOST_WRITINGS else [(*writing, word) for writing in writings]
    return [writing for writing in writings if writing]


def _city_forms(city: tuple[str, ...], state: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Form]]:
    if not city:
        return
    for writing in _writings(city):
        yield writing, _city_form(writing)
        for each in STATES.get(state, (state,)) if state else ():
            yield (*writing, *each), CITY


def _city_form(city: tuple[str, ...]) -> Form:
    if len(city) > 1:
        return CITY
    is_ordinary = city[0] in ORDINARY or city[0] in SELDOM or len(city[0]) < _SHORTEST_CITY
    return CITY_OF_ORDINARY_WORD if is_ordinary else CITY_OF_ONE_WORD
