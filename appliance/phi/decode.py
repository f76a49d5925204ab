"""Read what a text holds in another spelling: base64, hex, percent, JSON, HTML and mail escapes, digits said in words.

The guard looks at each reading as at any text.  What it finds there is mapped back with `Decoded.origin`: to the exact
characters where the spelling goes letter by letter, to the whole of the encoded span where it does not, because a part
of base64 cannot be replaced.  A reading is of the caller's text and MUST NOT leave, be logged or be kept.

Work is bounded: `MAX_DEPTH` levels, each no longer than the text, and a reading that is not text is dropped.
"""

import base64
import binascii
import html
import re
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

MAX_DEPTH = 3
"""Readings of readings: base64 in a percent-encoded JSON string; deeper nesting has no honest use in a prompt."""

_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{12,}(?:\r?\n[A-Za-z0-9+/_-]{8,})*={0,2}")
_BASE64_PART = re.compile(r"[A-Za-z0-9]{12,}={0,2}")
"""A shorter token holds at most eight letters, which a label or the caller's own list must catch."""

_HEX = re.compile(r"(?<![0-9A-Fa-f])(?:[0-9A-Fa-f]{2}[ :]?){7,}[0-9A-Fa-f]{2}(?![0-9A-Fa-f])")

_TEXT_BYTES = re.compile(rb"[\t\n\r\x20-\x7e\x80-\xf4]+")
"""Bytes that UTF-8 text is made of."""

_FEWEST_LETTERS = 0.6
"""Share of letters, digits and blanks from which on decoded bytes are taken for text and not for chance."""

_ESCAPE = re.compile(
    r"""(?P<bytes>(?:%[0-9A-Fa-f]{2})+|(?:=[0-9A-F]{2})+|(?:\\x[0-9A-Fa-f]{2})+)
      | (?P<units>(?:\\u[0-9A-Fa-f]{4})+)
      | (?P<quoted>\\["'/nrt\\])
      | (?P<entity>&(?:\#\d{1,7}|\#[xX][0-9A-Fa-f]{1,6}|[A-Za-z]{2,8}\d{0,2});)
      | (?P<nothing>=\r?\n)
      | (?P<blank>(?<=[A-Za-z])\+(?=[A-Za-z]))""",
    re.VERBOSE,
)
"""Escapes that stand for one or some characters; ``=`` at a line end is a soft break of quoted-printable."""

_ESCAPE_SIGNS = ("%", "\\", "&", "=")
"""Text without these has no escapes (a ``+`` for a blank stands in query strings only, which have ``=``)."""

_WORDS = {
    "zero": "0", "oh": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7",
    "eight": "8", "nine": "9",
}  # fmt: skip

_SAID = re.compile(
    r"\b(?:{0})(?:[ ,.-]{{1,3}}(?:{0}|dash|hyphen|[0-9])(?![\w]))*[ ,.-]{{1,3}}(?:{0})\b".format("|".join(_WORDS)),
    re.IGNORECASE,
)
_SAID_WORD = re.compile(r"[a-z]+|\d", re.IGNORECASE)
_FEWEST_SAID = 4
"""As few digits as people say of an identifier: the last four."""

_SPACED = re.compile(r"(?<![\w.,-])[A-Za-z0-9](?:[ ][A-Za-z0-9@.-]){5,}(?![\w.,-])")
"""Letters and digits written one by one."""

_REVERSED = re.compile("\u202e([^\u202c\u202e\n]{4,400})")
"""Right-to-left override: what is shown is the text read backwards."""

_LINE = re.compile(r"(?:[^\n]|(?<==)\n|(?<==\r)\n)+")
"""A line with its soft breaks."""

Replacement = tuple[int, int, str]
"""Start and end in a line, and what to read there; the letters of the reading share the place as evenly as it goes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """One reading of a part of a text."""

    start: int
    """Offset of the encoded part in the text that was given to `decoded`."""

    end: int

    text: str = field(repr=False)
    """What the part says."""

    starts: Sequence[int] | None = field(default=None, repr=False)
    """For each character of the reading the place that it comes from, then the end; None: only the whole is known."""

    def origin(self, start: int, end: int) -> tuple[int, int]:
        """Return the span of the text that these characters of the reading come from."""
        if self.starts is None or end <= start:
            return self.start, self.end
        return self.starts[start], max(self.starts[end], self.starts[end - 1] + 1)


def decoded(text: str) -> Iterator[Decoded]:
    """Yield every reading of every encoded part of this text, nested ones too."""
    level = list(_readings(text))
    for _ in range(MAX_DEPTH - 1):
        yield from level
        level = [_through(outer, inner) for outer in level for inner in _readings(outer.text)]
    yield from level


def _readings(text: str) -> Iterator[Decoded]:
    yield from _base64_readings(text)
    yield from _hex_readings(text)
    yield from (Decoded(start=m.start(), end=m.end(), text=m[1][::-1]) for m in _REVERSED.finditer(text))
    if any(sign in text for sign in _ESCAPE_SIGNS):
        yield from _line_readings(text, _escapes)
    yield from _line_readings(text, _said)
    yield from _line_readings(text, _spaced)


def _through(outer: Decoded, inner: Decoded) -> Decoded:
    """Return the inner reading with the places of the outermost text."""
    start, end = outer.origin(inner.start, inner.end)
    if outer.starts is None or inner.starts is None:
        return Decoded(start=start, end=end, text=inner.text)
    places = outer.starts
    return Decoded(start=start, end=end, text=inner.text, starts=array("L", (places[each] for each in inner.starts)))


def _base64_readings(text: str) -> Iterator[Decoded]:
    for token in _BASE64.finditer(text):
        if (reading := _from_base64(token[0])) is not None:
            yield Decoded(start=token.start(), end=token.end(), text=reading)
            continue
        for part in _BASE64_PART.finditer(text, token.start(), token.end()):
            if part[0] != token[0] and (reading := _from_base64(part[0])) is not None:
                yield Decoded(start=part.start(), end=part.end(), text=reading)


def _from_base64(token: str) -> str | None:
    """Return the text that base64 or base64url stands for, None where it is an ordinary word or no text."""
    if token.isdigit() or token.islower() or token.isupper():
        return None
    plain = "".join(token.split()).rstrip("=").translate({ord("-"): "+", ord("_"): "/"})
    try:
        return _as_text(base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True))
    except binascii.Error:
        return None


def _hex_readings(text: str) -> Iterator[Decoded]:
    for token in _HEX.finditer(text):
        if (reading := _as_text(bytes.fromhex(token[0].replace(":", "")))) is not None:
            yield Decoded(start=token.start(), end=token.end(), text=reading)


def _as_text(content: bytes) -> str | None:
    """Return bytes as text if they are text: UTF-8, or the ASCII part of UTF-16."""
    narrow = content[::2] if content[1:2] == b"\0" else content
    if _TEXT_BYTES.fullmatch(narrow) is None:
        return None
    try:
        text = narrow.decode()
    except UnicodeDecodeError:
        return None
    return text if sum(map(_is_of_text, text)) >= _FEWEST_LETTERS * len(text) else None


def _is_of_text(character: str) -> bool:
    return character.isalnum() or character.isspace()


def _line_readings(text: str, replacements: Callable[[str], Iterator[Replacement]]) -> Iterator[Decoded]:
    """Yield each line that has something to replace, as it reads with all of it replaced."""
    for line in _LINE.finditer(text):
        found = list(replacements(line[0]))
        if found:
            yield _replaced(line, found)


def _replaced(line: re.Match[str], replacements: list[Replacement]) -> Decoded:
    base = line.start()
    pieces: list[str] = []
    starts = array("L")
    copied = 0
    for start, end, reading in replacements:
        pieces += [line[0][copied:start], reading]
        starts.extend(range(base + copied, base + start))
        starts.extend(base + start + (end - start) * each // len(reading) for each in range(len(reading)))
        copied = end
    pieces.append(line[0][copied:])
    starts.extend(range(base + copied, line.end() + 1))
    return Decoded(start=base, end=line.end(), text="".join(pieces), starts=starts)


def _escapes(line: str) -> Iterator[Replacement]:
    for match in _ESCAPE.finditer(line):
        reading = _unescaped(match)
        if reading != match[0]:
            yield match.start(), match.end(), reading


def _unescaped(match: re.Match[str]) -> str:
    escape = match[0]
    if match["bytes"]:
        return _from_bytes(bytes.fromhex(re.sub(r"%|=|\\x", "", escape)))
    if match["units"]:
        return bytes.fromhex(escape.replace("\\u", "")).decode("utf-16-be", errors="replace")
    if match["quoted"]:
        return {"n": "\n", "r": "\r", "t": "\t"}.get(escape[1], escape[1])
    if match["entity"]:
        return html.unescape(escape)
    return " " if match["blank"] else ""


def _from_bytes(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _said(line: str) -> Iterator[Replacement]:
    """Yield runs of digits that are said as words."""
    for match in _SAID.finditer(line):
        words = _SAID_WORD.findall(match[0].lower())
        digits = "".join(_WORDS.get(word, word if word.isdigit() else "") for word in words)
        if len(digits) >= _FEWEST_SAID:
            yield match.start(), match.end(), digits


def _spaced(line: str) -> Iterator[Replacement]:
    for match in _SPACED.finditer(line):
        yield match.start(), match.end(), match[0].replace(" ", "")
