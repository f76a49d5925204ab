# ruff: noqa: E501 - an expression or a list is not cut in the middle
"""Days without their year, such as ``3/14`` and ``11/02``: identifiers, and written like scores, shares and doses.

Only what can hardly be a fraction is taken: a second number from 13 on, or a leading zero; and neither the words before
it nor the word after it may speak of a score, a share or a dose, which MUST stay.  Days that a word announces (*on 3/4*)
stand in `dates`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from appliance.phi.findings import Finding, Kind
from appliance.phi.recognizers.rule import Rule, pattern, words

NO_FRACTION = (
    r"(?![ ]{0,2}\(?(?:of|on|scale|pain|points?|strength|mmhg|in[ ](?:severity|intensity)|mg|mcg|ml|g|units?|tab(?:let)?s?|caps?(?:ules?)?|daily|bid|tid"
    r"|qid|qd|qhs|qam|qpm|po|sq|iv|nodes?|lymph|ln|cores?|positive|negative|neg|pos|samples|patients|pts?|cases|questions|items|correct|puffs?|times|hours?"
    r"|days?|weeks?|months?|years?|inch|cm|mm|visual|vision|score|risk|ratio|titer|fps|hz|lbs?|kg|liters?|l|cup|pack|bottle|dose|of)\b)"
)
"""What follows a score, a dose or a share, as an expression that looks ahead."""

_DAY = pattern(
    r"\d(?<![\w/.,+~<>=-].)(?:(?:(?<=0)[1-9]|(?<=1)[0-2])/(?:[12]\d|3[01]|0[1-9])|(?<=[1-9])/(?:1[3-9]|2\d|3[01]|0[1-9]))(?![\w/%]|[.,-]\d)"
    + NO_FRACTION
)

_WORD = re.compile(r"[a-z]+")

_ENDS = ("\n", ";", ". ", "|")
"""Where what was said before no longer matters."""

_WINDOW = 40

_MOST_WORDS = 4

_NO_DAYS = words(
    """node nodes lymph ln lns mmse moca slums gcs coma phq gad epds score scores scored scoring scale index apgar apgars barthel
    braden morse acuity vision va od os ou ratio core cores sample samples grade titer titers nihss meld audit dast cage rass
    cows ciwa katz tinetti berg cat act mews news pews sofa bishop epworth ess oswestry womac dash kps scd rate rated rates
    rating pain murmur strength pulses reflexes out positive negative correct recall percocet norco vicodin lortab lotrel caduet
    exforge benicar azor zestoretic vytorin sinemet suboxone symbicort advair dulera breo insulin mix humulin novolin humalog
    novolog carbidopa levodopa hydrocodone oxycodone amlodipine benazepril lisinopril losartan hctz hydrochlorothiazide
    bisoprolol ezetimibe buprenorphine naloxone fraction bp lens size needle gauge stage odds chance serotype serotypes type types
    hpv question questions item items point points about approximately total of x chromosome trisomy ica"""
)
"""Words before a score, a share or a dose."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShortDays:
    """Find days without their year by their form."""

    name: str = "date-without-year-by-form"

    def find(self, text: str) -> Iterator[Finding]:
        """Yield a finding for each."""
        if "/" not in text:
            return
        for match in _DAY.finditer(text):
            if not _says_score(text[max(0, match.start() - _WINDOW) : match.start()]):
                yield Finding(kind=Kind.DATE, start=match.start(), end=match.end(), score=0.75, recognizer=self.name)


def _says_score(before: str) -> bool:
    """Say whether one of the last words of this clause speaks of a score, a share or a dose."""
    clause = before[max(before.rfind(end) for end in _ENDS) + 1 :].lower()
    return not _NO_DAYS.isdisjoint(_WORD.findall(clause)[-_MOST_WORDS:])


RULES: tuple[Rule, ...] = (ShortDays(),)
"""The rule for days by their form."""
