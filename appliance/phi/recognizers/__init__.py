"""The recognizers of identifiers that rules alone can find; each module holds those of one family.

`ALL` is what the guard and the output screen use.  Names and places in running text need the models; here are those
that show by their form.  Every rule reads normalised text and MUST NOT keep it.
"""

from appliance.phi.recognizers import (
    ages,
    contact,
    dates,
    facilities,
    labelled,
    labels,
    months,
    names,
    numbers,
    places,
    shapes,
    short_days,
    telephones,
)
from appliance.phi.recognizers.places import STATES
from appliance.phi.recognizers.rule import PatternRule, Rule

ALL: tuple[Rule, ...] = (
    *numbers.RULES,
    *labelled.RULES,
    *shapes.RULES,
    *telephones.RULES,
    *contact.RULES,
    *dates.RULES,
    *short_days.RULES,
    *months.RULES,
    *ages.RULES,
    *places.RULES,
    *facilities.RULES,
    *names.RULES,
)
"""Every rule.  Order does not matter: overlaps are settled by score and length."""

LABELS: frozenset[str] = labels.WORDS
"""Every word that a rule reads beside an identifier."""

__all__ = ["ALL", "LABELS", "STATES", "PatternRule", "Rule"]
