"""Step 5 of a request, second half: how protected its data is, and what keeps it in the building.

A server-derived data class and the names of restrictions, from the task, the client, the words and FHIR security labels
of the texts, the patients whom two officers excluded, and what the caller stated.  Everything here only adds: no header
or field can take a restriction away or lower the class (design section 2, promise 6).  Texts are looked at and never
kept; a name that a caller misspelt is refused, for nobody can know what it was meant to protect.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Protocol

from appliance.errors import InvalidRequestError
from appliance.exchange import Actor, DataClass, TaskRequest
from appliance.phi.findings import Findings, Kind
from appliance.phi.normalise import normalise
from appliance.phi.people import read_demographics
from appliance.policy.restrictions import Restriction
from appliance.policy.task import TaskPolicy
from appliance.tasks.inputs import texts_of

NUMBERS = frozenset({Kind.MRN, Kind.ACCOUNT, Kind.OTHER_ID})
"""Findings that may be a record number, spelt in several words: a rule that reads one as an account's is no way out."""

LABELLED = frozenset({"security", "securityLabel", "confidentiality"})
"""Elements of FHIR that hold security labels: of `meta`, of DocumentReference and Consent, and of Composition."""

WINDOW = 600
"""Characters after such an element in text that does not parse, in which its codes are looked for: a coding has 200."""

REMEMBERED = 8
"""Sets of restrictions that stay prepared: one bundle's, and that of the one before."""

MIN_DIGITS = 4
"""Words with fewer are doses, days and values; a patient's number has more."""

_NUMBER = re.compile(r"[\w-]+")
_DIGITS = re.compile(r"\d+")
_ABBREVIATED = re.compile(r"\b(\w)\.(?=\w\b)")
_WORDS = re.compile(r"\w+")
_ELEMENT = re.compile(r'"(?:security|securityLabel|confidentiality)"\s*:|<(?:security|securityLabel|confidentiality)')
_CODE = re.compile(
    r"""(?:"code"\s*:|"confidentiality"\s*:|\bcode\s*=|<(?:code|confidentiality)\s+value\s*=)\s*"([^"]+)"""
)
_ENDS = ("]", "</security")


class Excluded(Protocol):
    """The part of `exclusions.Excluded` that is needed here."""

    def kinds_of(self, numbers: Iterable[str]) -> frozenset[str]:
        """Return under which restrictions the patients with these record numbers were put, fail closed."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Classified:
    """What the server knows of how a request is protected."""

    data_class: DataClass
    restrictions: frozenset[str]
    """Names of what keeps it in the building."""

    patients_named: bool
    """Whether a patient is named by record number."""


def classify(
    request: TaskRequest,
    task: TaskPolicy,
    actor: Actor,
    findings: Findings,
    *,
    restrictions: tuple[Restriction, ...],
    excluded: Excluded,
) -> Classified:
    """Return class and restrictions of a request whose texts hold these findings.

    Raises InvalidRequestError for a restriction that the policy does not know, and what `excluded` raises.
    """
    known = {each.name: each for each in restrictions}
    _check_stated(request, known)
    texts = [*texts_of(request), *((request.people,) if request.people is not None else ())]
    read = _Read.of(text.reveal() for text in texts)
    named = _record_numbers(request)
    held = set(request.restrictions) | read.under(_marks(restrictions))
    held |= excluded.kinds_of([*named, *_numbers_found(request, findings), *read.numbers()])
    held |= {each.name for each in restrictions if actor.client_id in each.clients or task.name in each.tasks}
    classes = [task.data_class, request.data_class or task.data_class]
    # A kind of exclusion that the policy has no words for protects as much as anything can.
    classes += [known[name].data_class if name in known else DataClass.RESTRICTED for name in held]
    return Classified(
        data_class=max(classes, key=DataClass.rank), restrictions=frozenset(held), patients_named=bool(named)
    )


def _check_stated(request: TaskRequest, known: Mapping[str, Restriction]) -> None:
    if request.restrictions <= known.keys():
        return
    there_are = f"there are: {', '.join(sorted(known))}" if known else "there are none"
    raise InvalidRequestError(
        f"'restrictions' holds a name that this policy does not have; {there_are}.", field="restrictions"
    )


def _record_numbers(request: TaskRequest) -> list[str]:
    """Return the record numbers of the people whom the request names."""
    numbers = [patient.reveal() for patient in request.subject.patients]
    if request.people is not None:
        people = read_demographics(json.loads(request.people.reveal()))
        numbers += [number for person in people for number in person.record_numbers]
    return [number for number in numbers if number.strip()]


def _numbers_found(request: TaskRequest, findings: Findings) -> Iterator[str]:
    for text, found in zip(texts_of(request), findings.texts, strict=True):
        for each in found:
            if each.kind in NUMBERS:
                yield text.reveal()[each.start : each.end]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """What stands in the texts of a request, for the length of one call."""

    plain: tuple[str, ...] = field(repr=False)
    """Texts as a person reads them, without the escapes of JSON."""

    labels: frozenset[str] = field(repr=False)
    """Security labels of FHIR, in capitals."""

    @classmethod
    def of(cls, texts: Iterable[str]) -> "_Read":
        """Read texts, and the JSON in them, and the JSON in its texts."""
        plain, labels = list[str](), set[str]()
        waiting: list[tuple[object, bool]] = [(text, False) for text in texts]
        while waiting:
            each, is_label = waiting.pop()
            below = _below(each, is_label=is_label)
            if below is not None:
                waiting += below
            elif is_label:
                labels.add(str(each).upper())
            else:
                plain.append(str(each))
                labels |= {code.upper() for code in _labels_in_prose(str(each))}
        return cls(plain=tuple(plain), labels=frozenset(labels))

    def numbers(self) -> frozenset[str]:
        """Return everything that may be a record number, whatever stands before it or is joined to it."""
        words = {word for text in self.plain for word in _NUMBER.findall(text) if _may_be_number(word)}
        return frozenset(words | {part for word in words for part in _parts(word) if _may_be_number(part)})

    def under(self, marks: "_Marks") -> set[str]:
        """Return the restrictions that words or labels speak for."""
        held = {name for label in self.labels for name in marks.labels.get(label, ())}
        for text in self.plain if marks.phrases else ():
            words = _flat(text)
            held |= {name for phrase, name in marks.phrases if phrase in words}
        return held


@dataclass(frozen=True, slots=True, kw_only=True)
class _Marks:
    """What is looked for in texts, prepared once."""

    phrases: tuple[tuple[str, str], ...]
    """Words between single blanks, and the restriction that they speak for."""

    labels: Mapping[str, frozenset[str]]
    """Codes in capitals, and the restrictions that they stand for."""


def _below(value: object, *, is_label: bool) -> list[tuple[object, bool]] | None:
    """Return the parts of an object, a list or a text that is JSON, each with whether it is a label; None without."""
    if isinstance(value, dict):
        parts = [(below, key in LABELLED or (is_label and key != "system")) for key, below in value.items()]
        return [*((key, False) for key in value), *parts]
    if isinstance(value, list):
        return [(below, is_label) for below in value]
    parsed = None if is_label else _parsed(str(value))
    return None if parsed is None else [(parsed, False)]


@lru_cache(maxsize=REMEMBERED)
def _marks(restrictions: tuple[Restriction, ...]) -> _Marks:
    labels: dict[str, frozenset[str]] = {}
    for each in restrictions:
        for label in each.labels:
            labels[label.upper()] = labels.get(label.upper(), frozenset()) | {each.name}
    phrases = tuple((_flat(phrase), each.name) for each in restrictions for phrase in each.phrases)
    return _Marks(phrases=phrases, labels=labels)


def _may_be_number(word: str) -> bool:
    return not word.isalpha() and sum(map(str.isdigit, word)) >= MIN_DIGITS


def _parts(word: str) -> Iterator[str]:
    """Yield the parts of ``MRN-QX8812345``: between hyphens, and its runs of digits alone."""
    for part in word.split("-"):
        yield part
        yield from _DIGITS.findall(part)


def _flat(text: str) -> str:
    """Return the words of a text in small letters between single blanks: ``42 C.F.R. Part 2`` has ``42 cfr part 2``."""
    plain = _ABBREVIATED.sub(r"\1", normalise(text).text.casefold())
    return f" {' '.join(_WORDS.findall(plain))} "


def _parsed(text: str) -> object:
    """Return the JSON object or list that a text is; None where it is none."""
    if not text.lstrip().startswith(("{", "[")):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _labels_in_prose(text: str) -> Iterator[str]:
    """Yield the codes that stand shortly after a labelled element; each part of the text is looked at once."""
    at = 0
    while element := _ELEMENT.search(text, at):
        at = element.end()
        window = text[element.start() : at + WINDOW]
        end = min((place for mark in _ENDS if (place := window.find(mark)) >= 0), default=len(window))
        yield from _CODE.findall(window[:end])
        at = max(at, element.start() + end)
