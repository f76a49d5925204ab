"""What leaves of FHIR, type by type; a change of it is a diff in fhir_elements.txt that privacy has to agree to."""

from collections.abc import Iterator

from appliance.phi.fhir.rules import STRINGS
from appliance.phi.fhir.table import KINDS, PRIMITIVES, Element, Elements, ExtensionRule, table
from tests.support.golden import Golden

KEPT_BY_FORM = {"code", "coding", "currency", "language", "mime", "resourceType", "samples", "unit"}
GENERALISED = {"birth", "country", "quantity", "state", "zip"}
GUARDED = {"answer", "content", "measured", "named", "narrative", "text"}
WALKED = {"attachment", "extension", "item", "name", "part", "person", "place", "resource", "walk"}
EVERYWHERE = {"id", "extension", "modifierExtension", "implicitRules", "language", "contained", "meta", "text"}

HEAD = """\
What becomes of every element of FHIR R4 before a resource leaves.  Written by `pytest --update-golden`.

keep         leaves as it is
keep by form leaves if it is in R4's closed list or has the form of a public code; through the text guard otherwise
generalise   leaves coarser: ZIP to 3 digits, state and country only, days and ages above 89 years as 90
surrogate    leaves as a made-up value of the same kind
drop, block  does not leave; the whole resource does not leave
Elements that are not named hold free text, which leaves through the text guard, or objects of another type below.
In every type: extension only from the list at the end; modifierExtension and implicitRules block; id is a surrogate.

"""


def test_what_leaves_of_fhir_changes_only_with_a_reviewed_diff(golden: Golden) -> None:
    types = "".join(_lines(path, elements) for path, elements in sorted(table().types.items()))
    extensions = "".join(_extension(url, rule) for url, rule in sorted(table().extensions.items()))

    systems = [*table().systems, *(f"{beginning}*" for beginning, _ in table().system_beginnings)]
    public = "\nPublic code systems\n\n" + "\n".join(sorted(systems)) + "\n"
    addresses = "\nAddresses that leave\n\n" + "".join(f"{beginning}*\n" for beginning in table().addresses)

    golden.check("fhir_elements.txt", f"{HEAD}{types}\nExtensions\n\n{extensions}{public}{addresses}")


def test_every_rule_that_the_table_names_exists() -> None:
    elements = [element for each in table().types.values() for element in each.values()]
    elements += [element for rule in table().extensions.values() for element in _elements_of(rule)]

    unknown = {e.action for e in elements if e.is_primitive} - set(STRINGS) - KINDS - {"keep", "text", "drop", "block"}
    unknown |= {e.action for e in elements if not e.is_primitive} - WALKED - GENERALISED - {"drop", "block"}

    assert unknown == set()


def test_no_string_leaves_as_it_is() -> None:
    kept = [
        f"{path}.{element.name}"
        for path, elements in table().types.items()
        for element in elements.values()
        if element.action == "keep" and element.type not in {"boolean", "decimal", "time"} | _whole_numbers()
    ]

    assert kept == ["Extension.url"]


def test_every_type_that_an_element_has_is_in_the_table() -> None:
    known = set(table().types) | PRIMITIVES | {"Resource"}

    assert {e.type for elements in table().types.values() for e in elements.values()} <= known


def _whole_numbers() -> set[str]:
    return {kind for kind in PRIMITIVES if "nt" in kind and kind != "instant"}


def _elements_of(rule: ExtensionRule) -> Iterator[Element]:
    for element in rule.elements.values():
        yield element
        for part in element.parts.values():
            yield from _elements_of(part)


def _lines(path: str, elements: Elements) -> str:
    groups: dict[str, list[str]] = {}
    for element in elements.values():
        if element.name not in EVERYWHERE:
            groups.setdefault(_group(element), []).append(_named(element))
    lines = "".join(f"    {group}: {' '.join(names)}\n" for group, names in sorted(groups.items()) if group)
    return f"{path}\n{lines}" if lines else ""


def _group(element: Element) -> str:
    action = element.action
    if action in GUARDED | WALKED:
        return ""
    if action in {"keep", "drop", "block"}:
        return action
    if action in KEPT_BY_FORM | GENERALISED:
        return "keep by form" if action in KEPT_BY_FORM else "generalise"
    return "surrogate"


def _named(element: Element) -> str:
    return f"{element.name}={element.action}" if _group(element) == "surrogate" else element.name


def _extension(url: str, rule: ExtensionRule) -> str:
    if rule.is_dropped:
        return f"{url}: drop\n"
    values = [_value(element) for element in rule.elements.values() if element.name.startswith("value")]
    parts = rule.elements["extension"].parts if "extension" in rule.elements else {}
    values += [f"{name}({' '.join(map(_value, _values(part)))})" for name, part in parts.items()]
    return f"{url}: {' '.join(values)}\n"


def _values(rule: ExtensionRule) -> list[Element]:
    return [element for element in rule.elements.values() if element.name.startswith("value")]


def _value(element: Element) -> str:
    return f"{element.type}={element.action}"
