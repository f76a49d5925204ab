"""Ways to reach a person by wire: e-mail, web and network addresses.

No list of domains is fetched: an address is known by its form.  Telephones stand in `telephones`.
"""

import ipaddress

from appliance.phi.findings import Kind
from appliance.phi.recognizers.rule import PatternRule, Rule, exact, pattern

_TOP_LEVEL = (
    "com|org|net|edu|gov|mil|int|info|biz|io|co|us|uk|ca|au|de|fr|es|it|nl|health|care|clinic|hospital|doctor|med|app"
    "|dev|me|tv|ai|cloud|online|site|eu|in|jp|cn|br|mx|ch|se|no|dk|fi|ie|nz|za|pl|be|at|pt|ru|example|test|local|internal"
)
"""Ends of names that are written without ``http``."""

_URL_END = r"(?=[.,;:!?)\]}]{0,4}(?:[\s<>\"'|\\^`]|\Z))"
"""A full stop or bracket after an address belongs to the sentence."""


def _is_address(value: str) -> bool:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return True


def _is_network(value: str) -> bool:
    """Accept an address of version 6, so not every time of day with colons."""
    return value.count(":") > 1 and any(value.split(":")) and _is_address(value.partition("%")[0])


RULES: tuple[Rule, ...] = (
    PatternRule(
        name="email",
        kind=Kind.EMAIL,
        pattern=pattern(
            r"(?<![\w.+%-])(?P<value>[\w.+%'-]{1,64}(?:@|[ ]?(?:\[at\]|\(at\)|\{at\})[ ]?|[ ]@[ ])"
            r"(?:[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){0,5}\.[a-z][a-z0-9-]{1,62}"
            r"|(?:[a-z0-9-]{1,63}(?:[ ]?(?:\[dot\]|\(dot\)|\{dot\})[ ]?|[ ]\.[ ]|\.)){1,5}"
            rf"(?-i:{_TOP_LEVEL})\b))(?![\w-])"
        ),
        score=0.98,
        signs=("@", "[at]", "(at)", "{at}", "[AT]", "(AT)"),
    ),
    PatternRule(
        name="email-in-words",
        kind=Kind.EMAIL,
        pattern=pattern(
            r"\b(?P<value>[\w.+-]{2,64}(?:[ ](?:dot|underscore|dash|period)[ ][\w+-]{1,64}){0,3}[ ]at[ ][a-z0-9-]{2,63}"
            r"[ ]?(?:[ ]dot[ ]|\.)[ ]?(?:com|org|net|edu|gov|co|io|us|health)(?:[ ]dot[ ][a-z]{2,3})?)\b"
        ),
        score=0.9,
        gate=pattern(r"[ ]at[ ][a-z0-9-]{2,63}[ ]?(?:[ ]dot[ ]|\.[ ]?[cogneiu])"),
    ),
    PatternRule(
        name="url",
        kind=Kind.URL,
        pattern=pattern(
            r"(?<![\w@])(?P<value>(?:(?:https?|s?ftps?|file|wss?|ldap|smb)://|www\.)[a-z0-9\[][^\s<>\"'|\\^`]{1,500}?)"
            + _URL_END
        ),
        score=0.97,
        signs=("://", "www.", "WWW."),
    ),
    PatternRule(
        name="url-bare",
        kind=Kind.URL,
        pattern=pattern(
            rf"(?<![\w@.-])(?P<value>(?:[a-z0-9-]{{1,63}}\.){{1,5}}(?:{_TOP_LEVEL})(?::\d{{2,5}})?/[^\s<>\"'|\\^`]{{1,400}}?)"
            + _URL_END
        ),
        score=0.9,
        gate=pattern(r"\.[a-z]{2,10}(?::\d{2,5})?/"),
    ),
    PatternRule(
        name="domain",
        kind=Kind.URL,
        pattern=exact(
            r"(?<![\w@.-])(?P<value>(?:[a-z0-9-]{2,63}\.){1,4}(?:com|org|net|edu|gov|info|health|clinic|hospital))"
            r"(?![\w@-]|\.\w)"
        ),
        score=0.75,
        gate=exact(r"\.(?:com|org|net|edu|gov|info|health|clinic|hospital)(?!\w)"),
    ),
    PatternRule(
        name="account-handle",
        kind=Kind.OTHER_ID,
        pattern=exact(r"(?P<value>@(?<![\w@.].)[A-Za-z_]\w{2,30})(?![\w@.]*@)"),
        score=0.6,
        signs=("@",),
    ),
    PatternRule(
        name="ipv4",
        kind=Kind.IP,
        pattern=exact(r"(?P<value>\d(?<![\w.].)\d{0,2}\.\d{1,3}\.\d{1,3}\.\d{1,3})(?!\w|\.\d)"),
        score=0.9,
        check=_is_address,
    ),
    PatternRule(
        name="ipv6",
        kind=Kind.IP,
        pattern=pattern(r"(?<![\w:.])(?P<value>[0-9a-f]{0,4}:[0-9a-f]{0,4}:[0-9a-f:.]{0,36}(?:%\w{1,12})?)(?![\w:])"),
        score=0.9,
        check=_is_network,
        gate=pattern(r":[0-9a-f]{0,4}:"),
    ),
)
"""Rules for addresses on the wire."""
