# ruff: noqa: E501 - an expression or a list is not cut in the middle
"""Names of people by the form they are written in: after a title or a label, before a degree, an age or a record number.

Capitals are what these rules go by.  Each run of capitalised words is walked once and cut at every clinical or everyday
word (`ordinary`); what remains is a name only where a word beside it says so (`people_words`).  Names in running text
are for the name models; ``Dr. X`` and ``Patient: X`` need none.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum

from appliance.phi.findings import Finding, Kind
from appliance.phi.recognizers import labels
from appliance.phi.recognizers.ordinary import NOT_NAMES
from appliance.phi.recognizers.people_words import (
    AFTER,
    DEGREES,
    INTRODUCERS,
    KIN_LABEL,
    LABEL,
    PARTICLES,
    ROLES,
    TITLES,
    VALEDICTION,
    can_end_label,
)
from appliance.phi.recognizers.rule import PatternRule, Rule, exact

_TAIL = r"(?:[A-Za-z]|['.-](?=[A-Za-z])){0,24}\.?"

_RUN = exact(
    rf"[A-Z](?<![\w'-].){_TAIL}(?:,?[ ]{{1,2}}(?:(?:{'|'.join(sorted(PARTICLES))})[ ]){{0,3}}[A-Z]{_TAIL}){{0,9}}"
)
"""Capitalised words with particles and commas between."""

_TOKEN = re.compile(r"[A-Za-z][A-Za-z'.-]*|,")

_CONTRACTED = frozenset({"ve", "m", "d", "ll", "re", "t"})
"""Ends of ``I've``, ``don't`` and their like."""

_MILLISECONDS = re.compile(r"\d[ ]?ms\.?\Z")

_WINDOW = 48
"""Characters to the left in which a label is looked for."""

_LONGEST_ABBREVIATION = 4
"""Letters: a longer word with a dot ends its sentence."""


class _Beside(Enum):
    """What stands beside a run of words, with the score of a name there and the fewest words of it."""

    TITLE = (0.9, 1)
    LABEL = (0.91, 1)
    INTRODUCED = (0.8, 1)
    UNDER = (0.85, 2)
    ROLE = (0.8, 2)
    DEGREE = (0.86, 2)
    FOLLOWED = (0.87, 2)
    NOTHING = (0.0, 99)


_SURE = frozenset({_Beside.TITLE, _Beside.LABEL})
"""Beside these a second word is a surname even if it is an everyday word (``Patient: Linda Short``)."""


_GROUPS = ((TITLES, _Beside.TITLE), (INTRODUCERS, _Beside.INTRODUCED), (ROLES, _Beside.ROLE))
"""What a word of a list means for the word after it."""


@dataclass(slots=True, kw_only=True)
class _Name:
    """Words of a run that could be a name together."""

    beside: _Beside
    start: int = -1
    end: int = -1
    count: int = 0
    parts: list[str] = field(default_factory=list)
    has_comma: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NamesByContext:
    """Find the names among capitalised words by the words beside them."""

    name: str = "name-by-context"

    def find(self, text: str) -> Iterator[Finding]:
        """Yield a finding for each name."""
        for run in _RUN.finditer(text):
            for each in _names(text, run):
                score, fewest = each.beside.value
                if each.count >= fewest:
                    recognizer = f"name-{each.beside.name.lower()}"
                    yield Finding(kind=Kind.NAME, start=each.start, end=each.end, score=score, recognizer=recognizer)


def _names(text: str, run: re.Match[str]) -> Iterator[_Name]:
    """Yield the stretches of a run without ordinary words, each with what stands beside it."""
    current = _Name(beside=_Beside.NOTHING)
    is_first = True
    for token in _TOKEN.finditer(run[0]):
        word = token[0].rstrip(".").lower()
        separates = _separates(word, token[0], current)
        if separates is None:
            if is_first:
                current.beside = _left_of(text, run.start())
            _add(current, token, run.start())
            separates = _Beside.NOTHING if _ends_sentence(token[0]) else None
        is_first = False
        if separates is not None:
            yield _closed(text, current)
            current = _Name(beside=separates)
    yield _closed(text, current)


def _separates(word: str, written: str, current: _Name) -> _Beside | None:
    """Say what a word that is no part of a name means for the next one; None for a word that can be a part."""
    if written == ",":
        can_go_on = current.count == 1 and not current.has_comma and current.beside is not _Beside.TITLE
        current.has_comma = True
        return None if can_go_on else _Beside.NOTHING
    if word in DEGREES and current.count:
        if current.beside in {_Beside.NOTHING, _Beside.ROLE}:
            current.beside = _Beside.DEGREE
        return None if not current.has_comma else _Beside.NOTHING
    for group, beside in _GROUPS:
        if word in group:
            return beside
    return _Beside.NOTHING if _is_ordinary(word, written, current) else None


def _is_ordinary(word: str, written: str, current: _Name) -> bool:
    if len(word) == 1:
        is_initial = written.endswith(".") and current.beside in _SURE
        return word in {"i", "a"} and not current.count and not is_initial
    if "'" in word and word.partition("'")[2] in _CONTRACTED:
        return True
    if current.count == 1 and current.beside in _SURE and word not in labels.WORDS:
        return False
    return word.removesuffix("'s") in NOT_NAMES


def _add(current: _Name, token: re.Match[str], base: int) -> None:
    if token[0] == ",":
        return
    if not current.count:
        current.start = base + token.start()
    current.end = base + token.end() - _trailing(token[0])
    current.count += 1


def _trailing(word: str) -> int:
    """Return how many characters at the end of a word are no part of a name."""
    bare = word.rstrip(".-'")
    return len(word) - len(bare.removesuffix("'s"))


def _ends_sentence(token: str) -> bool:
    return token.endswith(".") and len(token.rstrip(".")) > _LONGEST_ABBREVIATION and "." not in token[:-1]


def _closed(text: str, current: _Name) -> _Name:
    """Return the name with what follows it taken into account."""
    if current.count > 1 and current.beside in {_Beside.NOTHING, _Beside.INTRODUCED} and AFTER.match(text, current.end):
        current.beside = _Beside.FOLLOWED
    return current


def _left_of(text: str, place: int) -> _Beside:
    """Return what stands to the left of a run."""
    left = text[max(0, place - _WINDOW) : place].rstrip(" \t\"'([{")
    last = left[-1:]
    if last and last in ":=|>":
        before = left.rstrip(":=|>-")
        return _by_label(before)
    if last in {"\n", ","}:
        return _below(left)
    word = left.rstrip(".").rpartition(" ")[2].lower()
    if word in TITLES:
        return _Beside.NOTHING if _MILLISECONDS.search(left) else _Beside.TITLE
    if word in INTRODUCERS:
        return _Beside.INTRODUCED
    if left.lower().endswith(("name is", "name was", "known as", "belong to", "belongs to", "on behalf of", "care of")):
        return _Beside.INTRODUCED
    return _Beside.ROLE if word in ROLES else _Beside.NOTHING


def _below(left: str) -> _Beside:
    """Return what the line above means: the end of a letter, or a label that stands there alone."""
    if VALEDICTION.search(left):
        return _Beside.INTRODUCED
    line = left.rstrip("\r\n").rpartition("\n")[2].strip(" *:")
    label = LABEL.search(line) if left[-1] == "\n" else None
    return _Beside.UNDER if label is not None and label.start() == 0 else _Beside.NOTHING


def _by_label(before: str) -> _Beside:
    if not can_end_label(before):
        return _Beside.NOTHING
    if LABEL.search(before):
        return _Beside.LABEL
    return _Beside.ROLE if KIN_LABEL.search(before) else _Beside.NOTHING


def _is_no_ordinary_word(value: str) -> bool:
    return value not in NOT_NAMES and value not in PARTICLES


_SCRIPTS = "\u0370-\u03ff\u0400-\u052f\u0530-\u06ff\u0900-\u0dff\u0e00-\u0eff\u10a0-\u11ff\u3005-\u30ff\u3400-\u9fff\uac00-\ud7a3"
"""Greek, Cyrillic, Armenian, Hebrew, Arabic, Indic, Thai, Georgian, Korean, Japanese, Chinese."""

_OTHER_SCRIPT = re.compile(rf"(?<!\w)[{_SCRIPTS}]{{2,30}}(?:[ .-][{_SCRIPTS}]{{1,30}}){{0,4}}")

_LINE_AROUND = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class NamesInOtherScripts:
    """Find words of another script in a line that is otherwise Latin: in a clinical text they are names or places."""

    name: str = "name-in-other-script"

    def find(self, text: str) -> Iterator[Finding]:
        """Yield a finding for each run of such words."""
        if text.isascii():
            return
        for match in _OTHER_SCRIPT.finditer(text):
            if _is_in_latin_line(text, match.start(), match.end()):
                yield Finding(kind=Kind.NAME, start=match.start(), end=match.end(), score=0.75, recognizer=self.name)


def _is_in_latin_line(text: str, start: int, end: int) -> bool:
    line = (
        text[max(0, start - _LINE_AROUND) : start].rpartition("\n")[2]
        + text[start : end + _LINE_AROUND].partition("\n")[0]
    )
    return sum(each.isalpha() and each.isascii() for each in line) * 2 > sum(map(str.isalpha, line))


RULES: tuple[Rule, ...] = (
    NamesByContext(),
    NamesInOtherScripts(),
    PatternRule(
        name="name-in-small-letters",
        kind=Kind.NAME,
        pattern=exact(r"\b(?:[Dd]r|[Mm]r|[Mm]rs|[Mm]s)\.[ ](?P<value>[a-z]{3,20})\b"),
        score=0.75,
        check=_is_no_ordinary_word,
        signs=("r. ", "s. "),
    ),
    PatternRule(
        name="name-in-values",
        kind=Kind.NAME,
        pattern=exact(
            rf"\b(?i:values?)[ ]?\([ ]?(?:\d{{1,12}},[ ]?)?['\"](?P<value>[A-Z]{_TAIL}(?:[ ][A-Z]{_TAIL}){{0,4}})['\"]"
        ),
        score=0.9,
        signs=("alue", "ALUE"),
    ),
    PatternRule(
        name="name-starred",
        kind=Kind.NAME,
        pattern=exact(
            r"(?<!\w)(?P<value>[A-Z][a-z]?(?:\*{2,20}|_{3,20})(?:[ ][A-Z][a-z]?(?:\*{2,20}|_{3,20})){0,3})(?!\w)"
        ),
        score=0.8,
        signs=("**", "___"),
    ),
)
"""Rules for names."""
