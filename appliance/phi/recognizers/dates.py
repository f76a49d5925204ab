# ruff: noqa: E501 - an expression or a list is not cut in the middle
"""Days written in figures: identifiers by the Safe Harbor rule (45 CFR 164.514(b)(2)(i)(C)).

Every written form of an absolute day is found, and a month with its year, because only the year may stay.  Bare years
and words such as *today* or *two weeks ago* are not identifiers and are not found; a fraction such as ``7/10`` is a
score unless a word before it says otherwise.  Days with the name of a month stand in `months`.
"""

from appliance.phi.findings import Kind
from appliance.phi.recognizers.rule import LabelledRule, PatternRule, Rule, exact, pattern
from appliance.phi.recognizers.short_days import NO_FRACTION

_DAY = r"(?:3[01]|[12]\d|0?[1-9])(?!\d)"

_NUMBER_OF_MONTH = r"(?:1[0-2]|0?[1-9])(?!\d)"

_YEAR = r"(?:1[89]|20|21)\d{2}(?!\d)"

_CLOCK = r"(?:[T ]\d{2}:?\d{2}(?::?\d{2}(?:\.\d{1,9})?)?(?:[ ]?Z\b|[+-]\d{2}:?\d{2})?)?"

_BEFORE_A_DAY = pattern(
    r"\b(?:on|dated?|date[ ]of[ ]\w{1,12}|dates?|billed|faxed|sent|started|stopped|colonoscopy|egd|echo|tte|tee|cath|mri|cta?|cxr|xray|x-ray|ekg|ecg|eeg|emg"
    r"|labs?|biopsy|bx|pap|dexa|mammogram|ultrasound|cystoscopy|bronchoscopy|arthroscopy|vaccine|vaccinated|implanted|removed|placed|s/p|wed|thu|fri|sat|sun|mon|tues?|since|until|through|thru|by|from|seen|admitted|admission|admit|discharged?"
    r"|born|dob|d\.o\.b\.?|birth[ ]?(?:date|day)|dod|deceased|died|visit|visited|surgery|appointment|appt"
    r"|scheduled[ ]for|follow-?up|f/u|repeat(?:ed)?|collected|drawn|dos|doa|lmp|edd|due|last|between|before|after"
    r"|as[ ]of)[ ]?[:=]?[ ]?(?:on[ ]|is[ ]|was[ ]|the[ ])?\Z"
)
"""Words before a day without its year."""

_BIRTH = pattern(
    r"\b(?:dob|d\.o\.b\.?|date[ ]of[ ]birth|birth[ _]?date|birthday|born(?:[ ]on)?|date[ ]of[ ]death|dod)[\"']?"
    r"[ ]{0,3}[:=|>-]?[ ]{0,3}(?:is[ ]|was[ ])?[\"']?\Z"
)

_CENTURIES, _MONTHS, _DAYS = range(1900, 2101), range(1, 13), range(1, 32)


def _is_compact_day(value: str) -> bool:
    """Accept eight digits that are a day of this or the last century, in either order."""
    year_first, year_last = (value[:4], value[4:6], value[6:8]), (value[4:8], value[:2], value[2:4])
    return any(
        int(year) in _CENTURIES and int(month) in _MONTHS and int(day) in _DAYS
        for year, month, day in (year_first, year_last)
    )


RULES: tuple[Rule, ...] = (
    PatternRule(
        name="date-iso",
        kind=Kind.DATE,
        pattern=exact(
            r"(?P<value>[12](?<![\w-].)(?<!\d[./].)(?:(?<=1)[89]|(?<=2)[01])\d{2}(?P<gap>[-/.])(?:0?[1-9]|1[0-2])(?P=gap)"
            rf"{_DAY}{_CLOCK})(?!\d|[-.]\d)"
        ),
        score=0.93,
    ),
    PatternRule(
        name="date-numeric",
        kind=Kind.DATE,
        pattern=exact(
            r"(?P<value>\d(?<![\w.].)(?<!\d[/-].)(?:(?<=3)[01]|(?<=[12])\d|(?<=0)[1-9]|(?<=[1-9]))"
            rf"(?P<gap>[/.-]|[ ]?/[ ]?|[ ]-[ ]){_DAY}(?P=gap)(?:{_YEAR}|\d{{2}}(?!\d))"
            r"(?:[ ]\d{2}:\d{2}(?::\d{2})?)?)(?![A-Za-z_]|\.\d|[/-]\d{3}(?!\d))"
        ),
        score=0.89,
    ),
    PatternRule(
        name="date-range-without-year",
        kind=Kind.DATE,
        pattern=exact(
            rf"(?P<value>\d(?<![\w/.].)\d?/{_DAY}(?:/\d{{2,4}})?[ ]?(?:-|to|through|thru|until)[ ]?"
            rf"{_NUMBER_OF_MONTH}/{_DAY}(?:/\d{{2,4}})?)(?![\w/])"
        ),
        score=0.9,
        signs=("/",),
    ),
    PatternRule(
        name="date-month-year-numeric",
        kind=Kind.DATE,
        pattern=exact(
            r"(?P<value>\d(?<![\w/.-].)(?:(?:(?<=0)[1-9]|(?<=1)[0-2]|(?<=[1-9]))[/-](?:19|20)\d{2}"
            r"|(?:(?<=1)9|(?<=2)0)\d{2}-(?:0[1-9]|1[0-2])))(?![\w/-]|\.\d)"
        ),
        score=0.85,
    ),
    LabelledRule(
        name="date-without-year",
        kind=Kind.DATE,
        value=pattern(
            rf"\d(?<![\w/.-].)\d?(?<!1[3-9])(?<![2-9]\d)/{_DAY}"
            rf"(?![\w/%]|[.-]\d){NO_FRACTION}"
        ),
        before=_BEFORE_A_DAY,
        score=0.85,
        window=36,
    ),
    LabelledRule(
        name="birth",
        kind=Kind.DATE,
        value=exact(
            r"\d(?<![\w.-].)(?:\d?[ ]\d{1,2}[ ](?:\d{4}|\d{2})|\d{5}(?!\d)|\d{7}(?!\d)|\d?[/-]\d{2,4}(?![/-]?\d))(?!\w)"
        ),
        before=_BIRTH,
        score=0.97,
        window=36,
    ),
    PatternRule(
        name="date-compact",
        kind=Kind.DATE,
        pattern=exact(
            r"(?P<value>[012](?<![\w.-].)(?:(?:(?<=1)9|(?<=2)0)\d{6}|(?<=[01])\d[0-3]\d(?:19|20)\d{2}))(?:T?\d{4,6})?"
            r"(?![\w-]|\.\d)"
        ),
        score=0.7,
        check=_is_compact_day,
    ),
)
"""Rules for days in figures."""
