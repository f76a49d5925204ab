"""Draw from lists and ranges by a secret, so that the same secret draws the same and nobody else can foresee it.

A drawing is HMAC-SHA256 over a label and a counter: the label names what a value is drawn for.  The secret MUST NOT be
used for anything else.
"""

import hmac
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

_CHUNK = 8
"""Bytes of one number: far more than any list is long, so that the remainder favours nobody noticeably."""

LETTERS = "abcdefghjkmnpqrstuvwxyz"
"""Lower-case letters without those that are read as digits."""


@dataclass(slots=True, kw_only=True)
class Drawing:
    """An endless sequence of numbers for one label."""

    secret: bytes = field(repr=False)
    label: str = field(repr=False)
    """May hold an identifier: it goes into the HMAC and nowhere else."""

    _count: int = 0
    _bytes: bytes = field(default=b"", repr=False)

    def below(self, limit: int) -> int:
        """Return the next number from 0 to `limit` - 1."""
        if len(self._bytes) < _CHUNK:
            message = f"{self._count}:{self.label}".encode("utf-8", "surrogatepass")
            self._bytes = hmac.digest(self.secret, message, sha256)
            self._count += 1
        number = int.from_bytes(self._bytes[:_CHUNK], "big")
        self._bytes = self._bytes[_CHUNK:]
        return number % limit

    def shuffled(self, values: Sequence[str]) -> Iterator[str]:
        """Yield every value once, in the order drawn."""
        remaining = list(values)
        while remaining:
            place = self.below(len(remaining))
            remaining[place], remaining[-1] = remaining[-1], remaining[place]
            yield remaining.pop()

    def like(self, character: str) -> str:
        """Return a digit for a digit, a letter of the same case for a letter, and anything else as it is."""
        if character.isdigit():
            return str(self.below(10))
        if not character.isalpha():
            return character
        letter = LETTERS[self.below(len(LETTERS))]
        return letter.upper() if character.isupper() else letter
