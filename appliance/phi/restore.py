"""Put the caller's own values back where a model wrote their surrogates, while the answer is still coming.

::

    sent       John Smith, MRN 0012345, seen March 5, 2024
    left       Mark Ellis, MRN 8392017, seen May 14, 2024
    answered   ELLIS'S next visit (MRN 839-2017) is on 2024-05-28
    told       Smith'S next visit (MRN 001-2345) is on 2024-03-19

A surrogate is told by its letters and digits, whatever their case and whatever stands between them.  What could stand
for two originals, or is a surrogate spelled backwards, is masked and counted: nothing is guessed.  Only text that may
still become a surrogate is held back, and how the answer was cut into pieces never matters.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import assert_never

from appliance.phi.dates import MONTHS, Precision, may_go_on, read_at
from appliance.phi.findings import Kind
from appliance.phi.normalise import fold
from appliance.phi.restore_initials import find_initial, in_case_of, is_letter, is_open
from appliance.phi.restore_ledger import Entry, Form, Ledger
from appliance.phi.restore_tokens import MOST_CHARACTERS, NEAR, TOKEN, key, key_after, key_before
from appliance.phi.restore_typos import meant

_GAP = re.compile(r"[^\w\[\]]{0,4}|_")
"""What may stand between two tokens of one surrogate."""

_HYPHENATION = re.compile(r"[-\u2010\u2011]\s{0,3}|[ \t]?\r?\n[ \t]{0,3}")
"""What may stand inside a word: a line was broken there."""

_PAST = MOST_CHARACTERS + NEAR
"""Characters that went out and are kept, because they tell what a short surrogate means."""

_MONTH_STARTS = frozenset(name[:3] for name in MONTHS)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Piece:
    """A piece of the answer as the caller may see it."""

    text: str
    is_restored: bool = False
    """Was a surrogate, and is the caller's own value now."""

    is_masked: bool = False
    """Was a surrogate, and cannot be told which."""

    source_length: int
    """Characters of the answer that it stands for."""

    kind: Kind | None = None
    """Of a surrogate."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class _Match:
    """A surrogate in the answer and what is put in its place."""

    end: int
    text: str
    kind: Kind
    is_masked: bool = False


class _Wait:
    """Says that what comes next decides."""


_WAIT = _Wait()

_Verdict = _Match | _Wait | None


@dataclass(slots=True, kw_only=True, repr=False)
class Restorer:
    """Restore one answer; the pieces MUST come in order, and `finish` once after the last."""

    ledger: Ledger
    restored: Counter[str] = field(default_factory=Counter)
    """How many surrogates of each kind were turned back."""

    withheld: Counter[str] = field(default_factory=Counter)
    """How many could not be, and are masked."""

    _text: str = ""
    """The end of what went out, and all that has not gone out."""

    _folded: str = ""
    _start: int = 0
    """Where in `_text` that begins which has not gone out."""

    def feed(self, text: str) -> list[Piece]:
        """Take the next piece of the answer and return what may go on."""
        return list(self._go_on(text, at_end=False))

    def finish(self) -> list[Piece]:
        """Return the rest: the answer is complete."""
        return list(self._go_on("", at_end=True))

    def _go_on(self, more: str, *, at_end: bool) -> Iterator[Piece]:
        self.ledger.check_not_wiped()
        text = self._text = self._text + more
        self._folded = fold(text)
        position = plain_from = self._start
        while (token := TOKEN.search(text, position)) is not None:
            verdict = self._verdict(token, at_end=at_end)
            if isinstance(verdict, _Wait):
                break
            position = token.end()
            if verdict is not None:
                yield _plain(text[plain_from : token.start()])
                yield Piece(
                    text=verdict.text,
                    is_restored=not verdict.is_masked,
                    is_masked=verdict.is_masked,
                    source_length=verdict.end - token.start(),
                    kind=verdict.kind,
                )
                self._count(verdict)
                position = plain_from = verdict.end
        position = len(text) if token is None else token.start()
        yield _plain(text[plain_from:position])
        kept_from = max(0, position - _PAST)
        self._text, self._start = text[kept_from:], position - kept_from

    def _count(self, match: _Match) -> None:
        (self.withheld if match.is_masked else self.restored)[match.kind.value] += 1

    def _verdict(self, token: re.Match[str], *, at_end: bool) -> _Verdict:
        if not self._is_closed(token, at_end=at_end):
            return _WAIT
        surrogate = self._surrogate(token, at_end=at_end) or self._typo(token)
        day = self._day(token, at_end=at_end)
        if isinstance(surrogate, _Wait) or isinstance(day, _Wait):
            return _WAIT
        if surrogate is None or day is None:
            return surrogate or day
        return day if day.end > surrogate.end else surrogate

    def _is_closed(self, token: re.Match[str], *, at_end: bool) -> bool:
        return at_end or token.end() < len(self._text) or token.end() - token.start() >= MOST_CHARACTERS

    def _surrogate(self, first: re.Match[str], *, at_end: bool) -> _Verdict:
        """Return the longest surrogate that begins with this token."""
        found: _Match | None = None
        tokens = [first]
        so_far = key(first[0])
        while self._may_be(so_far):
            if self._waits_for_neighbour(so_far, tokens[-1], at_end=at_end):
                return _WAIT
            found = self._match(so_far, tokens) or found
            following = TOKEN.search(self._text, tokens[-1].end())
            if following is None:
                rest = len(self._text) - tokens[-1].end()
                is_open = not at_end and so_far in self.ledger.beginnings and rest <= NEAR
                return _WAIT if is_open else found
            if not _GAP.fullmatch(self._text, tokens[-1].end(), following.start()):
                return found
            so_far += key(following[0])
            if self._is_growing(so_far, following, at_end=at_end):
                return _WAIT
            tokens.append(following)
        return found

    def _may_be(self, so_far: str) -> bool:
        ledger = self.ledger
        return so_far in ledger.beginnings or so_far in ledger.entries or so_far in ledger.short

    def _is_growing(self, so_far: str, token: re.Match[str], *, at_end: bool) -> bool:
        """Say whether this last token may still become what a surrogate goes on with."""
        if self._is_closed(token, at_end=at_end):
            return False
        return not token[0].isascii() or self._may_be(so_far)

    def _waits_for_neighbour(self, so_far: str, token: re.Match[str], *, at_end: bool) -> bool:
        if so_far not in self.ledger.short or at_end:
            return False
        following = TOKEN.search(self._text, token.end())
        if following is None:
            return len(self._text) - token.end() <= NEAR
        if following.start() - token.end() <= NEAR and not self._is_closed(following, at_end=at_end):
            return True
        return is_letter(so_far) and is_open(self._text, token.end())

    def _match(self, so_far: str, tokens: list[re.Match[str]]) -> _Match | None:
        start, end = tokens[0].start(), tokens[-1].end()
        entry = self.ledger.entries.get(so_far)
        if entry is None and so_far in self.ledger.short:
            before, after = key_before(self._text, start), key_after(self._text, end)
            entry = self.ledger.find_short(so_far, before, after)
        if entry is None or not _is_like(entry, self._text, tokens):
            return self._initial(tokens[0]) if is_letter(so_far) else None
        if entry.is_unsure or entry.form is Form.BACKWARDS:
            return _Match(end=end, text=mask(entry.kind), kind=entry.kind, is_masked=True)
        return _Match(end=end, text=_original(entry, self._text[start:end], tokens), kind=entry.kind)

    def _initial(self, letter: re.Match[str]) -> _Match | None:
        """Return the initial of a part of a name beside it, masked where it may be that of two people."""
        entry = find_initial(self.ledger, self._text, letter)
        if entry is None:
            return None
        text = mask(entry.kind) if entry.is_unsure else in_case_of(entry.original, letter[0])
        return _Match(end=letter.end(), text=text, kind=entry.kind, is_masked=entry.is_unsure)

    def _typo(self, token: re.Match[str]) -> _Match | None:
        """Return the surrogate that a word was meant for, masked where it may have been meant for two."""
        if not token[0][0].isupper():
            return None
        entries = meant(self.ledger, token[0], key_before(self._text, token.start()))
        if not entries:
            return None
        entry, is_masked = entries[0], len(entries) > 1 or entries[0].is_unsure
        text = mask(entry.kind) if is_masked else _original(entry, token[0], [token])
        return _Match(end=token.end(), text=text, kind=entry.kind, is_masked=is_masked)

    def _day(self, token: re.Match[str], *, at_end: bool) -> _Verdict:
        """Return the day that begins with this token, moved back."""
        days, start = self.ledger.days, token.start()
        if not days.shift_days or not (token[0][0].isdigit() or token[0][:3].lower() in _MONTH_STARTS):
            return None
        if not at_end and may_go_on(self._folded, start):
            return _WAIT
        day = read_at(self._folded, start, day_first=days.day_first)
        if day is None or (day.precision is Precision.NO_YEAR and token[0] == "may"):
            return None
        if days.is_unsure(day):
            return _Match(end=day.end, text=mask(Kind.DATE), kind=Kind.DATE, is_masked=True)
        text = days.written.get(self._text[start : day.end]) or days.back(day)
        return None if text is None else _Match(end=day.end, text=text, kind=Kind.DATE)


def _plain(text: str) -> Piece:
    return Piece(text=text, source_length=len(text))


def mask(kind: Kind) -> str:
    """Return what stands where an identifier is withheld."""
    return f"[withheld: {kind.words()}]"


def _is_like(entry: Entry, text: str, tokens: list[re.Match[str]]) -> bool:
    """Say whether the characters of an answer are this surrogate, as its form may be changed."""
    is_one = len(tokens) == 1
    match entry.form:
        case Form.JOINED:
            return is_one
        case Form.INITIAL:
            start = tokens[0].start()
            return tokens[0][0] == entry.surrogate and text[start - 1 : start] not in {"'", "\u2019"}
        case Form.WORD:
            return (
                is_one or _is_spelled(text, tokens) or all(_HYPHENATION.fullmatch(gap) for gap in _gaps(text, tokens))
            )
        case Form.WHOLE:
            whole = text[tokens[0].start() : tokens[-1].end()]
            return "".join(whole.split()).casefold() == "".join(entry.surrogate.split()).casefold()
        case Form.CHARACTERS | Form.TAG | Form.BACKWARDS:
            return True
        case never:
            assert_never(never)


def _original(entry: Entry, found: str, tokens: list[re.Match[str]]) -> str:
    """Return the caller's own value in the manner in which its surrogate is written."""
    exact = entry.written.get(found)
    if exact is not None:
        return exact
    if entry.form is Form.CHARACTERS:
        return _one_by_one(entry.original, found)
    if entry.form is Form.WORD and len(tokens) > 1 and all(len(token[0]) == 1 for token in tokens):
        return found[1 : tokens[1].start() - tokens[0].start()].join(filter(str.isalnum, entry.original))
    return entry.original


def _one_by_one(original: str, found: str) -> str:
    """Put the original's letters and digits in place of those found, and keep what stands between."""
    characters = list(filter(str.isalnum, original))
    if sum(map(str.isalnum, found)) != len(characters):
        return original
    remaining = iter(characters)
    return "".join(next(remaining) if each.isalnum() else each for each in found)


def _gaps(text: str, tokens: list[re.Match[str]]) -> list[str]:
    return [text[one.end() : other.start()] for one, other in pairwise(tokens)]


def _is_spelled(text: str, tokens: list[re.Match[str]]) -> bool:
    """Say whether a word is written letter by letter, such as ``E-l-l-i-s``."""
    return all(len(token[0]) == 1 for token in tokens) and len(set(_gaps(text, tokens))) == 1
