"""Days that belong to a person: identifiers by the Safe Harbor rule (45 CFR 164.514(b)(2)(i)(C)).

Every written form of an absolute day is found, and a month with its year, because only the year may stay.  Bare years
and words such as *today* or *two weeks ago* are not identifiers and are not found; a fraction such as ``7/10`` is a
score unless a word before it says otherwise.
"""

from appliance.phi.findings import Kind
from appliance.phi.recognizers.rule import PatternRule, Rule, pattern

_LONG_MONTH = "january|february|march|april|may|june|july|august|september|october|november|december"

_MONTH = (
    r"(?:jan(?:uary)?|feb(?:r?uary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b\.?"
)

_FOREIGN_MONTH = (
    r"(?:enero|febrero|marzo|abril|mayo|junio|julio|agosto|septiembre|octubre|noviembre|diciembre|janvier|fevrier|mars"
    r"|avril|mai|juin|juillet|aout|septembre|octobre|novembre|decembre|januar|februar|marz|maerz|juni|juli|oktober|dezember"
    r"|gennaio|febbraio|aprile|maggio|giugno|luglio|settembre|ottobre|dicembre|janeiro|fevereiro|marco|maio|junho|julho"
    r"|setembro|outubro|novembro|dezembro)"
)

_DAY = r"(?:3[01]|[12]\d|0?[1-9])(?!\d)"

_NUMBER_OF_MONTH = r"(?:1[0-2]|0?[1-9])(?!\d)"

_YEAR = r"(?:1[89]|20|21)\d{2}(?!\d)"

_SHORT_YEAR = rf"(?:{_YEAR}|'\d\d(?!\w)|\d\d(?![\w%:]|[ ]?(?:mg|ml|year|yo)))"

_ENDING = r"(?:[ ]?(?:st|nd|rd|th)\b)?"

_ORDINAL = (
    r"(?:(?:twenty|thirty)[ -])?(?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth)|tenth|eleventh|twelfth|thirteenth"
    r"|fourteenth|fifteenth|sixteenth|seventeenth|eighteenth|nineteenth|twentieth|thirtieth"
)

_CLOCK = r"(?:[T ]\d{2}:?\d{2}(?::?\d{2}(?:\.\d{1,9})?)?(?:[ ]?Z\b|[+-]\d{2}:?\d{2})?)?"

_WEEKDAY = r"(?:(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?\b[.,]?[ ](?:the[ ])?)?"

_BEFORE_A_DAY = (
    r"(?:\bon|\bdated?|\bdate[ ]of[ ]\w{1,12}|\bsince|\buntil|\bthrough|\bthru|\bby|\bfrom|\bseen|\badmitted|\badmission|\badmit"
    r"|\bdischarged?|\bborn|\bdob|\bd\.o\.b\.?|\bbirth[ ]?da(?:te|y)|\bdod|\bdeceased|\bdied|\bvisit|\bvisited|\bsurgery|\bappointment|\bappt"
    r"|\bscheduled[ ]for|\bfollow-?up|\bf/u|\brepeat(?:ed)?|\bcollected|\bdrawn|\bdos|\bdoa|\blmp|\bedd|\bdue|\blast|\bbetween"
    r"|\bbefore|\bafter|\bas[ ]of)[ ]?[:=]?[ ]?(?:on[ ]|is[ ]|was[ ]|the[ ])?"
)

_BIRTH = r"\b(?:dob|d\.o\.b\.?|date[ ]of[ ]birth|birth[ ]?date|birthday|born(?:[ ]on)?|date[ ]of[ ]death|dod)[\"']?[ ]{0,3}[:=|>-]?[ ]{0,3}(?:is[ ]|was[ ])?[\"']?"

_MONTH_NAMES = (
    "an", "eb", "ar", "pr", "ay", "un", "ul", "ug", "ep", "ct", "ov", "ec", "AN", "EB", "AR", "PR", "AY", "UN", "UL",
    "UG", "EP", "CT", "OV", "EC",
)  # fmt: skip
"""Second and third letters of the months in small letters or capitals."""


def _is_compact_day(value: str) -> bool:
    """Accept eight digits that are a day of this or the last century, in either order."""
    year_first, year_last = (value[:4], value[4:6], value[6:8]), (value[4:8], value[:2], value[2:4])
    return any(
        1900 <= int(year) <= 2100 and 1 <= int(month) <= 12 and 1 <= int(day) <= 31  # noqa: PLR2004 - a calendar's
        for year, month, day in (year_first, year_last)
    )


def _date(name: str, expression: str, score: float, *signs: str) -> PatternRule:
    return PatternRule(name=name, kind=Kind.DATE, pattern=pattern(expression), score=score, signs=signs)


RULES: tuple[Rule, ...] = (
    _date(
        "date-iso",
        rf"(?<![\w-])(?<!\d[./])(?P<value>{_YEAR}(?P<gap>[-/.])(?:0?[1-9]|1[0-2])(?P=gap){_DAY}{_CLOCK})(?!\d|[-.]\d)",
        0.93,
    ),
    _date(
        "date-numeric",
        rf"(?<![\w.])(?<!\d[/-])(?P<value>(?:3[01]|[12]\d|0?[1-9])(?P<gap>[/.-]|[ ]?/[ ]?|[ ]-[ ]){_DAY}(?P=gap)(?:{_YEAR}|\d{{2}}(?!\d))"
        rf"(?:[ ]\d{{2}}:\d{{2}}(?::\d{{2}})?)?)(?!\w|\.\d|[/-]\d{{3}}(?!\d))",
        0.89,
    ),
    _date(
        "date-range-without-year",
        rf"(?<![\w/.])(?P<value>{_NUMBER_OF_MONTH}/{_DAY}(?:/\d{{2,4}})?[ ]?(?:-|to|through|thru|until)[ ]?{_NUMBER_OF_MONTH}/{_DAY}(?:/\d{{2,4}})?)(?![\w/])",
        0.9,
        "/",
    ),
    _date(
        "date-month-year-numeric",
        rf"(?<![\w/.-])(?P<value>(?:0?[1-9]|1[0-2])[/-](?:19|20)\d{{2}}|(?:19|20)\d{{2}}-(?:0[1-9]|1[0-2]))(?![\w/-]|\.\d)",
        0.85,
    ),
    _date(
        "date-without-year",
        rf"{_BEFORE_A_DAY}(?P<value>{_NUMBER_OF_MONTH}[/]{_DAY})(?![\w/%]|[.-]\d|[ ]?(?:of|scale|pain|points?|strength|mmhg))",
        0.85,
        "/",
    ),
    _date(
        "birth",
        rf"{_BIRTH}(?P<value>\d{{1,2}}[ ]\d{{1,2}}[ ](?:\d{{4}}|\d{{2}})|\d{{6}}(?!\d)|\d{{8}}(?!\d)|\d{{1,2}}[/-]\d{{2,4}}(?![/-]?\d))(?!\w)",
        0.97,
    ),
    PatternRule(
        name="date-compact",
        kind=Kind.DATE,
        pattern=pattern(
            r"(?<![\w.-])(?P<value>(?:(?:19|20)\d{6}|[01]\d[0-3]\d(?:19|20)\d{2}))(?:T?\d{4,6})?(?![\w-]|\.\d)"
        ),
        score=0.7,
        check=_is_compact_day,
    ),
    _date(
        "date-month-day",
        rf"\b(?P<value>{_WEEKDAY}{_MONTH}[ -]?(?:the[ ])?{_DAY}{_ENDING}(?:[ ]?(?:-|to|and|&|through)[ ]?{_DAY}{_ENDING})?"
        rf"(?:(?:,?[ ]?(?:of[ ]|in[ ])?|-){_SHORT_YEAR})?)(?!\w|[.-]\d|[ ]?(?:mg|mcg|ml|units|tablets?|tabs?|%|percent)\b)",
        0.9,
        *_MONTH_NAMES,
    ),
    _date(
        "date-day-month",
        rf"(?<![\w/.-])(?P<value>{_WEEKDAY}(?:the[ ])?{_DAY}{_ENDING}(?:[ ]?(?:-|to|and)[ ]?{_DAY}{_ENDING})?[ -]{{0,2}}(?:of[ ])?"
        rf"{_MONTH}(?:(?:,?[ ]?(?:of[ ])?|-){_SHORT_YEAR})?)(?!\w|-\d)",
        0.9,
        *_MONTH_NAMES,
    ),
    _date(
        "date-month-year",
        rf"\b(?P<value>(?:{_LONG_MONTH}|{_MONTH})[ ,-]{{1,2}}(?:of[ ]|in[ ])?(?:{_YEAR}|'\d\d(?!\w)))(?!\w|-\d)",
        0.85,
        *_MONTH_NAMES,
    ),
    _date(
        "date-in-words",
        rf"\b(?P<value>(?:{_LONG_MONTH})[ ](?:the[ ])?(?:{_ORDINAL})\b|(?:the[ ])?(?:{_ORDINAL})(?:[ ]day)?[ ]of[ ](?:{_LONG_MONTH}))"
        r"\b",
        0.9,
        *_MONTH_NAMES,
    ),
    _date(
        "date-in-other-languages",
        rf"(?<![\w/.-])(?P<value>{_DAY}(?:er|\.|o)?[ ](?:de[ ])?{_FOREIGN_MONTH}(?:[ ](?:de[ ]|del[ ])?{_YEAR})?)(?!\w)",
        0.85,
    ),
)
"""Rules for days."""
