"""Move days, hide births of more than 89 years ago, and hide ages above 89 (45 CFR 164.514(b)(2)(i)(C)).

A date goes to its surrogate without its time of day, which comes back behind it where the surrogate is still a day.
What is returned is a date of FHIR or nothing: a tag such as ``[DATE-1]`` cannot stand in a field for dates.
"""

import re
from decimal import Decimal

from appliance.phi.fhir.scene import Scene
from appliance.phi.findings import Kind

OLDEST = 89
"""The last age that may leave as it is."""

YEARS_PER_UNIT = {
    **dict.fromkeys(("a", "yr", "yrs", "y", "year", "years", "years old", "a_j", "a_g", "a_t"), 1.0),
    **dict.fromkeys(("mo", "month", "months", "mo_j", "mo_g", "mo_s"), 1 / 12),
    **dict.fromkeys(("wk", "week", "weeks"), 7 / 365.25),
    **dict.fromkeys(("d", "day", "days"), 1 / 365.25),
}
"""Units in which an age may be written: UCUM's and the plain words."""

_DATE = re.compile(r"(\d{4}(?:-\d{2}){0,2})(T[0-9:.]{5,18}(?:Z|[+-]\d{2}:\d{2})?)?")
_WHOLE_DAY = 10
"""Characters of ``2026-03-04``."""


def moved(value: str, scene: Scene) -> str | None:
    """Return a date, dateTime or instant with its day replaced, or nothing where the surrogate is no date.

    Days more than 89 years ago tell an age above 89, so they all become one year: that in which people turned 90.
    """
    match = _DATE.fullmatch(value)
    if match is None:
        scene.place.refuse("is not a date as FHIR R4 writes it")
    day, time = match[1], match[2] or ""
    turned_90 = f"{scene.today.year - OLDEST - 1:04}{scene.today:-%m-%d}"
    if day <= turned_90[: len(day)]:
        return None if scene.element.type == "instant" else turned_90[:4]
    surrogate = scene.replace(Kind.DATE, day)
    if not _DATE.fullmatch(surrogate) or "T" in surrogate:
        return None
    if len(surrogate) == _WHOLE_DAY:
        return surrogate + time
    return None if scene.element.type == "instant" else surrogate


def without_high_age(quantity: dict[str, object], *, is_age: bool) -> dict[str, object]:
    """Return a quantity, as 90 or more where it is a time of more than 89 years."""
    value, factor = quantity.get("value"), _years_in(quantity, is_age=is_age)
    if not isinstance(value, int | float | Decimal) or float(value) * factor < OLDEST + 1:
        return quantity
    return quantity | {"value": round((OLDEST + 1) / factor), "comparator": ">="}


def _years_in(quantity: dict[str, object], *, is_age: bool) -> float:
    for name in ("code", "unit"):
        unit = quantity.get(name)
        if isinstance(unit, str) and unit.strip().casefold() in YEARS_PER_UNIT:
            return YEARS_PER_UNIT[unit.strip().casefold()]
    return 1.0 if is_age and not quantity.get("code") and not quantity.get("unit") else 0.0
