"""Check digits of the identifiers that have one, for the tripwire alone.

A number whose check digit is right is an identifier with a probability that a bare shape never gives; one whose
check digit is wrong may be a count, so these sums decide what the tripwire refuses.  Written again and not shared
with the guard's recognizers: one slip in a sum must not open both doors.  Pure arithmetic; it keeps nothing.
"""

_NPI_PREFIX = "80840"
"""The card issuer prefix under which an NPI's check digit is computed (CMS, NPI check digit specification)."""

_VIN_VALUES = dict(
    zip("ABCDEFGHJKLMNPRSTUVWXYZ0123456789", map(int, "12345678123457923456789" + "0123456789"), strict=True)
)
"""What each letter counts (49 CFR 565.15, table III)."""

_VIN_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
"""The weight of each of the seventeen places; the ninth is the check digit itself (49 CFR 565.15, table IV)."""

_VIN_CHECK_PLACE = 8

_VERHOEFF_TURN = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)
"""The permutation that Verhoeff's scheme applies once more at each place."""

_SCTID_PARTITIONS = frozenset({"00", "01", "02", "10", "11", "12"})
"""The two digits before the check digit that say what a SNOMED CT identifier names (SNOMED TIG, 6.5)."""


def has_luhn(digits: str) -> bool:
    """Say whether the last digit is the Luhn check digit of the rest (ISO/IEC 7812-1, annex B)."""
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits))]
    return sum(value - 9 * (value > 9) for value in doubled) % 10 == 0  # noqa: PLR2004 - a digit


def is_npi(digits: str) -> bool:
    """Say whether ten digits are a National Provider Identifier."""
    return digits[0] in "12" and has_luhn(_NPI_PREFIX + digits)


def is_dea(number: str) -> bool:
    """Say whether two letters and seven digits are a DEA registration number."""
    digits = [int(digit) for digit in number[2:]]
    return (sum(digits[0:6:2]) + 2 * sum(digits[1:6:2])) % 10 == digits[6]


def is_vin(number: str) -> bool:
    """Say whether seventeen capital letters and digits are a vehicle identification number."""
    total = sum(_VIN_VALUES[letter] * weight for letter, weight in zip(number, _VIN_WEIGHTS, strict=True))
    return number[_VIN_CHECK_PLACE] == "0123456789X"[total % 11]


def is_iban(number: str) -> bool:
    """Say whether letters and digits are an international bank account number (ISO 13616, remainder 1 of 97)."""
    turned = number[4:] + number[:4]
    return int("".join(str(int(letter, 36)) for letter in turned)) % 97 == 1


def is_snomed(digits: str) -> bool:
    """Say whether digits are a SNOMED CT identifier: a public code, no person's number."""
    return digits[-3:-1] in _SCTID_PARTITIONS and _verhoeff(digits) == 0


def _verhoeff(digits: str) -> int:
    """Return zero for a number whose last digit is right (Verhoeff 1969, over the dihedral group of ten)."""
    check = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit)
        for _ in range(place % 8):
            value = _VERHOEFF_TURN[value]
        check = _turned(check, value)
    return check


def _turned(left: int, right: int) -> int:
    """Multiply two elements of the dihedral group: rotations are 0 to 4, reflections 5 to 9."""
    if left < 5:  # noqa: PLR2004 - the first reflection
        return (left + right) % 5 + 5 * (right > 4)  # noqa: PLR2004 - as above
    return (left - right) % 5 + 5 * (right < 5)  # noqa: PLR2004 - as above
