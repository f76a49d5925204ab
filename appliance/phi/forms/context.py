"""Whether the text around a hit shows what the form needs: a label, ``last four``, a birthday, a place.

Each expression looks at a bounded stretch of plain text, so none of them can be slow.
"""

import re
from typing import assert_never

from appliance.phi.forms.form import Need
from appliance.phi.forms.name_context import is_capitalised, stands_alone
from appliance.phi.forms.page import Page

_LOOK_BACK = 40
"""Characters before a hit that may hold its label: a label, ``number``, ``is`` and some blanks."""

_LAST_FOUR = re.compile(
    r"(?:last\s+(?:four|4)|final\s+(?:four|4)|end(?:s|ing|ed)?\s+(?:in|with))(?:\s+(?:digits|numbers))?"
    r"(?:\s+(?:of|for)\s+(?:\w{1,12}\s+){0,4}\w{1,12})?(?:\s+(?:is|are|was))?[\s:#=-]{0,4}\Z"
    r"|(?:[x*#\u2022]{2,}[\s-]{0,2}){1,3}\Z|\u2026\Z|\.{3}\Z"
)

_LAST_FOUR_AFTER = re.compile(r"\s{0,2}\(?\s?(?:last\s+(?:four|4)|l4)\b")

_LABEL = re.compile(
    r"(?:\b(?:mrn|mr|mpi|emrn|chart|record|rec|patient|pt|id|ids|identifier|no|num|number|nbr|npi|dea|acct|account"
    r"|member|subscriber|policy|case|study|subject|license|licence|lic|visit|encounter|csn|fin|ssn)\b|\#)"
    r"(?:\s{0,2}(?:no\.?|number|num|id|is|was|\#|:|=|-|\.)){0,3}\s{0,2}\Z"
)

_BIRTHDAY = re.compile(r"\b(?:birth\s?-?day|bday|b-day|born|birth|birthdate|dob|d\.o\.b|turn(?:s|ed|ing)?)\b")

_BEFORE_PLACE = re.compile(
    r"\b(?:in|from|of|near|at|to|city|town|resid(?:es|ent|ing)\s+in|lives?\s+in|moved\s+to|born\s+in)\s{1,2}\Z"
)

_AFTER_PLACE = re.compile(
    r"\s{0,2},\s{0,2}(?:a[klrz]|c[aot]|d[ce]|fl|ga|hi|i[adln]|k[sy]|la|m[adeinost]|n[cdehjmvy]|o[hkr]|pa|ri|s[cd]|t[nx]"
    r"|ut|v[at]|w[aivy])\b"
)


def is_shown(need: Need, page: Page, *, first: int, last: int) -> bool:
    """Say whether the text around the words from first to last shows what is needed."""
    match need:
        case Need.NOTHING:
            return True
        case Need.LAST_FOUR:
            before, after = page.before(first, _LOOK_BACK), page.after(last, _LOOK_BACK)
            return _LAST_FOUR.search(before) is not None or _LAST_FOUR_AFTER.match(after) is not None
        case Need.LABEL:
            return _LABEL.search(page.before(first, _LOOK_BACK)) is not None
        case Need.BIRTHDAY:
            around = page.before(first, _LOOK_BACK) + " " + page.after(last, _LOOK_BACK)
            return _BIRTHDAY.search(around) is not None and not _is_decimal(page, first=first, last=last)
        case Need.CAPITAL_OR_PLACE:
            return is_capitalised(page, first) or _BEFORE_PLACE.search(page.before(first, _LOOK_BACK)) is not None
        case Need.PLACE:
            return _is_place(page, first=first, last=last)
        case _ as never:
            assert_never(never)


def _is_decimal(page: Page, *, first: int, last: int) -> bool:
    """Say whether a month and a day in digits are written as a weight of 8 lb 2.5 oz is."""
    return page.words[first].isdigit() and page.words[last].isdigit() and page.gap(first) not in {"/", "-"}


def _is_place(page: Page, *, first: int, last: int) -> bool:
    if first == last and stands_alone(page, first):
        return True
    if _AFTER_PLACE.match(page.after(last, _LOOK_BACK)):
        return True
    return is_capitalised(page, first) and _BEFORE_PLACE.search(page.before(first, _LOOK_BACK)) is not None
