"""Tell which surrogate a model meant when it got one letter of it wrong: ``Elis`` for ``Ellis``.

Only a capitalised word of no list is taken for a typo, and only where it is one slip away from one surrogate and from
no word that the caller wrote.  A word that exists (``Walls``, ``Horner``) is one only after the word that stood before
that surrogate when it left (``Mark Walls``).  Anything else MUST stay as it is: a wrong patient's name is worse than
none.
"""

from collections.abc import Iterable, Iterator
from functools import cache
from string import ascii_lowercase

from appliance.phi.names.lexicon import Lexicon, Look
from appliance.phi.restore_ledger import FEWEST_NEAR, Entry, Form, Ledger, slips

_LONGEST = 24
"""Letters; a longer word is no name that we issue."""


def meant(ledger: Ledger, token: str, before: str) -> list[Entry]:
    """Return the surrogates that a word may have been meant for, one of each original; `before` is the key before it.

    More than one cannot be told apart.
    """
    key = token.lower()
    if not _is_written_as_name(token) or key in ledger.sent:
        return []
    near = {each for slip in slips(key) for each in ledger.near.get(slip, ()) if is_one_slip(key, each)}
    if not near or any(slip in ledger.sent for slip in _one_slip_away(key)):
        return []
    if not (_is_expected(ledger, before, near) or _lexicon().look(token) is Look.UNKNOWN):
        return []
    return list({ledger.entries[each].original.lower(): ledger.entries[each] for each in sorted(near)}.values())


def is_one_slip(one: str, other: str) -> bool:
    """Say whether a letter was left out, added, replaced, or changed places with its neighbour."""
    start = 0
    while start < min(len(one), len(other)) and one[start] == other[start]:
        start += 1
    left, right = one[start:], other[start:]
    is_swapped = left[:2] == right[1::-1] and left[2:] == right[2:]
    return one != other and (left[1:] == right or left == right[1:] or left[1:] == right[1:] or is_swapped)


def _is_written_as_name(token: str) -> bool:
    is_cased = token.istitle() or token.isupper()
    return FEWEST_NEAR - 1 <= len(token) <= _LONGEST and token.isascii() and token.isalpha() and is_cased


def _is_expected(ledger: Ledger, before: str, near: Iterable[str]) -> bool:
    """Say whether one of these words stood after the word before it when it left."""
    joined = (ledger.entries.get(before + each) for each in near)
    return before != "" and any(entry is not None and entry.form is Form.JOINED for entry in joined)


def _one_slip_away(key: str) -> Iterator[str]:
    """Yield every word that a slip may have made this one of."""
    yield from slips(key)
    for place in range(len(key) + 1):
        before, after = key[:place], key[place:]
        yield before + after[1:2] + after[:1] + after[2:]
        for letter in ascii_lowercase:
            yield before + letter + after
            yield before + letter + after[1:]


@cache
def _lexicon() -> Lexicon:
    return Lexicon()
