"""The words of known names, and how much each of them shows by itself.

``Kuhlman`` is a name wherever it stands; ``Rose`` only where the text shows one; ``de`` and ``la`` only beside the
rest of the name. Compound names count whole, joined and in parts: ``Smith-Jones``, ``Smith Jones``, ``SmithJones``,
``Jones``.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from itertools import pairwise, product
from types import MappingProxyType

from appliance.phi.forms.nicknames import nicknames
from appliance.phi.forms.ordinary import ORDINARY, SELDOM
from appliance.phi.forms.plain import runs

PARTICLES = frozenset(
    """
    a al am af av ben bin d da das de del della den der des di do dos du e el ibn la las le les lo los mac mc o of
    san santa st ste ten ter the van vande ver von vom y zu zum zur
    """.split()  # noqa: SIM905 - a list of words reads better than a column of literals
)
"""Small words within family names; never a name alone."""

TITLES = frozenset(
    """
    mr mrs ms miss mx dr doctor prof professor sir dame madam rev fr sr jr ii iii iv md do phd rn np pa pac dds dmd
    dpm dvm od pharmd esq bsn msn aprn lpn lvn cna crna faap facp facs facc lcsw psyd ma mph mba hon sgt capt lt col
    """.split()  # noqa: SIM905 - a list of words reads better than a column of literals
)
"""Words before and behind a name that are not part of it."""

_SHORT = 3
"""Names of up to this many letters are words or abbreviations too often to stand in lower case."""

_SHORTEST = 2

_SHORTEST_USER_NAME = 5
"""``jsmith``; shorter ones are words."""


class Strength(IntEnum):
    """How much a word shows by itself."""

    PARTICLE = 0
    """Nothing."""

    WEAK = 1
    """A name where the form shows one."""

    CAPITAL = 2
    """A name where it is capitalised."""

    DISTINCT = 3
    """A name wherever it stands."""


@dataclass(frozen=True, slots=True)
class Part:
    """One word of the names of some people."""

    strength: Strength
    people: frozenset[int]
    """Numbers of the people who carry it."""

    is_nickname: bool = False


@dataclass(frozen=True, slots=True)
class NameParts:
    """Every word of every known name."""

    words: Mapping[str, Part]
    initials: Mapping[int, frozenset[str]]
    """First letters of each person's names."""

    monograms: Mapping[str, frozenset[int]]
    """``js`` and ``jms`` for John Michael Smith."""

    beginnings: frozenset[str]
    """Proper beginnings of the words that are a name wherever they stand, for those that are torn in two."""

    pairs: frozenset[tuple[str, str]]
    """Given and family name of one person, in both orders."""


class NameBook:
    """Gathers the names of people, one number a person; `parts` is what the search needs."""

    def __init__(self) -> None:
        self._words: dict[str, Part] = {}
        self._initials: dict[int, set[str]] = {}
        self._monograms: dict[str, set[int]] = {}
        self._pairs: set[tuple[str, str]] = set()

    def add(self, person: int, name: str, *, with_nicknames: bool = True) -> None:
        """Add one name of a person, in plain writing."""
        given, family = _split(name)
        letters = [word[0] for word in (*given, *family)]
        self._initials.setdefault(person, set()).update(letters)
        for word in (*given, *family):
            self._add_word(person, word)
        for joined in _joined(family) | _joined(given):
            self._add_word(person, joined)
        if with_nicknames:
            for word in (given or family)[:1]:
                self._add_nicknames(person, word)
        if given and family:
            self._add_short_forms(person, given, family)

    def parts(self) -> NameParts:
        """Return what was gathered."""
        return NameParts(
            words=MappingProxyType(self._words),
            initials={person: frozenset(letters) for person, letters in self._initials.items()},
            monograms={letters: frozenset(people) for letters, people in self._monograms.items()},
            beginnings=frozenset(
                word[:end]
                for word, part in self._words.items()
                if part.strength is Strength.DISTINCT
                for end in range(1, len(word))
            ),
            pairs=frozenset(self._pairs),
        )

    def _add_word(self, person: int, word: str, *, strength: Strength | None = None, is_nickname: bool = False) -> None:
        if len(word) < _SHORTEST and word not in PARTICLES:
            return
        shown = strength_of(word) if strength is None else strength
        known = self._words.get(word)
        if known is None or (known.is_nickname and not is_nickname):
            self._words[word] = Part(shown, frozenset({person}) | (known.people if known else frozenset()), is_nickname)
        else:
            self._words[word] = Part(known.strength, known.people | {person}, known.is_nickname and is_nickname)

    def _add_nicknames(self, person: int, word: str) -> None:
        for nickname in nicknames(word):
            if nickname not in self._words or person not in self._words[nickname].people:
                self._add_word(person, nickname, strength=Strength.WEAK, is_nickname=True)

    def _add_short_forms(self, person: int, given: list[str], family: list[str]) -> None:
        """Add user names, monograms and pairs of a person with given and family names."""
        surname = next((word for word in reversed(family) if word not in PARTICLES), family[-1])
        letter = given[0][0]
        user_names = [given[0] + surname, surname + given[0]]
        if strength_of(surname) is Strength.DISTINCT:  # an initial before "cross" is the word "across"
            user_names += [letter + surname, surname + letter]
        for user_name in user_names:
            if _is_user_name(user_name) and user_name not in self._words:
                self._add_word(person, user_name)
        pairs = set(product(self._words.keys() & given, self._words.keys() & family))
        self._pairs |= pairs | {(other, one) for one, other in pairs}
        middle = given[1][0] if len(given) > 1 else ""
        for letters in {letter + surname[0], letter + middle + surname[0]}:
            self._monograms.setdefault(letters, set()).add(person)


def _is_user_name(word: str) -> bool:
    return len(word) >= _SHORTEST_USER_NAME and word not in ORDINARY and word not in SELDOM


def strength_of(word: str) -> Strength:
    """Return how much a plain word of a name shows by itself."""
    if word in PARTICLES:
        return Strength.PARTICLE
    if word in ORDINARY or len(word) < _SHORT:
        return Strength.WEAK
    return Strength.CAPITAL if word in SELDOM or len(word) == _SHORT else Strength.DISTINCT


def name_words(name: str) -> list[str]:
    """Return the plain words of a name without titles, numbers and signs."""
    return [word for word in runs(name) if not word.isdigit() and word not in TITLES]


def _split(name: str) -> tuple[list[str], list[str]]:
    """Return given and family names: by the comma, otherwise the last word and the particles before it are family."""
    family, comma, given = name.partition(",")
    if comma and name_words(given) and name_words(family):
        return name_words(given), name_words(family)
    pieces = [name_words(piece) for piece in name.split()]
    pieces = [piece for piece in pieces if piece]
    if not pieces:
        return [], []
    begin = len(pieces) - 1
    while begin > 1 and all(word in PARTICLES for word in pieces[begin - 1]):
        begin -= 1
    return _flat(pieces[:begin]), _flat(pieces[begin:])


def _flat(pieces: Iterable[list[str]]) -> list[str]:
    return [word for piece in pieces for word in piece]


def _joined(words: list[str]) -> set[str]:
    """Return compound names written as one word: ``delacruz``, ``obrien``, ``smithjones``, ``maryann``."""
    stretches = {"".join(words[begin:]) for begin in range(len(words) - 1)}
    return stretches | {first + second for first, second in pairwise(words)}
