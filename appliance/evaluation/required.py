"""Which characters of a labelled place must be gone before the identifier counts as removed.

Every letter and digit, with three allowances that leave nothing of a person: a title before a name, the label word
before a number, and in a date the four-digit year, which Safe Harbor lets stay (45 CFR 164.514(b)(2)(i)(C)).
"""

import re

from appliance.evaluation.records import Span

_TITLE = re.compile(r"^(?:(?:dr|mr|mrs|ms|miss|prof|professor|doctor|nurse|rn)\b\.?\s*)+", re.IGNORECASE)
_LABEL = re.compile(
    r"^(?:(?:patient|site|study|case|medical|record|member|policy|subscriber|account|acct|mrn|mr|ssn|npi|dea|id|no|number"
    r"|hpbn|ins|phone|fax|email|tel|cell)\b[\s:#.\-]*)+|^(?:MRN|HPBN|ACCT|MR-|INS-)(?=\d)",
    re.IGNORECASE,
)
_YEAR = re.compile(r"(?<!\d)(?:1[89]|20)\d\d(?!\d)")
_NUMBERED = frozenset(
    {
        "MRN", "HEALTH_PLAN", "ACCOUNT", "SSN", "PHONE", "FAX", "OTHER_ID", "LICENSE", "DEVICE", "VEHICLE", "BIOMETRIC",
    }
)  # fmt: skip
"""Types that are written with a label word before a number."""


def characters(text: str, span: Span) -> list[int]:
    """Return the offsets of the letters and digits of a labelled place."""
    return [at for at in range(span.start, span.end) if text[at].isalnum()]


def required(text: str, span: Span) -> list[int]:
    """Return the offsets that must be covered; all letters and digits where the allowances would leave none."""
    everything = characters(text, span)
    allowed = _allowed(text[span.start : span.end], span.type)
    return [at for at in everything if at - span.start not in allowed] or everything


def _allowed(value: str, kind: str) -> set[int]:
    if kind == "NAME":
        title = _TITLE.match(value)
        return set(range(title.end())) if title and title.end() < len(value) else set()
    if kind in _NUMBERED:
        label = _LABEL.match(value)
        return set(range(label.end())) if label and any(map(str.isdigit, value[label.end() :])) else set()
    if kind == "DATE":
        return {at for year in _YEAR.finditer(value) for at in range(*year.span())}
    return set()
