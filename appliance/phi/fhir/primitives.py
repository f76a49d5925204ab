"""Check that a JSON value is what R4 says that a primitive type holds.

Only the JSON type and what a rule relies on are checked: the appliance is no validator.  What fails is refused, because
a value of the wrong type is one that no rule of the table was written for.
"""

import math
import re
from decimal import Decimal

NUMBERS = frozenset({"decimal"})
"""JSON numbers with or without a fraction."""

WHOLE_NUMBERS = frozenset({"integer", "positiveInt", "unsignedInt"})
"""JSON numbers without a fraction."""

SHORTEST_IDENTIFIER = 9
"""Digits of a whole number from which on it may be a social security or a telephone number."""

MOST_MEASURED = 6
"""Digits before the trailing zeros of a number that somebody counted, such as 1200000000 copies."""

LARGEST_MEASURED = 10**30
"""More than anybody measures; beyond it Python's own conversions fail."""

_TIME = re.compile(r"\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?")

_HALF = re.compile("[\ud800-\udfff]")
"""No UTF-8 can hold it, so it cannot be sent."""


def wrong_with(value: object, kind: str) -> str:
    """Return what is wrong with a value of the primitive type `kind`, or nothing."""
    if kind == "boolean":
        return "" if isinstance(value, bool) else "is not true or false"
    if kind in WHOLE_NUMBERS:
        return "" if isinstance(value, int) and not isinstance(value, bool) else "is not a whole number"
    if kind in NUMBERS:
        return "" if _is_number(value) else "is not a number"
    if not isinstance(value, str):
        return "is not a string"
    if _HALF.search(value):
        return "holds half a character (a lone surrogate)"
    return "is not a time of day" if kind == "time" and not _TIME.fullmatch(value) else ""


def is_like_an_identifier(value: object) -> bool:
    """Tell whether a number could be one that stands for a person, such as a social security number."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return False
    if not -LARGEST_MEASURED < value < LARGEST_MEASURED:
        return True
    if value != int(value):
        return False
    digits = str(abs(int(value)))
    return len(digits) >= SHORTEST_IDENTIFIER and len(digits.rstrip("0")) > MOST_MEASURED


def _is_number(value: object) -> bool:
    if isinstance(value, bool):
        return False
    if isinstance(value, Decimal):
        return value.is_finite()
    return isinstance(value, int) or (isinstance(value, float) and math.isfinite(value))
