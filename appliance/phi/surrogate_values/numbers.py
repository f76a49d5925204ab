"""Draw a surrogate for a number or an address of the network: of the same form, and nobody's where such a range exists.

Telephone numbers end in 555-01xx (NANPA, for fiction) or begin with the country code 999, which is no country's; social
security numbers begin with 9 and have a group that no taxpayer number has (SSA POMS RM 10201.035, IRS Pub. 1915);
network addresses are those for documentation (RFC 5737, RFC 3849), hosts those of RFC 2606.
"""

import re
from collections.abc import Callable, Iterator

from appliance.phi.findings import Kind
from appliance.phi.surrogate_values.drawing import Drawing

_DIGIT = re.compile(r"\d")

EXTENSION = re.compile(r"(?:x|ext\.?|extension|#)[ .:]*(?P<digits>\d{1,6})$", re.IGNORECASE)

EXTENSION_LABEL = re.compile(r"[ ,;]*(?:x|ext\.?|extension|#)[ .:]*$", re.IGNORECASE)

_NOT_LOCAL = re.compile(r"[^\w.+-]")
"""What ends the local part of an address; in ``jo%40x.org`` the escape does."""

_NUMBER_DIGITS = 10
"""Digits of a North American number; with its country code one more, without its area code three fewer."""

_LOCAL_DIGITS = 7

_SSN_DIGITS = 9

_LAST_FOUR = 4

_PROVIDER_DIGITS = 10
"""Digits of a national provider identifier."""

_FICTIONAL_GROUPS = 49
"""Groups 01 to 49 under areas 900 to 999 are neither social security nor taxpayer numbers."""

_V4_BLOCKS = ("192.0.2", "198.51.100", "203.0.113")

_HOSTS = ("example.org", "example.com", "example.net")


def candidates(kind: Kind, original: str, drawing: Drawing) -> Iterator[str]:
    """Yield values that may stand for this one, without end; each has the original's form."""
    maker = _MAKERS.get(kind, _of_like_characters)
    while True:
        yield maker(original, drawing)


def mail_addresses(original: str, drawing: Drawing, known: Callable[[str], str | None]) -> Iterator[str]:
    """Yield addresses whose words are the surrogates of those that have one, without end."""
    words = re.split(r"([^\W\d_]+)", _NOT_LOCAL.split(original)[0] or "xxxx")
    while True:
        local = "".join((known(word.lower()) or _of_like_characters(word, drawing)).lower() for word in words)
        yield f"{local}@{_HOSTS[drawing.below(len(_HOSTS))]}"


def _of_like_characters(original: str, drawing: Drawing) -> str:
    value = "".join(map(drawing.like, original))
    return value if value[:1] != "0" else str(1 + drawing.below(9)) + value[1:]


def _license(original: str, drawing: Drawing) -> str:
    value = _of_like_characters(original, drawing)
    return _with_digits(value, _no_provider(_DIGIT.findall(value)))


def _no_provider(digits: list[str]) -> list[str]:
    """Break the check digit of a national provider identifier (Luhn over 80840 and the number)."""
    if len(digits) == _PROVIDER_DIGITS and _luhn([8, 0, 8, 4, 0, *map(int, digits)]) == 0:
        return [*digits[:-1], str((int(digits[-1]) + 1) % 10)]
    return digits


def _luhn(digits: list[int]) -> int:
    doubled = [digit if place % 2 == 0 else sum(divmod(2 * digit, 10)) for place, digit in enumerate(reversed(digits))]
    return sum(doubled) % 10


def _phone(original: str, drawing: Drawing) -> str:
    if any(map(str.isalpha, original)):
        return _of_like_characters(original, drawing)
    return _with_digits(original, _phone_digits(original, _DIGIT.findall(original), drawing))


def _phone_digits(number: str, given: list[str], drawing: Drawing) -> list[str]:
    drawn = [drawing.like(digit) for digit in given]
    line = ["5", "5", "5", "0", "1", *drawn[-2:]]
    area = [str(2 + drawing.below(8)), str(drawing.below(9)), str(drawing.below(10))]
    is_abroad = number.lstrip().startswith(("+", "00")) and len(given) != _NUMBER_DIGITS + 1
    if is_abroad:
        return [*"999", *drawn[3:]]
    match len(given):
        case 7:
            return line
        case 10:
            return [*area, *line]
        case 11:
            return [given[0] if given[0] == "1" else "9", *area, *line]
        case _:
            return drawn


def _ssn(original: str, drawing: Drawing) -> str:
    count = len(_DIGIT.findall(original))
    last = f"{2100 + drawing.below(7900):04}"
    if count != _SSN_DIGITS:
        return _with_digits(original, [*last[-count:]] if count <= _LAST_FOUR else [*map(drawing.like, "0" * count)])
    return _with_digits(original, [*f"9{drawing.below(100):02}{1 + drawing.below(_FICTIONAL_GROUPS):02}{last}"])


def _network_address(original: str, drawing: Drawing) -> str:
    if ":" in original:
        return f"2001:db8::{drawing.below(0xFFFF) + 1:x}:{drawing.below(0xFFFF) + 1:x}"
    return f"{_V4_BLOCKS[drawing.below(len(_V4_BLOCKS))]}.{1 + drawing.below(254)}"


def _web_address(original: str, drawing: Drawing) -> str:
    scheme = re.match(r"(?:[a-z]{2,6}://)?(?:www\.)?", original, re.IGNORECASE)
    host = _HOSTS[drawing.below(len(_HOSTS))]
    return f"{scheme[0] if scheme else ''}{host}/" + _of_like_characters("xxxxxxx", drawing)


def _with_digits(form: str, digits: list[str]) -> str:
    remaining = iter(digits)
    return _DIGIT.sub(lambda match: next(remaining, match[0]), form)


_MAKERS: dict[Kind, Callable[[str, Drawing], str]] = {
    Kind.PHONE: _phone,
    Kind.FAX: _phone,
    Kind.SSN: _ssn,
    Kind.IP: _network_address,
    Kind.URL: _web_address,
    Kind.LICENSE: _license,
}
