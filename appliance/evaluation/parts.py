"""Cuts a long text into parts that are looked at one after the other, so that a person sees how far the guard is.

A cut is made between paragraphs, else between lines, else between words: a label and its value stand in one part.  A
text that the guard takes at once in an ordinary request is never cut, so that every command says the same of it.
"""

from collections.abc import Iterator

PART_CHARACTERS = 200_000
"""About a hundred pages, which take a few seconds."""

_CUTS = ("\n\n", "\n", " ")


def parts(text: str) -> Iterator[tuple[int, str]]:
    """Yield the parts of a text with the offset of each; together they are the text."""
    start = 0
    while len(text) - start > PART_CHARACTERS:
        end = _cut(text, start)
        yield start, text[start:end]
        start = end
    yield start, text[start:]


def _cut(text: str, start: int) -> int:
    """Return where to cut in the second half of the longest part."""
    latest = start + PART_CHARACTERS
    for cut in _CUTS:
        found = text.rfind(cut, start + PART_CHARACTERS // 2, latest)
        if found >= 0:
            return found + len(cut)
    return latest
