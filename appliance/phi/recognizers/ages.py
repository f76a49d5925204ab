# ruff: noqa: E501 - an expression or a list is not cut in the middle
"""Ages over 89, which Safe Harbor names among the identifiers (45 CFR 164.514(b)(2)(i)(C)).

Ages to 89 identify nobody and MUST stay, as must the category *90 or older* that the rule itself allows.
"""

from appliance.phi.findings import Kind
from appliance.phi.recognizers.rule import LabelledRule, PatternRule, Rule, pattern

_AGE = r"[91](?<![\w.<>=-].)(?:(?<=9)\d|(?<=1)[01]\d|(?<=1)2[0-5])"

_KIN = (
    r"(?:mother|father|mom|dad|sister|brother|aunt|uncle|grandmother|grandfather|wife|husband|spouse|parent|cousin|mgm|mgf"
    r"|pgm|pgf|twin|sibling)"
)

_UNITS = "one|two|three|four|five|six|seven|eight|nine"

_AGE_IN_WORDS = (
    rf"(?:ninety(?:[ -](?:{_UNITS}))?|(?:one|a)[ ]hundred(?:[ ](?:and[ ])?(?:{_UNITS}|ten|eleven|twelve|thirteen"
    r"|fourteen|fifteen))?)"
)

_YEARS_OLD = (
    r"(?:[ -]?(?:years?|yrs?|y)\.?[ -]?(?:old|of[ -]age|o\b|/o)|[ -]?y\.?/?o\b\.?"
    r"|[ -]?(?:years?|yrs?)[ -](?:young|male|female|man|woman))"
)

RULES: tuple[Rule, ...] = (
    PatternRule(name="age-over-89", kind=Kind.AGE, pattern=pattern(rf"(?P<value>{_AGE})(?={_YEARS_OLD})"), score=0.9),
    PatternRule(
        name="age-over-89-in-words",
        kind=Kind.AGE,
        pattern=pattern(rf"\b(?P<value>{_AGE_IN_WORDS})(?={_YEARS_OLD})"),
        score=0.9,
        signs=("inety", "undred", "INETY", "UNDRED"),
    ),
    LabelledRule(
        name="age-over-89-labelled",
        kind=Kind.AGE,
        value=pattern(rf"{_AGE}\+?(?![\w%]|\.\d|[ ](?:or|and)[ ](?:older|over|above)|[ ]?(?:days|weeks|months))"),
        before=pattern(
            r"\b(?:age|aged|age[ ]of|turned|turning|turns|(?:died|deceased|expired|passed[ ]away|passed|lived)[ ](?:at|to(?:[ ]be)?)"
            rf"|{_KIN}[ ]?[,(])"
            r"[\"']?[ ]{0,2}[:=|>]?[ ]{0,2}[\"']?(?:is[ ]|at[ ])?\Z"
        ),
        score=0.88,
        window=32,
    ),
    PatternRule(
        name="age-over-89-and-sex",
        kind=Kind.AGE,
        pattern=pattern(
            rf"(?P<value>{_AGE})(?:M(?![\w/])|[ ]?(?:male|female|man|woman)\b"
            r"|F(?=[ ](?:with|w/|who|presents|presenting|p/w|c/o|hx|h/o|s/p|pt|patient|here|admitted)))"
        ),
        score=0.8,
    ),
    PatternRule(
        name="birthday-over-89",
        kind=Kind.AGE,
        pattern=pattern(rf"(?P<value>{_AGE}(?:st|nd|rd|th))(?=[ ]birthday)"),
        score=0.9,
    ),
    PatternRule(
        name="age-by-decade",
        kind=Kind.AGE,
        pattern=pattern(
            r"\bin[ ](?:his|her|their|my|the|your)[ ](?:early[ ]|mid[- ]?|middle[ ]|late[ ])?(?P<value>nineties|'?90'?s)(?!\w)"
        ),
        score=0.8,
        gate=pattern(r"nineties|90'?s"),
    ),
    PatternRule(
        name="age-by-name",
        kind=Kind.AGE,
        pattern=pattern(r"\b(?P<value>nonagenarian|centenarian|supercentenarian)s?\b"),
        score=0.8,
        signs=("enarian", "ENARIAN"),
    ),
)
"""Rules for ages."""
