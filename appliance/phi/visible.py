"""Leave out the characters of a text that nobody sees, before it leaves the building.

A direction control beside a name makes an answer read backwards, and a row of tag characters can carry a whole record
past a reader's eye.  So format characters (Unicode category Cf) do not leave, and so do not come back.  What a script's
writing needs stays: signs that are drawn, and a joiner between letters of Arabic or an Indic script.
"""

import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import replace

from appliance.phi.findings import Finding

_JOINED = "\u0600-\u08ff\u0900-\u0dff\u0e00-\u109f\u1780-\u18af\ufb50-\ufdff\ufe70-\ufefc"
"""Arabic and its relatives, the Indic scripts, Thai to Burmese, Khmer and Mongolian (Unicode 23.2, joiners)."""

_UNSEEN = re.compile(
    "[\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U00013430-\U0001343f"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0001\U000e0020-\U000e007f\U000e0100-\U000e01ef]"
    rf"|(?<![{_JOINED}])[\u200c\u200d]|[\u200c\u200d](?![{_JOINED}])"
)
"""Category Cf without the signs that are drawn (U+0600 to U+0605 and their like), and the variation selectors that no
Western text has: 240 of them carry a byte each unseen."""


def visible(text: str) -> str:
    """Return the text without them; ASCII text comes back as the same object."""
    return text if text.isascii() else _UNSEEN.sub("", text)


def visible_with(text: str, findings: Sequence[Finding]) -> tuple[str, Sequence[Finding]]:
    """Return the text without them and the findings at their places in it."""
    if text.isascii():
        return text, findings
    places = [match.start() for match in _UNSEEN.finditer(text)]
    if not places:
        return text, findings
    moved = [
        replace(each, start=each.start - bisect_left(places, each.start), end=each.end - bisect_left(places, each.end))
        for each in findings
    ]
    return visible(text), moved
