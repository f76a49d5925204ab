"""The recognizers of identifiers that rules alone can find; each module holds those of one family.

`ALL` is what the guard and the output screen use.  Names and places need more than rules and are not here.
"""

from appliance.phi.recognizers import contact, dates, numbers
from appliance.phi.recognizers.rule import Rule

ALL: tuple[Rule, ...] = (*numbers.RULES, *contact.RULES, *dates.RULES)
"""Every rule.  Order does not matter: overlaps are settled by score and length."""

__all__ = ["ALL", "Rule"]
