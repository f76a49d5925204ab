"""Ages over 89, which Safe Harbor names among the identifiers (45 CFR 164.514(b)(2)(i)(C)).

Ages to 89 identify nobody and MUST stay, as must the category *90 or older* that the rule itself allows.
"""

from appliance.phi.findings import Kind
from appliance.phi.recognizers.rule import PatternRule, Rule, pattern

_AGE = r"(?:9\d|1[01]\d|12[0-5])"

_UNITS = "one|two|three|four|five|six|seven|eight|nine"

_AGE_IN_WORDS = rf"(?:ninety(?:[ -](?:{_UNITS}))?|(?:one|a)[ ]hundred(?:[ ](?:and[ ])?(?:{_UNITS}|ten|eleven|twelve|thirteen|fourteen|fifteen))?)"

_YEARS_OLD = r"[ -]?(?:years?|yrs?|y)\.?[ -]?(?:old|of[ -]age|o\b|/o)|[ -]?y\.?/?o\b\.?|[ -]?(?:years?|yrs?)[ -](?:young|male|female|man|woman)"


def _age(name: str, expression: str, score: float) -> PatternRule:
    return PatternRule(name=name, kind=Kind.AGE, pattern=pattern(expression), score=score)


RULES: tuple[Rule, ...] = (
    _age("age-over-89", rf"(?<![\w.<>=-])(?P<value>{_AGE})(?={_YEARS_OLD})", 0.9),
    _age("age-over-89-in-words", rf"\b(?P<value>{_AGE_IN_WORDS})(?={_YEARS_OLD})", 0.9),
    _age(
        "age-over-89-labelled",
        rf"\b(?:age|aged|age[ ]of|turned|turning|turns)[\"']?[ ]{{0,2}}[:=|]?[ ]{{0,2}}[\"']?(?:is[ ]|at[ ])?(?P<value>{_AGE}\+?)(?![\w%]|\.\d|[ ](?:or|and)[ ](?:older|over|above)|[ ]?(?:days|weeks|months))",
        0.88,
    ),
    _age("age-over-89-and-sex", rf"(?<![\w.-])(?P<value>{_AGE})[ ]?(?:[MF]|(?:male|female|man|woman))(?![\w/])", 0.8),
    _age("birthday-over-89", rf"(?<![\w.-])(?P<value>{_AGE}(?:st|nd|rd|th))(?=[ ]birthday)", 0.9),
    _age("age-by-name", r"\b(?P<value>nonagenarian|centenarian|supercentenarian)s?\b", 0.8),
)
"""Rules for ages."""
