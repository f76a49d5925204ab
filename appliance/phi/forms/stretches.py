"""Every stretch of a text that could be a known value, as the bytes that `keyed` digests.

The same words, gaps and exceptions as the search in the clear, so that what the guard rightly leaves in a text
(Wilson's disease, a piece of a decimal) does not stop it on the way out.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from appliance.phi.forms.eponyms import is_eponym
from appliance.phi.forms.form import GATES, Tag
from appliance.phi.forms.name_context import is_capitalised
from appliance.phi.forms.name_search import NAME_GAP
from appliance.phi.forms.page import Page
from appliance.phi.forms.search import INTERNET_GAP, NUMBER_GAP, SEQUENCE_GAP, is_part_of_number, may_stand

LONGEST_RUN = 256
"""Letters and digits of the longest number or address on the internet that is looked for."""

MOST_WORDS = 8
"""Words of the longest sequence: a day in words, a street with its unit."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Some words in a row."""

    key: bytes
    start: int
    end: int


def stretches(page: Page, is_known: Callable[[bytes], bool]) -> Iterator[Stretch]:
    """Yield the stretches that are known, by their first word, the longest first."""
    begins = {word for word in page.vocabulary if _may_begin(word, is_known)}
    for index, word in enumerate(page.words):
        found = [*_runs(page, index, is_known)] if _may_begin_run(page, index) else []
        if word in begins:
            found += [*_sequences(page, index), *_names(page, index)]
        yield from sorted((each for each in found if is_known(each.key)), key=lambda each: -each.end)


def _may_begin(word: str, is_known: Callable[[bytes], bool]) -> bool:
    plain = word.encode()
    return any(is_known(tag + plain) for tag in (Tag.NAME, Tag.CAPITAL, Tag.SEQUENCE, Tag.FIRST))


def _may_begin_run(page: Page, index: int) -> bool:
    """Say whether a number or an address on the internet may begin here; in prose almost never."""
    if page.words[index].isdigit():
        return True
    end = page.places[index][1]
    follows = page.text[end : end + 2]
    return not follows[:1].isspace() or follows[1:].isdigit()


def _runs(page: Page, first: int, is_known: Callable[[bytes], bool]) -> Iterator[Stretch]:
    """Yield numbers and addresses on the internet: a chain of words in which a digit or a joining sign stands."""
    run, last, passed, is_spread = page.words[first], first, 0, False
    while len(run) <= LONGEST_RUN:
        if not all(is_known(Tag.PREFIX + run[:gate].encode()) for gate in GATES if passed < gate <= len(run)):
            return
        passed = len(run)
        if is_known(Tag.RUN + run.encode()) and may_stand(page, run, first, last, is_spread=is_spread):
            yield _stretch(page, Tag.RUN + run.encode(), first, last)
        if last + 1 >= len(page.words) or not _goes_on(page, run, last):
            return
        is_spread = is_spread or page.gap(last) not in {"", "-"}
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
