"""Every way to write a known number: with and without separators, prefix, leading zeros, country code.

Each form is a run of letters and digits.  A value that is too short to stand alone counts beside a label only, and the
last four digits only where the text says that they are.
"""

import re
from collections.abc import Iterator

from appliance.phi.findings import Kind
from appliance.phi.forms.form import Form, Need
from appliance.phi.forms.plain import plain, squeezed

SHORTEST_ALONE = 5
"""Fewer letters and digits are a dose, a year or a room more often than an identifier."""

_LAST = 4
"""How many digits people name when they name the last ones."""

_DIGITS = re.compile(r"\d+")

_EXTENSION = re.compile(r"[\s,;]*(?:x|ext\.?|extension|#)\s*\d{1,6}\s*\Z", re.IGNORECASE)

_NORTH_AMERICAN = 10
"""Digits of a telephone number with its area code (NANP)."""

_LOCAL = 7
"""The same without the area code."""

_COUNTRY_CODES = range(1, 4)
"""How many digits a country code has (ITU-T E.164)."""

_SHORTEST_PHONE = 7


def number_forms(value: str, kind: Kind) -> Iterator[tuple[str, Form]]:
    """Yield the runs that stand for an identifier of digits, or of letters and digits."""
    run = squeezed(value)
    if not run:
        return
    name = f"known_{kind.value.lower()}"
    for each in sorted(_spellings(run)):
        yield each, Form(kind=kind, recognizer=name, need=_need(each))
    digits = "".join(_DIGITS.findall(run))
    if len(digits) >= SHORTEST_ALONE:
        yield digits[-_LAST:], Form(kind=kind, recognizer=f"{name}_last_four", score=0.95, need=Need.LAST_FOUR)


def phone_forms(value: str, kind: Kind) -> Iterator[tuple[str, Form]]:
    """Yield the runs that stand for a telephone or fax number, without its extension."""
    bare = _EXTENSION.sub("", value)
    digits = "".join(_DIGITS.findall(plain(bare)))
    name = f"known_{kind.value.lower()}"
    for run in sorted(_dialled(digits, is_international=bare.strip().startswith("+"))):
        yield run, Form(kind=kind, recognizer=name)
    if len(digits) >= _SHORTEST_PHONE:
        yield digits[-_LAST:], Form(kind=kind, recognizer=f"{name}_last_four", score=0.95, need=Need.LAST_FOUR)


def _spellings(run: str) -> set[str]:
    """Return the run, and its digits without a prefix of letters and without leading zeros."""
    runs = {run, run.lstrip("0")}
    bare = re.sub(r"\A[a-z]+", "", run)
    if bare.isdigit() and len(bare.lstrip("0")) >= SHORTEST_ALONE:
        runs |= {bare, bare.lstrip("0")}
    return {each for each in runs if each}


def _need(run: str) -> Need:
    is_enough = len(run) >= SHORTEST_ALONE and any(map(str.isdigit, run))
    return Need.NOTHING if is_enough else Need.LABEL


def _dialled(digits: str, *, is_international: bool) -> set[str]:
    national = digits[1:] if len(digits) == _NORTH_AMERICAN + 1 and digits.startswith("1") else digits
    runs = {digits, national}
    if len(national) == _NORTH_AMERICAN:
        runs |= {f"1{national}", f"001{national}", national[-_LOCAL:]}
    elif is_international:
        runs |= {f"00{digits}", *(digits[length:].lstrip("0") for length in _COUNTRY_CODES)}
    return {run for run in runs if len(run) >= _SHORTEST_PHONE}
