"""Give out surrogates for one exchange: to each word or number its own, and none that stands in the caller's text.

The makers of names, places and numbers draw candidates; the issuer says which is free, remembers it and enters it in
the ledger.  It holds originals and is wiped with the map.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import count, islice
from string import ascii_lowercase
from typing import Self

from appliance.phi.findings import Kind
from appliance.phi.restore_ledger import Form, Ledger, Neighbours
from appliance.phi.restore_tokens import key_after, key_before, keys
from appliance.phi.surrogate_hints import Hint
from appliance.phi.surrogate_values.drawing import Drawing

MOST_TRIES = 1500
"""Values that are drawn before a tag takes the surrogate's place; more than any list of names is long."""

TRIES_FOR_INITIAL = 150
"""Names that are drawn in search of one with the wished first letter, before any other will do."""

FEWEST_CONTAINED = 3
"""Letters of an original that no surrogate may contain; two letters stand in nearly every word."""

FEWEST_DIGITS = 5
"""Digits within a longer number that no surrogate may contain; fewer, such as an exchange code, tell nobody."""

_TAG = re.compile(r"\[\s?[a-z_]{2,20}[\W_]{0,4}\d{1,6}(?:[a-z]\d{0,6})?\s?\]", re.IGNORECASE)
"""What a caller may have typed that reads as one of our tags."""

_WORDED = frozenset({Kind.NAME, Kind.LOCATION, Kind.EMAIL})
"""Kinds whose words are identifiers; those of a telephone number ("ext") or a web address ("www") are not."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Part:
    """A short surrogate within a text, which counts only between its neighbours there."""

    start: int
    end: int
    surrogate: str
    original: str
    kind: Kind
    form: Form

    def moved(self, places: int) -> Self:
        """Return the part as it stands that much further on."""
        return replace(self, start=self.start + places, end=self.end + places)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Made:
    """What was made for one value."""

    text: str
    parts: tuple[Part, ...] = ()
    """Its short surrogates."""

    words: tuple[str, ...] = ()
    """Every surrogate in it."""

    is_generalised: bool = False
    """A group and no surrogate: it does not come back."""


@dataclass(slots=True, kw_only=True, repr=False)
class Issuer:
    """Give out surrogates and enter them in the ledger."""

    secret: bytes
    ledger: Ledger
    initials: dict[str, str] = field(default_factory=dict)
    """The first letter of the surrogates of names that begin with a letter, so that initials fit full names."""

    hints: dict[str, Hint] = field(default_factory=dict)
    """What the words beside a name tell of it, by the key of the name."""

    _originals: set[str] = field(default_factory=set)
    """Keys of what is replaced."""

    drawn: set[str] = field(default_factory=set)
    """Keys of all surrogates."""

    _bases: dict[str, str] = field(default_factory=dict)
    """The surrogate of each word and number by the key of its original."""

    _tags: dict[str, Made] = field(default_factory=dict)
    _tag_numbers: dict[str, int] = field(default_factory=dict)
    """The number of each value, by kind and key, and the last one given of each kind."""

    def avoid(self, texts: Iterable[str]) -> None:
        """Take care that no surrogate is a word of these texts."""
        for text in texts:
            for word in set(text.split()):
                parts = keys(word)
                self.ledger.sent.update(parts)
                self.ledger.sent.add("".join(parts))
            self.ledger.sent.update("".join(keys(typed[0])) for typed in _TAG.finditer(text))

    def remember(self, kind: Kind, original: str) -> None:
        """Take care that no surrogate contains this value or a word of it."""
        parts = keys(original.partition("@")[0] if kind is Kind.EMAIL else original)
        is_worded = kind in _WORDED
        telling = [part for part in parts if (is_worded if part.isalpha() else len(part) >= FEWEST_DIGITS)]
        self._originals.update(part for part in (*telling, "".join(parts)) if len(part) >= FEWEST_CONTAINED)

    def wipe(self) -> None:
        """Let go of every original."""
        for held in (self._originals, self._bases, self.drawn, self._tags, self._tag_numbers, self.hints):
            held.clear()
        self.initials.clear()

    def drawing(self, label: str) -> Drawing:
        """Return the sequence of draws for one label."""
        return Drawing(secret=self.secret, label=label)

    def known(self, name: str) -> str | None:
        """Return what was drawn under this name before."""
        return self._bases.get(name)

    def draw(self, name: str, candidates: Iterator[str], *, initials: str = "") -> str | None:
        """Return what is drawn under this name: the first candidate that is free, with such an initial if any has."""
        if name in self._bases:
            return self._bases[name]
        drawn = self._first_free(candidates, initials)
        if drawn is not None:
            self._bases[name] = drawn
            self.drawn.add("".join(keys(drawn)))
        return drawn

    def _first_free(self, candidates: Iterator[str], initials: str) -> str | None:
        """Look for the wished initial among the first candidates only; then the first that was free will do."""
        other: str | None = None
        for each in islice(candidates, TRIES_FOR_INITIAL if initials else 0):
            if each[0] in initials and self.is_free(each):
                return each
            if other is None and self.is_free(each):
                other = each
        return other or next((each for each in islice(candidates, MOST_TRIES) if self.is_free(each)), None)

    def is_free(self, candidate: str) -> bool:
        """Say whether this is no word of the caller's, holds no original, and stands for nothing yet."""
        key = "".join(keys(candidate))
        backwards = key[::-1]
        if key in self.ledger.sent or key in self.drawn or key in self.ledger.entries:
            return False
        if backwards in self.ledger.sent or backwards in self.drawn:
            return False
        pieces = (key[start:end] for start in range(len(key)) for end in range(start + FEWEST_CONTAINED, len(key) + 1))
        return not any(piece in self._originals for piece in pieces)

    def tag(self, kind: Kind, original: str) -> Made:
        """Return a numbered tag; another way of writing the same value has the same number and a letter."""
        if original not in self._tags:
            same = f"{kind.value}:{''.join(keys(original)) or original}"
            if same not in self._tag_numbers:
                self._tag_numbers[same] = self._tag_numbers[kind.value] = self._free_number(kind)
            stem = f"[{kind.value}-{self._tag_numbers[same]}"
            letters = ("", *ascii_lowercase[1:], *(f"z{number}" for number in range(len(self._tags))))
            text = next(f"{stem}{each}]" for each in letters if self._can_tag(f"{stem}{each}]", original))
            self.ledger.issue(text, original, kind=kind, form=Form.TAG)
            self._tags[original] = Made(text=text, words=(text,))
        return self._tags[original]

    def settle(self, text: str, parts: Iterable[Part]) -> bool:
        """Enter short surrogates with their neighbours in this text; False if two originals would fit one place."""
        is_settled = True
        for part in parts:
            before, after = key_before(text, part.start), key_after(text, part.end)
            ledger = self.ledger
            is_settled &= ledger.issue_between(part.surrogate, part.original, part.kind, part.form, (before, after))
            telling: list[Neighbours] = [(None, after)] if after in ledger.entries else []
            telling += [(before, None)] if before in ledger.entries else []
            ledger.expect_between(part.surrogate, part.original, part.kind, part.form, telling)
        return is_settled

    def _can_tag(self, text: str, original: str) -> bool:
        key = "".join(keys(text))
        return key not in self.ledger.sent and self.ledger.can_issue(text, original, Form.TAG)

    def _free_number(self, kind: Kind) -> int:
        first = self._tag_numbers.get(kind.value, 0) + 1
        return next(
            number for number in count(first) if "".join(keys(f"[{kind.value}-{number}]")) not in self.ledger.sent
        )
