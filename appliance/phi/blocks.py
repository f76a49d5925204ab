"""Cut text where no identifier can go on, by its own characters and never by how it arrived.

A block ends at a line end, or after a complete small word that neither carries a part of an identifier (a digit,
``@``, a dot inside) nor is a label such as ``MRN``.  A run of capitalised words may be a name and goes on.  So usually
only the word that is being written must wait, and every chunking of a text gives the same blocks.
"""

import re
from collections.abc import Iterator

from appliance.phi.normalise import fold
from appliance.phi.recognizers import LABELS, STATES

MAX_WORD = 600
"""A word is cut here whatever follows: longer than the longest identifier that any rule takes (a URL, 510)."""

MAX_BLOCK = 1200
"""A block is cut at the first word end from here on, so that a table of numbers is not held back to its end."""

_WIDE = r"\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff"
"""Ideographs, kana and hangul syllables: written without blanks, so each of them ends a word."""

_WORD = re.compile(rf"[^\S\r\n{_WIDE}]{{0,64}}[{_WIDE}]{{0,64}}(?P<word>[^\s{_WIDE}]{{0,{MAX_WORD}}})")
"""Blanks and wide characters, then a word; each bounded so that none can be held back for ever."""

_CARRIER = re.compile(r"[\d@=]|:[/:\w]|\w\.\w")
"""What a word holds that may be a part of an identifier."""

_PUNCTUATION = ".,:;#()[]{}<>*\"'!?-_/|"

AROUND = frozenset(
    """
    dr doctor prof professor mrs miss md age aged years year yr yrs y yo y/o o old year-old years-old yr-old yrs-old y-o
    jan january feb february mar march apr april may jun june jul july aug august sep sept september
    oct october nov november dec december
    """.split()  # noqa: SIM905 - a list of words reads better than a column of literals
)
"""Words beside names, ages and days."""

_STATES = frozenset(state.lower() for state in STATES)


def block_spans(text: str, *, at_end: bool) -> Iterator[tuple[int, int]]:
    """Yield start and end of each block that is complete; `at_end` says that nothing more will come."""
    folded = fold(text)
    start = 0
    while (end := block_end(folded, start, at_end=at_end)) is not None:
        yield start, end
        start = end


def block_end(text: str, start: int, *, at_end: bool) -> int | None:
    """Return where the block that starts here ends; None while that depends on what comes.

    `text` is folded; `at_end` says that nothing more will come.
    """
    position = start
    while position < len(text):
        if text[position] in "\r\n":
            return position + 1
        word = _next_word(text, position)
        if word.end() == len(text) and not _is_cut(word) and not at_end:
            return None
        position = max(word.end(), position + 1)
        if not _may_go_on(word["word"]) or position - start >= MAX_BLOCK:
            return position
    return position if at_end and position > start else None


def _next_word(text: str, position: int) -> re.Match[str]:
    word = _WORD.match(text, position)
    assert word is not None  # noqa: S101 - every part of the expression may be empty
    return word


def _is_cut(word: re.Match[str]) -> bool:
    return word.end() - word.start("word") == MAX_WORD


def _may_go_on(word: str) -> bool:
    """Say whether an identifier may reach past this word, or from it into the next."""
    if _CARRIER.search(word):
        return True
    bare = word.strip(_PUNCTUATION)
    if not bare or bare[0].isupper():
        return bool(word)
    plain = bare.lower()
    return plain in LABELS or plain in AROUND or plain in _STATES
