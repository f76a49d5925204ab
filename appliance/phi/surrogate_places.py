"""Make the surrogate of a place: ``12 Main Street, Quincy, MA`` becomes ``47 Elmhurst Street, Westmere, MA``.

Words that tell what a place is and the state stay; the words that name it and every number are replaced.
"""

import re

from appliance.phi.findings import Kind
from appliance.phi.restore_ledger import SHORT, Form
from appliance.phi.restore_tokens import keys
from appliance.phi.surrogate_issuer import Issuer, Made, Part
from appliance.phi.surrogate_names import written_like
from appliance.phi.surrogate_numbers import number_like
from appliance.phi.surrogate_values import places

_WORD = re.compile(
    r"(?:\d[\d-]*\d|\d)(?:[A-Za-z](?![A-Za-z]))?|[^\W\d_](?:[^\W\d_]|[\u0300-\u036f]|['\u2019](?=[^\W\d_]))*"
)

_POSSESSIVE = re.compile(r"['\u2019]s?$", re.IGNORECASE)

_ZIP = re.compile(r"\d{5}(?:-\d{4})?")

_STATE = re.compile(r"(?<=[,\s])[A-Z]{2}(?=[\s,.]*(?:\d{5}(?:-\d{4})?)?\W*$)")

_ORDINAL_ENDINGS = frozenset({"st", "nd", "rd", "th"})


def make_place(issuer: Issuer, kind: Kind, original: str) -> Made | None:
    """Return the surrogate of a place; None where none can be made."""
    out: list[str] = []
    parts: list[Part] = []
    words: list[str] = []
    position = length = 0
    for match in _replaced(original):
        text = match[0] if match[0][0].isdigit() else _POSSESSIVE.sub("", match[0])
        written = _number(issuer, kind, text) if text[0].isdigit() else _word(issuer, kind, text)
        if written is None:
            return None
        out += [original[position : match.start()], written]
        length += match.start() - position
        if len("".join(keys(written))) <= SHORT:
            where = {"start": length, "end": length + len(written)}
            parts.append(Part(**where, surrogate=written, original=text, kind=kind, form=Form.CHARACTERS))
        length += len(written)
        position = match.start() + len(text)
        words.append(written)
    text = "".join([*out, original[position:]])
    return Made(text=text, parts=tuple(parts), words=(text, *words))


def _replaced(original: str) -> list[re.Match[str]]:
    """Return the words and numbers to replace; of a place that has only general words, the first."""
    states = {match.start() for match in _STATE.finditer(original)}
    matches = list(_WORD.finditer(original))
    named = [match for match in matches if not _stays(original, match, states)]
    has_name = any(match[0][0].isalpha() for match in named) or not any(match[0].isalpha() for match in matches)
    if has_name or named:
        return named
    return [match for match in matches if match[0].isalpha() and len(match[0]) > SHORT][:1] or matches[:1]


def _stays(original: str, match: re.Match[str], states: set[int]) -> bool:
    text = match[0]
    if text[0].isdigit():
        return False
    plain = _POSSESSIVE.sub("", text).lower()
    if len(plain) == 1 or plain in places.GENERIC or text.lower() in _ORDINAL_ENDINGS or match.start() in states:
        return True
    return plain in places.STATE_NAMES and original[: match.start()].rstrip().endswith(",")


def _word(issuer: Issuer, kind: Kind, text: str) -> str | None:
    for name in ("".join(keys(text)), f"={text}"):
        base = issuer.draw(name, places.candidates(issuer.drawing(f"place:{name}")))
        written = base and written_like(base, text)
        if written and issuer.ledger.can_issue(written, text, Form.WORD):
            issuer.ledger.issue(written, text, kind=kind, form=Form.WORD)
            return written
    return None


def _number(issuer: Issuer, kind: Kind, text: str) -> str | None:
    if not _ZIP.fullmatch(text):
        return number_like(issuer, kind, text)
    drawing = issuer.drawing(f"zip:{text}")
    return number_like(issuer, kind, text, candidates=places.zip_codes(text, drawing))
