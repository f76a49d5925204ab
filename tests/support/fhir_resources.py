"""Small FHIR resources for the guard's tests, and a way to replace that a test can read."""

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from appliance.phi.fhir.resource_ids import ResourceIds
from appliance.phi.fhir.transform import transform
from appliance.phi.findings import Kind

TODAY = date(2026, 11, 23)
"""The day of these tests."""

DATA = Path(__file__).parents[3] / "shared" / "data"
"""Development data beside the checkout; absent on most machines."""

STAND_INS = {
    Kind.DATE: "2001-02-03",
    Kind.NAME: "Nemo",
    Kind.LOCATION: "Nowhere",
    Kind.PHONE: "555-0100",
    Kind.FAX: "555-0101",
    Kind.EMAIL: "nobody@example.org",
    Kind.URL: "https://example.org/x",
}
"""What stands in the place of a value; another kind's name otherwise."""

XHTML = '<div xmlns="http://www.w3.org/1999/xhtml">{}</div>'


def replace(kind: Kind, value: str) -> str:
    """Return a stand-in of the kind, a date at the precision of the original."""
    stand_in = STAND_INS.get(kind, kind.value)
    return stand_in[: len(value)] if kind is Kind.DATE else stand_in


def shown(text: str) -> str:
    """Guard a text so that a test sees that it was."""
    return f"guarded({text})"


def left(resource: object, *, text: str | None = None, ids: ResourceIds | None = None) -> dict[str, object]:
    """Return what leaves of a resource; free texts are marked, or become `text`."""
    assert isinstance(resource, dict)
    guard = shown if text is None else lambda _text: text
    return transform(resource, replace=replace, text=guard, today=TODAY, ids=ids)


def unguarded(resource: object) -> dict[str, object]:
    """Return what leaves of a resource when the text guard finds nothing."""
    assert isinstance(resource, dict)
    return transform(resource, replace=replace, text=lambda text: text, today=TODAY)


def patient(**elements: object) -> dict[str, object]:
    """Return a Patient with these elements."""
    return {"resourceType": "Patient", **elements}


def observation(**elements: object) -> dict[str, object]:
    """Return an Observation with these elements."""
    return {"resourceType": "Observation", **elements}


def narrative(xhtml: str) -> dict[str, object]:
    """Return a Patient whose narrative holds this inside its outermost element."""
    return patient(text={"status": "generated", "div": XHTML.format(xhtml)})


def divided(resource: dict[str, object]) -> str:
    """Return the narrative's inside again."""
    text = resource["text"]
    assert isinstance(text, dict)
    return str(text["div"]).removeprefix(XHTML.partition("{")[0]).removesuffix("</div>")


def resources(*, folder: str = "", most_a_type: int = 40) -> Iterator[dict[str, object]]:
    """Return the development data's resources and bundles, a sample of the large files."""
    for file in sorted((DATA / "fhir").glob(f"{folder}*.json")):
        yield json.loads(file.read_text())
    for file in sorted((DATA / "clinical" / "synthea-bulk").glob("*.ndjson")):
        with file.open() as lines:
            yield from (json.loads(line) for _, line in zip(range(most_a_type), lines, strict=False))
