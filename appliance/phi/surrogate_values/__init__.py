"""Lists of names and places that belong to nobody in particular, for making surrogates and for knowing a name by sight.

The three text files are the Census Bureau's name frequency files of 1990 (public domain): every given name of it, and
the 20,000 most frequent surnames, the more frequent first.  Nothing here is a person; the lists MUST NOT be filled
from a hospital's records.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

from appliance.phi.surrogate_values.common import FEMALE, MALE, SURNAMES
from appliance.phi.surrogate_values.origins import ORIGINS

_FOLDER = Path(__file__).parent


@cache
def female_names() -> Mapping[str, int]:
    """Return given names of women in lower case, each with its place by frequency."""
    return _listed("given_female.txt", FEMALE, *(origin.female for origin in ORIGINS))


@cache
def male_names() -> Mapping[str, int]:
    """Return given names of men in lower case, each with its place by frequency."""
    return _listed("given_male.txt", MALE, *(origin.male for origin in ORIGINS))


@cache
def surname_ranks() -> Mapping[str, int]:
    """Return surnames in lower case, each with its place by frequency."""
    return _listed("surnames.txt", SURNAMES, *(origin.surnames for origin in ORIGINS))


@cache
def given_names() -> frozenset[str]:
    """Return every given name that we know, in lower case.  Some are everyday words too (will, may, an)."""
    return frozenset(female_names()) | frozenset(male_names())


@cache
def surnames() -> frozenset[str]:
    """Return every surname that we know, in lower case.  Some are everyday words too (young, white, an)."""
    return frozenset(surname_ranks())


def _listed(file: str, *more: tuple[str, ...] | list[str]) -> Mapping[str, int]:
    words = (_FOLDER / file).read_text(encoding="utf-8").split()
    names = dict.fromkeys(name.lower() for names in (words, *more) for name in names)
    return MappingProxyType({name: place for place, name in enumerate(names)})
