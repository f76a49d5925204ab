"""Keep what was decided of each word, and join decided words to findings."""

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import replace

from appliance.phi.findings import Finding, Kind
from appliance.phi.names.words import Word

RECOGNIZER = "names"
"""What stands in the findings of the models and lists."""

_GAP = re.compile(r"[ \t]{0,2}[.'\u2019&-]?[ \t]{0,2}|,[ ]")
"""What may stand between two words of one name."""


class Verdicts:
    """Hold one verdict a word; a word is decided once."""

    def __init__(self, words: Sequence[Word]) -> None:
        """Begin with every word open."""
        self._starts = [word.start for word in words]
        self._accepted: dict[int, tuple[Kind, float]] = {}
        self._closed: dict[int, Kind] = {}

    def accept(self, index: int, kind: Kind, score: float) -> None:
        """Decide that this word is a part of a name of this kind."""
        if index not in self._closed:
            self._accepted.setdefault(index, (kind, score))

    def close(self, start: int, end: int, kind: Kind) -> None:
        """Ask nothing more about the words that begin in this part: a rule found them."""
        self._closed.update(dict.fromkeys(self.within(start, end), kind))

    def kind(self, index: int) -> Kind | None:
        """Return what this word is a part of, by whomever it was found."""
        return self._accepted[index][0] if index in self._accepted else self._closed.get(index)

    def is_open(self, index: int) -> bool:
        """Say whether nothing was decided of this word."""
        return index not in self._accepted and index not in self._closed

    def within(self, start: int, end: int) -> range:
        """Return the indices of the words that begin in this part of the text."""
        return range(bisect_left(self._starts, start), bisect_left(self._starts, end))

    def __iter__(self) -> Iterator[tuple[int, Kind, float]]:
        """Yield index, kind and score of each accepted word, in order."""
        return ((index, *self._accepted[index]) for index in sorted(self._accepted))


def findings(text: str, words: Sequence[Word], verdicts: Verdicts) -> Iterator[Finding]:
    """Yield one finding for each run of accepted words of one kind."""
    last: Finding | None = None
    previous = -1
    for index, kind, score in verdicts:
        word = words[index]
        if last and last.kind is kind and index == previous + 1 and _GAP.fullmatch(text, last.end, word.start):
            last = replace(last, end=word.end, score=min(score, last.score))
        else:
            if last:
                yield last
            start = _start(text, words, verdicts, index)
            last = Finding(kind=kind, start=start, end=word.end, score=score, recognizer=RECOGNIZER)
        previous = index
    if last:
        yield last


def _start(text: str, words: Sequence[Word], verdicts: Verdicts, index: int) -> int:
    """Return where the name begins that this word is in: a word before it that a rule found is a part of it."""
    if not index or verdicts.kind(index - 1) is not verdicts.kind(index):
        return words[index].start
    is_beside = _GAP.fullmatch(text, words[index - 1].end, words[index].start) is not None
    return words[index - 1].start if is_beside else words[index].start
