"""Find what the site itself has listed: its facilities and towns, and its own forms of identifiers.

Facilities are found word by word, in any case and with any punctuation between their words, so that "ST MARYS" is found
where "St. Mary's" is listed.  The search looks up each word once, however long the list is.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise

from appliance.phi.findings import Finding, Kind, without_overlaps
from appliance.phi.normalise import normalise
from appliance.phi.settings import Site

SCORE = 0.99
"""The site knows its own names and numbers better than any rule."""

FACILITY = "site_facility"
"""Recognizer name of a listed facility; that of a form is ``site_`` and its name."""

MAX_GAP = 3
"""Characters between two words of a facility: a comma, a dash or a line break with its blanks."""

_WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)*")


class SiteList:
    """Hold one site's list, ready to search."""

    name = "site"

    def __init__(self, site: Site) -> None:
        """Take the list as `policy` has checked it."""
        self._formats = site.id_formats
        listed = (tuple(_key(word) for word in _WORD.findall(facility)) for facility in site.facilities)
        self._facilities = frozenset(words for words in listed if words)
        lengths: defaultdict[str, set[int]] = defaultdict(set)
        for words in self._facilities:
            lengths[words[0]].add(len(words))
        self._lengths = {first: sorted(each, reverse=True) for first, each in lengths.items()}
        """How many words the facilities have that begin with a word, the longest first."""

    def find(self, text: str) -> Iterator[Finding]:
        """Yield what the list finds in normalised text."""
        if self._facilities:
            yield from self._places(text)
        for form in self._formats:
            for match in form.pattern.finditer(text):
                yield _finding(form.kind, match.start(), match.end(), f"site_{form.name}")

    def find_in(self, text: str) -> tuple[Finding, ...]:
        """Return what the list alone finds in a text as it came, without overlaps, in order of place."""
        plain = normalise(text)
        found = ((each, *plain.origin(each.start, each.end)) for each in self.find(plain.text))
        return without_overlaps([_finding(each.kind, start, end, each.recognizer) for each, start, end in found])

    def _places(self, text: str) -> Iterator[Finding]:
        words = list(_WORD.finditer(text))
        keys = [_key(word[0]) for word in words]
        for index, key in enumerate(keys):
            for length in self._lengths.get(key, ()):
                here = words[index : index + length]
                if tuple(keys[index : index + length]) in self._facilities and _is_close(here):
                    yield _finding(Kind.LOCATION, here[0].start(), here[-1].end(), FACILITY)
                    break


def _is_close(words: Sequence[re.Match[str]]) -> bool:
    return all(after.start() - before.end() <= MAX_GAP for before, after in pairwise(words))


def _key(word: str) -> str:
    return word.replace("'", "").replace("\u2019", "").casefold()


def _finding(kind: Kind, start: int, end: int, recognizer: str) -> Finding:
    return Finding(kind=kind, start=start, end=end, score=SCORE, recognizer=recognizer)
