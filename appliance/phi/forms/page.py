"""One text, cut into runs of letters and runs of digits, with the place of each.

Cut once and read by every search.  The places are made only when a search has something to look at, because most texts
hold none of the words that are looked for.
"""

from collections.abc import Collection
from functools import cached_property

from appliance.phi.forms.plain import RUN, plain


class Page:
    """A normalised text and its words."""

    def __init__(self, text: str) -> None:
        """Take normalised text (`phi.normalise`)."""
        self.text = text
        self.plain = plain(text)
        self.words: list[str] = RUN.findall(self.plain)
        self.vocabulary = frozenset(self.words)

    @cached_property
    def places(self) -> list[tuple[int, int]]:
        """Return start and end of each word."""
        return [match.span() for match in RUN.finditer(self.plain)]

    def positions(self, words: Collection[str]) -> list[int]:
        """Return the positions of all these words, in order."""
        wanted = self.vocabulary.intersection(words)
        return [index for index, word in enumerate(self.words) if word in wanted] if wanted else []

    def gap(self, index: int) -> str:
        """Return what stands between a word and the next one; a line end where there is none."""
        if not 0 <= index < len(self.words) - 1:
            return "\n"
        return self.text[self.places[index][1] : self.places[index + 1][0]]

    def original(self, index: int) -> str:
        """Return a word as it is written."""
        start, end = self.places[index]
        return self.text[start:end]

    def before(self, index: int, length: int) -> str:
        """Return the plain characters before a word."""
        start = self.places[index][0]
        return self.plain[max(0, start - length) : start]

    def after(self, index: int, length: int) -> str:
        """Return the plain characters after a word."""
        end = self.places[index][1]
        return self.plain[end : end + length]
