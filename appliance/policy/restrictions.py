"""What stays in the building whatever is signed: ``policies/restrictions.yaml``, and the values that it becomes.

42 CFR Part 2, psychotherapy notes (45 CFR 164.508(a)(2)), state law, a patient's opt-out: each is one restriction with
the marks by which a request is known to fall under it.  A request that falls under any is never escalated.  Patients
themselves are never listed here, only that a list of them may be kept (`appliance exclusion`).  Keys only grow.
"""

import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from typing import Annotated

from pydantic import BeforeValidator, Field

from appliance.exchange import DataClass
from appliance.policy.document import Document, read_document
from appliance.policy.task import Name, Section, Sentence

MAX_RESTRICTIONS = 100
"""A site has about ten; bounds what is looked for in every text, with `MAX_PHRASES`."""

MAX_PHRASES = 200
"""Of one restriction; each is looked for in every text."""

MIN_PHRASE_LETTERS = 4
"""Shorter ones stand inside ordinary words or are abbreviations, and would keep every second note at home."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Restriction:
    """One reason for which a request stays in the building, and how it is known."""

    name: str
    reason: str
    """The sentence that the caller, the record and the officer read."""

    data_class: DataClass
    """What a request under it counts as; a caller cannot lower it."""

    labels: frozenset[str] = frozenset()
    """Codes of ``meta.security`` in FHIR resources, as HL7 writes them, such as ``42CFRPart2``."""

    clients: frozenset[str] = frozenset()
    """Ids of clients whose every request falls under it, such as a behavioural health ward's."""

    tasks: frozenset[str] = frozenset()
    """Names of tasks whose every request falls under it."""

    phrases: tuple[str, ...] = ()
    """Words that stand in such a text, in any case and spacing."""

    patients: bool = False
    """Whether two officers may keep a list of patients under it (`appliance exclusion add --kind NAME`)."""


def _list(value: object) -> object:
    if value is None:
        return ()
    if not isinstance(value, list | tuple):
        raise ValueError("one value where a list must stand; write it as [value], or one to a line after '- '")  # noqa: TRY004
    return value


def _phrase(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError("a phrase must be text; put it in quotes")  # noqa: TRY004
    if sum(letter.isalpha() for letter in unicodedata.normalize("NFKC", value)) < MIN_PHRASE_LETTERS:
        raise ValueError(f"a phrase needs at least {MIN_PHRASE_LETTERS} letters; write it out")
    return " ".join(value.split())


_Label = Annotated[str, Field(pattern=r"^\S{1,64}$")]
_ClientId = Annotated[str, Field(pattern=r"^client_[0-9a-f]{16}$")]
_Phrase = Annotated[str, Field(max_length=120), BeforeValidator(_phrase)]


class RestrictionRow(Section):
    """One entry as the file has it."""

    name: Name
    reason: Sentence
    data_class: DataClass = DataClass.RESTRICTED
    labels: Annotated[tuple[_Label, ...], BeforeValidator(_list)] = ()
    clients: Annotated[tuple[_ClientId, ...], BeforeValidator(_list)] = ()
    tasks: Annotated[tuple[Name, ...], BeforeValidator(_list)] = ()
    phrases: Annotated[tuple[_Phrase, ...], Field(max_length=MAX_PHRASES), BeforeValidator(_list)] = ()
    patients: Annotated[bool, Field(strict=True)] = False

    def value(self) -> Restriction:
        """Return the entry as a value."""
        return Restriction(
            name=self.name,
            reason=self.reason,
            data_class=self.data_class,
            labels=frozenset(self.labels),
            clients=frozenset(self.clients),
            tasks=frozenset(self.tasks),
            phrases=self.phrases,
            patients=self.patients,
        )


class RestrictionsFile(Section):
    """``policies/restrictions.yaml``."""

    restrictions: Annotated[tuple[RestrictionRow, ...], Field(max_length=MAX_RESTRICTIONS), BeforeValidator(_list)] = ()


def read_restrictions(file: str, text: str, *, tasks: Collection[str]) -> tuple[Restriction, ...]:
    """Return the restrictions.  Raises PolicyInvalidError(``file:line: reason; what to do``)."""
    document = read_document(file, text, RestrictionsFile)
    seen: set[str] = set()
    for index, row in enumerate(document.value.restrictions):
        if row.name in seen:
            raise document.error(
                ("restrictions", index, "name"), f"'{row.name}' stands above; merge the two or rename one."
            )
        seen.add(row.name)
        _check_tasks(document, index, tasks)
    return tuple(row.value() for row in document.value.restrictions)


def _check_tasks(document: Document[RestrictionsFile], index: int, tasks: Collection[str]) -> None:
    for place, task in enumerate(document.value.restrictions[index].tasks):
        if task not in tasks:
            raise document.error(
                ("restrictions", index, "tasks", place), f"there is no tasks/{task}.yaml; mend or remove this name."
            )
