"""Refuse two resources under one id, because whatever refers to that id would mean both.

Only ids are compared and none is named in the refusal.  A history holds the versions of one resource, so it is let be.
"""

from collections.abc import Iterable

from appliance.phi.fhir.paths import Place


def check(resource: dict[str, object], place: Place) -> None:
    """Raise PhiBlockedError where two entries or two contained resources have the same type and id."""
    _check(_resources(resource.get("contained")), place, where="contained")
    if resource.get("type") != "history":
        entries = resource.get("entry") if resource.get("resourceType") == "Bundle" else None
        each = entries if isinstance(entries, list) else []
        _check(_resources([entry.get("resource") for entry in each if isinstance(entry, dict)]), place, where="entry")


def _resources(value: object) -> list[dict[str, object]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _check(resources: Iterable[dict[str, object]], place: Place, *, where: str) -> None:
    seen: set[tuple[str, str]] = set()
    for resource in resources:
        kind, name = resource.get("resourceType"), resource.get("id")
        if not isinstance(kind, str) or not isinstance(name, str):
            continue
        if (kind, name) in seen:
            place.refuse(f"has two resources of one type under one id in '{where}'")
        seen.add((kind, name))
