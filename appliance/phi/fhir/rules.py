"""The rules that the table names, each a function from a string and its scene to what may leave, or nothing.

A name that the table uses and that is not here is a fault of the build: looking it up fails, and nothing is sent.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from appliance.phi.fhir import attachments, codes, days, identifiers, labelled, narrative, postal, references
from appliance.phi.fhir.scene import Scene

Rule = Callable[[str, Scene], str | None]
"""Returns what may leave in the place of a string; nothing means that the element is left out."""

STRINGS: Mapping[str, Rule] = MappingProxyType(
    {
        "answer": labelled.answer,
        "birth": days.moved,
        "code": codes.listed,
        "coding": codes.coding,
        "contact": identifiers.contact,
        "content": attachments.content,
        "country": postal.country,
        "currency": codes.currency,
        "display": references.display,
        "fullUrl": references.full_url,
        "id": references.resource_id,
        "identifier": identifiers.identifier,
        "language": codes.language,
        "location": references.location,
        "measured": labelled.measured,
        "mime": codes.mime,
        "named": labelled.named,
        "narrative": narrative.narrative,
        "reference": references.reference,
        "resourceType": codes.resource_type,
        "samples": codes.samples,
        "state": postal.state,
        "title": identifiers.title,
        "unit": codes.unit,
        "uri": references.uri,
        "zip": postal.zip_code,
    }
)
"""By the names of `.ci/fhir_rules.toml`."""
