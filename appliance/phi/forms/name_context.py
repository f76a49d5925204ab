"""Whether the text around a word shows that it is a name: a title, a label, a capital inside a sentence.

Each expression looks at a bounded stretch, so none of them can be slow.
"""

import re

from appliance.phi.forms.page import Page

_LOOK_BACK = 32
"""Characters before a word: a label, a colon and some blanks."""

_TITLE = re.compile(r"\b(?:mr|mrs|ms|miss|mx|dr|drs|prof)\.?\s{1,2}\Z")
"""Titles that nothing but a name follows, in any case."""

_CALLING = re.compile(
    r"\b(?:doctor|professor|sir|dame|madam|nurse|sister|brother|aunt|uncle|rev|pastor|officer)\s{1,2}\Z"
)
"""Titles that a verb may follow as well."""

_LABEL = re.compile(
    r"(?:\b(?:patient|name|pt|member|client|resident|mother|father|wife|husband|son|daughter|spouse|guardian|contact|kin"
    r"|provider|physician|surgeon|attending|nurse|by|re|cc|initials|surname|last|first|given|family|author|signed)"
    r"(?:'s)?(?:\s(?:name|is))?\s?[:=#]\s{0,3}|\b(?:dear|hi|hello|hey|named|called|surname|name\sis)\s{1,2},?\s?)\Z"
)

_INITIALS_LABEL = re.compile(
    r"\b(?:patient|pt|initials|mr|mrs|ms|dr|miss|client|resident|name|member)(?:\sis)?[\s.:=]{1,3}\Z"
)

_SENTENCE_ENDS = frozenset(".!?:;\u2022*-|/([\"'>#=")
"""Signs after which a capital shows nothing."""

_CAPITALISED_ANYWAY = frozenset(
    """
    white black brown asian hispanic english french german spanish irish welsh christian catholic european american
    january february march april may june july august september october november december
    monday tuesday wednesday thursday friday saturday sunday easter west east north south street
    """.split()  # noqa: SIM905 - a list of words reads better than a column of literals
)
"""Words with a capital of their own, which so shows no name."""


_CHEMICAL = frozenset(("al", "ba", "be", "ca", "co", "cr", "cu", "fe", "he", "li", "mg", "mo", "na", "se", "zn"))
"""Names that are an element, with its capital."""


def has_title(page: Page, index: int) -> bool:
    """Say whether a title or a label for names stands before a word."""
    before = page.before(index, _LOOK_BACK)
    if _TITLE.search(before) is not None:
        return True
    return is_capitalised(page, index) and (_LABEL.search(before) or _CALLING.search(before)) is not None


def has_initials_label(page: Page, index: int) -> bool:
    """Say whether the words before announce somebody's initials."""
    return _INITIALS_LABEL.search(page.before(index, _LOOK_BACK)) is not None


def is_capitalised(page: Page, index: int) -> bool:
    """Say whether a word begins with a capital."""
    return page.text[page.places[index][0]].isupper()


def is_all_capitals(page: Page, index: int) -> bool:
    """Say whether a word of at least two letters is all capitals."""
    word = page.original(index)
    return len(word) > 1 and word.isupper()


def stands_alone(page: Page, index: int) -> bool:
    """Say whether a word is all that there is, or all between two quotation marks, as the value of a field is."""
    if not is_capitalised(page, index):
        return False
    start, end = page.places[index]
    around = page.text[:start].rstrip()[-1:] + page.text[end : end + _LOOK_BACK].lstrip()[:1]
    return around in {"", '""'}


def is_inside_sentence(page: Page, index: int) -> bool:
    """Say whether a word has a capital that only a name explains: lower case stands directly before it."""
    if not is_capitalised(page, index) or is_all_capitals(page, index) or page.words[index] in _CAPITALISED_ANYWAY:
        return False
    if page.words[index] in _CHEMICAL or _is_numbered(page, index):
        return False
    gap = page.gap(index - 1)
    if index == 0 or "\n" in gap or not _SENTENCE_ENDS.isdisjoint(gap):
        return False
    return page.original(index - 1).islower()


def _is_numbered(page: Page, index: int) -> bool:
    """Say whether a number follows, as in ``Day 3`` and ``May 5``."""
    return index + 1 < len(page.words) and page.words[index + 1].isdigit() and page.gap(index) == " "
