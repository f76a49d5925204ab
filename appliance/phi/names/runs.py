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

_SHORTEST_SURNAME = 3

_BY_WHOM = frozenset({"per", "by", "cc", "d/w"})
"""What stands before a person: a capitalised word after it that is a surname is one."""

_BY_WHOM_ONLY = frozenset({"per", "cc", "d/w"})
"""What stands before a person even where no list knows the name; ``by`` stands before makers too."""

_FINDINGS = frozenset({"negative", "positive", "neg", "pos", "no", "absent", "present", "equivocal", "bilateral"})
"""Before an eponym that is a sign: ``negative Hoffman's``."""

_PROTOCOLS = frozenset({"protocol", "regimen", "score", "criteria", "trial", "trials", "study", "registry", "syndrome"})
"""In lower case after capitals that stand for something."""

_HEAD_WITHIN, _HEAD_WITHIN_OF_EPONYM = 2, 4
"""Words after a possessive, or after a known eponym, among which the head stands: ``Wells DVT risk score``."""


def sure_names(text: str, words: Sequence[Word], lexicon: Lexicon) -> Iterator[int]:
    """Yield the indices of the words that are names by the lists alone."""
    index = 0
    while index < len(words):
        end = index + 1
        if _begins_name(text, words, index, lexicon) and not _is_of_facility(words, index, lexicon):
            end = _name_end(text, words, index, lexicon)
            yield from (each for each in range(index, end) if not is_eponym_used(words, each, lexicon))
        index = end


def sure_towns(text: str, words: Sequence[Word], lexicon: Lexicon) -> Iterator[int]:
    """Yield the indices of the words of towns that begin as towns do: ``Fort Wayne``, ``St. Paul``."""
    for index in range(len(words) - 1):
        first, second = words[index], words[index + 1]
        is_written_so = first.is_capital and second.is_capital and text[first.end : second.start] in {" ", ". "}
        if is_written_so and first.text.lower() in lexicon.prefixes and second.look in _FOLLOWS - {Look.INITIAL}:
            yield from (index, index + 1)


def is_eponym_used(words: Sequence[Word], index: int, lexicon: Lexicon) -> bool:
    """Say whether this word is what a disease, sign or device is called by, judging by the words beside it."""
    word = words[index]
    possessor = word.text[:-2].lower() if word.text[-2:].lower() in {"'s", "\u2019s"} else ""
    if _is_protocol(words, index):
        return True
    is_pair = "-" in word.text and word.is_capital
    if not (word.look is Look.EPONYM or possessor or is_pair) or _has_given_before(words, index, lexicon):
        return False
    if _is_nobodys(word, possessor, lexicon) or _has_head(words, index, lexicon):
        return True
    return bool(index) and not is_pair and words[index - 1].text.lower() in _FINDINGS


def _is_protocol(words: Sequence[Word], index: int) -> bool:
    """Say whether these capitals are a trial, protocol or score: ``RICE protocol``."""
    is_followed = index + 1 < len(words) and words[index + 1].text in _PROTOCOLS
    return is_followed and words[index].text.isupper()


def _is_nobodys(word: Word, possessor: str, lexicon: Lexicon) -> bool:
    """Say whether nobody has this name, or the possessive alone means the disease."""
    is_unknown = word.look is Look.EPONYM and not lexicon.is_name(possessor or word.text)
    return is_unknown or possessor in lexicon.diseases


def goes_on(text: str, words: Sequence[Word], index: int, lexicon: Lexicon) -> bool:
    """Say whether this word, beside a name that a rule found, is the surname to it: ``Jamal`` and ``Day``."""
    before, word = words[index - 1], words[index]
    if text[before.end : word.start] != " " or not word.is_capital or not lexicon.is_given(before.text):
        return False
    is_counted = index + 1 < len(words) and words[index + 1].text[0].isdigit()
    return not is_counted and (word.look in _FOLLOWS or _may_be_surname(words, index, lexicon))


def _has_given_before(words: Sequence[Word], index: int, lexicon: Lexicon) -> bool:
    before = words[index - 1] if index else None
    return before is not None and before.is_capital and (before.look is Look.INITIAL or lexicon.is_given(before.text))


def _has_head(words: Sequence[Word], index: int, lexicon: Lexicon) -> bool:
    within = _HEAD_WITHIN_OF_EPONYM if words[index].look is Look.EPONYM else _HEAD_WITHIN
    for after in words[index + 1 : index + 1 + within]:
        if after.text.lower() in lexicon.heads:
            return True
        if after.look in {Look.GIVEN, Look.INITIAL}:
            return False
    return False


def _begins_name(text: str, words: Sequence[Word], index: int, lexicon: Lexicon) -> bool:
    """Say whether this is a given name by itself, or may be one and another name follows."""
    word = words[index]
    if word.look is Look.GIVEN or _is_by_whom(text, words, index, lexicon):
        return True
    may_be_given = word.is_capital and lexicon.is_given(word.text) and not lexicon.is_never(word.text)
    return may_be_given and index + 1 < len(words) and _goes_on(text, word, words[index + 1], lexicon)


def _goes_on(text: str, given: Word, after: Word, lexicon: Lexicon) -> bool:
    """Say whether the next word makes a name of a word that may be a given name."""
    if not after.is_capital or text[given.end : after.start] != " ":
        return False
    if after.look is Look.INITIAL:
        return text[after.end : after.end + 1] == "."
    return given.look is Look.PERHAPS and (after.look is Look.GIVEN or lexicon.is_name(after.text))


def _is_by_whom(text: str, words: Sequence[Word], index: int, lexicon: Lexicon) -> bool:
    """Say whether this is a surname after a word that a person follows: ``per Pope``."""
    word = words[index]
    if not index or words[index - 1].text.lower() not in _BY_WHOM or not word.is_capital:
        return False
    is_next = text[words[index - 1].end : word.start] in {" ", ": "}
    if word.look is Look.UNKNOWN:
        return is_next and word.text.istitle() and words[index - 1].text.lower() in _BY_WHOM_ONLY
    is_surname = lexicon.is_name(word.text) and not lexicon.is_never(word.text)
    return is_next and is_surname and word.look in {Look.PERHAPS, Look.ORDINARY}


def _name_end(text: str, words: Sequence[Word], start: int, lexicon: Lexicon) -> int:
    """Return the index after the last word of the name that begins here."""
    end = start + 1
    while end < min(len(words), start + _LONGEST):
        gap = text[words[end - 1].end : words[end].start]
        if gap not in {" ", ". ", "-", " '", ' "'}:
            break
        may_follow = words[end].is_capital and (words[end].look in _FOLLOWS or _may_be_surname(words, end, lexicon))
        if not may_follow and words[end].text not in _PARTICLES:
            break
        end += 1
    while end > start + 1 and words[end - 1].text in _PARTICLES:
        end -= 1
    return end


def _may_be_surname(words: Sequence[Word], index: int, lexicon: Lexicon) -> bool:
    """Say whether an ordinary word is a rare surname too, which it is after a given name: ``Minnie Driver``."""
    word = words[index]
    parts = word.text.split("-")
    return (
        word.look is Look.ORDINARY
        and len(word.text) >= _SHORTEST_SURNAME
        and all(part[:1].isupper() for part in parts)
        and any(map(lexicon.is_name, parts))
    )


def _is_of_facility(words: Sequence[Word], index: int, lexicon: Lexicon) -> bool:
    """Say whether a word that a hospital's name ends in comes next: a rule finds those by their form."""
    if index + 1 == len(words):
        return False
    after = words[index + 1]
    return after.is_capital and after.text.lower() in lexicon.facilities
