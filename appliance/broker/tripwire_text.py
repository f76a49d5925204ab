"""The texts that hide in an outgoing body, as plain as they can be made, for the tripwire alone.

A body is read as one text, as every string that its JSON holds, and with one level of base64, hexadecimal, percent,
quoted-printable, unicode and HTML escapes undone: an identifier that a provider could read is read here first.
Look-alike letters, foreign digits and invisible characters become plain ones, by a table of our own, so that one
gap in the guard's normalisation does not open this door too.  It keeps and logs nothing.
"""

import base64
import binascii
import html
import json
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field

_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|([nrtbf\"'\\/]))")
"""An escape of JSON, JavaScript or Python."""

_SHORT = {"n": "\n", "r": "\r", "t": "\t", "b": " ", "f": " "}

_BYTES = re.compile(r"(?:%[0-9a-fA-F]{2}|=[0-9A-F]{2})+")
"""Percent-encoded (RFC 3986, 2.1) or quoted-printable bytes (RFC 2045, 6.7)."""

_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z]{2,8});")

_ENCODED = re.compile(r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{12,}={0,2}")
"""A run that may be base64 or base64url (RFC 4648) or hexadecimal: twelve characters stand for nine bytes, two short
names.  What is none decodes to bytes that are no text."""

_HEX = re.compile(r"(?:[0-9a-fA-F]{2}){9,}")

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")

_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u2043\ufe58\ufe63\u30fc\u00b7\u2219"

_LOOK_ALIKE = (
    "\u0410A \u0412B \u0421C \u0415E \u041dH \u0406I \u0408J \u041aK \u041cM \u041eO \u0420P \u0405S \u0422T \u0425X "
    "\u0423Y \u04aeY \u0430a \u0441c \u0501d \u0435e \u04bbh \u0456i \u0458j \u04cfl \u043eo \u0440p \u051bq \u0455s "
    "\u0443y \u0445x \u0475v \u051dw \u0391A \u0392B \u0395E \u0397H \u0399I \u039aK \u039cM \u039dN \u039fO \u03a1P "
    "\u03a4T \u03a5Y \u03a7X \u0396Z \u03b1a \u03b5e \u03b9i \u03bak \u03bdv \u03bfo \u03c1p \u03c4t \u03c5u \u03c7x "
    "\u0131i \u0261g \u0251a \u0269i \u0280r \u029fl \u1d00a \u1d04c \u1d05d \u1d07e \u1d0fo \u1d18p \u1d1cu \u1d20v"
)
"""Letters of other scripts that look like Latin ones (a small part of Unicode UTS 39, confusables)."""

_PLAIN = (
    {ord(pair[0]): pair[1] for pair in _LOOK_ALIKE.split()}
    | dict.fromkeys(map(ord, _DASHES), "-")
    | dict.fromkeys((0x2018, 0x2019, 0x02BC), "'")
)

_READABLE_SHARE = 0.9
"""So much of what was decoded must be printable to count as text; random bytes never come near."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One way to read a body."""

    text: str = field(repr=False)

    repeats: bool = False
    """True where every word of it stands in another reading too: only what lies beside what is new."""


def readings_of(body: bytes) -> Iterator[Reading]:
    """Yield every reading of the body, its text as it stands there.

    Raises UnicodeDecodeError for a body that is no UTF-8 and RecursionError for JSON too deep to read: the caller
    MUST take either for a reason to refuse.
    """
    raw = body.decode()
    strings = _strings_of(raw)
    yield Reading(text=_unescaped(raw), repeats=strings is not None)
    whole = _unescaped(raw) if strings is None else strings
    if strings is not None:
        yield Reading(text=strings)
    yield from (Reading(text=inner) for inner in dict.fromkeys(_inner(whole)))


def plain(text: str) -> str:
    """Return the text with look-alikes in their plain form and without characters that nobody sees."""
    if text.isascii():
        return _CONTROL.sub("", text)
    composed = unicodedata.normalize("NFKC", text).translate(_PLAIN)
    return "".join(_plain_character(each) for each in composed)


def _plain_character(character: str) -> str:
    if character < "\x80":
        return _CONTROL.sub("", character)
    match unicodedata.category(character):
        case "Cf" | "Cc" | "Mn" | "Me" | "Co":
            return ""
        case "Nd":
            return str(unicodedata.decimal(character))
        case "Pd":
            return "-"
        case "Zs" | "Zl" | "Zp":
            return " "
        case _:
            return character


def _strings_of(raw: str) -> str | None:
    """Return one text with every key, string and number of the JSON in order, None where the body is no JSON.

    Outside of them JSON has punctuation only.  A key stands on the line before its value, so that a label is read
    beside what it labels.  Pairs are kept as pairs: a key that stands twice hides nothing.
    """
    try:
        value = json.loads(raw, object_pairs_hook=tuple, parse_int=str, parse_float=str, parse_constant=str)
    except ValueError:
        return None
    return _without_lone("\n".join(_leaves(value)))


def _leaves(value: object) -> Iterator[str]:
    stack = [value]
    while stack:
        each = stack.pop()
        if isinstance(each, str):
            yield each
        elif isinstance(each, list | tuple):
            stack.extend(reversed(each))


def _inner(text: str) -> Iterator[str]:
    """Yield what the text holds in an encoded form, one level deep."""
    undone = html.unescape(_unescaped(text)) if _ENTITY.search(text) else _unescaped(text)
    undone = _BYTES.sub(_read_bytes, undone)
    if undone != text:
        yield undone
    for match in _ENCODED.finditer(text):
        yield from _decoded(match[0])


def _unescaped(text: str) -> str:
    if "\\" not in text:
        return text
    return _without_lone(_ESCAPE.sub(_read_escape, text))


def _without_lone(text: str) -> str:
    """Join pairs of surrogate code points and replace lone ones, which no text may hold and no digest can take."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _read_escape(match: re.Match[str]) -> str:
    code = match[1] or match[2]
    return chr(int(code, 16)) if code else _SHORT.get(match[3], match[3])


def _read_bytes(match: re.Match[str]) -> str:
    return binascii.unhexlify(re.sub("[%=]", "", match[0])).decode(errors="replace")


def _decoded(run: str) -> Iterator[str]:
    """Yield what a run says in base64 and in hexadecimal, where that is text."""
    bare = run.rstrip("=").translate({0x2D: "+", 0x5F: "/"})
    found = [] if len(bare) % 4 == 1 else [base64.b64decode(bare + "=" * (-len(bare) % 4))]
    if _HEX.fullmatch(run):
        found.append(bytes.fromhex(run))
    for each in found:
        text = each.decode(errors="replace")
        if "\ufffd" not in text and _is_readable(text):
            yield text


def _is_readable(text: str) -> bool:
    readable = sum(character.isprintable() or character.isspace() for character in text)
    return readable >= _READABLE_SHARE * len(text)
