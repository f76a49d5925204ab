"""Reduce clinical prose and code descriptions to comparable words.

The builder of the ICD-10-CM table and the reader of notes MUST cut words alike, so both use this module.  It knows
English only, and only as much as retrieval needs: which candidate is right, the model and a coder decide.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from appliance.tasks.lay_terms import ABBREVIATIONS, CAPITAL_ABBREVIATIONS

_TOKEN = re.compile(r"[A-Za-z0-9]+(?:'[a-z]+)?|,")

FILLER = frozenset(
    """
    a an the of and or to in on at by for from as is was are be been with due other others unspecified specified nec nos
    elsewhere classified site organism cause part current episode initial illness general patient patients
    has have had he she his her this that these those which who whom it its they their also who
    """.split()  # noqa: SIM905 - a list of words reads better than a column of literals
)
"""Words that say nothing about which code is meant."""

_GENERIC_WEIGHT = 0.15
_GENERIC = frozenset(
    """
    essential primary disorder disease mellitus uncomplicated condition symptom sign complication level region
    chronic acute history personal
    """.split()  # noqa: SIM905 - as FILLER
)
"""Words that coders leave out and tables put in; they count for a small part of their weight."""

SYNONYMS = {
    "diabetic": "diabetes",
    "hypertensive": "hypertension",
    "cardiac": "heart",
    "renal": "kidney",
    "asthmatic": "asthma",
    "depressive": "depression",
    "depressed": "depression",
    "obese": "obesity",
    "anemic": "anemia",
    "fractured": "fracture",
    "infected": "infection",
    "febrile": "fever",
    "esophageal": "esophagus",
    "smoker": "nicotine",
    "smoking": "nicotine",
    "hypothyroid": "hypothyroidism",
    "dyslipidemia": "hyperlipidemia",
    "ii": "2",
    "iii": "3",
    "iv": "4",
}
"""One word for another, on both sides."""


COMMA = 3
"""A comma keeps the words of a list apart: ``diabetes, kidney stones`` is no diabetic kidney disease."""

_SHORTEST_PLURAL = 3
"""Words up to this length keep their s: gas, pus, his."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """One content word and its place in the text that it was read from."""

    stem: str
    start: int
    end: int
    position: int
    """Counts tokens, and a comma as `COMMA` of them: how close two words stand."""


def words(text: str) -> Iterator[Word]:
    """Yield the content words of a text in order; an abbreviation yields its words, all at its own place."""
    position = 0
    for match in _TOKEN.finditer(text):
        if match[0] == ",":
            position += COMMA
            continue
        position += 1
        for token in _spelled_out(match[0]):
            if token not in FILLER:
                yield Word(stem=stem(token), start=match.start(), end=match.end(), position=position)


def _spelled_out(token: str) -> list[str]:
    meaning = CAPITAL_ABBREVIATIONS.get(token) or ABBREVIATIONS.get(token.lower())
    return meaning.split() if meaning else [token.lower().removesuffix("'s")]


def stem(token: str) -> str:
    """Return the word that stands for this one, without its plural."""
    singular = _singular(token)
    return _singular(SYNONYMS.get(token) or SYNONYMS.get(singular) or singular)


def _singular(token: str) -> str:
    if len(token) <= _SHORTEST_PLURAL:
        return token
    if token.endswith("ies"):
        return token[:-3] + "y"
    if token.endswith("s") and not token.endswith(("ss", "us", "is")):
        return token[:-1]
    return token


def share(word: str) -> float:
    """Return which part of its rarity a word counts for."""
    return _GENERIC_WEIGHT if word in _GENERIC else 1.0
