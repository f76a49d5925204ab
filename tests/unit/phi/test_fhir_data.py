"""On development data: the Patients' identifiers are gone, and what was measured, coded and named is intact."""

import base64
import json
from collections import Counter
from collections.abc import Iterator
from functools import partial

import pytest

from appliance.phi.fhir.transform import transform
from appliance.phi.findings import Kind
from appliance.phi.known_identifiers import KnownIdentifiers
from tests.support.fhir_resources import DATA, TODAY, replace, resources, unguarded

pytestmark = pytest.mark.skipif(not DATA.exists(), reason="the development data is not beside the checkout")

CLINICAL = {"code", "value", "display", "unit", "valueString", "dosageInstruction", "status"}
"""Names of elements whose values a reader of the record needs as they were."""


def test_a_patients_identifiers_are_gone_from_bundles() -> None:
    counted = 0
    for resource in resources():
        values = set(_identifiers(resource))
        guarded = partial(_guarded, known=KnownIdentifiers.from_fhir([resource]))

        written = _decoded(transform(resource, replace=replace, text=guarded, today=TODAY))

        assert {value for value in values if value.casefold() in written} == set()
        counted += len(values)

    assert counted > 200


def test_codes_quantities_and_displays_are_intact() -> None:
    before: Counter[str] = Counter()
    after: Counter[str] = Counter()
    for resource in resources():
        before.update(_clinical(resource))
        after.update(_clinical(unguarded(resource)))

    assert before.total() > 10_000
    # Who pays may be the patient or a relative, so the display of a payor is taken for a name.
    assert set(before - after) == {"display=private"}


def test_what_left_is_known_to_the_table_and_has_the_same_form() -> None:
    for resource in resources(most_a_type=10):
        once = unguarded(resource)

        assert _form(unguarded(once)) == _form(once)


def _identifiers(resource: dict[str, object]) -> Iterator[str]:
    """Return the values of every Patient that are identifiers by themselves, in lower case."""
    for patient in _patients(resource):
        for name in _objects(patient.get("name")):
            yield from (str(word).casefold() for word in [name.get("family"), *_list(name.get("given"))] if word)
        for place in _objects(patient.get("address")):
            yield from (
                str(word).casefold()
                for word in [*_list(place.get("line")), place.get("postalCode"), place.get("city")]
                if word
            )
        for each in [*_objects(patient.get("telecom")), *_objects(patient.get("identifier"))]:
            yield str(each["value"]).casefold()
        yield from (str(patient[name]).casefold() for name in ("id", "birthDate") if name in patient)


def _patients(resource: dict[str, object]) -> list[dict[str, object]]:
    entries = [each["resource"] for each in _objects(resource.get("entry"))]
    found = [each for each in [resource, *entries] if isinstance(each, dict)]
    return [each for each in found if each.get("resourceType") == "Patient"]


def _objects(value: object) -> list[dict[str, object]]:
    return [each for each in _list(value) if isinstance(each, dict)]


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _guarded(text: str, *, known: KnownIdentifiers) -> str:
    for found in reversed(known.find(text)):
        stand_in = replace(found.kind, "2001-02-03" if found.kind is Kind.DATE else "")
        text = text[: found.start] + stand_in + text[found.end :]
    return text


def _decoded(resource: dict[str, object]) -> str:
    """Return a resource as JSON in lower case, with what lies in base64 beside it."""
    texts = [base64.b64decode(data).decode() for path, data in _leaves(resource) if path == "data"]
    return "\n".join([json.dumps(resource, ensure_ascii=False), *texts]).casefold()


def _clinical(resource: dict[str, object]) -> list[str]:
    """Return what is coded, measured and named, but for what identifies somebody."""
    skipped = {"identifier", "telecom", "meta", "extension", "request", "name"}
    leaves = _leaves({key: each for key, each in resource.items() if key not in skipped}, skipped=skipped)
    return [f"{path}={leaf}" for path, leaf in leaves if path in CLINICAL and not isinstance(leaf, bool)]


def _leaves(value: object, name: str = "", *, skipped: set[str] = frozenset()) -> Iterator[tuple[str, object]]:  # type: ignore[assignment]
    if isinstance(value, dict):
        is_person = "reference" in value or {"identifier", "display"} <= set(value)
        for key, each in value.items():
            if key not in skipped and not (skipped and is_person):
                yield from _leaves(each, key, skipped=skipped)
    elif isinstance(value, list):
        for each in value:
            yield from _leaves(each, name, skipped=skipped)
    else:
        yield name, value


def _form(value: object) -> object:
    """Return the JSON with every string by its name alone."""
    if isinstance(value, dict):
        return {key: _form(each) for key, each in value.items()}
    return [_form(each) for each in value] if isinstance(value, list) else type(value).__name__
