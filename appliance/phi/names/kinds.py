"""Say what an entity that spaCy found is to us: a person, a place, or nothing.

spaCy learned from news, where a rare surname after *with* is a company and a clinic is an organisation; in a chart what
stands before an entity tells more than its label.  Organisations that nobody was at are no identifiers of a patient.
"""

import re
from collections.abc import Sequence

from appliance.phi.findings import Kind
from appliance.phi.names.entities import PERSON, PLACE
from appliance.phi.names.lexicon import Lexicon, Look
from appliance.phi.names.words import Word

_ORGANISATION = "ORG"

_NO_PERSON = frozenset({Look.ACRONYM, Look.CLINICAL, Look.ORDINARY})
"""Words that are no person even where spaCy says so."""

_MAY_BE_NAME = frozenset({Look.GIVEN, Look.PERHAPS, Look.UNKNOWN, Look.EPONYM})

_AT = re.compile(r"(?:\b(?:at|from|in|to|by|via|with|near|of|@)\s+(?:the\s+)?|@\s{0,1})$", re.IGNORECASE)
"""What stands before the name of a place that a person was at."""

_BY_WHOM = re.compile(r"\b(?:with|by|per|cc|d/w)[: ]{1,2}$", re.IGNORECASE)
"""What stands before a person rather than a place."""

_LOOK_BACK = 12
"""Characters before an entity in which these are looked for."""


def kind_of(text: str, words: Sequence[Word], entity: tuple[int, int, str], lexicon: Lexicon) -> Kind | None:
    """Return what an entity of these words (start, end and spaCy's label) is, or None."""
    start, _, label = entity
    if label in PERSON:
        return None if all(word.look in _NO_PERSON for word in words) else Kind.NAME
    if label in PLACE:
        return Kind.NAME if _is_after(_BY_WHOM, text, start) else Kind.LOCATION
    return _kind_of_organisation(text, words, start, lexicon) if label == _ORGANISATION else None


def is_after_at(text: str, start: int) -> bool:
    """Say whether what begins here stands after ``at``, ``from`` or the like."""
    return _is_after(_AT, text, start)


def _kind_of_organisation(text: str, words: Sequence[Word], start: int, lexicon: Lexicon) -> Kind | None:
    if words[-1].text.lower() in lexicon.facilities and len(words) > 1:
        return Kind.LOCATION
    if not any(word.look in _MAY_BE_NAME for word in words):
        return None
    if len(words) == 1 and _is_after(_BY_WHOM, text, start):
        return Kind.NAME
    return Kind.LOCATION if _is_after(_AT, text, start) else None


def _is_after(what: re.Pattern[str], text: str, start: int) -> bool:
    return what.search(text[max(start - _LOOK_BACK, 0) : start]) is not None
