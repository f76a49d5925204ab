"""Check that a JSON value is what R4 says that a primitive type holds.

Only the JSON type and what a rule relies on are checked: the appliance is no validator.  What fails is refused, because
a value of the wrong type is one that no rule of the table was written for.
"""

import math
from decimal import Decimal

NUMBERS = frozenset({"decimal"})
"""JSON numbers with or without a fraction."""

WHOLE_NUMBERS = frozenset({"integer", "positiveInt", "unsignedInt"})
"""JSON numbers without a fraction."""

Scalar = str | bool | int | float | Decimal
"""What a primitive element holds in Python; a caller may have parsed decimals exactly."""


def wrong_with(value: object, kind: str) -> str:
    """Return what is wrong with a value of the primitive type `kind`, or nothing."""
    if kind == "boolean":
        return "" if isinstance(value, bool) else "is not true or false"
    if kind in WHOLE_NUMBERS:
        return "" if isinstance(value, int) and not isinstance(value, bool) else "is not a whole number"
    if kind in NUMBERS:
        return "" if _is_number(value) else "is not a number"
    return "" if isinstance(value, str) else "is not a string"


def _is_number(value: object) -> bool:
    if isinstance(value, bool):
        return False
    return isinstance(value, int) or (isinstance(value, float | Decimal) and math.isfinite(value))
