"""Remember what the caller sent, so that an answer may repeat it.

An identifier counts as sent however it was written: letters and digits decide, not blanks, dashes, brackets or
case.  A name or an address counts when each of its words was sent, because an answer rightly turns "Smith, John" round.
The comparison text is made only when an answer holds the first identifier, which most never do.
"""

import re
from collections.abc import Iterable
from functools import cached_property

from appliance.clinical_text import ClinicalText
from appliance.phi.blocks import block_spans
from appliance.phi.findings import Kind
from appliance.phi.normalise import fold
from appliance.phi.rules import find

_NOT_ALPHANUMERIC = re.compile(r"[\W_]+")

_NORTH_AMERICAN = re.compile(r"1\d{10}")
"""A telephone number with its country code, which people add and leave out."""

_WORDED = frozenset({Kind.NAME, Kind.LOCATION})
"""Kinds that consist of words."""

LONG_ENOUGH = 7
"""A value of this many letters and digits is looked for anywhere; a shorter one could stand inside another number
by chance, so it must be a whole word of the caller's."""


class Known:
    """Say whether a value stands in what the caller sent."""

    def __init__(self, texts: Iterable[ClinicalText]) -> None:
        """Take everything that the caller sent."""
        self._texts = tuple(texts)
        self._restored: set[str] = set()

    def add(self, value: str) -> None:
        """Take a value that was restored: it is the caller's, though written as the model wrote its surrogate."""
        self._restored.add(_plain(value))

    def holds(self, value: str, kind: Kind) -> bool:
        """Say whether the caller sent this value, in whatever spelling."""
        plain = _plain(value)
        if not plain or plain in self._restored:
            return True
        if kind in _WORDED and all(self._stands(word) for word in _words(value)):
            return True
        spellings = {plain, plain[1:]} if _NORTH_AMERICAN.fullmatch(plain) else {plain}
        return any(self._stands(spelling) for spelling in spellings)

    def _stands(self, plain: str) -> bool:
        if len(plain) >= LONG_ENOUGH and plain in self._run_together:
            return True
        return plain in self._words or plain in self._found

    @cached_property
    def _folded(self) -> str:
        return fold(ClinicalText.join(self._texts, "\n").reveal()).casefold()

    @cached_property
    def _words(self) -> frozenset[str]:
        """Blank-separated words without their punctuation, and the parts between it."""
        parts = _NOT_ALPHANUMERIC.split(self._folded)
        return frozenset(_plain(word) for word in self._folded.split()) | frozenset(parts)

    @cached_property
    def _found(self) -> frozenset[str]:
        """What the rules find in the caller's own text, however it touches what stands beside it."""
        texts = (text.reveal() for text in self._texts)
        blocks = (text[start:end] for text in texts for start, end in block_spans(text, at_end=True))
        return frozenset(_plain(block[found.start : found.end]) for block in blocks for found in find(block))

    @cached_property
    def _run_together(self) -> str:
        return _plain(self._folded)


def _words(value: str) -> list[str]:
    """Return the words of a name or an address, without initials and the s of a possessive."""
    return [word for word in _NOT_ALPHANUMERIC.split(fold(value).casefold()) if len(word) > 1]


def _plain(text: str) -> str:
    return _NOT_ALPHANUMERIC.sub("", fold(text).casefold())
