"""Draw a surrogate for one word of a person's name: of the same gender and origin where that can be told.

First from the list of its own kind, then from the common names, and when those run out a coined word: there is no end
of names in a long list of people, and no two of them may share one.
"""

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from sys import maxsize

from appliance.phi.surrogate_values import female_names, male_names, surname_ranks
from appliance.phi.surrogate_values.common import FEMALE, MALE, SURNAMES
from appliance.phi.surrogate_values.drawing import Drawing
from appliance.phi.surrogate_values.origins import FEWEST_LETTERS_DRAWN, NEVER_DRAWN, ORIGINS, Origin

_ONSETS = ("b", "br", "d", "dr", "f", "g", "h", "k", "l", "m", "n", "p", "r", "s", "t", "tr", "v", "w", "z")

_VOWELS = ("a", "e", "i", "o", "u", "ai", "ea")

_CODAS = ("lk", "rn", "nd", "sk", "rv", "lm", "x", "rt", "nz", "v", "k", "lt")


class Gender(StrEnum):
    """Of a given name, as far as it shows."""

    FEMALE = "female"
    MALE = "male"


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """What a word is within a name."""

    is_surname: bool
    gender: Gender | None = None
    """As the words beside the name tell it; counts only where no list knows the name."""


def candidates(word: str, role: Role, drawing: Drawing, *, used: Container[str] = frozenset()) -> Iterator[str]:
    """Yield names that may stand for this word, the fittest first, without end; none of the lists that is `used`.

    `used` holds names in lower case: in a long list of people most are, and to draw each of them again takes long.
    """
    plain = word.lower()
    for names in (_fit(_of_origin(plain, role)), SURNAMES if role.is_surname else _common_given(plain, role.gender)):
        yield from drawing.shuffled([name for name in names if name.lower() not in used])
    while True:
        yield coined(drawing)


def coined(drawing: Drawing) -> str:
    """Return a word that sounds like a name and is none."""
    syllables = "".join(_pick(drawing, _ONSETS) + _pick(drawing, _VOWELS) for _ in range(2))
    return (syllables + _pick(drawing, _CODAS)).title()


def is_given(plain: str) -> bool:
    """Say whether a name in lower case is a given name rather than a surname."""
    return min(rank(plain, female_names()), rank(plain, male_names())) < rank(plain, surname_ranks())


def rank(plain: str, names: Mapping[str, int]) -> int:
    """Return how rare a name is in a list; of one that is not in it, rarer than any."""
    return names.get(plain, maxsize)


def _common_given(plain: str, gender: Gender | None) -> list[str]:
    """Return the names of the gender by which it is borne more often: the census lists women called James."""
    female, male = rank(plain, female_names()), rank(plain, male_names())
    if female == male:
        return {None: [*FEMALE, *MALE], Gender.FEMALE: FEMALE, Gender.MALE: MALE}[gender]
    return FEMALE if female < male else MALE


def _of_origin(plain: str, role: Role) -> tuple[str, ...]:
    for origin in ORIGINS:
        if role.is_surname and _is_surname_of(plain, origin):
            return origin.surnames
        if not role.is_surname and plain in {name.lower() for name in origin.female}:
            return origin.female
        if not role.is_surname and plain in {name.lower() for name in origin.male}:
            return origin.male
    return ()


def _is_surname_of(plain: str, origin: Origin) -> bool:
    return plain in {name.lower() for name in origin.surnames} or plain.endswith(origin.endings)


def _fit(names: tuple[str, ...]) -> list[str]:
    return [name for name in names if len(name) >= FEWEST_LETTERS_DRAWN and name.lower() not in NEVER_DRAWN]


def _pick(drawing: Drawing, values: tuple[str, ...]) -> str:
    return values[drawing.below(len(values))]
