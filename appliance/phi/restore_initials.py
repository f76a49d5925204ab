"""Tell whose initial a letter of an answer is, by the part of the name that it stands beside.

``Hattie K`` left for ``Anna S``, and an answer says ``hattie k``, ``K, Hattie`` or ``Hattie T. K.``: the letter counts
on either side of the part, in any case, and beyond other initials of that part.  A letter that is anything else (the
article, ``s/p``, ``b.i.d.``, ``B12``, ``K = 3.2``) MUST stay as it is, because it is often a finding or a dose.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import takewhile

from appliance.phi.restore_ledger import Entry, Ledger
from appliance.phi.restore_tokens import MOST_CHARACTERS, NEAR, TOKEN, key

MOST_IN_A_ROW = 4
"""Initials beside a name, at most; what is held back grows with it."""

_BETWEEN = re.compile(rf'[-\s.,;|*_()"\u2010-\u2014\u201c\u201d\u200b-\u200f\u2060\ufeff]{{0,{NEAR}}}')
"""What may stand between the parts of one name."""

_APOSTROPHES = frozenset("'\u2019\u02bc")

_HYPHENS = frozenset("-\u2010\u2011")
"""What makes a letter a part of a word (``T-cell``), or of initials (``J.-P.``)."""

_TIES = frozenset("/&+=")
"""What makes a letter a part of something else: ``C/O``, ``K=3.2``."""

_ARTICLES = frozenset("ai")
"""Letters that are words, and an initial only with a dot, or where the name ends; no surrogate is wished with them."""

_Run = list[tuple[str, str]]
"""What stands on one side of a letter, the nearest first: each gap and the key of the token behind it."""


def find_initial(ledger: Ledger, text: str, letter: re.Match[str]) -> Entry | None:
    """Return what an initial stands for, by the part of a name on either side; unsure where these tell otherwise."""
    before, after = list(_before(text, letter.start())), list(_after(text, letter.end()))
    if not _is_alone(text, letter) or _is_hyphenated(text, letter, before, after):
        return None
    sides = (_told_by(ledger, letter, before, after), _told_by(ledger, letter, after, before))
    told = [entry for entry in sides if entry is not None]
    if len(told) > 1 and told[0].original.casefold() != told[1].original.casefold():
        return replace(told[0], is_unsure=True)
    return told[0] if told else None


def is_open(text: str, end: int) -> bool:
    """Say whether the name that goes on after a letter may go on in what has not come."""
    for following in _tokens_after(text, end):
        if following.end() == len(text) and len(following[0]) < MOST_CHARACTERS:
            return True
        if not is_letter(key(following[0])):
            return False
        end = following.end()
    return _BETWEEN.fullmatch(text, end) is not None


def in_case_of(original: str, found: str) -> str:
    """Return the caller's letter in the case in which the answer wrote the surrogate's."""
    return original.lower() if found.islower() else original.upper()


def is_letter(word: str) -> bool:
    """Say whether the key of a token is one letter."""
    return len(word) == 1 and word.isalpha()


def _told_by(ledger: Ledger, letter: re.Match[str], run: _Run, other: _Run) -> Entry | None:
    """Return what the part at the end of one side tells; every letter up to it, or tied by a dot, is its initial."""
    if not run or is_letter(run[-1][1]):
        return None
    known = ledger.beside.get(run[-1][1], {})
    between = [word for _, word in run[:-1]]
    tied = [word for _, word in takewhile(_is_tied, other)]
    return known.get(key(letter[0])) if all(word in known for word in (*between, *tied)) else None


def _is_tied(step: tuple[str, str]) -> bool:
    gap, word = step
    return is_letter(word) and not any(map(str.isspace, gap))


def _is_alone(text: str, letter: re.Match[str]) -> bool:
    """Say whether nothing makes this letter a part of something other than a name."""
    before, after = text[letter.start() - 1 : letter.start()], text[letter.end() : letter.end() + 1]
    if before in _TIES | _APOSTROPHES or before.isalnum() or after in _TIES or after.isalnum():
        return False
    if after in _APOSTROPHES:
        following = TOKEN.match(text, letter.end() + 1)
        return following is not None and key(following[0]) == "s"
    return key(letter[0]) not in _ARTICLES or not after.isspace()


def _is_hyphenated(text: str, letter: re.Match[str], before: _Run, after: _Run) -> bool:
    """Say whether a hyphen ties this letter to anything but an initial."""
    to_left = text[letter.start() - 1 : letter.start()] in _HYPHENS
    to_right = text[letter.end() : letter.end() + 1] in _HYPHENS
    return any(
        is_tied and not (run and is_letter(run[0][1])) for is_tied, run in ((to_left, before), (to_right, after))
    )


def _before(text: str, start: int) -> Iterator[tuple[str, str]]:
    tokens = list(TOKEN.finditer(text, max(0, start - MOST_CHARACTERS), start))
    for token in reversed(tokens[-MOST_IN_A_ROW:]):
        if not _BETWEEN.fullmatch(text, token.end(), start):
            return
        word = key(token[0])
        yield text[token.end() : start], word
        if not is_letter(word):
            return
        start = token.start()


def _after(text: str, end: int) -> Iterator[tuple[str, str]]:
    for token in _tokens_after(text, end):
        yield text[end : token.start()], key(token[0])
        end = token.end()


def _tokens_after(text: str, end: int) -> Iterator[re.Match[str]]:
    for _ in range(MOST_IN_A_ROW):
        following = TOKEN.search(text, end, end + NEAR + MOST_CHARACTERS)
        if following is None or not _BETWEEN.fullmatch(text, end, following.start()):
            return
        yield following
        if not is_letter(key(following[0])):
            return
        end = following.end()
