"""One way of writing a known value, as a key to look up and what a hit of it means.

Two sorts of keys: a *run* is letters and digits without separators (``123456789``), a *sequence* is words in order
(``march 14 1961``).  Some keys mean something only beside a certain context (`Need`).
"""

from dataclasses import dataclass
from enum import Enum, auto
from typing import TypeVar

from appliance.phi.findings import Finding, Kind

Key = TypeVar("Key", str, tuple[str, ...])
"""A run or a sequence."""


class Need(Enum):
    """What must stand beside a form before it counts."""

    NOTHING = auto()
    LAST_FOUR = auto()
    """``last four``, ``ending in`` or ``xxx-xx-`` before it."""

    LABEL = auto()
    """A word such as ``MRN`` or ``ID`` before it: the value is too short to stand alone."""

    BIRTHDAY = auto()
    """A word about a birthday near it."""

    CAPITAL_OR_PLACE = auto()
    """A capital, or what `PLACE` needs."""

    PLACE = auto()
    """A capital and a word such as ``in`` before it, or a state behind it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What a hit of a key means."""

    kind: Kind
    recognizer: str
    """Begins with ``known_``."""

    score: float = 0.99
    need: Need = Need.NOTHING

    def finding(self, start: int, end: int) -> Finding:
        """Return the finding of this form at a place."""
        return Finding(kind=self.kind, start=start, end=end, score=self.score, recognizer=self.recognizer)


def add(forms: dict[Key, Form], key: Key, form: Form) -> None:
    """Add a form unless the key stands for something already that needs no context."""
    if key not in forms or forms[key].need is not Need.NOTHING:
        forms[key] = form


GATES = (4, 8, 16, 32)
"""After so many letters and digits a run is compared with the beginnings of the known ones: the work stays bounded."""


class Tag:
    """What a key was made of, so that a run and a word of the same letters never meet."""

    RUN = b"run\0"
    """Letters and digits across separators."""

    SEQUENCE = b"sequence\0"
    """Words in order, with single blanks."""

    NAME = b"name\0"
    """One word of a name, in any case."""

    CAPITAL = b"capital\0"
    """One or two words that count with a capital only."""

    FIRST = b"first\0"
    """The first of several words, so that a search need not try what follows every word."""

    PREFIX = b"prefix\0"
    """The beginning of a run at one of `GATES`, for the same reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """One key that counts without context."""

    tag: bytes
    """One of `Tag`."""

    kind: Kind
    text: str
