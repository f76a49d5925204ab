"""Look for known names on a page: word by word, in any order, with typos, initials and particles.

Words of one person that stand together are one finding, so ``Smith, John Q.`` needs no list of all its writings. A
word that shows little by itself counts beside another word of the same person, behind a title, or with a capital that
only a name explains. The cost grows with the different words of the page and of the names.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from rapidfuzz import process
from rapidfuzz.distance import OSA

from appliance.phi.findings import Finding, Kind
from appliance.phi.forms.eponyms import is_eponym
from appliance.phi.forms.name_context import (
    has_initials_label,
    has_title,
    is_all_capitals,
    is_capitalised,
    is_inside_sentence,
    stands_alone,
)
from appliance.phi.forms.name_parts import NameParts, Part, Strength
from appliance.phi.forms.ordinary import ORDINARY
from appliance.phi.forms.page import Page

NAME_GAP = re.compile(r"[\s.,'\-_\u2019]{0,4}\Z")
"""What may stand between the words of one name."""

_CLOSE_GAP = re.compile(r"[.']?[ \-]?\Z")
"""What may stand between an initial and the name, and inside a name that was torn apart."""

_MOST_BETWEEN = 2
"""Unknown initials between two known words: ``John R. R. Smith``."""

_MOST_BESIDE = 4
"""Initials that a name takes with it on either side: ``J. R. R.``."""

_MOST_INITIALS = 3
"""Letters of the longest monogram."""

_SHORTEST_TYPO = 4
"""A shorter name has too many neighbours for typos to mean anything."""

_LONG = 8
"""From this length two mistakes are allowed, below one (Damerau 1964: four of five misspellings hold one mistake)."""

_FIRST_LETTER_MAY_DIFFER = 7
"""From this length a wrong first letter is allowed too; people seldom mistype it (Yannakoudakis and Fawthrop 1983)."""


_FUNCTION_WORDS = frozenset(
    (
        "an",
        "art",
        "as",
        "do",
        "had",
        "has",
        "he",
        "her",
        "in",
        "is",
        "may",
        "mark",
        "no",
        "on",
        "or",
        "so",
        "to",
        "will",
    )
)
"""Names that follow a comma as words far more often."""


@dataclass(frozen=True, slots=True)
class _Hit:
    """Words of the page that are a known word of somebody's name."""

    first: int
    last: int
    part: Part
    is_typo: bool = False


@dataclass(frozen=True, slots=True)
class Names:
    """Known names and how they are looked for."""

    parts: NameParts
    with_typos: bool = True

    def find(self, page: Page) -> Iterator[Finding]:
        """Yield each stretch of words that shows a known name."""
        if not self.parts.words:
            return
        hits = self._hits(page)
        accepted = {index for index, hit in enumerate(hits) if _shows_name(page, hit)}
        for index, (one, other) in enumerate(pairwise(hits)):
            if _are_together(page, one, other) and _support(page, one, other):
                accepted |= {index, index + 1}
        yield from self._stretches(page, [hits[index] for index in sorted(accepted)])
        yield from self._monograms(page)

    def _hits(self, page: Page) -> list[_Hit]:
        words = self.parts.words
        typos = _typos(page, self.parts) if self.with_typos else {}
        torn = page.vocabulary & self.parts.beginnings
        hits: list[_Hit] = []
        for index in page.positions({*words, *typos, *torn}):
            word = page.words[index]
            if hits and hits[-1].last >= index:
                continue
            if not self._is_whole(word) and (hit := self._torn(page, index)):
                hits.append(hit)
            elif word in words:
                hits.append(_Hit(index, index, words[word]))
            elif word in typos:
                hits.append(_Hit(index, index, typos[word], is_typo=True))
        return hits

    def _is_whole(self, word: str) -> bool:
        """Say whether a word is a known one by itself, which a particle is not."""
        return word in self.parts.words and self.parts.words[word].strength is not Strength.PARTICLE

    def _torn(self, page: Page, index: int) -> _Hit | None:
        """Return the hit of a name that stands in two pieces: ``Mc Donald``, ``O Brien``, ``Gott-lieb``."""
        if index + 1 >= len(page.words) or not _CLOSE_GAP.match(page.gap(index)):
            return None
        part = self.parts.words.get(page.words[index] + page.words[index + 1])
        if part is None or part.strength is not Strength.DISTINCT or page.words[index] in ORDINARY:
            return None
        return _Hit(index, index + 1, part)

    def _stretches(self, page: Page, hits: list[_Hit]) -> Iterator[Finding]:
        """Join neighbours that share a person, and give each stretch its initials."""
        stretch: list[_Hit] = []
        people: frozenset[int] = frozenset()
        for hit in hits:
            shared = people & hit.part.people
            if stretch and shared and _are_together(page, stretch[-1], hit):
                stretch.append(hit)
                people = shared
                continue
            if stretch:
                yield self._finding(page, stretch, people)
            stretch, people = [hit], hit.part.people
        if stretch:
            yield self._finding(page, stretch, people)

    def _finding(self, page: Page, stretch: list[_Hit], people: frozenset[int]) -> Finding:
        letters = frozenset().union(*(self.parts.initials.get(person, frozenset()) for person in people))
        first, last = _with_initials(page, stretch[0].first, stretch[-1].last, letters)
        if _is_glued_number(page, last + 1):
            last += 1
        is_exact = any(not hit.is_typo for hit in stretch)
        name = "known_name" if is_exact else "known_name_typo"
        start, end = page.places[first][0], page.places[last][1]
        return Finding(kind=Kind.NAME, start=start, end=end, score=0.98 if is_exact else 0.9, recognizer=name)

    def _monograms(self, page: Page) -> Iterator[Finding]:
        """Yield initials that the text announces: ``Patient J.S.``, ``initials: JMS``."""
        firsts = {letters[0] for letters in self.parts.monograms} | set(self.parts.monograms)
        for index in page.positions(firsts):
            last = self._monogram_end(page, index)
            if last is not None and has_initials_label(page, index):
                start, end = page.places[index][0], page.places[last][1]
                yield Finding(kind=Kind.NAME, start=start, end=end, score=0.9, recognizer="known_initials")

    def _monogram_end(self, page: Page, first: int) -> int | None:
        word = page.words[first]
        if len(word) > 1:
            return first if word in self.parts.monograms and is_all_capitals(page, first) else None
        letters = ""
        for last in range(first, min(first + _MOST_INITIALS, len(page.words))):
            if not _is_single_capital(page, last) or (last > first and page.gap(last - 1) not in {".", ". "}):
                return None
            letters += page.words[last]
            if letters in self.parts.monograms:
                return last
        return None


def _with_initials(page: Page, first: int, last: int, letters: frozenset[str]) -> tuple[int, int]:
    """Return the stretch with the initials that stand directly before and behind it."""
    for _ in range(_MOST_BESIDE):
        if _is_initial_before(page, first - 1, letters):
            first -= 1
        if _is_initial_behind(page, last + 1, letters):
            last += 1
    return first, last


def _is_single_capital(page: Page, index: int) -> bool:
    return len(page.words[index]) == 1 and is_capitalised(page, index)


def _is_initial_before(page: Page, index: int, letters: frozenset[str]) -> bool:
    """Say whether a word before a name is its initial: ``J. Smith``, ``j.smith``, ``J Smith``."""
    gap = page.gap(index)
    if index < 0 or page.words[index] not in letters or gap not in {". ", ".", " "}:
        return False
    return is_capitalised(page, index) or gap == "."


def _is_initial_behind(page: Page, index: int, letters: frozenset[str]) -> bool:
    """Say whether a word behind a name is its initial: ``Smith J``, ``Smith, J.``, ``Anna S.``."""
    if index >= len(page.words) or page.words[index] not in letters or not _is_single_capital(page, index):
        return False
    return page.gap(index - 1) in {" ", ", ", ","} and page.after(index, 1) not in {"'", "-"}


def _typos(page: Page, parts: NameParts) -> dict[str, Part]:
    """Return the words of the page that are a misspelt part of a name."""
    unknown = page.vocabulary - parts.words.keys() - ORDINARY
    candidates = [word for word in unknown if len(word) >= _SHORTEST_TYPO and word.isalpha()]
    typos: dict[str, Part] = {}
    for name, part in parts.words.items():
        if len(name) < _SHORTEST_TYPO or part.is_nickname:
            continue
        most = 2 if len(name) >= _LONG else 1
        for word, _, _ in process.extract_iter(name, candidates, scorer=OSA.distance, score_cutoff=most):
            if _may_begin_so(word, name):
                known = typos.get(word, part)
                typos[word] = replace(part, people=part.people | known.people)
    return typos


def _may_begin_so(word: str, name: str) -> bool:
    """Say whether somebody who meant this name may have written this beginning."""
    return word[0] == name[0] or len(name) >= _FIRST_LETTER_MAY_DIFFER or word[:2] == name[1::-1]


def _are_together(page: Page, one: _Hit, other: _Hit) -> bool:
    """Say whether two hits of one person are neighbours, with no more than initials or glued digits between them."""
    if other.first - one.last > _MOST_BETWEEN + 1 or not one.part.people & other.part.people:
        return False
    if not all(_joins(page, index) for index in range(one.last, other.first)):
        return False
    between = range(one.last + 1, other.first)
    return all(_is_single_capital(page, index) or _is_glued_number(page, index) for index in between)


def _joins(page: Page, index: int) -> bool:
    """Say whether what stands behind a word leaves the next one in the same name: no sentence ends there."""
    gap = page.gap(index)
    ends_sentence = "." in gap and not gap.endswith(".") and len(page.words[index]) > 1
    return NAME_GAP.match(gap) is not None and not ends_sentence


def _is_glued_number(page: Page, index: int) -> bool:
    return index < len(page.words) and page.words[index].isdigit() and not page.gap(index - 1)


def _support(page: Page, one: _Hit, other: _Hit) -> bool:
    """Say whether two neighbours show each other to be a name."""
    if not _are_different_words(page, one, other):
        return False
    is_one_word = other.first == one.last + 1 and page.gap(one.last) in {"-", ".", "_", "'"}
    if is_one_word or all(is_capitalised(page, hit.first) for hit in (one, other)):
        return True
    weak = [hit for hit in (one, other) if page.words[hit.first] in ORDINARY and not is_capitalised(page, hit.first)]
    if not weak:
        return one.part.strength + other.part.strength > Strength.CAPITAL
    return len(weak) == 1 and _is_lower_case_name(page, one, other)


def _are_different_words(page: Page, one: _Hit, other: _Hit) -> bool:
    """Say whether two hits are two words of a name, no more than one of them misspelt."""
    if Strength.PARTICLE in {one.part.strength, other.part.strength}:
        return False
    return not (one.is_typo and other.is_typo) and page.words[one.first] != page.words[other.first]


def _is_lower_case_name(page: Page, one: _Hit, other: _Hit) -> bool:
    """Say whether an ordinary word in lower case is a name: ``rose kuhlman``, never ``kuhlman will``."""
    if is_capitalised(page, one.first) or is_capitalised(page, other.first) or one.is_typo or other.is_typo:
        return False
    word, rest = (one, other) if page.words[one.first] in ORDINARY else (other, one)
    if rest.part.strength is not Strength.DISTINCT:
        return False
    return word is one or ("," in page.gap(one.last) and page.words[word.first] not in _FUNCTION_WORDS)


def _shows_name(page: Page, hit: _Hit) -> bool:
    """Say whether a hit is a name without help from its neighbours."""
    if hit.part.strength is Strength.PARTICLE:
        return False
    if has_title(page, hit.first) or (not hit.is_typo and stands_alone(page, hit.first)):
        return True
    if is_eponym(page, hit.last):
        return False
    if not hit.is_typo and hit.part.strength is Strength.DISTINCT:
        return True
    if not hit.is_typo and hit.part.strength is Strength.CAPITAL:
        return is_capitalised(page, hit.first)
    return (not hit.is_typo or len(page.words[hit.first]) > _SHORTEST_TYPO) and is_inside_sentence(page, hit.first)
