"""What is an identifier in one place is one everywhere: in the whole set of texts that leave together.

A name that stands clearly in a header stands bare three pages on, where no rule and no model would see it. Only
values that were found surely are looked for, and a part of a name that is an ordinary word only where the text shows
a name.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from appliance.phi.findings import Finding, Kind, without_overlaps
from appliance.phi.forms.book import Book, Forms
from appliance.phi.forms.form import Form, Need
from appliance.phi.forms.internet import email_forms, url_forms
from appliance.phi.forms.name_parts import name_words
from appliance.phi.forms.numbers import number_forms, phone_forms
from appliance.phi.forms.ordinary import ORDINARY, SELDOM
from appliance.phi.forms.page import Page
from appliance.phi.forms.plain import runs
from appliance.phi.normalise import normalise

SURE = 0.6
"""Score from which a finding is looked for elsewhere; a doubtful one must not multiply."""

_SHORTEST_NUMBER = 5
"""Fewer letters and digits of an identifier are everywhere."""

_SHORTEST_PLACE = 4
"""Letters of a place's name; fewer are a word or a state."""

_FULL_DAY = 3
"""Words of a whole date."""

_MOST_NAME_WORDS = 6
"""A longer finding is no name but a whole line, whose words are not names."""

_MOST_VALUES = 4096
"""Different values that are looked for; a text of identifiers only is protected by its own findings."""

_NEVER = frozenset({Kind.AGE})
"""Kinds whose value means something only where it stands."""

_DIALLED = frozenset({Kind.PHONE, Kind.FAX})
"""Kinds with country codes and extensions."""

RECOGNIZER = "spread"
"""Names this search in its findings."""


def spread(texts: Sequence[str], findings: Sequence[Sequence[Finding]]) -> list[tuple[Finding, ...]]:
    """Return the findings of each text with every other place where one of their values stands."""
    forms = _forms_of(texts, findings)
    if forms.is_empty():
        return [without_overlaps(each) for each in findings]
    return [_with_others(text, each, forms) for text, each in zip(texts, findings, strict=True)]


def _with_others(text: str, findings: Sequence[Finding], forms: Forms) -> tuple[Finding, ...]:
    """Return the findings of a text and the other places in it; where both lie, the one that was there speaks."""
    covered = bytearray(len(text))
    for each in findings:
        covered[each.start : each.end] = b"\x01" * (each.end - each.start)
    others = [each for each in _found(text, forms) if not all(covered[each.start : each.end])]
    return without_overlaps([*findings, *others])


def _found(text: str, forms: Forms) -> Iterator[Finding]:
    normalised = normalise(text)
    page = Page(normalised.text)
    for each in forms.find(page):
        if each.kind is Kind.NAME and page.text[each.start : each.end].islower():
            continue  # a name model that took a word for a name must not take all of them
        start, end = normalised.origin(each.start, each.end)
        yield replace(each, start=start, end=end, recognizer=RECOGNIZER)


def _forms_of(texts: Sequence[str], findings: Sequence[Sequence[Finding]]) -> Forms:
    values = {
        (each.kind, normalise(text[each.start : each.end]).text)
        for text, found in zip(texts, findings, strict=True)
        for each in found
        if each.score >= SURE and each.kind not in _NEVER
    }
    book = Book()
    for kind, value in sorted(values)[:_MOST_VALUES]:
        _add(book, kind, value)
    return book.forms(with_typos=False)


def _add(book: Book, kind: Kind, value: str) -> None:
    match kind:
        case Kind.NAME:
            if len(name_words(value)) <= _MOST_NAME_WORDS:
                book.add_name(value)
        case Kind.LOCATION:
            _add_place(book, tuple(runs(value)))
        case Kind.DATE | Kind.IP:
            words = tuple(runs(value))
            if len(words) >= _FULL_DAY:
                book.add_sequence(words, Form(kind=kind, recognizer=RECOGNIZER))
        case Kind.EMAIL | Kind.URL:
            for run, form in email_forms(value) if kind is Kind.EMAIL else url_forms(value):
                book.add_run(run, form, is_internet=True)
        case _:
            for run, form in phone_forms(value, kind) if kind in _DIALLED else number_forms(value, kind):
                book.add_run(run, form)


def _add_place(book: Book, words: tuple[str, ...]) -> None:
    is_number = all(map(str.isdigit, words))
    if sum(map(len, words)) < (_SHORTEST_NUMBER if is_number else _SHORTEST_PLACE):
        return
    is_ordinary = len(words) == 1 and (words[0] in ORDINARY or words[0] in SELDOM)
    need = Need.PLACE if is_ordinary else Need.NOTHING
    book.add_sequence(words, Form(kind=Kind.LOCATION, recognizer=RECOGNIZER, need=need))
