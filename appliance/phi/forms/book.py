"""Gather every form of every value of some people, and look for all of them on a page.

`Book` is filled once an exchange; `Forms` is what the search uses.  It holds PHI and MUST NOT be printed or pickled.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from appliance.phi.demographics import Demographics
from appliance.phi.findings import Finding, Kind
from appliance.phi.forms.days import WITH_YEAR, day_forms, day_runs
from appliance.phi.forms.form import GATES, Form, Known, Need, Tag, add
from appliance.phi.forms.internet import email_forms, url_forms
from appliance.phi.forms.name_parts import NameBook, NameParts, Strength
from appliance.phi.forms.name_search import Names
from appliance.phi.forms.numbers import number_forms, phone_forms
from appliance.phi.forms.ordinary import ORDINARY
from appliance.phi.forms.page import Page
from appliance.phi.forms.places import place_forms
from appliance.phi.forms.search import INTERNET_GAP, NUMBER_GAP, Runs, Sequences


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Forms:
    """All forms of all known values."""

    names: Names
    numbers: Runs
    internet: Runs
    sequences: Sequences

    def is_empty(self) -> bool:
        """Say whether there is nothing to look for."""
        return not (self.names.parts.words or self.numbers.forms or self.internet.forms or self.sequences.by_first)

    def find(self, page: Page) -> Iterator[Finding]:
        """Yield everything that is found; findings may overlap."""
        yield from self.numbers.find(page)
        yield from self.internet.find(page)
        yield from self.sequences.find(page)
        yield from self.names.find(page)

    def known(self) -> Iterator[Known]:
        """Yield what counts without context: the forms that another process may use."""
        for searched in (self.numbers, self.internet):
            for run, form in searched.forms.items():
                if form.need is Need.NOTHING:
                    yield Known(tag=Tag.RUN, kind=form.kind, text=run)
                    gates = (gate for gate in GATES if gate <= len(run))
                    yield from (Known(tag=Tag.PREFIX, kind=form.kind, text=run[:gate]) for gate in gates)
        for first, entries in self.sequences.by_first.items():
            for rest, form in entries:
                if form.need is Need.NOTHING:
                    yield from _known_words(Tag.SEQUENCE, form.kind, first, *rest)
                elif form.need is Need.CAPITAL_OR_PLACE:
                    yield from _known_words(Tag.CAPITAL, form.kind, first, *rest)
        yield from _known_names(self.names.parts)


@dataclass(slots=True)
class Book:
    """Fills with people; owned by whoever makes it, and dropped when `forms` has been called."""

    _runs: dict[str, Form] = field(default_factory=dict)
    _internet: dict[str, Form] = field(default_factory=dict)
    _sequences: dict[tuple[str, ...], Form] = field(default_factory=dict)
    _names: NameBook = field(default_factory=NameBook)
    _people: int = 0

    def add(self, person: Demographics) -> None:
        """Add everything that is known of a person and of the relatives."""
        self._people += 1
        for name in person.names:
            self._names.add(self._people, name)
        self._add_numbers(person)
        self._add_internet(person)
        self._add_days(person)
        for address in person.addresses:
            for sequence, form in place_forms(address):
                add(self._sequences, sequence, form)
        for relative in person.relatives:
            self.add(relative)

    def add_name(self, name: str) -> None:
        """Add the name of somebody of whom nothing else is known, without nicknames."""
        self._people += 1
        self._names.add(self._people, name, with_nicknames=False)

    def add_run(self, run: str, form: Form, *, is_internet: bool = False) -> None:
        """Add one run as it is."""
        add(self._internet if is_internet else self._runs, run, form)

    def add_sequence(self, sequence: tuple[str, ...], form: Form) -> None:
        """Add one sequence as it is."""
        add(self._sequences, sequence, form)

    def forms(self, *, with_typos: bool = True) -> Forms:
        """Return everything that was added, ready for the search."""
        parts: NameParts = self._names.parts()
        return Forms(
            names=Names(parts, with_typos=with_typos),
            numbers=Runs.of(self._runs, NUMBER_GAP),
            internet=Runs.of(self._internet, INTERNET_GAP),
            sequences=Sequences.of(self._sequences),
        )

    def _add_numbers(self, person: Demographics) -> None:
        for kind, values in _numbers(person):
            for value in values:
                for run, form in number_forms(value, kind):
                    add(self._runs, run, form)
        for kind, values in ((Kind.PHONE, person.phones), (Kind.FAX, person.faxes)):
            for value in values:
                for run, form in phone_forms(value, kind):
                    add(self._runs, run, form)

    def _add_internet(self, person: Demographics) -> None:
        for email in person.emails:
            for run, form in email_forms(email):
                add(self._internet, run, form)
        for url in person.urls:
            for run, form in url_forms(url):
                add(self._internet, run, form)

    def _add_days(self, person: Demographics) -> None:
        days = (person.birth_date, *person.dates) if person.birth_date else person.dates
        for day in days:
            for run in day_runs(day):
                add(self._runs, run, WITH_YEAR)
            for sequence, form in day_forms(day):
                add(self._sequences, sequence, form)


def _numbers(person: Demographics) -> Iterable[tuple[Kind, tuple[str, ...]]]:
    return (
        (Kind.SSN, (person.ssn,) if person.ssn else ()),
        (Kind.MRN, person.record_numbers),
        (Kind.HEALTH_PLAN, person.health_plan_ids),
        (Kind.ACCOUNT, person.accounts),
        (Kind.LICENSE, person.licenses),
        (Kind.OTHER_ID, person.other_ids),
    )


def _known_names(parts: NameParts) -> Iterator[Known]:
    """Yield words that are a name wherever they stand or are capitalised, and pairs of a person's weaker words."""
    for word, part in parts.words.items():
        if part.strength is Strength.DISTINCT:
            yield Known(tag=Tag.NAME, kind=Kind.NAME, text=word)
        elif part.strength is Strength.CAPITAL:
            yield Known(tag=Tag.CAPITAL, kind=Kind.NAME, text=word)
    for one, other in parts.pairs:
        is_word = one in ORDINARY or other in ORDINARY
        yield from _known_words(Tag.CAPITAL if is_word else Tag.SEQUENCE, Kind.NAME, one, other)


def _known_words(tag: bytes, kind: Kind, *words: str) -> Iterator[Known]:
    yield Known(tag=tag, kind=kind, text=" ".join(words))
    yield Known(tag=Tag.FIRST, kind=kind, text=words[0])
