"""Write a text in lower case without accents, one character for one, so that offsets stay those of the text.

Both sides of a comparison pass through here, so it need not be right in any language; it MUST be the same for both and
never change the length.  The guard's `normalise` runs before it in the gateway and is not needed in the broker.
"""

import re
import unicodedata

_WITHOUT_DECOMPOSITION = {"ß": "s", "æ": "a", "œ": "o", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "t", "\u0131": "i"}
"""Latin letters that Unicode does not take apart."""

RUN = re.compile(r"[^\W\d_]+|\d+")
"""A run of letters or a run of digits: what stands in a text between separators and at the seams of ``MRN123``."""

_ALPHANUMERIC = re.compile(r"[^\W_]+")


def plain(text: str) -> str:
    """Return the text in lower case and without accents, of the same length."""
    if not text.isascii():
        text = text.translate({ord(each): _base(each) for each in set(text) if not each.isascii()})
    return text.lower()


def squeezed(text: str) -> str:
    """Return the letters and digits only, plain: how numbers compare whatever separates their groups."""
    return "".join(_ALPHANUMERIC.findall(plain(text)))


def runs(text: str) -> list[str]:
    """Return the plain runs of letters and of digits, in order."""
    return RUN.findall(plain(text))


def _base(character: str) -> str:
    """Return one ASCII character where there is one, otherwise the character itself, never more than one."""
    lowered = character.lower()
    if lowered in _WITHOUT_DECOMPOSITION:
        return _WITHOUT_DECOMPOSITION[lowered]
    base = unicodedata.normalize("NFKD", character)[0]
    return base if base.isalnum() and len(base.lower()) == 1 else character if len(lowered) == 1 else "?"
