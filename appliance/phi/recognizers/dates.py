"""Days and very high ages: identifiers by the Safe Harbor rule (45 CFR 164.514(b)(2)(i)(C)).

Bare years and ages to 89 are not identifiers and are not found.
"""

from appliance.phi.findings import Kind
from appliance.phi.recognizers.rule import Rule, pattern

_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)

_DAY = r"(?:0?[1-9]|[12]\d|3[01])"

_YEAR = r"(?:1[89]|20)\d{2}"

RULES: tuple[Rule, ...] = (
    Rule(
        name="date-iso",
        kind=Kind.DATE,
        pattern=pattern(rf"(?<![\w-])(?P<value>{_YEAR}[-/](?:0?[1-9]|1[0-2])[-/]{_DAY})(?![\d-])"),
        score=0.9,
    ),
    Rule(
        name="date-numeric",
        kind=Kind.DATE,
        pattern=pattern(
            rf"(?<![\w/.-])(?P<value>(?:0?[1-9]|[12]\d|3[01])(?P<gap>[/.-]){_DAY}(?P=gap)(?:{_YEAR}|\d{{2}}))(?![\w/-]|\.\d)"
        ),
        score=0.85,
    ),
    Rule(
        name="date-month-day",
        kind=Kind.DATE,
        pattern=pattern(rf"\b(?P<value>{_MONTH}[ ]{_DAY}(?:st|nd|rd|th)?(?:,?[ ]{_YEAR})?)(?![\w]|-\d)"),
        score=0.85,
    ),
    Rule(
        name="date-day-month",
        kind=Kind.DATE,
        pattern=pattern(
            rf"(?<![\w/.-])(?P<value>{_DAY}(?:st|nd|rd|th)?[ -](?:of[ ])?{_MONTH}(?:,?[ -]{_YEAR})?)(?!\w)"
        ),
        score=0.85,
    ),
    Rule(
        name="age-over-89",
        kind=Kind.AGE,
        pattern=pattern(
            r"(?<![\w.-])(?P<value>9\d|1[01]\d|12[0-5])(?=[ -]?(?:years?|yrs?|y)[ -]?(?:old|o\b|/o)|[ -]?y\.?/?o\b)"
        ),
        score=0.9,
    ),
    Rule(
        name="age-over-89-labelled",
        kind=Kind.AGE,
        pattern=pattern(r"\b(?:age|aged)[ :]{1,3}(?P<value>9\d|1[01]\d|12[0-5])(?![\w.])"),
        score=0.85,
    ),
)
"""Rules for days and ages."""
