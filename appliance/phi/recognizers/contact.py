"""Ways to reach a person: telephone, fax, e-mail, web and network addresses, and ZIP codes.

North American numbers need ten digits in the usual groups, or a label; other countries need a leading ``+``.
"""

import ipaddress

from appliance.phi.blocks import STATES
from appliance.phi.findings import Kind
from appliance.phi.recognizers.rule import Rule, pattern

_TEN_DIGITS = (
    r"(?:\+?1[ .-]?)?(?:\([2-9]\d{2}\)[ .-]?|[2-9]\d{2}[ .-])\d{3}[ .-]\d{4}"
    r"(?:[ ]{0,2}(?:x|ext\.?)[ ]{0,2}\d{1,6})?"
)
"""``(555) 123-4567``, ``+1 555.123.4567 ext. 12``; the exchange code may be fictional (``555-0123``)."""

_LABELLED_DIGITS = r"(?:\+?1[ .-]?)?(?:\(\d{3}\)[ ]?|\d{3}[ .-]?)?\d{3}[ .-]?\d{4}(?!\d)"
"""Seven or more digits suffice beside a label."""

_COLON = r"(?:[ ]{0,2}(?:number|no\.?|\#|is|at|:)){0,3}[ ]{0,2}"


_STATES = "|".join(sorted(STATES))


def _is_address(value: str) -> bool:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return True


RULES: tuple[Rule, ...] = (
    Rule(
        name="phone",
        kind=Kind.PHONE,
        pattern=pattern(rf"(?<![\w(+-])(?P<value>{_TEN_DIGITS})(?!\w)"),
        score=0.85,
    ),
    Rule(
        name="phone-international",
        kind=Kind.PHONE,
        pattern=pattern(r"(?<![\w+])(?P<value>\+\d{1,3}[ .-]?\d[\d .-]{5,16}\d)(?!\w)"),
        score=0.8,
    ),
    Rule(
        name="phone-labelled",
        kind=Kind.PHONE,
        pattern=pattern(
            rf"\b(?:phone|telephone|tel\.?|cell|mobile|pager|call|contact){_COLON}(?P<value>{_LABELLED_DIGITS})"
        ),
        score=0.84,
    ),
    Rule(
        name="fax",
        kind=Kind.FAX,
        pattern=pattern(rf"\b(?:fax|facsimile){_COLON}(?P<value>{_LABELLED_DIGITS})"),
        score=0.95,
    ),
    Rule(
        name="email",
        kind=Kind.EMAIL,
        pattern=pattern(r"(?<![\w.+%-])(?P<value>[\w.+%-]{1,64}@[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){1,6})(?![\w-])"),
        score=0.97,
    ),
    Rule(
        name="url",
        kind=Kind.URL,
        pattern=pattern(r"(?<![\w@])(?P<value>(?:(?:https?|ftp)://|www\.)[a-z0-9][^\s<>\"'\]\[{}|\\^`]{1,500}[\w/])"),
        score=0.95,
    ),
    Rule(
        name="ipv4",
        kind=Kind.IP,
        pattern=pattern(r"(?<![\w.])(?P<value>\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3})(?![\w]|\.\d)"),
        score=0.9,
        check=_is_address,
    ),
    Rule(
        name="ipv6",
        kind=Kind.IP,
        pattern=pattern(r"(?<![\w:.])(?P<value>[0-9a-f]{0,4}:[0-9a-f]{0,4}:[0-9a-f:.]{0,36})(?![\w:])"),
        score=0.9,
        check=lambda value: value.count(":") > 1 and any(part for part in value.split(":")) and _is_address(value),
    ),
    Rule(
        name="zip",
        kind=Kind.LOCATION,
        pattern=pattern(
            rf"(?:\b(?:zip|zip[ ]code|postal[ ]code)[ :]{{1,3}}|\b(?-i:{_STATES})[ ]{{1,2}})"
            r"(?P<value>\d{5}(?:-\d{4})?)(?![\w-])"
        ),
        score=0.85,
    ),
)
"""Rules for ways to reach a person."""
