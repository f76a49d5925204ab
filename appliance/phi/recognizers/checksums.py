"""The arithmetic of identifiers that carry a check digit, so that a number of the right length is not enough.

Each function takes a value as it was written and says whether it can be such an identifier; none raises.
"""

import re
from itertools import cycle

_NOT_ALPHANUMERIC = re.compile(r"[^A-Za-z0-9]+")

_NPI_PREFIX = "80840"
"""Issuer that the check digit of an NPI covers (CMS, NPI check digit specification)."""

_VIN_VALUES = dict(zip("ABCDEFGHJKLMNPRSTUVWXYZ", (1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 7, 9, 2, 3, 4, 5, 6, 7, 8, 9),
                       strict=True))  # fmt: skip
_VIN_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
"""Weights and values of letters in a vehicle identification number (49 CFR 565.15)."""

_AREAS_NEVER_ISSUED = ("000", "666")
"""Social Security Administration, POMS RM 10201.035."""


def plain(value: str) -> str:
    """Return letters and digits only, in capitals."""
    return _NOT_ALPHANUMERIC.sub("", value).upper()


def can_be_ssn(value: str) -> bool:
    """Say whether such a number is ever issued; numbers from 900 on are taxpayer numbers and count."""
    digits = plain(value)
    return digits[:3] not in _AREAS_NEVER_ISSUED and digits[3:5] != "00" and digits[5:] != "0000"


def is_luhn(value: str) -> bool:
    """Say whether the last digit is right by Luhn's sum (ISO/IEC 7812-1, annex B)."""
    digits = [int(each) for each in reversed(plain(value)) if each.isdigit()]
    weighed = (digit * weight for digit, weight in zip(digits, cycle((1, 2)), strict=False))
    return bool(digits) and sum(each - 9 * (each > 9) for each in weighed) % 10 == 0  # noqa: PLR2004 - a digit's end


def is_npi(value: str) -> bool:
    """Say whether ten digits are a national provider identifier."""
    return value[:1] in {"1", "2"} and is_luhn(_NPI_PREFIX + value)


def is_dea(value: str) -> bool:
    """Say whether two letters and seven digits are a registration of the Drug Enforcement Administration."""
    digits = [int(each) for each in value[-7:]]
    return (sum(digits[:6:2]) + 2 * sum(digits[1:6:2])) % 10 == digits[6]


def is_vin(value: str) -> bool:
    """Say whether seventeen characters have the check digit of a North American vehicle."""
    values = [int(each) if each.isdigit() else _VIN_VALUES.get(each, 0) for each in value.upper()]
    remainder = sum(each * weight for each, weight in zip(values, _VIN_WEIGHTS, strict=True)) % 11
    return value[8].upper() == "0123456789X"[remainder]


def is_iban(value: str) -> bool:
    """Say whether this is an account number by the check of ISO 13616."""
    account = plain(value)
    return int("".join(str(int(each, 36)) for each in account[4:] + account[:4])) % 97 == 1
