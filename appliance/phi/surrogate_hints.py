"""Tell from the words beside a name whether a woman or a man bears it, for names that stand in no list.

``Mrs. Zorblax``, ``daughter Siobhan``, ``Siobhan, 45F`` and ``Siobhan says she`` tell it; a name alone after a word of
kinship is also a given name.  A surrogate of the same gender keeps the answer's pronouns and the questions that a model
asks.  It is for sense only: a wrong guess tells nobody anything and comes back like any other surrogate.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from appliance.phi.surrogate_values.people import Gender

WINDOW = 160
"""Characters to each side of a name that are looked at."""

_TITLES = {
    Gender.FEMALE: "mrs ms miss mme madam sra frau lady dame",
    Gender.MALE: "mr mister sir sr herr lord",
}

_KIN = {
    Gender.FEMALE: "daughter wife mother mom mum sister aunt niece grandmother granddaughter girlfriend widow",
    Gender.MALE: "son husband father dad brother uncle nephew grandfather grandson boyfriend widower",
}

_WOMEN_AND_MEN = {
    Gender.FEMALE: "f female woman lady girl",
    Gender.MALE: "m male man gentleman boy",
}

_BY_PRONOUN = {"she": Gender.FEMALE, "he": Gender.MALE}


def _by_word(words: Mapping[Gender, str]) -> dict[str, Gender]:
    return {word: gender for gender, listed in words.items() for word in listed.split()}


_BY_TITLE, _BY_KIN, _BY_SEX = _by_word(_TITLES), _by_word(_KIN), _by_word(_WOMEN_AND_MEN)

_TITLE_BEFORE = re.compile(rf"\b({'|'.join(_BY_TITLE)})\.?[ ]{{0,2}}\Z", re.IGNORECASE)

_KIN_BEFORE = re.compile(
    rf"\b({'|'.join(_BY_KIN)})(?:'s name)?(?:[ ](?:is|was|named|called)){{0,2}}[ ,:(]{{0,3}}\Z", re.IGNORECASE
)

_SEX_AFTER = re.compile(
    r"[ ,(]{1,3}(?:(?:is|was)[ ])?(?:an?[ ])?\d{1,3}[ -]?(?:y/?o|yrs?|years?)?[ -]?(?:old)?[ -]?"
    rf"({'|'.join(sorted(_BY_SEX, key=len, reverse=True))})\b",
    re.IGNORECASE,
)

_SENTENCE_END = re.compile(r"[.!?\n]")

_PRONOUN = re.compile(r"\b(she|he)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hint:
    """What the words beside a name tell of it."""

    gender: Gender
    is_given: bool = False
    """A name alone after a word of kinship, which is no surname."""


def hint(text: str, start: int, end: int, *, others: Sequence[int]) -> Hint | None:
    """Return what is told of the name from `start`, without its title, to `end`.

    `others` are where names begin.
    """
    left, right = text[max(0, start - WINDOW) : start], text[end : end + WINDOW]
    if (title := _TITLE_BEFORE.search(left)) is not None:
        return Hint(gender=_BY_TITLE[title[1].lower()])
    if (kin := _KIN_BEFORE.search(left)) is not None:
        return Hint(gender=_BY_KIN[kin[1].lower()], is_given=True)
    if (sex := _SEX_AFTER.match(right)) is not None:
        return Hint(gender=_BY_SEX[sex[1].lower()])
    following = min((other - end for other in others if other >= end), default=WINDOW)
    sentence = _SENTENCE_END.split(right[:following], maxsplit=1)[0]
    said = {_BY_PRONOUN[each.lower()] for each in _PRONOUN.findall(sentence)}
    return Hint(gender=said.pop()) if len(said) == 1 else None
