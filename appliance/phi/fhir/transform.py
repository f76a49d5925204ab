"""The doors of this package: what free texts and what values a resource holds, and the resource as it may leave.

All walk the same way, so the texts come in the order in which `transform` asks for them.  None reads a clock, and none
keeps anything after it returns.
"""

from collections.abc import Mapping
from datetime import date

from appliance.phi.fhir.resource_ids import ResourceIds
from appliance.phi.fhir.scene import GuardText, Replace, Scene
from appliance.phi.fhir.table import table
from appliance.phi.fhir.walk import Walk
from appliance.phi.findings import Kind


def transform(
    resource: Mapping[str, object],
    *,
    replace: Replace,
    text: GuardText,
    today: date,
    ids: ResourceIds | None = None,
) -> dict[str, object]:
    """Return a new resource without identifiers: values by `replace`, free texts by `text`, ids by `ids`.

    Give the same `ids` for every resource of one exchange, so that references between them hold.  Raises
    PhiBlockedError, naming a path and never a value, for what FHIR R4 or the table does not know; what `replace` and
    `text` raise passes through.
    """
    elements = table()
    scene = Scene(
        table=elements,
        replace=replace,
        text=text,
        ids=ids or ResourceIds.fresh(),
        today=today,
        element=elements.types["Element"]["id"],
    )
    return Walk(scene).resource(resource)


def texts_of(resource: Mapping[str, object], *, today: date) -> list[str]:
    """Return the free texts of a resource, one for each time that `transform` will ask, in the same order.

    Raises PhiBlockedError for the same resources as `transform` does.
    """
    texts: list[str] = []

    def collect(text: str) -> str:
        texts.append(text)
        return text

    transform(resource, replace=_as_it_is, text=collect, today=today)
    return texts


def values_of(resource: Mapping[str, object], *, today: date) -> list[tuple[Kind, str]]:
    """Return the values that `transform` will give to `replace`, in the same order.

    Raises PhiBlockedError for the same resources as `transform` does.
    """
    values: list[tuple[Kind, str]] = []

    def collect(kind: Kind, value: str) -> str:
        values.append((kind, value))
        return value

    transform(resource, replace=collect, text=lambda text: text, today=today)
    return values


def _as_it_is(_kind: Kind, value: str) -> str:
    return value
