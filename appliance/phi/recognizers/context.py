"""Find the label to the left of a number: skip what people write in between, then take the longest phrase.

In ``Medical record number (MRN) on file: 12345`` the words ``on file`` and the signs are skipped and ``MRN`` is found.
Only a few words are looked at, so the work for a number is bounded whatever stands before it.
"""

import re
from dataclasses import dataclass

from appliance.phi.recognizers.labels import BY_PHRASE, CONNECTORS, MAX_WORDS, SIGNS, WORDS, Label

_WINDOW = 72
"""Characters to the left that are looked at: the longest label with its connectors."""

_PARTS = re.compile(r"[a-z]+|\d+|[^\w\s]|[_\n]")

_SIGN_MARKS = frozenset(":#=|>")
_SKIPPED = frozenset(":#=|>-.,([{\"'</*~_)]}\\") | {"\n"}
_INSIDE_PHRASES = frozenset(".-'_/(")

_MOST_SKIPPED = 10
"""Signs and connectors between a label and its value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What stands before a number."""

    label: Label
    has_sign: bool
    """Whether ``:``, ``#``, ``number`` or the like stands in between."""


def label_before(text: str, place: int, floor: int = 0) -> Context | None:
    """Return the label that announces what begins here, if any; nothing before `floor` belongs to it."""
    parts = _PARTS.findall(text[max(floor, place - _WINDOW) : place].lower())
    has_sign = is_on_line_above = False
    fallback: Label | None = None
    for index in range(len(parts) - 1, max(-1, len(parts) - 1 - _MOST_SKIPPED), -1):
        part = parts[index]
        if part in _SKIPPED:
            has_sign |= part in _SIGN_MARKS
            is_on_line_above |= part == "\n"
            continue
        if part not in WORDS:
            break
        label, length = _longest_label(parts, index)
        if label is not None and (length > 1 or part not in CONNECTORS):
            return _context(label, has_sign=has_sign or part in SIGNS, is_on_line_above=is_on_line_above)
        if part not in CONNECTORS:
            break
        fallback = fallback or label
        has_sign |= part in SIGNS
    return _context(fallback, has_sign=has_sign, is_on_line_above=is_on_line_above)


def _context(label: Label | None, *, has_sign: bool, is_on_line_above: bool) -> Context | None:
    """Return the context; on the line above only a label that says it all counts, as ``Plan`` is a heading there."""
    if label is None or (is_on_line_above and not label.says_all):
        return None
    return Context(label=label, has_sign=has_sign)


def _longest_label(parts: list[str], index: int) -> tuple[Label | None, int]:
    """Return the longest label whose last word stands here, and its length in words."""
    phrase: list[str] = []
    found: Label | None = None
    length = 0
    while index >= 0 and len(phrase) < MAX_WORDS:
        part = parts[index]
        index -= 1
        if part in _INSIDE_PHRASES:
            continue
        if part not in WORDS:
            break
        phrase.insert(0, part)
        label = BY_PHRASE.get(" ".join(phrase))
        if label is not None:
            found, length = label, len(phrase)
    return found, length
