"""Make the surrogate of a person's name, word by word: ``Smith, John A.`` becomes ``Ellis, Mark T.``.

Titles, degrees and particles stay: they tell a model how to address somebody and name nobody.  Initials take the first
letter of the surrogate of the name that they stand for.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from string import ascii_uppercase

from appliance.phi.findings import Kind
from appliance.phi.restore_ledger import Form, Ledger
from appliance.phi.restore_tokens import keys
from appliance.phi.surrogate_hints import Hint, hint
from appliance.phi.surrogate_issuer import Issuer, Made, Part
from appliance.phi.surrogate_spans import Span
from appliance.phi.surrogate_values import female_names, male_names
from appliance.phi.surrogate_values.people import Role, candidates, is_given

_WORD = re.compile(
    r"[^\W\d_][\u0300-\u036f]*(?:[^\W\d_]|[\u0300-\u036f\u200b-\u200d\u00ad]|['\u2019\u02bc](?=[^\W\d_]))*"
)

_POSSESSIVE = re.compile(r"['\u2019\u02bc]s$", re.IGNORECASE)

_TITLES = frozenset(
    """
    dr doctor mr mrs ms miss mx sir madam prof professor rev reverend fr father sister brother sr jr ii iii iv
    md rn np phd esq dds dmd dpm dnp pharmd lpn aprn facs facp faap pt ot patient pt name attending
    mother son daughter wife husband spouse nurse and or the of
    """.split()  # noqa: SIM905 - a list of words reads better than a column of literals
)
"""Words beside a name that name nobody, in lower case."""

_DEGREES = frozenset({"DO", "PA", "MA", "BS", "MS", "PAC", "CRNA"})
"""Degrees that are surnames in another case."""

_PARTICLES = frozenset("van von der den de da di du del della dos das la le el al bin ibn bint y e ter ten".split())  # noqa: SIM905 - as above
"""Particles, as long as they are written small and stand beside a name."""

_COMMON_INITIALS = "BCDEHJKLMNRSTW"
"""First letters of many names, so that a name for an initial can be found later."""

_WORDS_BY_THEMSELVES = frozenset("AI")
"""Letters that are words of their own, so that an answer has them beside a name for another reason too often."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Word:
    start: int
    end: int
    text: str
    is_surname: bool


def make_name(issuer: Issuer, kind: Kind, original: str) -> Made | None:
    """Return the surrogate of a name; None where none can be made."""
    out: list[str] = []
    parts: list[Part] = []
    full: list[tuple[_Word, str]] = []
    position = length = 0
    for word in _words(original, issuer.hints):
        written = _initial(issuer, word) if len(word.text) == 1 else _word(issuer, kind, word)
        if written is None:
            return None
        out += [original[position : word.start], written]
        length += word.start - position
        if len(word.text) == 1:
            where = {"start": length, "end": length + len(written)}
            parts.append(Part(**where, surrogate=written, original=word.text, kind=kind, form=Form.INITIAL))
        else:
            full.append((word, written))
        length += len(written)
        position = word.end
    _expect_other_forms(issuer.ledger, kind, full, parts)
    text = "".join([*out, original[position:]])
    return Made(text=text, parts=tuple(parts), words=(text, *(written for _, written in full)))


def learn(issuer: Issuer, text: str, names: Sequence[Span]) -> None:
    """Note what the words beside each name tell of those that stand in no list, the first place of each."""
    starts = [name.start for name in names]
    for name in names:
        words = _words(text[name.start : name.end], {})
        unknown = [word for word in words if _is_unknown(word, len(words))]
        told = hint(text, name.start + words[0].start, name.end, others=starts) if unknown else None
        if told is not None:
            issuer.hints.update({plain: told for word in unknown if (plain := _key(word)) not in issuer.hints})


def written_like(base: str, original: str) -> str:
    """Write a word in capitals, small, or as a name, as the original is."""
    if original.isupper() and len(original) > 1:
        return base.upper()
    return base.lower() if original.islower() else base


def _is_unknown(word: _Word, count: int) -> bool:
    """Say whether no list tells the gender of this word, which is a given name or stands alone."""
    plain = word.text.lower()
    is_listed = plain in female_names() or plain in male_names()
    return len(plain) > 1 and not is_listed and (count == 1 or not word.is_surname)


def _words(original: str, known: Mapping[str, Hint]) -> list[_Word]:
    """Return the words that name somebody, each with whether it is a surname."""
    found = [(match.start(), _POSSESSIVE.sub("", match[0])) for match in _WORD.finditer(original)]
    is_all_capitals = original.isupper()
    named = [
        (start, text) for start, text in found if not _is_beside(text, len(found), is_all_capitals=is_all_capitals)
    ]
    named = named or found
    surnames_at = _surname_places(original, named, known)
    return [
        _Word(start=start, end=start + len(text), text=text, is_surname=place in surnames_at)
        for place, (start, text) in enumerate(named)
    ]


def _is_beside(text: str, count: int, *, is_all_capitals: bool) -> bool:
    plain = text.lower()
    if plain in _TITLES:
        return True
    if count == 1:
        return False
    return (text in _DEGREES and not is_all_capitals) or (text == plain and plain in _PARTICLES)


def _surname_places(original: str, named: list[tuple[int, str]], known: Mapping[str, Hint]) -> set[int]:
    """Say which words are the surname: the first before a comma, else the last, with what a hyphen ties to them."""
    if len(named) == 1:
        told = known.get("".join(keys(named[0][1])))
        return set() if is_given(named[0][1].lower()) or (told is not None and told.is_given) else {0}
    gaps = [original[start + len(text) : other] for (start, text), (other, _) in pairwise(named)]
    comma = next((place for place, gap in enumerate(gaps) if gap.lstrip().startswith(",")), None)
    first = last = len(gaps) if comma is None else comma
    while first > 0 and gaps[first - 1] == "-":
        first -= 1
    return set(range(0 if comma is not None else first, last + 1))


def _initial(issuer: Issuer, word: _Word) -> str | None:
    name = _initial_name(word)
    if name not in issuer.initials:
        unused = [letter for letter in _COMMON_INITIALS if letter not in issuer.initials.values()]
        drawing = issuer.drawing(f"initial:{name}")
        issuer.initials[name] = next(drawing.shuffled(unused or ascii_uppercase))
    return written_like(issuer.initials[name], word.text)


def _word(issuer: Issuer, kind: Kind, word: _Word) -> str | None:
    initial = _initial_name(word)
    used = _WORDS_BY_THEMSELVES.union(issuer.initials.values())
    wished = issuer.initials.get(initial) or "".join(letter for letter in ascii_uppercase if letter not in used)
    for name in (_key(word), f"={word.text}"):
        base = issuer.draw(name, _candidates(issuer, name, word), initials=wished)
        written = base and written_like(base, word.text)
        if written and issuer.ledger.can_issue(written, word.text, Form.WORD):
            issuer.initials.setdefault(initial, written[0].upper())
            issuer.ledger.issue(written, word.text, kind=kind, form=Form.WORD)
            return written
    return None


def _candidates(issuer: Issuer, name: str, word: _Word) -> Iterator[str]:
    told = issuer.hints.get(_key(word))
    role = Role(is_surname=word.is_surname, gender=told.gender if told else None)
    return candidates(word.text, role, issuer.drawing(f"name:{name}"), used=issuer.drawn)


def _key(word: _Word) -> str:
    return "".join(keys(word.text))


def _initial_name(word: _Word) -> str:
    return f"{'surname' if word.is_surname else 'given'}:{word.text[0].lower()}"


def _expect_other_forms(ledger: Ledger, kind: Kind, full: list[tuple[_Word, str]], initials: list[Part]) -> None:
    """Foresee "MarkEllis", "M. Ellis" and "Ellis, M." where the name is "Mark Ellis", and "t. mark" of "Mark T."."""
    for (word, written), (other, following) in pairwise(full):
        ledger.issue_joined(written + following, word.text + other.text, kind)
    for word, written in full:
        part = "".join(keys(written))
        for initial in initials:
            ledger.expect_beside(initial.surrogate, initial.original, kind, part)
        for other, another in full:
            if other is not word:
                ledger.expect_beside(another[0].upper(), other.text[0], kind, part)
