"""Cut text into words, and into the windows around doubtful words that a model reads.

A word is what a name model judges as one: sub-word pieces never decide alone, so no half of a name is left behind.
Most of a clinical text is ordinary words that no model needs to see; only a doubtful word and what stands around it is
read, which is what makes the guard fast.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from appliance.phi.names.lexicon import Lexicon, Look

_WORD = re.compile(r"[^\W_]+(?:['\u2019.@/-][^\W_]+)*")
"""Letters and digits, joined by what joins the parts of one word: ``O'Neil``, ``J.R``, ``Smith-Jones``."""

_BEGINS = re.compile(r"(?:[a-z\d)\]][.:!?;]|\n|\A)[\s*\u2022\-#(\"']{0,4}$")
"""What stands before the first word of a sentence or line."""

_LOOK_BACK = 6
"""Characters in which that is looked for."""

_BEFORE, _AFTER = 55, 35
"""Characters around a doubtful word that a model reads: what shows a name mostly stands before it."""

_PIECE = 50_000
"""Characters that are looked at in one go."""

_LONGEST_LINE = 5000
"""Characters before a part's end in which a line's end, or else a blank, is looked for."""

MAX_WINDOW = 480
"""Longest window; the Rampart model was trained on texts of this order, and 512 tokens are its limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """One word and its place."""

    start: int
    end: int
    text: str
    look: Look

    @property
    def is_capital(self) -> bool:
        """Say whether it begins with a capital letter."""
        return self.text[0].isupper()


def read_words(text: str, lexicon: Lexicon) -> list[Word]:
    """Return the words of a text, each judged by itself."""
    look = lexicon.look
    return [
        Word(start=m.start(), end=m.end(), text=m[0], look=_in_place(text, m.start(), look(m[0])))
        for m in _WORD.finditer(text)
    ]


def _in_place(text: str, start: int, look: Look) -> Look:
    """Return what a word looks like where it stands: a capital says nothing where a line or sentence begins."""
    if look is not Look.RARE:
        return look
    return Look.ORDINARY if _BEGINS.search(text, max(start - _LOOK_BACK, 0), start) or not start else Look.UNKNOWN


def pieces(text: str) -> Iterator[tuple[int, int]]:
    """Yield start and end of parts that are looked at one after the other, so that a long text takes no more memory.

    They end after a line where there is one near, or else after a blank.
    """
    start = 0
    while len(text) - start > _PIECE:
        end = start + _PIECE
        cut = text.rfind("\n", end - _LONGEST_LINE, end)
        cut = cut if cut >= 0 else text.rfind(" ", end - _LONGEST_LINE, end)
        end = cut + 1 if cut >= 0 else end
        yield start, end
        start = end
    yield start, len(text)


def windows(text: str, words: Sequence[Word], doubtful: Iterable[int]) -> list[tuple[int, int]]:
    """Return start and end of the parts of the text around the doubtful words, in order, none longer than the limit.

    They begin and end between words, never overlap, and a doubtful word always lies whole within one.
    """
    spans: list[tuple[int, int]] = []
    for index in doubtful:
        word = words[index]
        start = _word_start(text, max(word.start - _BEFORE, 0))
        end = _word_end(text, min(word.end + _AFTER, len(text)))
        if spans and start <= spans[-1][1] and end - spans[-1][0] <= MAX_WINDOW:
            spans[-1] = (spans[-1][0], end)
        elif spans and spans[-1][1] >= word.end:
            continue
        else:
            spans.append((max(start, spans[-1][1] if spans else 0), end))
    return spans


def _word_start(text: str, position: int) -> int:
    """Return the first place from here on that does not stand inside a word."""
    while 0 < position < len(text) and text[position - 1].isalnum() and text[position].isalnum():
        position += 1
    return position


def _word_end(text: str, position: int) -> int:
    """Return the last place up to here that does not stand inside a word."""
    while 0 < position < len(text) and text[position - 1].isalnum() and text[position].isalnum():
        position -= 1
    return position
