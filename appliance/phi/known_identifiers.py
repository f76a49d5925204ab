"""Look for the values of people that the caller has named, in every form that people write them in.

A caller that knows the patient hands over its record (FHIR or plain demographics), and no guess is needed for what
stands in it. The values live in memory for the exchange only; they print as a placeholder and MUST NOT be pickled or
logged. What leaves the process is `keyed` only.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import NoReturn, Self

from typing_extensions import override

from appliance.phi.demographics import Demographics
from appliance.phi.findings import Finding, without_overlaps
from appliance.phi.forms.ages import find_high_ages
from appliance.phi.forms.book import Book, Forms
from appliance.phi.forms.fhir_people import demographics_of
from appliance.phi.forms.page import Page
from appliance.phi.keyed import KeyedIdentifiers
from appliance.phi.normalise import normalise


class KnownIdentifiers:
    """The known values of one exchange."""

    __slots__ = ("_forms",)

    def __init__(self, forms: Forms) -> None:
        """Take the forms to look for; use the constructors below."""
        self._forms = forms

    @classmethod
    def from_fhir(cls, resources: Iterable[Mapping[str, object]]) -> Self:
        """Take the people of FHIR resources and bundles: Patient, RelatedPerson, Practitioner, Person, Coverage."""
        return cls.from_demographics(*demographics_of(resources))

    @classmethod
    def from_demographics(cls, *people: Demographics) -> Self:
        """Take people as plain values, the relatives of each among them."""
        book = Book()
        for person in people:
            book.add(person)
        return cls(book.forms())

    @classmethod
    def nothing(cls) -> Self:
        """Return known values of nobody: the caller has named none."""
        return cls(Book().forms())

    def find(self, text: str) -> tuple[Finding, ...]:
        """Return every place where a known value stands, in order, by the offsets of this text."""
        if self._forms.is_empty():
            return ()
        normalised = normalise(text)
        page = Page(normalised.text)
        found = without_overlaps([*self._forms.find(page), *find_high_ages(page)])
        return tuple(_at(each, *normalised.origin(each.start, each.end)) for each in found)

    def keyed(self, secret: bytes, *, issued: Iterable[str]) -> KeyedIdentifiers:
        """Return what another process needs to recognise these values without holding them."""
        return KeyedIdentifiers.of(self._forms.known(), secret=secret, issued=issued)

    @override
    def __repr__(self) -> str:
        """Return a placeholder."""
        return "<known identifiers>"

    @override
    def __getstate__(self) -> NoReturn:
        """Refuse to be pickled: a pickle is a copy on its way somewhere."""
        message = "known identifiers cannot be pickled or copied deeply"
        raise TypeError(message)


def _at(finding: Finding, start: int, end: int) -> Finding:
    return replace(finding, start=start, end=end)
