"""Cut text where no identifier can go on, by its own characters and never by how it arrived.

A block ends at a line end, or after a complete small word that neither carries a part of an identifier (a digit,
``@``, a dot inside) nor is a label such as ``MRN``.  A run of capitalised words may be a name and goes on.  It ends too
where a sentence ends and the next begins with a word that no identifier holds (``Dear patient. However``).  So usually
only the word that is being written must wait, and every chunking of a text gives the same blocks.
"""

import re
from collections.abc import Iterator

from appliance.phi.normalise import fold
from appliance.phi.recognizers import LABELS, STATES
from appliance.phi.recognizers.ordinary import NOT_NAMES
from appliance.phi.recognizers.people_words import INTRODUCERS, ROLES, TITLES

MAX_WORD = 600
"""A word is cut here whatever follows: longer than the longest identifier that any rule takes (a URL, 510)."""

MAX_BLOCK = 1200
"""A block is cut at the first word end from here on, so that a table of numbers is not held back to its end."""

_WIDE = r"\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff"
"""Ideographs, kana and hangul syllables: written without blanks, so each of them ends a word."""

_WORD = re.compile(rf"[^\S\r\n{_WIDE}]{{0,64}}[{_WIDE}]{{0,64}}(?P<word>[^\s{_WIDE}]{{0,{MAX_WORD}}})")
"""Blanks and wide characters, then a word; each bounded so that none can be held back for ever."""

_CARRIER = re.compile(r"[\d@=]|:[/:\w]|\w\.\w")
"""What a word holds that may be a part of an identifier."""

_PUNCTUATION = ".,:;#()[]{}<>*\"'!?-_/|"

_BESIDE_NUMBERS = frozenset(
    """
    md ext extension x age aged years year yr yrs y yo y/o o old year-old years-old yr-old yrs-old y-o
    jan january feb february mar march apr april may jun june jul july aug august sep sept september
    oct october nov november dec december monday tuesday wednesday thursday friday saturday sunday mon tue tues wed thu
    thurs fri sat sun
    phones cellphone beeper callback landline hotline direct voicemail text sms whatsapp reach reachable dial ring rings
    home work office switchboard msisdn answer answered answering message messages registered me him them us line on or
    """.split()  # noqa: SIM905 - a list of words reads better than a column of literals
)
"""Words beside ages, days and telephone numbers."""

AROUND = TITLES | ROLES | INTRODUCERS | _BESIDE_NUMBERS
"""Words beside names and numbers that are no labels."""

_SENTENCE_END = re.compile(r"""["'(\[]{0,2}(?P<word>[a-z]{2,}(?:['-][a-z]+)*)(?P<sign>[.!?])["')\]]{0,2}""")
"""A small word with what ends a sentence; a capitalised one may be a name's or a town's abbreviation."""

_LONGEST_ABBREVIATION = 4
"""Letters before a dot; a longer word with one ends its sentence."""

_LONG_ABBREVIATIONS = frozenset("approx assoc assocs depts phys pharm extn tele exten reg'd cont'd".split())  # noqa: SIM905 - as above

_OPENING = re.compile(r"""["'(\[]{0,2}(?P<word>[a-z]+(?:'[a-z]{1,2})?)[,;.!?"')\]]{0,2}""", re.IGNORECASE)
"""The first word of a sentence, with nothing beside it that an identifier could be a part of."""

_PLAIN_OPENERS = frozenset("the his her their our my your".split())  # noqa: SIM905 - as above
"""Words between a label and its value ("account: the 123") that begin a sentence after any other word."""

_PARTS_OF_ADDRESSES = frozenset("unit room floor building suite apt apartment lot bed county city town".split())  # noqa: SIM905 - as above

_STATES = frozenset(state.lower() for state in STATES)


def block_spans(text: str, *, at_end: bool) -> Iterator[tuple[int, int]]:
    """Yield start and end of each block that is complete; `at_end` says that nothing more will come."""
    folded = fold(text)
    start = 0
    while (end := block_end(folded, start, at_end=at_end)) is not None:
        yield start, end
        start = end


def block_end(text: str, start: int, *, at_end: bool) -> int | None:
    """Return where the block that starts here ends; None while that depends on what comes.

    `text` is folded; `at_end` says that nothing more will come.
    """
    position = start
    while position < len(text):
        if text[position] in "\r\n":
            return position + 1
        word = _next_word(text, position)
        if word.end() == len(text) and not _is_cut(word) and not at_end:
            return None
        position = max(word.end(), position + 1)
        if not _may_go_on(word["word"]) or position - start >= MAX_BLOCK:
            return position
        is_over = _ends_sentence(text, word["word"], position, at_end=at_end)
        if is_over is not False:
            return position if is_over else None
    return position if at_end and position > start else None


def _next_word(text: str, position: int) -> re.Match[str]:
    word = _WORD.match(text, position)
    assert word is not None  # noqa: S101 - every part of the expression may be empty
    return word


def _is_cut(word: re.Match[str]) -> bool:
    return word.end() - word.start("word") == MAX_WORD


def _may_go_on(word: str) -> bool:
    """Say whether an identifier may reach past this word, or from it into the next."""
    if _CARRIER.search(word):
        return True
    bare = word.strip(_PUNCTUATION)
    if not bare or bare[0].isupper():
        return bool(word)
    plain = bare.lower()
    return plain in LABELS or plain in AROUND or plain in _STATES


def _ends_sentence(text: str, last: str, position: int, *, at_end: bool) -> bool | None:
    """Say whether a sentence ends with this word and the next begins; None while that depends on what comes."""
    sentence = _SENTENCE_END.fullmatch(last)
    if sentence is None or not _is_over(sentence["word"], sentence["sign"]):
        return False
    following = _next_word(text, position)
    if following.end() == len(text) and not _is_cut(following) and not at_end:
        return None
    opening = _OPENING.fullmatch(following["word"])
    is_apart = text[position : following.start("word")].isspace()
    return opening is not None and is_apart and _begins_anew(sentence["word"], opening["word"])


def _begins_anew(last: str, opening: str) -> bool:
    """Say whether no identifier reaches from the last word of a sentence into the first of the next."""
    first = opening.lower()
    if first in _BESIDE_NUMBERS or first in _STATES or first in _PARTS_OF_ADDRESSES:
        return False
    if first in LABELS and (last in LABELS or first not in _PLAIN_OPENERS):
        return False
    return opening[0].islower() or first in NOT_NAMES


def _is_over(last: str, sign: str) -> bool:
    is_word = len(last) > _LONGEST_ABBREVIATION and last not in _LONG_ABBREVIATIONS
    return last not in _BESIDE_NUMBERS and (sign != "." or is_word)
