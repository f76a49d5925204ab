"""What left the building: the accounting that a patient may ask for, and the summary that a privacy officer reads.

45 CFR 164.528 gives an individual the disclosures of the six years before the request: date, recipient with address,
what was disclosed, and why.  Both are worked out from disclosure records alone, without opening a body; what the trail
cannot answer (a month whose keys are gone) is named on the page and never left out in silence.
"""

from audit.accounting.account import Accounting, account, accounting_question, six_years_before
from audit.accounting.disclosure import Disclosure, read_disclosure
from audit.accounting.printed import Format, render
from audit.accounting.summary import WhatLeft, render_summary, what_left

__all__ = [
    "Accounting",
    "Disclosure",
    "Format",
    "WhatLeft",
    "account",
    "accounting_question",
    "read_disclosure",
    "render",
    "render_summary",
    "six_years_before",
    "what_left",
]
