"""Write a text in the plain letters that people see, and keep the way back to the caller's own offsets.

A name with a Cyrillic letter, an invisible character inside or full-width digits reads the same to a person and slips
past every expression written in ASCII (Unicode UTS 39, "confusables").  So look-alikes become ASCII, accents and
invisible characters go, and each place of the result knows which characters of the original it stands for.  Text in
another script stays as it is: only a word that mixes scripts, or could be read as Latin whole, is rewritten.

The result is for looking, never for sending: whoever replaces text MUST do so at the original places (`origin`).
"""

import re
import unicodedata
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

_DIGIT_ZEROS = (0x0660, 0x06F0, 0x0966, 0xFF10, 0x1D7CE, 0x1D7D8, 0x1D7E2, 0x1D7EC, 0x1D7F6)
"""Code points of digit zero in Arabic-Indic, Persian, Devanagari, full-width and the mathematical alphabets."""

_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u2043\ufe58\ufe63\uff0d"

_SPACES = "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"

_SAME_LENGTH = {
    "'": "\u2018\u2019\u201b\u02bc\u2032",
    '"': "\u201c\u201d\u201e\u2033",
    ".": "\u00b7\u2219\u22c5\u2024\u2027\uff61\u3002",
    "/": "\u2044\u2215",
    ":": "\u2236\ua789",
    "@": "\ufe6b",
    "\n": "\u0085\u2028\u2029",
}
"""Punctuation that stands in identifiers and around them, by what it looks like."""

_FULL_WIDTH_OFFSET = 0xFEE0
"""Full-width forms U+FF01 to U+FF5E stand this far above ASCII ``!`` to ``~`` (Unicode chart FF00)."""

FOLDED: dict[int, str] = (
    {code + _FULL_WIDTH_OFFSET: chr(code) for code in range(0x21, 0x7F)}
    | {zero + digit: str(digit) for zero in _DIGIT_ZEROS for digit in range(10)}
    | dict.fromkeys(map(ord, _DASHES), "-")
    | dict.fromkeys(map(ord, _SPACES), " ")
    | dict.fromkeys(range(0xD800, 0xE000), "\ufffd")
    | {ord(each): plain for plain, alike in _SAME_LENGTH.items() for each in alike}
)
"""Character by character translation; every value is one character long.  Half surrogates are no text for any model."""

_LOOK_ALIKES = dict(
    zip(
        "аеорсухіјѕԁԛԝһӏьАВЕКМНОРСТУХІЈЅԌԜҮ"  # Cyrillic
        "οαινυρκτχεΑΒΕΖΗΙΚΜΝΟΡΤΥΧϲϳ"  # Greek
        "օոսցհՕՍԼԱ"  # Armenian
        "ıɑɡɩʟᴀᴄᴅᴇᴊᴋᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢ",  # Latin letters that only look plain
        "aeopcyxijsdqwhlbABEKMHOPCTYXIJSGWYoaivupktxeABEZHIKMNOPTYXcjonughOULUiagilacdejkmnoprstuvwyz",
        strict=True,
    )
)
"""Letters of other scripts that are read as Latin (from Unicode's confusables.txt, those that fonts draw alike)."""

_SPELT_OUT = {
    "ß": "ss", "æ": "ae", "œ": "oe", "Æ": "AE", "Œ": "OE", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d",
    "Đ": "D", "ð": "d", "Ð": "D", "þ": "th", "Þ": "Th", "ħ": "h", "Ħ": "H", "ŧ": "t", "Ŧ": "T",
}  # fmt: skip
"""Latin letters that have no decomposition."""

_INVISIBLE = frozenset("\u115f\u1160\u3164\uffa0\u2800\u17b4\u17b5")
"""Drawn as nothing although they are no format characters."""

_MARKS = ((0x0300, 0x036F), (0x1AB0, 0x1AFF), (0x1DC0, 0x1DFF), (0x20D0, 0x20FF), (0xFE00, 0xFE0F), (0xFE20, 0xFE2F))
"""Combining marks of Latin text, enclosing marks and variation selectors."""

_BORROWED = re.compile(r"[\u0370-\u03ff\u0400-\u052f\u0530-\u058f]")
"""Greek, Cyrillic and Armenian: the scripts whose letters pass for Latin ones."""

_LATIN = re.compile(r"[A-Za-z\u00c0-\u024f]")

_WORD = re.compile(r"\S{1,512}")
"""Bounded, so that the decision about scripts stays local in text without blanks."""


def fold(text: str) -> str:
    """Return text of the same length with look-alike digits and punctuation in their ASCII form."""
    return text if text.isascii() else text.translate(FOLDED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Normalised:
    """Plain text and where each place of it comes from."""

    text: str
    """What rules and models read."""

    starts: Sequence[int] | None = field(default=None, repr=False)
    """For each character where its part of the original begins, then the original's length; None: place by place."""

    def origin(self, start: int, end: int) -> tuple[int, int]:
        """Return the span of the original that this span of the plain text stands for, invisible parts included."""
        if self.starts is None or end <= start:
            return (start, end) if self.starts is None else (self.starts[start], self.starts[start])
        return self.starts[start], max(self.starts[end], self.starts[end - 1] + 1)


def normalise(text: str) -> Normalised:
    """Return the text in plain letters; ASCII text comes back as the same object."""
    if text.isascii():
        return Normalised(text=text)
    folded = fold(text)
    if folded.isascii():
        return Normalised(text=folded)
    return _rewritten(folded)


def _rewritten(text: str) -> Normalised:
    """Rewrite what is not plain; a part of the original that is left out belongs to the character before it."""
    pieces: list[str] = []
    starts = array("L")
    copied = 0
    for place, plain in _replacements(text):
        pieces += [text[copied:place], plain]
        starts.extend(range(copied, place))
        starts.extend([place] * len(plain))
        copied = place + 1
    pieces.append(text[copied:])
    starts.extend(range(copied, len(text) + 1))
    return Normalised(text="".join(pieces), starts=starts)


def _replacements(text: str) -> Iterator[tuple[int, str]]:
    """Yield each place whose character is not plain, and what to read there."""
    for word in _WORD.finditer(text):
        if word[0].isascii():
            continue
        as_latin = _is_read_as_latin(word[0])
        for place, character in enumerate(word[0], word.start()):
            if not character.isascii() and (plain := _plain(character, as_latin=as_latin)) != character:
                yield place, plain


def _is_read_as_latin(word: str) -> bool:
    """Say whether Greek, Cyrillic and Armenian letters in this word stand for Latin ones."""
    borrowed = _BORROWED.findall(word)
    if not borrowed:
        return False
    if _LATIN.search(word) or any(unicodedata.normalize("NFKC", each).isascii() for each in word if each > "\u2000"):
        return True
    return all(_base(each) in _LOOK_ALIKES for each in borrowed)


def _base(character: str) -> str:
    return unicodedata.normalize("NFD", character)[0]


@lru_cache(maxsize=4096)
def _plain(character: str, *, as_latin: bool) -> str:
    """Return what this character looks like; itself where it looks like nothing else."""
    if _is_invisible(character):
        return ""
    if character in _SPELT_OUT:
        return _SPELT_OUT[character]
    if _BORROWED.match(character) is not None and not as_latin:
        return character
    if (base := _base(character)) in _LOOK_ALIKES:
        return _LOOK_ALIKES[base]
    digit = unicodedata.digit(character, None)
    return str(digit) if digit is not None else _decomposed(character)


def _decomposed(character: str) -> str:
    """Return the ASCII letters that a compatibility form or an accented letter is made of."""
    kind = unicodedata.category(character)
    if kind == "Pd":
        return "-"
    plain = "".join(each for each in unicodedata.normalize("NFKD", character) if not _is_mark(each))
    return plain if plain and plain.isascii() else character


def _is_invisible(character: str) -> bool:
    return character in _INVISIBLE or unicodedata.category(character) == "Cf" or _is_mark(character)


def _is_mark(character: str) -> bool:
    return any(first <= ord(character) <= last for first, last in _MARKS)
