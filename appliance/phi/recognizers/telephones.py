# ruff: noqa: E501 - an expression or a list is not cut in the middle
"""Telephone, fax and pager numbers.

North American numbers need ten digits in the usual groups, or a label; other countries need a leading ``+`` or a label.
"""

import re

from appliance.phi.findings import Kind
from appliance.phi.recognizers.rule import LabelledRule, PatternRule, Rule, exact, pattern

_EXTENSION = r"(?:[ ,;]{0,3}(?:x|ext\.?|extension|\#)[ :.]{0,2}\d{1,6})?"

_TEN_DIGITS = (
    r"(?:\+?1[ .-]{0,2})?(?:\(\d{3}\)[ .-]{0,3}|[2-9]\d{2}(?:[ ./]|[ ]?-[ ]?)|[01]\d{2}[.-])\d{3}(?:[ .]|[ ]?-[ ]?)\d{4}"
    rf"(?!\d){_EXTENSION}"
)
"""``(555) 123-4567``, ``+1 555.123.4567 ext. 12``; the exchange code may be fictional (``555-0123``)."""

_SCANNED = "[0-9OolISB]"
"""A digit, or a letter that a scanner reads for one."""

_LABELLED_DIGITS = pattern(
    r"[+(\d](?<![\w(+.].)(?:\d{0,4}\)?[ ./-]{0,2}\(?)(?:\d{1,5}\)?[ ./-]{0,2}\(?){0,4}\d{2,5}(?!\d)"
    rf"{_EXTENSION}(?![\w/])"
)
"""Any grouping suffices beside a label; `_is_labelled_phone` counts the digits."""

_BETWEEN = (
    r"\.?(?:[ \"'\[]{0,2}(?:[:=\#|>\n]|[ -]|\b(?:number|numbers|no|num|nr|is|at|on|to|line|me|him|her|them|us|the|home|cell"
    r"|mobile|work|office|and|or|of|was|has|for)\b\.?)){0,6}[ \"'\[]{0,2}\Z"
)
"""What people write between the label and the number."""

_PHONE_LABELS = pattern(
    r"\b(?:phones?|telephone|tel|cell|cellphone|mobile|pager|beeper|call|callback|contact|ph|landline|hotline|direct"
    r"|voicemail|text|sms|whatsapp|reach|reachable|dial|rings?|home|work|office|switchboard|msisdn|answer(?:ing|ed)?|messages?|registered)\b"
    + _BETWEEN
)

_FAX_LABELS = pattern(r"\b(?:fax|faxed|facsimile|telefax|efax|fx)\b" + _BETWEEN)

_EXTENSION_LABELS = pattern(
    r"\b(?:ext|extension|pager|beeper|pgr|voalte|vocera|spectralink)\b\.?[ :\#]{1,3}(?:number[ ]|no\.?[ ]|is[ ]){0,2}\Z"
)

_DIGITS = re.compile(r"\d")

_FEWEST, _MOST = 7, 15
"""Digits of a telephone number: local, and the longest by ITU-T E.164."""


def _is_labelled_phone(value: str) -> bool:
    bare = value.lower().partition("x")[0].partition("#")[0]
    return _FEWEST <= len(_DIGITS.findall(bare)) <= _MOST


def _is_scanned_phone(value: str) -> bool:
    return len(_DIGITS.findall(value)) >= _FEWEST


RULES: tuple[Rule, ...] = (
    PatternRule(
        name="phone",
        kind=Kind.PHONE,
        pattern=pattern(rf"(?<![\w+.-])(?P<value>{_TEN_DIGITS})(?!\w|-\d)"),
        score=0.85,
        gate=exact(r"\d{3}[ .-]{1,3}\d{4}"),
    ),
    PatternRule(
        name="phone-international",
        kind=Kind.PHONE,
        pattern=pattern(
            r"(?<![\w+])(?<!ndc[ ])(?<!ndc:[ ])(?<!ndc[ ]\#)(?P<value>(?:\+|\b00)[1-9]\d{0,2}[ .-]{0,2}\(?\d(?:[() ./-]{0,3}\d){6,13}"
            + _EXTENSION
            + r")(?!\w)"
        ),
        score=0.86,
        gate=exact(r"(?:\+|00)[1-9]"),
    ),
    LabelledRule(
        name="phone-labelled",
        kind=Kind.PHONE,
        value=_LABELLED_DIGITS,
        before=_PHONE_LABELS,
        score=0.84,
        check=_is_labelled_phone,
    ),
    PatternRule(
        name="phone-scanned",
        kind=Kind.PHONE,
        pattern=exact(
            rf"(?<![\w+.-])(?P<value>(?:\+?[1lI][ .-]?)?(?:\({_SCANNED}{{3}}\)|{_SCANNED}{{3}})[ .-]{{1,2}}{_SCANNED}{{3}}[ .-]"
            rf"{_SCANNED}{{4}})(?!\w)"
        ),
        score=0.8,
        check=_is_scanned_phone,
        gate=exact(rf"{_SCANNED}{{3}}[ .-]{_SCANNED}{{4}}"),
    ),
    PatternRule(
        name="phone-in-letters",
        kind=Kind.PHONE,
        pattern=exact(r"(?<![\w-])(?P<value>1-8\d\d-(?:[A-Z0-9]-?){7})(?![\w-])"),
        score=0.9,
        signs=("1-8",),
    ),
    LabelledRule(
        name="extension",
        kind=Kind.PHONE,
        value=exact(r"\d(?<![\w.,-].)\d{2,5}(?![\w-])"),
        before=_EXTENSION_LABELS,
        score=0.84,
        window=32,
    ),
    LabelledRule(
        name="fax",
        kind=Kind.FAX,
        value=_LABELLED_DIGITS,
        before=_FAX_LABELS,
        score=0.95,
        check=_is_labelled_phone,
    ),
    PatternRule(
        name="phone-before-label",
        kind=Kind.PHONE,
        pattern=pattern(
            r"(?P<value>[+(\d](?<![\w(+./-].)\d{1,5}\)?(?:[ ./-]{1,2}\d{2,5}){1,4})(?=[ ]?[-,(]?[ ]?(?:office|fax|mobile|cell|home|work"
            r"|phone|tel|direct|pager)\b)"
        ),
        score=0.84,
        check=_is_labelled_phone,
    ),
)
"""Rules for telephones."""
