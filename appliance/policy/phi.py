"""``policies/phi.yaml``: what this site decided about the PHI guard, checked and handed to it as its settings.

A mistake here would let identifiers leave or make notes unreadable, so it is strict: kinds and actions by name,
patterns with a known price (`phi_pattern`), facilities that cannot be ordinary words, nothing twice.  Each error names
file, line and what to do.  Keys only grow.
"""

import unicodedata
from collections.abc import Iterable
from types import MappingProxyType
from typing import Annotated

from pydantic import BeforeValidator, Field, field_validator

from appliance.phi.findings import Kind
from appliance.phi.settings import Action, GuardSettings, IdFormat, Mode, Site
from appliance.policy.document import Document, Path, read_document
from appliance.policy.phi_pattern import compiled
from appliance.policy.phi_words import ORDINARY
from appliance.policy.task import Name, Section

MAX_ENTRIES = 2_000
"""More wards, towns and clinics than a state has; bounds the search for them."""

MIN_FACILITY_LETTERS = 4
"""Shorter ones are abbreviations, which mean something else in every second note."""

MAX_FACILITY_CHARACTERS = 120

Facility = Annotated[str, Field(max_length=MAX_FACILITY_CHARACTERS)]
"""One name as the site writes it."""

Word = Annotated[str, Field(min_length=2, max_length=40, pattern=r"^[^\s\d]+$")]
"""One word without spaces and digits."""


def _kind(value: object) -> object:
    """Name the kinds to somebody who wrote another word."""
    if value not in list(Kind):
        raise ValueError(f"no kind of identifier that is known; there are: {', '.join(Kind)}")
    return value


def _kinds(value: object) -> object:
    """Take a section that is there and empty, and name the kind that is none: its place alone is hard to read."""
    if value is None:
        return {}
    for name in value if isinstance(value, dict) else ():
        if name not in list(Kind):
            raise ValueError(f"'{name}' is no kind of identifier; there are: {', '.join(Kind)}")
    return value


def _list(value: object) -> object:
    if value is None:
        return ()
    if not isinstance(value, list | tuple):
        raise ValueError("one value where a list must stand; write it as [value], or one to a line after '- '")  # noqa: TRY004
    return value


class IdFormatRow(Section):
    """One local form of identifier."""

    name: Name
    kind: Annotated[Kind, BeforeValidator(_kind)]
    pattern: str

    @field_validator("pattern")
    @classmethod
    def _priced(cls, pattern: str) -> str:
        compiled(pattern)
        return pattern


class SiteSection(Section):
    """The site's own names and forms."""

    facilities: Annotated[tuple[Facility, ...], Field(max_length=MAX_ENTRIES), BeforeValidator(_list)] = ()
    id_formats: Annotated[tuple[IdFormatRow, ...], Field(max_length=100), BeforeValidator(_list)] = ()
    ordinary: Annotated[tuple[Word, ...], Field(max_length=MAX_ENTRIES), BeforeValidator(_list)] = ()


class PhiFile(Section):
    """``policies/phi.yaml``."""

    mode: Mode
    actions: Annotated[dict[Kind, Action], BeforeValidator(_kinds)] = Field(default_factory=dict)
    site: SiteSection = SiteSection()


def read_guard(file: str, text: str) -> GuardSettings:
    """Return the guard's settings.  Raises PolicyInvalidError(``file:line: reason; what to do``)."""
    document = read_document(file, text, PhiFile)
    _check_facilities(document)
    _check_twice(document, ("site", "id_formats"), (row.name for row in document.value.site.id_formats))
    _check_ordinary(document)
    site = document.value.site
    return GuardSettings(
        mode=document.value.mode,
        actions=MappingProxyType(document.value.actions),
        site=Site(
            facilities=tuple(_plain(name) for name in site.facilities),
            id_formats=tuple(
                IdFormat(name=row.name, kind=row.kind, pattern=compiled(row.pattern)) for row in site.id_formats
            ),
            ordinary=frozenset(site.ordinary),
        ),
    )


def _check_facilities(document: Document[PhiFile]) -> None:
    names = document.value.site.facilities
    for index, name in enumerate(names):
        at: Path = ("site", "facilities", index)
        words = _words(name)
        if not name.isprintable():
            raise document.error(at, "a character that no name has, such as a tab or a new line; remove it.")
        if sum(map(len, words)) < MIN_FACILITY_LETTERS:
            raise document.error(
                at,
                f"fewer than {MIN_FACILITY_LETTERS} letters, which ordinary text has everywhere; write the name out.",
            )
        if all(word in ORDINARY or not word.isalpha() for word in words):
            raise document.error(
                at, "only ordinary words, which would be replaced in every note; add what sets it apart, or remove it."
            )
    _check_twice(document, ("site", "facilities"), (_plain(name).casefold() for name in names))


def _check_ordinary(document: Document[PhiFile]) -> None:
    words = document.value.site.ordinary
    listed = {_plain(name).casefold() for name in document.value.site.facilities}
    for index, word in enumerate(words):
        at: Path = ("site", "ordinary", index)
        if word != word.casefold():
            raise document.error(at, "these words are compared in lower case; write it so.")
        if word in listed:
            raise document.error(at, "this stands in 'facilities' too; keep one of the two.")
    _check_twice(document, ("site", "ordinary"), words)


def _check_twice(document: Document[PhiFile], at: Path, values: Iterable[str]) -> None:
    seen: set[str] = set()
    for index, value in enumerate(values):
        if value in seen:
            raise document.error((*at, index), "this stands above already, if in another case; keep one.")
        seen.add(value)


def _plain(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", name).split())


def _words(name: str) -> list[str]:
    letters = "".join(each if each.isalnum() else " " for each in _plain(name).casefold().replace("'", ""))
    return letters.split()
