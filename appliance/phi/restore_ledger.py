"""Remember which surrogate stands for what, in the shape in which an answer is searched for them.

Every surrogate is an `Entry` under its key: its letters and digits without what stands between them. A key of three
characters or fewer says nothing by itself (a room, an initial, an age), so such an entry counts only in the
neighbourhood in which it was issued. One key that would stand for two originals is `is_unsure`: it is masked, never
guessed.

The ledger holds originals. It MUST NOT outlive its exchange (`SurrogateMap.wipe`), and prints nothing.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from appliance.phi.findings import Kind
from appliance.phi.restore_dates import MovedDays
from appliance.phi.restore_tokens import keys

SHORT = 3
"""A key of this many characters or fewer needs its neighbours."""

FEWEST_BACKWARDS = 4
"""A shorter word backwards is another word too often."""

FEWEST_NEAR = 5
"""A shorter word is one slip away from too many others."""

Neighbours = tuple[str | None, str | None]
"""Keys of the tokens before and after; None where any will do."""


class Form(StrEnum):
    """How a surrogate may be changed and still be told."""

    WORD = "word"
    """A word of a name or a place."""

    INITIAL = "initial"
    """The first letter of a name: where it left, in its own case and never after an apostrophe; beside a part of its
    name, in any case (`restore_initials`)."""

    CHARACTERS = "characters"
    """A number whose characters stand for the original's one by one, so that separators may change."""

    WHOLE = "whole"
    """A web or mail address: only its case may change."""

    JOINED = "joined"
    """Words of a name written as one."""

    TAG = "tag"
    BACKWARDS = "backwards"
    """A surrogate read from its end; it is masked."""


@dataclass(slots=True, kw_only=True, repr=False)
class Entry:
    """What is known of one key."""

    kind: Kind
    form: Form
    surrogate: str
    original: str
    written: dict[str, str] = field(default_factory=dict)
    """Each way in which the surrogate was issued, and the caller's own form of it."""

    is_unsure: bool = False
    """Stands for more than one original."""


@dataclass(slots=True, kw_only=True, repr=False)
class Ledger:
    """Everything that was issued in one exchange."""

    entries: dict[str, Entry] = field(default_factory=dict)
    short: dict[str, dict[Neighbours, Entry]] = field(default_factory=dict)
    """Entries that count only between these neighbours."""

    beside: dict[str, dict[str, Entry]] = field(default_factory=dict)
    """Initials by the part of a name that they stand beside, on either side."""

    beginnings: set[str] = field(default_factory=set)
    """Every proper beginning of a key: what may still become one."""

    near: dict[str, list[str]] = field(default_factory=dict)
    """Keys of words by what is left of them without one letter, to find those that a typo was meant for."""

    sent: set[str] = field(default_factory=set)
    """Keys of every word that the caller wrote."""

    days: MovedDays = field(default_factory=MovedDays)
    is_wiped: bool = False

    def wipe(self) -> None:
        """Let go of every original."""
        self.entries.clear()
        self.short.clear()
        self.beside.clear()
        self.beginnings.clear()
        self.near.clear()
        self.sent.clear()
        self.days = MovedDays()
        self.is_wiped = True

    def check_not_wiped(self) -> None:
        """Raise RuntimeError where the exchange is over: using its originals then is a programmer's fault."""
        if self.is_wiped:
            message = "the surrogates of this exchange are wiped"
            raise RuntimeError(message)

    def can_issue(self, surrogate: str, original: str, form: Form) -> bool:
        """Say whether this surrogate can come to stand for this original and for nothing else."""
        entry = self.entries.get("".join(keys(surrogate)))
        if entry is None:
            return True
        return entry.form is form and entry.written.get(surrogate, original) == original and not entry.is_unsure

    def issue(self, surrogate: str, original: str, *, kind: Kind, form: Form) -> None:
        """Remember a surrogate that needs no neighbours.  `can_issue` MUST have said yes."""
        key = "".join(keys(surrogate))
        entry = self.entries.get(key)
        if entry is None:
            self.entries[key] = entry = Entry(kind=kind, form=form, surrogate=surrogate, original=original)
            self._expect(key)
            self._expect_backwards(key, kind)
            self._expect_typos(key, form)
        entry.written.setdefault(surrogate, original)
        if entry.original.isupper() and not original.isupper():
            entry.surrogate, entry.original = surrogate, original

    def issue_between(self, surrogate: str, original: str, kind: Kind, form: Form, place: Neighbours) -> bool:
        """Remember a short surrogate between these very neighbours; False if another stands there already."""
        key = "".join(keys(surrogate))
        entry = self.short.setdefault(key, {}).get(place)
        if entry is None:
            entry = Entry(kind=kind, form=form, surrogate=surrogate, original=original)
            self.short[key][place] = entry
            self._expect(key)
        return not entry.is_unsure and entry.written.setdefault(surrogate, original) == original

    def expect_between(
        self, surrogate: str, original: str, kind: Kind, form: Form, places: Iterable[Neighbours]
    ) -> None:
        """Remember where else a model may write a short surrogate; it is unsure where two originals would fit.

        An initial may change sides with its neighbour.
        """
        if form is Form.INITIAL:
            for part in filter(None, (each for place in places for each in place)):
                self.expect_beside(surrogate, original, kind, part)
            return
        key = "".join(keys(surrogate))
        for place in places:
            entry = Entry(kind=kind, form=form, surrogate=surrogate, original=original)
            known = self.short.setdefault(key, {}).setdefault(place, entry)
            known.is_unsure |= keys(known.original) != keys(original)
        self._expect(key)

    def expect_beside(self, surrogate: str, original: str, kind: Kind, part: str) -> None:
        """Remember an initial beside the key of a part of its name; it is unsure where two originals would fit."""
        key = "".join(keys(surrogate))
        entry = Entry(kind=kind, form=Form.INITIAL, surrogate=surrogate, original=original)
        known = self.beside.setdefault(part, {}).setdefault(key, entry)
        known.is_unsure |= keys(known.original) != keys(original)
        self.short.setdefault(key, {})

    def issue_joined(self, surrogates: str, originals: str, kind: Kind) -> None:
        """Remember the words of a name as one word, unless that is a surrogate of its own."""
        key = "".join(keys(surrogates))
        entry = self.entries.get(key)
        if entry is None:
            self.entries[key] = Entry(kind=kind, form=Form.JOINED, surrogate=surrogates, original=originals)
            self._expect(key)
        elif entry.form is Form.JOINED and keys(entry.original) != keys(originals):
            entry.is_unsure = True

    def find_short(self, key: str, before: str, after: str) -> Entry | None:
        """Return the entry of a short key between these neighbours."""
        places = self.short.get(key, {})
        around: tuple[Neighbours, ...] = ((before, after), (None, after), (before, None))
        return next((places[place] for place in around if place in places), None)

    def _expect(self, key: str) -> None:
        self.beginnings.update(key[:length] for length in range(1, len(key)))

    def _expect_backwards(self, key: str, kind: Kind) -> None:
        backwards = key[::-1]
        if len(key) < FEWEST_BACKWARDS or not key.isalnum() or backwards in self.entries:
            return
        self.entries[backwards] = Entry(kind=kind, form=Form.BACKWARDS, surrogate=backwards, original="")
        self._expect(backwards)

    def _expect_typos(self, key: str, form: Form) -> None:
        if form is Form.WORD and len(key) >= FEWEST_NEAR and key.isalpha():
            for slip in slips(key):
                self.near.setdefault(slip, []).append(key)


def slips(key: str) -> Iterator[str]:
    """Yield a word and what is left of it without one of its letters; words one slip apart have one of these alike."""
    yield key
    for place in range(len(key)):
        yield key[:place] + key[place + 1 :]
