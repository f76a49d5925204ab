"""Ways to reach a person: telephone, fax, e-mail, web and network addresses.

North American numbers need ten digits in the usual groups, or a label; other countries need a leading ``+`` or a label.
"""

import ipaddress
import re

from appliance.phi.findings import Kind
from appliance.phi.recognizers.rule import PatternRule, Rule, exact, pattern

_EXTENSION = r"(?:[ ,;]{0,3}(?:x|ext\.?|extension|\#)[ :.]{0,2}\d{1,6})?"

_TEN_DIGITS = (
    r"(?:\+?1[ .-]{0,2})?(?:\([2-9]\d{2}\)[ .-]{0,3}|[2-9]\d{2}(?:[ ./]|[ ]?-[ ]?))\d{3}(?:[ .]|[ ]?-[ ]?)\d{4}"
    rf"(?!\d){_EXTENSION}"
)
"""``(555) 123-4567``, ``+1 555.123.4567 ext. 12``; the exchange code may be fictional (``555-0123``)."""

_SCANNED = "[0-9OolISB]"

_LABELLED_DIGITS = r"(?:\+\d{1,3}[ .-]?)?(?:\(?\d{1,5}\)?[ ./-]{0,2}){1,5}\d{2,4}(?!\d)" + _EXTENSION
"""Any grouping suffices beside a label; `_is_labelled_phone` counts the digits."""

_BETWEEN = (
    r"(?:[ \"'(\[]{0,2}(?:[:=\#|>]|[ -]|\b(?:number|numbers|no|num|nr|is|at|on|to|line|me|him|her|them|us|the|home|cell|mobile"
    r"|work|office|and|or|of|was|has|for)\b\.?)){0,6}[ \"'(\[]{0,2}"
)
"""What people write between the label and the number."""

_PHONE_LABELS = (
    r"phones?|telephone|tel|cell|cellphone|mobile|pager|beeper|call|call[ ]back|callback|contact|ph|phn|landline|hotline|direct"
    r"|voicemail|text|sms|whatsapp|reach|reachable|dial|rings?|home|work|office|switchboard|emergency[ ]contact|msisdn"
)

_DIGITS = re.compile(r"\d")

_FEWEST, _MOST = 7, 15
"""Digits of a telephone number: local, and the longest by ITU-T E.164."""

_TOP_LEVEL = (
    "com|org|net|edu|gov|mil|int|info|biz|io|co|us|uk|ca|au|de|fr|es|it|nl|health|care|clinic|hospital|doctor|med|app|dev|me|tv"
    "|ai|cloud|online|site|eu|in|jp|cn|br|mx|ch|se|no|dk|fi|ie|nz|za|pl|be|at|pt|ru|example|test|local|internal"
)
"""Ends of names that are written without ``http``; no list is fetched."""


def _is_address(value: str) -> bool:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return True


def _is_network(value: str) -> bool:
    """Accept an address of version 6, so not every time of day with colons."""
    return value.count(":") > 1 and any(value.split(":")) and _is_address(value.partition("%")[0])


def _is_labelled_phone(value: str) -> bool:
    bare = value.lower().partition("x")[0]
    return _FEWEST <= len(_DIGITS.findall(bare.partition("#")[0])) <= _MOST and "." not in bare.strip(".")[-3:]


RULES: tuple[Rule, ...] = (
    PatternRule(
        name="phone",
        kind=Kind.PHONE,
        pattern=pattern(rf"(?<![\w(+.-])(?P<value>{_TEN_DIGITS})(?!\w|-\d)"),
        score=0.85,
    ),
    PatternRule(
        name="phone-international",
        kind=Kind.PHONE,
        pattern=pattern(
            rf"(?<![\w+])(?P<value>(?:\+|\b00)[1-9]\d{{0,2}}[ .-]{{0,2}}\(?\d(?:[() ./-]{{0,3}}\d){{6,13}}{_EXTENSION})(?!\w)"
        ),
        score=0.86,
        signs=("+", "00"),
    ),
    PatternRule(
        name="phone-labelled",
        kind=Kind.PHONE,
        pattern=pattern(rf"\b(?:{_PHONE_LABELS})\b\.?{_BETWEEN}(?P<value>{_LABELLED_DIGITS})(?![\w/])"),
        score=0.84,
        check=_is_labelled_phone,
    ),
    PatternRule(
        name="phone-scanned",
        kind=Kind.PHONE,
        pattern=exact(
            rf"(?<![\w(+.-])(?P<value>(?:\+?[1lI][ .-]?)?\(?{_SCANNED}{{3}}\)?[ .-]{{1,2}}{_SCANNED}{{3}}[ .-]{_SCANNED}{{4}})(?!\w)"
        ),
        score=0.8,
        check=lambda value: len(_DIGITS.findall(value)) >= _FEWEST,
    ),
    PatternRule(
        name="phone-in-letters",
        kind=Kind.PHONE,
        pattern=exact(r"(?<![\w-])(?P<value>1-8\d\d-(?:[A-Z0-9]-?){7})(?![\w-])"),
        score=0.9,
        signs=("1-8",),
    ),
    PatternRule(
        name="extension",
        kind=Kind.PHONE,
        pattern=pattern(
            r"\b(?:ext|extension|pager|beeper|pgr|voalte|vocera|spectralink)\b\.?[ :\#]{1,3}(?:number[ ]|no\.?[ ]|is[ ]){0,2}(?P<value>\d{3,6})(?![\w-])"
        ),
        score=0.84,
    ),
    PatternRule(
        name="fax",
        kind=Kind.FAX,
        pattern=pattern(
            rf"\b(?:fax|faxed|facsimile|telefax|efax|fx)\b\.?{_BETWEEN}(?P<value>{_LABELLED_DIGITS})(?![\w/])"
        ),
        score=0.95,
        check=_is_labelled_phone,
    ),
    PatternRule(
        name="email",
        kind=Kind.EMAIL,
        pattern=pattern(
            r"(?<![\w.+%-])(?P<value>[\w.+%'-]{1,64}[ ]?(?:@|\[at\]|\(at\)|\{at\})[ ]?[a-z0-9-]{1,63}(?:[ ]?(?:\.|\[dot\]|\(dot\))[ ]?[a-z0-9-]{1,63}){1,6})(?![\w-])"
        ),
        score=0.98,
        signs=("@", "[at]", "(at)", "{at}", "[AT]", "(AT)"),
    ),
    PatternRule(
        name="email-in-words",
        kind=Kind.EMAIL,
        pattern=pattern(
            r"\b(?P<value>[\w.+-]{2,64}(?:[ ](?:dot|underscore|dash|period)[ ][\w+-]{1,64}){0,3}[ ]at[ ][a-z0-9-]{2,63}[ ]?(?:[ ]dot[ ]|\.)[ ]?"
            r"(?:com|org|net|edu|gov|co|io|us|health)(?:[ ]dot[ ][a-z]{2,3})?)\b"
        ),
        score=0.9,
        signs=(" at ", " AT "),
    ),
    PatternRule(
        name="url",
        kind=Kind.URL,
        pattern=pattern(
            r"(?<![\w@])(?P<value>(?:(?:https?|s?ftps?|file|wss?|ldap|smb)://|www\.)[a-z0-9\[][^\s<>\"'|\\^`]{1,500}?)(?=[.,;:!?)\]}]{0,4}(?:[\s<>\"'|\\^`]|\Z))"
        ),
        score=0.97,
        signs=("://", "www.", "WWW."),
    ),
    PatternRule(
        name="url-bare",
        kind=Kind.URL,
        pattern=pattern(
            rf"(?<![\w@.-])(?P<value>(?:[a-z0-9-]{{1,63}}\.){{1,5}}(?:{_TOP_LEVEL})(?::\d{{2,5}})?/[^\s<>\"'|\\^`]{{1,400}}?)(?=[.,;:!?)\]}}]{{0,4}}(?:[\s<>\"'|\\^`]|\Z))"
        ),
        score=0.9,
        signs=("/",),
    ),
    PatternRule(
        name="domain",
        kind=Kind.URL,
        pattern=exact(
            r"(?<![\w@.-])(?P<value>(?:[a-z0-9-]{2,63}\.){1,4}(?:com|org|net|edu|gov|info|health|clinic|hospital))(?![\w@-]|\.\w)"
        ),
        score=0.75,
        signs=(".com", ".org", ".net", ".edu", ".gov", ".info", ".health", ".clinic", ".hospital"),
    ),
    PatternRule(
        name="account-handle",
        kind=Kind.OTHER_ID,
        pattern=exact(r"(?<![\w@.])(?P<value>@[A-Za-z_]\w{2,30})(?![\w@.]*@)"),
        score=0.6,
        signs=("@",),
    ),
    PatternRule(
        name="ipv4",
        kind=Kind.IP,
        pattern=pattern(r"(?<![\w.])(?P<value>\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3})(?!\w|\.\d)"),
        score=0.9,
        check=_is_address,
    ),
    PatternRule(
        name="ipv6",
        kind=Kind.IP,
        pattern=pattern(r"(?<![\w:.])(?P<value>[0-9a-f]{0,4}:[0-9a-f]{0,4}:[0-9a-f:.]{0,36}(?:%\w{1,12})?)(?![\w:])"),
        score=0.9,
        check=_is_network,
        signs=(":",),
    ),
)
"""Rules for ways to reach a person."""
