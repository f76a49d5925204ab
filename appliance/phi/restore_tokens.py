"""Cut text into the smallest words that a surrogate may consist of, and give each the key by which it is looked up.

A token is a run of letters or of digits, a bracket, or one letter of a script without word breaks. So
``MRN-83920174``, ``83 92 01 74`` and ``AB12`` fall apart the same way however a model writes them. Where a token
begins and ends depends on the text alone, never on how it arrived.
"""

import re
from collections import deque

from appliance.phi.normalise import normalise

MOST_CHARACTERS = 128
"""A token is cut here: longer than any word of a surrogate, and an endless word is not held back for ever."""

_UNSEEN = r"\u00ad\u0300-\u036f\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufe00-\ufe0f\ufeff"
"""Combining marks and characters without width, which stand inside a word and do not end it."""

_ALPHABETS = r"A-Za-z\u00aa\u00b5\u00ba\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u058f\u1d00-\u1fff\uff21-\uff3a\uff41-\uff5a"
"""Scripts whose words are written apart: Latin, Greek, Cyrillic, Armenian, and their wide and phonetic forms."""

_MATHEMATICAL = r"\U0001d400-\U0001d7cb"

_REST = MOST_CHARACTERS - 1

TOKEN = re.compile(
    rf"[{_ALPHABETS}{_MATHEMATICAL}][{_ALPHABETS}{_MATHEMATICAL}{_UNSEEN}]{{0,{_REST}}}"
    rf"|\d[\d{_UNSEEN}]{{0,{_REST}}}|[\[\]]|[^\W\d_]"
)
"""One token."""

NEAR = 8
"""Characters between a token and its neighbour, at most, for the one to tell something of the other."""


def key(token: str) -> str:
    """Return the key of one token: how it reads, in small plain letters and digits."""
    if token.isascii():
        return token.lower()
    return "".join(filter(str.isalnum, normalise(token).text)).casefold()


def keys(text: str) -> list[str]:
    """Return the key of every token of a text."""
    return [key(match[0]) for match in TOKEN.finditer(text)]


def key_before(text: str, position: int) -> str:
    """Return the key of the token that ends shortly before this place; empty where none does, a star after stars."""
    start = max(0, position - MOST_CHARACTERS)
    if text[start:position].rstrip("- ").endswith(("*", "\u2022")):
        return "*"
    last = deque(TOKEN.finditer(text, start, position), maxlen=1)
    if not last or position - last[0].end() > NEAR:
        return ""
    return key(last[0][0])


def key_after(text: str, position: int) -> str:
    """Return the key of the token that begins shortly after this place; empty where none does."""
    following = TOKEN.search(text, position, position + NEAR + MOST_CHARACTERS)
    return key(following[0]) if following and following.start() - position <= NEAR else ""
