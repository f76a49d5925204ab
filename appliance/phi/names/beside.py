"""Tell by the words beside it that a word is a person: ``Pope, Maria``, ``my patient Art has``, ``Thanks, Art``.

These are words that name somebody only there, so that no list knows them and a model that reads them by themselves
takes them for what else they mean.  A word that the site or the forms use (`Lexicon.is_never`) is never taken so, but
after ``Mrs.``.
"""

from collections.abc import Iterator, Sequence

from appliance.phi.names.lexicon import Lexicon, Look
from appliance.phi.names.words import Word

_MAY_BE_SURNAME = frozenset({Look.GIVEN, Look.PERHAPS, Look.UNKNOWN, Look.EPONYM})

_TITLES = frozenset({"Mr", "Mrs", "Ms", "Miss", "Mx", "MR", "MRS"})
"""Before any word with a capital; ``MS`` is a disease."""

_ROLES = frozenset(
    {"patient", "pt", "client", "resident", "wife", "husband", "spouse", "partner", "son", "daughter", "mother", "mom"}
    | {
        "father",
        "dad",
        "sister",
        "brother",
        "aunt",
        "uncle",
        "nephew",
        "niece",
        "cousin",
        "friend",
        "neighbor",
        "nurse",
    }
    | {"neighbour", "caregiver", "caretaker", "aide", "fiance", "named", "called", "with"}
)
"""Before a person who is called by a given name alone."""

_SAYS = frozenset(
    {"said", "says", "reports", "reported", "states", "stated", "denies", "denied", "endorses", "endorsed", "admits"}
    | {"admitted", "complains", "complained", "presents", "presented", "feels", "felt", "tells", "told", "asks"}
)
"""After a person, and after hardly anything else in a chart."""

_DOES = _SAYS | frozenset(
    {"has", "had", "is", "was", "will", "would", "lives", "lived", "takes", "took", "came", "comes", "went", "goes"}
    | {"who", "called", "wants", "wanted", "and", "should", "could", "can", "does", "did", "asked"}
)
"""After a person of whom the word before told already that it is one."""

_CLOSES = frozenset({"thanks", "regards", "sincerely", "cheers", "best", "signed", "respectfully", "cordially"})
"""Words that a signature follows."""

_LISTS = frozenset({"cc", "per"})
"""Before persons, however rare their names are."""


def persons_beside(text: str, words: Sequence[Word], lexicon: Lexicon) -> Iterator[int]:
    """Yield the indices of the words that are persons by the words beside them."""
    for index, word in enumerate(words):
        if not word.is_capital:
            continue
        if _is_last_before_first(text, words, index, lexicon):
            yield from (index, index + 1)
        elif _is_initialled(text, words, index, lexicon):
            yield from (index - 1, index)
        elif any(says(text, words, index, lexicon) for says in (_is_titled, _is_spoken_of, _is_signed)):
            yield index


def _is_last_before_first(text: str, words: Sequence[Word], index: int, lexicon: Lexicon) -> bool:
    """Say whether a surname and a given name stand in the order of lists: ``GOLDFARB, GUADALUPE``."""
    if index + 1 == len(words) or text[words[index].end : words[index + 1].start] not in {", ", ","}:
        return False
    last, first = words[index], words[index + 1]
    if lexicon.is_never(last.text) or not lexicon.is_given(first.text) or lexicon.is_never(first.text):
        return False
    if last.text.isupper() and first.text.isupper():
        return last.look in _MAY_BE_SURNAME or lexicon.is_name(last.text)
    return first.look is Look.GIVEN and last.look in _MAY_BE_SURNAME


def _is_titled(text: str, words: Sequence[Word], index: int, _lexicon: Lexicon) -> bool:
    return _before(text, words, index, {" ", ". "}) in _TITLES and len(words[index].text) > 1


def _is_initialled(text: str, words: Sequence[Word], index: int, lexicon: Lexicon) -> bool:
    """Say whether this is a surname after an initial: ``F. St.Clair``; at a line's begin it could be a list's item."""
    if len(_before(text, words, index, {". "})) != 1 or words[index - 1].look is not Look.INITIAL:
        return False
    word, begin = words[index], words[index - 1].start
    if lexicon.is_never(word.text) or not word.text[1:2].isalpha():
        return False
    if begin and text[begin - 1] == " " and text[begin - 2 : begin - 1].islower():
        return word.look in _MAY_BE_SURNAME or (word.look is Look.ORDINARY and lexicon.is_name(word.text))
    return word.look in {Look.GIVEN, Look.PERHAPS} and not lexicon.is_ordinary(word.text.lower())


def _is_spoken_of(text: str, words: Sequence[Word], index: int, lexicon: Lexicon) -> bool:
    """Say whether what stands around a given name tells of a person: ``with Art (``, ``Jamal said``."""
    word = words[index]
    if not word.text.istitle() or not lexicon.is_given(word.text) or lexicon.is_never(word.text):
        return False
    after = _after(text, words, index)
    if word.look is Look.PERHAPS and after in _SAYS:
        return True
    return _before(text, words, index, {" "}) in _ROLES and (after in _DOES or text.startswith(" (", word.end))


def _is_signed(text: str, words: Sequence[Word], index: int, lexicon: Lexicon) -> bool:
    word = words[index]
    if not lexicon.is_given(word.text) or lexicon.is_never(word.text) or not word.text.istitle():
        return False
    gap = {", ", ",\n", ",\n\n", ":\n", ": ", "\n"}
    return _before(text, words, index, gap).lower() in _CLOSES and not text[word.end : word.end + 1].isalpha()


def _before(text: str, words: Sequence[Word], index: int, gaps: set[str]) -> str:
    """Return the word before, if nothing but one of these stands between."""
    return words[index - 1].text if index and text[words[index - 1].end : words[index].start] in gaps else ""


def _after(text: str, words: Sequence[Word], index: int) -> str:
    has_next = index + 1 < len(words) and text[words[index].end : words[index + 1].start] == " "
    return words[index + 1].text if has_next else ""
