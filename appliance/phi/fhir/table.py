"""Read the table of R4's elements and answer what becomes of each.

The table is data of this package, generated and reviewed (see `.ci/fhir_elements.py`); a mistake in it is a fault of
the build, so nothing here is forgiving.  What the table does not hold MUST be refused by whoever asks.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from appliance.phi.fhir.words import words
from appliance.phi.findings import Kind

FILE = Path(__file__).parent / "elements.json"
"""The table as generated."""

HL7_EXTENSION = "http://hl7.org/fhir/StructureDefinition/"
"""How the addresses of HL7's own extensions begin; the table leaves it out."""

PRIMITIVES = words(
    "base64Binary boolean canonical code date dateTime decimal id instant integer markdown oid positiveInt string "
    "time unsignedInt uri url uuid xhtml"
)
"""R4's primitive types: their values are JSON's strings, numbers and booleans."""

KINDS = frozenset(kind.value for kind in Kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Element:
    """What is known of one element of a type."""

    name: str
    """Its name in JSON."""

    type: str
    """A primitive type, a data type, or the path of a backbone element."""

    many: bool
    """Whether it repeats, so that JSON has a list."""

    action: str
    """``keep``, ``text``, ``drop``, ``block``, ``walk``, a kind, or the name of a rule."""

    codes: frozenset[str]
    """The closed list of a code."""

    parts: "Mapping[str, ExtensionRule]"
    """For the parts of a complex extension: those that it may have."""

    @property
    def is_primitive(self) -> bool:
        """Tell whether the value is a string, number or boolean."""
        return self.type in PRIMITIVES


Elements = Mapping[str, Element]
"""The elements of one type by their names in JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtensionRule:
    """What an extension may hold."""

    is_dropped: bool
    elements: Elements
    """Its address, its parts and its value by each of the names that the value may have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Everything that the generator wrote."""

    types: Mapping[str, Elements]
    resources: frozenset[str]
    extensions: Mapping[str, ExtensionRule]
    systems: Mapping[str, re.Pattern[str] | None]
    """Code systems that everybody has with the form of their codes; no pattern stands for SNOMED CT's check digit."""

    system_beginnings: tuple[tuple[str, re.Pattern[str]], ...]
    """The same for families of code systems, the longest beginning first."""

    addresses: tuple[str, ...]
    """Beginnings of the addresses that name a standard and no hospital."""


@cache
def table() -> Table:
    """Return the table, which never changes while the program runs."""
    raw = json.loads(FILE.read_text())
    reader = _Reader(raw["defaults"], {name: frozenset(codes.split()) for name, codes in raw["codes"].items()})
    systems = {url: form for url, form in raw["systems"].items() if not url.endswith("*")}
    beginnings = ((url[:-1], re.compile(form)) for url, form in raw["systems"].items() if url.endswith("*"))
    return Table(
        types={path: reader.elements(entries) for path, entries in raw["types"].items()},
        resources=frozenset(raw["resources"]),
        extensions={
            url if ":" in url else HL7_EXTENSION + url: reader.extension(spec)
            for url, spec in raw["extensions"].items()
        },
        systems={url: None if form == "sctid" else re.compile(form) for url, form in systems.items()},
        system_beginnings=tuple(sorted(beginnings, key=lambda each: -len(each[0]))),
        addresses=tuple(raw["addresses"]),
    )


class _Reader:
    """Turn the table's short notation into elements."""

    def __init__(self, defaults: Mapping[str, str], codes: Mapping[str, frozenset[str]]) -> None:
        self._defaults = defaults
        self._codes = codes

    def elements(self, entries: Mapping[str, str]) -> dict[str, Element]:
        return {name: self.element(name, entry) for name, entry in entries.items()}

    def element(self, name: str, entry: str, parts: Mapping[str, ExtensionRule] | None = None) -> Element:
        kind, _, action = entry.partition("=")
        plain = kind.rstrip("*")
        action, _, codes = (action or self._defaults.get(plain, "walk")).replace(":", " ").partition(" ")
        return Element(
            name=name,
            type=plain,
            many=kind.endswith("*"),
            action=action,
            codes=self._codes[codes] if codes else frozenset(),
            parts=parts or {},
        )

    def extension(self, spec: str | dict[str, str]) -> ExtensionRule:
        if spec == "drop":
            return ExtensionRule(is_dropped=True, elements={})
        elements = {"url": self.element("url", "string=keep"), "id": self.element("id", "string=drop")}
        if isinstance(spec, dict):
            parts = {name: self.extension(part) for name, part in spec.items()}
            # A complex extension has at least one part, so that an empty list of parts never opens all extensions.
            elements["extension"] = self.element("extension", "Extension*=part", parts=parts)
        else:
            elements |= self.elements(
                {f"value{entry[0].upper()}{entry[1:].partition('=')[0]}": entry for entry in spec.split()}
            )
        return ExtensionRule(is_dropped=False, elements=elements)
