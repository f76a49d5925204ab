"""Look for known runs and sequences on a page: one table look-up a word, and a short walk where one begins.

A run is matched across separators and across the seams of letters and digits, so ``123-45-6789``, ``123 45 6789``,
``123456789`` and ``SSN123456789`` are one run. Letters that a scanner reads for digits (``O`` for ``0``) are tried
where nothing else fits. The cost grows with the text and the hits, never with the square of either.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from appliance.phi.findings import Finding, Kind
from appliance.phi.forms.context import is_shown
from appliance.phi.forms.form import Form
from appliance.phi.forms.page import Page

NUMBER_GAP = re.compile(r"[\s\-./_:#()+,*|\\~]{0,3}\Z")
"""What may stand between the groups of a number."""

INTERNET_GAP = re.compile(r"[\s\-./_:#()+@\[\]{}<>?=&%~]{0,5}\Z")
"""What may stand between the parts of an e-mail or web address."""

SEQUENCE_GAP = re.compile(r"[\s\-./_,'()#]{0,4}\Z")
"""What may stand between the words of a day or an address."""

_LOOK_LIKE_DIGITS = "oqdlijszbg"

_READ_FOR_DIGITS = str.maketrans(_LOOK_LIKE_DIGITS, "0001115286")
"""Letters that optical character recognition and tired eyes put for digits."""

_SHORTEST_SPREAD = 7
"""A shorter run of digits stands in one piece or with hyphens only: ``12 34 56`` are three values."""

_EXTENSION = re.compile(r"[\s,;]{0,3}(?:x|ext\.?|extension)\s{0,2}\d{1,6}(?!\w)")
"""The extension of a telephone number, which belongs to it."""

_LONGEST_LEAD = 2
"""Characters of ``+(`` before a telephone number."""

_ZIP_TAIL = re.compile(r"-\d{4}(?!\w)")
"""The last four digits of a ZIP+4."""


@dataclass(frozen=True, slots=True)
class Runs:
    """Known runs and how they are looked for."""

    forms: Mapping[str, Form]
    prefixes: frozenset[str]
    """Every beginning of every run, the whole runs among them."""

    gap: re.Pattern[str]

    @classmethod
    def of(cls, forms: Mapping[str, Form], gap: re.Pattern[str]) -> "Runs":
        """Return the runs with their beginnings."""
        return cls(forms, frozenset(run[:end] for run in forms for end in range(1, len(run) + 1)), gap)

    def find(self, page: Page) -> Iterator[Finding]:
        """Yield the longest run from each place where one begins."""
        if not self.forms:
            return
        begins = {word: begin for word in page.vocabulary if (begin := self._begin(word))}
        next_free = 0
        for index in page.positions(begins):
            if index >= next_free and (hit := self._longest(page, index, begins[page.words[index]])):
                last, form = hit
                next_free = last + 1
                yield _widened(page, form, index, last)

    def _begin(self, word: str) -> str:
        """Return how a run could begin with this word: as it stands, without zeros, with digits for letters."""
        if word in self.prefixes:
            return word
        other = word.translate(_READ_FOR_DIGITS) if not word.strip(_LOOK_LIKE_DIGITS) else word.lstrip("0")
        return other if other in self.prefixes else ""

    def _longest(self, page: Page, first: int, run: str) -> tuple[int, Form] | None:
        found: tuple[int, Form] | None = None
        last, is_spread = first, False
        while True:
            form = self.forms.get(run)
            if form and may_stand(page, run, first, last, is_spread=is_spread):
                found = (last, form) if is_shown(form.need, page, first=first, last=last) else found
            longer = self._extended(page, last, run)
            if longer is None:
                return found
            is_spread = is_spread or page.gap(last) not in {"", "-"}
            last, run = last + 1, longer

    def _extended(self, page: Page, last: int, run: str) -> str | None:
        """Return the run with the next word, or None when no known run goes on like that."""
        if last + 1 >= len(page.words) or not self.gap.match(page.gap(last)):
            return None
        word = page.words[last + 1]
        longer = (run + word, run + word.translate(_READ_FOR_DIGITS))
        return next((each for each in longer if each in self.prefixes), None)


@dataclass(frozen=True, slots=True)
class Sequences:
    """Known sequences by their first word, longest first."""

    by_first: Mapping[str, tuple[tuple[tuple[str, ...], Form], ...]]

    @classmethod
    def of(cls, forms: Mapping[tuple[str, ...], Form]) -> "Sequences":
        """Return the sequences sorted for the search."""
        by_first: dict[str, list[tuple[tuple[str, ...], Form]]] = {}
        for words, form in sorted(forms.items(), key=lambda each: -len(each[0])):
            by_first.setdefault(words[0], []).append((words[1:], form))
        return cls({first: tuple(rest) for first, rest in by_first.items()})

    def find(self, page: Page) -> Iterator[Finding]:
        """Yield the longest sequence from each place where one begins."""
        next_free = 0
        for index in page.positions(self.by_first):
            if index < next_free:
                continue
            hits = (each for each in self.by_first[page.words[index]] if _stands(page, index, *each))
            if hit := next(hits, None):
                last = index + len(hit[0])
                next_free = last + 1
                yield _widened(page, hit[1], index, last)


def _stands(page: Page, index: int, rest: tuple[str, ...], form: Form) -> bool:
    last = index + len(rest)
    if tuple(page.words[index + 1 : last + 1]) != rest:
        return False
    if not all(SEQUENCE_GAP.match(page.gap(each)) for each in range(index, last)):
        return False
    return not is_part_of_number(page, index, last) and is_shown(form.need, page, first=index, last=last)


def may_stand(page: Page, run: str, first: int, last: int, *, is_spread: bool) -> bool:
    """Say whether a run of words may be this number here: not a part of a longer one, not several short ones."""
    return (len(run) >= _SHORTEST_SPREAD or not is_spread) and not is_part_of_number(page, first, last)


def is_part_of_number(page: Page, first: int, last: int) -> bool:
    """Say whether the words are a piece of a decimal, of an IP address or of a longer chain of digits."""
    start, end = page.places[first][0], page.places[last][1]
    before, after = page.plain[max(0, start - 2) : start], page.plain[end : end + 2]
    if page.words[first].isdigit() and before[-1:] in {".", "/"} and before[:1].isdigit():
        return True
    return page.words[last].isdigit() and after[:1] in {".", "/"} and after[1:].isdigit()


def _widened(page: Page, form: Form, first: int, last: int) -> Finding:
    """Return the finding, with what belongs to a telephone number or a ZIP code around its digits."""
    start, end = page.places[first][0], page.places[last][1]
    if form.kind in {Kind.PHONE, Kind.FAX}:
        lead = page.plain[max(0, start - _LONGEST_LEAD) : start]
        start -= len(lead) - len(lead.rstrip("(+"))
        extension = _EXTENSION.match(page.plain, end)
        end = extension.end() if extension else end
    elif form.recognizer == "known_zip" and last == first and (tail := _ZIP_TAIL.match(page.plain, end)):
        end = tail.end()
    return form.finding(start, end)
