"""Names of people by the words beside them, for the tripwire alone.

A title, a degree or a label such as "Patient name:" makes a capitalised word a name with near certainty; names
without one are found by the keyed identifiers of the exchange only.  Shared with nothing of the guard.
"""

import re
from collections.abc import Iterator

NAME_REACH = 160
"""No expression reads further than this: a label and three words."""

_CAPITAL = r"(?:[A-Z\u00c0-\u00de][\w'-]{1,24}|[A-Z]\.)"
_FULL = rf"{_CAPITAL}(?:[ \t]{_CAPITAL}){{0,2}}"

NAMES: tuple[re.Pattern[str], ...] = (
    re.compile(rf"\b(?:(?:Dr|Mr|Mrs|Ms|Mx|Miss|Prof)(?: ?\.)?|(?:DR|MR|MRS|MS|PROF) ?\.)[ \t]{{1,2}}(?P<v>{_FULL})"),
    re.compile(r"\b(?:dr|mr|mrs|ms) ?\. {1,2}(?P<v>[a-z][a-z'-]{2,24})"),
    re.compile(
        rf"(?<![\w'-])(?P<v>{_CAPITAL}(?:[ \t]{_CAPITAL}){{1,2}}),? "
        r"(?:M\.?D|D\.?O|R\.?N|N\.?P|P\.?A-C|Ph\.?D|DPM|DDS|PharmD|LCSW|FNP)\b(?!-?\d)"
    ),
    re.compile(
        r"(?i:\b(?:(?:patient|pt|provider|physician|mother|father|spouse|guardian|caregiver)(?:'s)?[ _]?name"
        r"|(?:signed|dictated|transcribed|authored) by|emergency contact|next of kin)[\s\"':=-]{1,4})"
        rf"(?P<v>{_FULL})"
    ),
)
"""The value is the group ``v``: up to three capitalised words or initials on one line."""

_WORD = re.compile(r"[^\W\d_][\w'-]*")

_NO_PART = frozenset(
    """
    monday tuesday wednesday thursday friday saturday sunday january february march april may june july august
    september october november december md do rn np pa phd dr mr mrs ms miss prof and or at in on the he she they we
    his her its to for from with who was is has had my your this that clinic hospital department office team patient
    said says told came called gave saw ordered recommended will would thinks wants started stopped sent
    ward unit center centre assistant date time chief resident attending electronically signed name none unknown
    """.split()  # noqa: SIM905 - a list of words reads better than a column of literals
)
"""Capitalised words beside a name that are no part of it."""

_SPECIALTY = re.compile(r"(?:ology|ologist|iatry|iatrics|ician|surgery|surgeon|medicine|health|care)$")


def names(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield the place of each word that can be a name, where the name's surroundings begin in this part."""
    for pattern in NAMES:
        for match in pattern.finditer(text, start, min(len(text), end + NAME_REACH)):
            if match.start() >= end:
                break
            yield from _words(text, *match.span("v"))


def _words(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield the words that are no initial, weekday, degree or specialty."""
    for match in _WORD.finditer(text, start, end):
        word = match[0].lower().removesuffix("'s")
        if len(word) > 1 and word not in _NO_PART and not _SPECIALTY.search(word):
            yield match.start(), match.start() + len(word)
