"""Every stretch of a text that could be a known value, as the bytes that `keyed` digests.

The same words, gaps and exceptions as the search in the clear, so that what the guard rightly leaves in a text
(Wilson's disease, a piece of a decimal) does not stop it on the way out.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from appliance.phi.forms.eponyms import is_eponym
from appliance.phi.forms.form import Tag
from appliance.phi.forms.name_context import is_capitalised
from appliance.phi.forms.name_search import NAME_GAP
from appliance.phi.forms.page import Page
from appliance.phi.forms.search import INTERNET_GAP, NUMBER_GAP, SEQUENCE_GAP, is_part_of_number, may_stand

LONGEST_RUN = 64
"""Letters and digits of the longest number or address on the internet that is looked for."""

MOST_WORDS = 8
"""Words of the longest sequence: a day in words, a street with its unit."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Some words in a row."""

    key: bytes
    start: int
    end: int


def stretches(page: Page) -> Iterator[Stretch]:
    """Yield the stretches by their first word, the longest first."""
    for index in range(len(page.words)):
        found = [*_runs(page, index), *_sequences(page, index), *_names(page, index)]
        yield from sorted(found, key=lambda each: -each.end)


def _runs(page: Page, first: int) -> Iterator[Stretch]:
    """Yield numbers and addresses on the internet: a chain of words in which a digit or a joining sign stands."""
    run, last = page.words[first], first
    while len(run) <= LONGEST_RUN:
        if may_stand(page, run, first, last):
            yield _stretch(page, Tag.RUN + run.encode(), first, last)
        if last + 1 >= len(page.words) or not _goes_on(page, run, last):
            return
        last += 1
        run += page.words[last]


def _goes_on(page: Page, run: str, last: int) -> bool:
    gap = page.gap(last)
    if NUMBER_GAP.match(gap) and (page.words[last + 1].isdigit() or not run.isalpha()):
        return True
    return not any(map(str.isspace, gap)) and INTERNET_GAP.match(gap) is not None


def _sequences(page: Page, first: int) -> Iterator[Stretch]:
    for last in range(first, min(first + MOST_WORDS, len(page.words))):
        if last > first and not SEQUENCE_GAP.match(page.gap(last - 1)):
            return
        if not is_part_of_number(page, first, last):
            words = " ".join(page.words[first : last + 1])
            yield _stretch(page, Tag.SEQUENCE + words.encode(), first, last)


def _names(page: Page, first: int) -> Iterator[Stretch]:
    word = page.words[first]
    if is_eponym(page, first):
        return
    yield _stretch(page, Tag.NAME + word.encode(), first, first)
    if not is_capitalised(page, first):
        return
    yield _stretch(page, Tag.CAPITAL + word.encode(), first, first)
    last = first + 1
    if last < len(page.words) and is_capitalised(page, last) and NAME_GAP.match(page.gap(first)):
        yield _stretch(page, Tag.CAPITAL + f"{word} {page.words[last]}".encode(), first, last)


def _stretch(page: Page, key: bytes, first: int, last: int) -> Stretch:
    return Stretch(key, page.places[first][0], page.places[last][1])
