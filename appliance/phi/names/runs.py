"""Tell by the lists alone what is surely a name, and what is surely the name of a disease.

``Maria Kowalczyk`` is a name because nothing else is called Maria; ``Wilson's disease`` and ``Foley catheter`` are
none because of the words after them, while ``Mr. Wilson`` is one, which a rule finds by the title.
"""

from collections.abc import Iterator, Sequence

from appliance.phi.names.lexicon import Lexicon, Look
from appliance.phi.names.words import Word

_FOLLOWS = frozenset({Look.GIVEN, Look.PERHAPS, Look.UNKNOWN, Look.EPONYM, Look.INITIAL})
"""What may follow a given name as a part of the same name, if it is capitalised."""

_PARTICLES = frozenset(
    {"de", "da", "del", "della", "di", "du", "van", "von", "der", "den", "la", "le", "al", "el", "bin"}
)
"""What stands between the parts of a name in lower case."""

_LONGEST = 5
"""Words of one name."""

_HEAD_WITHIN = 2
"""Words after an eponym among which the head stands: ``Hodgkin's disease``, ``Wells DVT score``."""


def sure_names(text: str, words: Sequence[Word], lexicon: Lexicon) -> Iterator[int]:
    """Yield the indices of the words that are names by the lists alone."""
    index = 0
    while index < len(words):
        end = index
        if words[index].look is Look.GIVEN and not _is_of_facility(words, index, lexicon):
            end = _name_end(text, words, index)
            yield from (each for each in range(index, end) if not is_eponym_used(words, each, lexicon))
        index = max(end, index + 1)


def is_eponym_used(words: Sequence[Word], index: int, lexicon: Lexicon) -> bool:
    """Say whether this word is what a disease, sign or device is called by, judging by the words beside it."""
    word = words[index]
    if word.look not in {Look.EPONYM, Look.PERHAPS, Look.GIVEN, Look.UNKNOWN}:
        return False
    is_possessive = word.text[-2:].lower() in {"'s", "\u2019s"}
    if word.look is not Look.EPONYM and not is_possessive:
        return False
    after = words[index + 1 : index + 1 + _HEAD_WITHIN + 2 * (word.look is Look.EPONYM)]
    for each in after:
        if each.text.lower() in lexicon.heads:
            return True
        if each.look in {Look.GIVEN, Look.INITIAL}:
            return False
    return False


def _name_end(text: str, words: Sequence[Word], start: int) -> int:
    """Return the index after the last word of the name that begins here."""
    end = start + 1
    while end < min(len(words), start + _LONGEST):
        gap = text[words[end - 1].end : words[end].start]
        if gap not in {" ", ". ", "-", " '", ' "'}:
            break
        if not (words[end].is_capital and words[end].look in _FOLLOWS):
            if words[end].text not in _PARTICLES:
                break
        end += 1
    while end > start + 1 and words[end - 1].text in _PARTICLES:
        end -= 1
    return end


def _is_of_facility(words: Sequence[Word], index: int, lexicon: Lexicon) -> bool:
    """Say whether a word that a hospital's name ends in comes next: a rule finds those by their form."""
    return (
        index + 1 < len(words) and words[index + 1].is_capital and words[index + 1].text.lower() in lexicon.facilities
    )
