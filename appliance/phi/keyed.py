"""Known identifiers in a form that another process can recognise and nobody can read: HMACs of their words.

The broker looks at the bytes that would leave and must know this patient's values to find them, yet must not be
handed them. So each form of each value travels as HMAC-SHA256, truncated, under a key made for one exchange (RFC
2104; NIST SP 800-107 section 5.3.3 on truncation), and the broker makes the same HMACs of every stretch of words in
the text. What the guard itself put in (`issued`) is told the same way, because a surrogate is meant to look like an
identifier.

Who holds the key can try guesses, so it goes to the broker only, over its socket, and dies with the exchange.
"""

import hmac
from collections.abc import Iterable, Mapping
from hashlib import sha256
from types import MappingProxyType
from typing import NoReturn, Self

from typing_extensions import override

from appliance.errors import PhiBlockedError
from appliance.phi.findings import Finding, Kind
from appliance.phi.forms.form import Known
from appliance.phi.forms.page import Page
from appliance.phi.forms.plain import runs
from appliance.phi.forms.stretches import Stretch, stretches
from appliance.phi.forms.wire import read_wire, write_wire

GRAM_BYTES = 12
"""Of the HMAC's 32: chance hits of 96 bits do not happen, and the wire stays small."""

WORD_BYTES = 8
"""The same for the words of surrogates, which are no secret."""

SHORTEST_SECRET = 16
"""Bytes of secret below which the caller has made a mistake."""

MAX_GRAMS = 8192
"""Forms of some thirty people with all their values; with `MAX_ISSUED_WORDS` the wire stays below 256 KiB."""

MAX_ISSUED_WORDS = 8192
"""Words of all surrogates of one exchange."""

_TOO_MANY = "This request names too many people to be checked on its way out; send fewer records at a time."


class KeyedIdentifiers:
    """Recognise known values in a text without holding them."""

    __slots__ = ("_by_first_word", "_grams", "_issued", "_key")

    def __init__(self, *, key: bytes, grams: Mapping[bytes, Kind], issued: Iterable[bytes]) -> None:
        """Take what the wire carries; use `of` or `from_wire`."""
        self._key = key
        self._grams = MappingProxyType(dict(grams))
        self._issued = frozenset(issued)
        """Each surrogate as the digests of its words, one after the other."""

        self._by_first_word: dict[bytes, list[bytes]] = {}
        for words in self._issued:
            for start in range(0, len(words), WORD_BYTES):
                self._by_first_word.setdefault(words[start : start + WORD_BYTES], []).append(words[start:])

    @classmethod
    def of(cls, known: Iterable[Known], *, secret: bytes, issued: Iterable[str]) -> Self:
        """Make them from forms and surrogates.  Raises PhiBlockedError when there are more than the wire may hold."""
        if len(secret) < SHORTEST_SECRET:
            message = f"the secret of an exchange has at least {SHORTEST_SECRET} bytes"
            raise RuntimeError(message)
        key = hmac.digest(secret, b"appliance keyed identifiers 1", sha256)
        grams = {_gram(key, each.tag + each.text.encode()): each.kind for each in known}
        words = {_sealed_words(key, value) for value in issued} - {b""}
        if len(grams) > MAX_GRAMS or sum(map(len, words)) > MAX_ISSUED_WORDS * WORD_BYTES:
            raise PhiBlockedError(_TOO_MANY, detail=f"grams={len(grams)} issued={len(words)}")
        return cls(key=key, grams=grams, issued=words)

    @classmethod
    def from_wire(cls, wire: object) -> Self:
        """Read what `to_wire` wrote.  Raises PhiBlockedError for anything else."""
        key, grams, issued = read_wire(
            wire, gram_bytes=GRAM_BYTES, word_bytes=WORD_BYTES, most_grams=MAX_GRAMS, most_words=MAX_ISSUED_WORDS
        )
        return cls(key=key, grams=grams, issued=issued)

    def to_wire(self) -> dict[str, object]:
        """Return a JSON object without any value in it; the order of its digests says nothing."""
        return write_wire(self._key, self._grams, self._issued)

    def find(self, text: str) -> tuple[Finding, ...]:
        """Return where a known value stands that the guard did not put there, in order of place."""
        if not self._grams:
            return ()
        page = Page(text)
        kinds: dict[bytes, Kind | None] = {}
        found: list[Finding] = []
        end = 0
        for stretch in stretches(page, lambda key: self._kind(key, kinds) is not None):
            kind = kinds[stretch.key]
            if kind and stretch.end > end and not self.is_issued(page.text[stretch.start : stretch.end]):
                end = stretch.end
                found.append(_finding(stretch, kind))
        return tuple(found)

    def is_issued(self, value: str) -> bool:
        """Say whether a value is one of the surrogates, or some of the words of one in their order."""
        words = _sealed_words(self._key, value)
        if not words:
            return False
        return any(each.startswith(words) for each in self._by_first_word.get(words[:WORD_BYTES], ()))

    def _kind(self, key: bytes, kinds: dict[bytes, Kind | None]) -> Kind | None:
        """Return the kind of a stretch that is known; each different stretch is digested once."""
        if key not in kinds:
            kinds[key] = self._grams.get(_gram(self._key, key))
        return kinds[key]

    @override
    def __repr__(self) -> str:
        """Return a placeholder: a key is a secret too."""
        return f"<keyed identifiers, {len(self._grams)} forms>"

    @override
    def __getstate__(self) -> NoReturn:
        """Refuse to be pickled: the wire form is the only one that travels."""
        message = "keyed identifiers travel by to_wire only"
        raise TypeError(message)


def _finding(stretch: Stretch, kind: Kind) -> Finding:
    return Finding(kind=kind, start=stretch.start, end=stretch.end, score=1.0, recognizer="keyed")


def _gram(key: bytes, text: bytes) -> bytes:
    return hmac.digest(key, b"gram\0" + text, sha256)[:GRAM_BYTES]


def _sealed_words(key: bytes, value: str) -> bytes:
    return b"".join(hmac.digest(key, b"word\0" + word.encode(), sha256)[:WORD_BYTES] for word in runs(value))
