"""What looks like an identifier, by expressions of the tripwire's own.

The guard has replaced everything that it found, so what still has such a shape here is a surrogate of this exchange
or a leak; the shapes are therefore plain and certain rather than clever.  Nothing here is shared with
`phi.recognizers`: the two sets MUST be able to fail apart.  Every expression is bounded and runs in linear time, and
where it can it begins with the characters that it starts at and looks behind them after: that is four times as fast.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from appliance.broker.tripwire_checks import has_luhn, is_dea, is_iban, is_npi, is_vin
from appliance.broker.tripwire_doubts import (
    is_address,
    is_day,
    is_foreign_host,
    is_long_number,
    is_no_public_code,
    is_no_year,
)
from appliance.phi.findings import Kind

REACH = 320
"""No rule reads further than this past the place where its match starts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """One shape of identifier."""

    kind: Kind
    pattern: re.Pattern[str]
    """The group ``v`` is the value where the match is more than it."""

    accepts: Callable[[re.Match[str]], bool] | None = None
    """Says no to a match that is something else after all."""

    needs: str = ""
    """Characters without which there is no match; finding none of them is much cheaper than the expression."""

    def values(self, text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Yield the place of each value whose match begins in this part of the text."""
        if self.needs and text.find(self.needs, start, end + REACH) < 0:
            return
        group = "v" if "v" in self.pattern.groupindex else 0
        for match in self.pattern.finditer(text, start, min(len(text), end + REACH)):
            if match.start() >= end:
                return
            if self.accepts is None or self.accepts(match):
                yield match.span(group)


def _shape(
    kind: Kind, pattern: str, accepts: Callable[[re.Match[str]], bool] | None = None, *, needs: str = ""
) -> Shape:
    return Shape(kind=kind, pattern=re.compile(pattern, re.DOTALL), accepts=accepts, needs=needs)


def _labelled(kind: Kind, labels: str) -> Shape:
    """Return the shape of an identifier of four letters and digits or more, the first digit early, by its label."""
    joint = r"[\s\"'=:#.()\[-]{0,6}(?:(?:is|was|number|num|no|nr|id|code|value)\b[\s\"'=:#.()-]{0,4}){0,3}"
    value = r"(?P<v>(?=[A-Z-]{0,8}\d)[A-Z0-9][A-Z0-9-]{2,30}[A-Z0-9])(?![A-Z0-9])"
    return _shape(kind, rf"(?i)\b(?:{labels}){joint}{value}", is_no_year)


_NUMBER = r" ?(?:no|num|number|id|#)"
_MONTH = (
    r"(?:January|February|March|April|May|June|July|August|September|October|November|December"
    r"|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\.?"
)
_YEAR = r"(?:18|19|20)\d\d"
_STATE = (
    r"(?:A[LKZR]|C[AOT]|D[CE]|FL|GA|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]|O[HKR]|P[AR]|RI|S[CD]|T[NX]|UT|V[AT]"
    r"|W[AIVY])"
)
_STREET = (
    r"(?:Street|Avenue|Road|Boulevard|Lane|Drive|Court|Place|Circle|Terrace|Parkway|Highway|Turnpike|Square|Trail"
    r"|STREET|AVENUE|ROAD|BOULEVARD|LANE|DRIVE|PARKWAY|HIGHWAY|St|Ave|Rd|Blvd|Ln|Dr|Ct|Pl|Way|Ter|Pkwy|Hwy)"
)
_MBI_LETTER = "[AC-HJKMNP-RT-Y]"
"""Letters of a Medicare beneficiary identifier: none that looks like a digit (CMS, MBI format)."""

_MBI_EITHER = "[AC-HJKMNP-RT-Y0-9]"

_CONTACTS = (
    _shape(Kind.PHONE, r"[0-9(](?<![\d.-].)(?:(?<=\()\d{3}\) ?|(?<=\d)\d\d[-. /])\d{3}[-. ]\d{4}(?![\d-])"),
    _shape(Kind.PHONE, r"\+(?<![\w+].)\d{1,3}[-. (]{0,2}\d(?:[-. ()]{0,2}\d){6,12}(?!\d)"),
    _shape(
        Kind.PHONE,
        r"(?i)\b(?:phone|tel|telephone|cell|mobile|fax|pager|call|callback)\b"
        r"[^\d\n]{0,20}(?P<v>\d{3}[-. ]\d{4})(?![\d-])",
    ),
    _shape(Kind.EMAIL, r"(?<![\w.+-])[\w.+-]{1,64}@(?:[\w-]{1,63}\.){1,6}[A-Za-z]{2,24}", needs="@"),
    _shape(
        Kind.EMAIL,
        r"(?i)\b[\w.]{2,40} ?[\[(]?\bat\b[\])]? ?[\w-]{2,40} ?[\[(]?\bdot\b[\])]? ?(?:com|org|net|edu|gov)\b",
        needs="dot",
    ),
    _shape(
        Kind.URL,
        r"(?i)\b(?:https?|s?ftp)://(?:[^\s/@\"'<>]{1,64}@)?(?P<host>[\w.-]{1,120})[^\s\"'<>)\]}?&#]{0,120}",
        is_foreign_host,
        needs="://",
    ),
    _shape(Kind.URL, r"\bwww\.(?P<host>[\w.-]{1,120})[^\s\"'<>)\]}?&#]{0,120}", is_foreign_host, needs="www."),
    _shape(Kind.IP, r"[0-9](?<![\w.].)\d{0,2}(?:\.\d{1,3}){3}(?!\.?\w)", is_address),
    _shape(
        Kind.IP,
        r"(?<![\w:])(?=[0-9a-fA-F:]{0,36}[0-9a-fA-F]:[0-9a-fA-F]{0,4}:)[0-9a-fA-F:]{6,39}(?![\w:])",
        is_address,
    ),
    _shape(Kind.DEVICE, r"[0-9A-Fa-f](?<![\w:-].)[0-9A-Fa-f]([:-])[0-9A-Fa-f]{2}(?:\1[0-9A-Fa-f]{2}){4}(?![\w:-])"),
)

_NUMBERS = (
    _shape(Kind.SSN, r"[0-9](?<![\d-].)\d\d([-. ])\d{2}\1\d{4}(?![\d-])"),
    _shape(Kind.SSN, r"(?i)\b(?:ssn|social security|soc\.? sec\.?)[^\d\n]{0,30}(?P<v>\d{9}|\d{4})(?!\d)"),
    _shape(Kind.SSN, r"[xX*]{3}-?[xX*]{2}-(?P<v>\d{4})(?!\d)"),
    _shape(
        Kind.HEALTH_PLAN,
        rf"(?i)[1-9](?<![A-Z0-9].){_MBI_LETTER}{_MBI_EITHER}\d-?{_MBI_LETTER}{_MBI_EITHER}\d-?{_MBI_LETTER}{{2}}\d\d(?![A-Z0-9])",
    ),
    _shape(Kind.LICENSE, r"(?i)\bNPI[^\d\n]{0,20}(?P<v>\d{10})(?!\d)", lambda match: is_npi(match["v"])),
    _shape(
        Kind.LICENSE,
        r"[A-HJ-NPR-UX](?<![A-Za-z0-9].)[A-Z9]\d{7}(?![A-Za-z0-9])",
        lambda match: is_dea(match[0]),
    ),
    _shape(
        Kind.VEHICLE, r"[A-HJ-NPR-Z0-9](?<![A-Z0-9].)[A-HJ-NPR-Z0-9]{16}(?![A-Z0-9])", lambda match: is_vin(match[0])
    ),
    _shape(Kind.VEHICLE, r"(?i)\bVIN\b[^\w\n]{0,6}(?P<v>[A-HJ-NPR-Z0-9]{11,17})\b"),
    _shape(
        Kind.ACCOUNT,
        r"(?P<v>[3-6](?<![\w-].)\d{3}([- ])\d{4,6}\2\d{4,5}(?:\2\d{4})?)(?![\w-])",
        lambda match: has_luhn(re.sub(r"\D", "", match["v"])),
    ),
    _shape(
        Kind.ACCOUNT,
        r"[A-Z](?<![A-Z0-9].)[A-Z]\d{2}[A-Z0-9]{11,30}(?![A-Z0-9])",
        lambda match: is_iban(match[0]),
    ),
)

_LABELLED = (
    _labelled(
        Kind.MRN, rf"mrn|m\.r\.n\.?|medical record|hospital record|chart{_NUMBER}|(?:patient|hospital){_NUMBER}|mpi"
    ),
    _labelled(Kind.ACCOUNT, rf"account|acct|invoice|(?:claim|encounter|visit){_NUMBER}|csn|routing"),
    _labelled(
        Kind.HEALTH_PLAN,
        rf"(?:member|subscriber|policy|beneficiary|group|plan|insurance|medicaid|medicare){_NUMBER}|mbi|hicn",
    ),
    _labelled(
        Kind.OTHER_ID,
        rf"passport|driver'?s? licen[cs]e|(?:licen[cs]e|certificate|dea|serial|plate){_NUMBER}"
        rf"|(?:study|case|accession|specimen|subject){_NUMBER}|imei|udi|license plate",
    ),
)

_DAYS_AND_AGES = (
    _shape(Kind.DATE, rf"(?P<a>[0-9](?<![\d/.-].)\d?)([/.-])(?P<b>\d{{1,2}})\2{_YEAR}(?![\d/-])", is_day),
    _shape(Kind.DATE, r"(?P<a>[0-9](?<![\d/.-].)\d?)([/-])(?P<b>\d{1,2})\2\d\d(?![\w/%-]|\.\d)", is_day),
    _shape(Kind.DATE, r"[12](?<![\d/.-].)[089]\d\d([-/.])(?P<a>0?[1-9]|1[0-2])\1(?P<b>\d{1,2})(?![\d/-])", is_day),
    _shape(Kind.DATE, rf"(?i)\b{_MONTH} {{0,2}}\d{{1,2}}(?:st|nd|rd|th)?,? {{1,2}}{_YEAR}\b"),
    _shape(
        Kind.DATE, rf"(?i)[0-9](?<!\w.)\d?(?:st|nd|rd|th)?(?: of)?[ -]{{1,2}}{_MONTH},?[ -]{{1,2}}(?:{_YEAR}|\d\d)\b"
    ),
    _shape(
        Kind.AGE,
        r"(?i)(?P<v>[19](?<![\d.].)(?:(?<=9)\d|(?<=1)[0-3]\d))(?!\+)"
        r"(?: ?-?(?:y/?o|yo[mf]?)\b|[ -]?(?:years?|yrs?)[ -](?:old|of age)\b)",
    ),
    _shape(Kind.AGE, r"(?i)\b(?:aged?|age is|age of)\b[\s\"':=]{1,4}(?P<v>9\d|1[0-3]\d)(?![\d%+-]|\.\d| or )"),
)

_PLACES = (
    _shape(Kind.LOCATION, r"[0-9](?<![\d-].)\d{4}-\d{4}(?![\d-])"),
    _shape(Kind.LOCATION, rf"\b{_STATE},? {{1,2}}(?P<v>\d{{5}})(?![\d-])"),
    _shape(
        Kind.LOCATION,
        rf"[0-9](?<![\w/.-].)\d{{0,5}}[A-Z]? (?:(?:[NSEW]|North|South|East|West|N\.|S\.|E\.|W\.) )?"
        rf"(?:[A-Z][\w'-]{{1,20}} ){{1,3}}{_STREET}\b(?! [a-z])",
    ),
    _shape(Kind.LOCATION, r"(?i)\bP\.? ?O\.? ?Box \d{1,6}\b"),
)

_UNNAMED = (
    _shape(Kind.OTHER_ID, r"[0-9](?<![\w.,/-].)\d{6,19}(?![\w]|[.,/-]\d)", is_long_number),
    _shape(
        Kind.OTHER_ID,
        r"(?P<letters>[A-Z](?<![A-Za-z0-9_/-].)[A-Z]{0,3})-?\d{6,12}(?![A-Za-z0-9_]|-\d)",
        is_no_public_code,
    ),
)

SHAPES: tuple[Shape, ...] = (*_CONTACTS, *_NUMBERS, *_LABELLED, *_DAYS_AND_AGES, *_PLACES, *_UNNAMED)
"""Every shape; of two that fit one value the earlier gives its kind."""
