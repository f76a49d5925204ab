"""Whatever stands in a resource, what leaves holds nothing that no rule let through."""

import json
from collections import deque
from collections.abc import Iterator
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import PhiBlockedError
from appliance.phi.fhir.html_page import read_html
from appliance.phi.fhir.markup import MarkupError
from appliance.phi.fhir.table import Element, table
from appliance.phi.fhir.transform import texts_of, transform
from tests.support.fhir_resources import TODAY, left, narrative, patient, replace

CANARIES = {
    "date": ["1971-07-17"],
    "dateTime": ["1971-07-17T17:17:17Z"],
    "instant": ["1971-07-17T17:17:17Z"],
    "uri": ["https://quillfeather.example/1971-07-17", "urn:uuid:Quillfeather"],
    "xhtml": ["<div>Quillfeather</div>"],
    "base64Binary": ["UXVpbGxmZWF0aGVy"],
}
"""Values of a type's own form; every other string type gets the plain one too."""

WORDS = ["quillfeather", "1971-07-17", "uxvpbgxmzwf0agvy"]
"""What may be found nowhere in what leaves."""

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(sorted(table().types["Patient"])), inner)
    ),
    max_leaves=15,
)


def test_no_string_of_any_element_leaves_as_it_came() -> None:
    looked_at = 0
    for path, element in _string_elements():
        for canary in ["Quillfeather 1971-07-17", "Quillfeather", *CANARIES.get(_family(element), [])]:
            leaving = _leaving(_wrapped(path, element, canary))

            assert [word for word in WORDS if word in leaving] == [], f"{path[-1][1].type}.{element.name}"
            looked_at += 1

    assert looked_at > 6000


@given(value=JSON)
def test_any_json_is_walked_or_refused_by_our_own_error(value: object) -> None:
    for resource in (
        value,
        patient(name=value),
        {"resourceType": "Bundle", "entry": [{"resource": value}]},
        patient(text=value),
    ):
        with suppress(PhiBlockedError):
            transform(resource, replace=replace, text=str, today=TODAY)  # type: ignore[arg-type]


@given(text=st.text())
def test_the_text_of_a_narrative_is_guarded_whatever_it_is(text: str) -> None:
    try:
        out = left(narrative(text), text="X")
    except PhiBlockedError:
        return

    assert set(json.dumps(out["text"]).partition("xhtml")[2]) <= set('\\"></div\n X&;gt}ampl{s"\t' + "rn")


@given(markup=st.text(alphabet="<>/ab=\"' !-?&;p#x1\n"))
def test_what_is_written_of_html_is_read_as_the_same(markup: str) -> None:
    try:
        once = read_html(markup).write()
    except MarkupError:
        return

    assert read_html(once).write() == once


@given(texts=st.lists(st.text(min_size=1).filter(str.strip), max_size=5))
def test_each_text_is_asked_for_once_and_in_order(texts: list[str]) -> None:
    resource = {"resourceType": "Observation", "note": [{"text": text} for text in texts]}

    assert texts_of(resource, today=TODAY) == texts


def _family(element: Element) -> str:
    return "uri" if element.type in {"uri", "url", "canonical", "oid", "uuid"} else element.type


def _string_elements() -> Iterator[tuple[list[tuple[str, Element]], Element]]:
    """Return every primitive string element with a way to it from a resource."""
    for type_name, path in _ways().items():
        for element in table().types[type_name].values():
            if element.is_primitive and element.type not in {
                "boolean",
                "decimal",
                "integer",
                "positiveInt",
                "unsignedInt",
            }:
                yield path, element


def _ways() -> dict[str, list[tuple[str, Element]]]:
    """Return for each type the shortest way to it from a resource that holds it."""
    known = table()
    ways: dict[str, list[tuple[str, Element]]] = {
        name: [(name, Element(name="", type=name, many=False, action="", codes=frozenset(), parts={}))]
        for name in known.resources
    }
    waiting = deque(ways)
    while waiting:
        name = waiting.popleft()
        for element in known.types[name].values():
            is_new = element.type in known.types and element.type not in ways
            if is_new and element.type != "Extension" and element.action not in {"drop", "block"}:
                ways[element.type] = [*ways[name], (name, element)]
                waiting.append(element.type)
    return ways


def _wrapped(path: list[tuple[str, Element]], element: Element, value: str) -> dict[str, object]:
    inner: object = {element.name: [value] if element.many else value}
    for _, step in reversed(path[1:]):
        inner = {step.name: [inner] if step.many else inner}
    assert isinstance(inner, dict)
    return {"resourceType": path[0][0], **inner}


def _leaving(resource: dict[str, object]) -> str:
    try:
        return json.dumps(left(resource, text="X")).casefold()
    except PhiBlockedError as refused:
        return f"{refused} {refused.detail}".casefold()


@pytest.mark.parametrize("name", ["Zoë", "O'Quill", "Quill\u200bfeather", "\N{FULLWIDTH LATIN CAPITAL LETTER Q}uill"])
def test_a_name_in_any_script_becomes_a_surrogate(name: str) -> None:
    assert left(patient(name=[{"family": name}]))["name"] == [{"family": "Nemo"}]
