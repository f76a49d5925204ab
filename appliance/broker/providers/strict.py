"""Says whether a schema is one that the vendors can hold an answer to, token by token.

Strict modes take a part of JSON Schema only: every object closed, every property required.  The vendors refuse a
schema outside of that part when it is asked for strictly; so it is asked for loosely, and the task's own output checks
hold the answer to it.
"""

import json
from collections.abc import Mapping
from typing import cast

from appliance.clinical_text import ClinicalText

MOST_LEVELS = 10
"""Of nesting; OpenAI allows ten (its guide "Structured outputs")."""


def fits_strict(schema: object, *, levels: int = MOST_LEVELS) -> bool:
    """Say whether each object in the schema is closed and requires all it has."""
    if isinstance(schema, list):
        return all(fits_strict(each, levels=levels) for each in schema)
    if not isinstance(schema, dict):
        return True
    if levels == 0 or (_is_object(schema) and not _is_closed(schema)):
        return False
    return all(fits_strict(part, levels=levels - (key == "properties")) for key, part in schema.items())


def object_of(text: ClinicalText) -> Mapping[str, object]:
    """Return the JSON object that `Ask` has found this text to be."""
    return cast("Mapping[str, object]", json.loads(text.reveal()))


def _is_object(schema: Mapping[str, object]) -> bool:
    kind = schema.get("type")
    return kind == "object" or (isinstance(kind, list) and "object" in kind) or "properties" in schema


def _is_closed(schema: Mapping[str, object]) -> bool:
    properties = schema.get("properties", {})
    required = schema.get("required", [])
    if not isinstance(properties, dict) or not isinstance(required, list):
        return False
    return schema.get("additionalProperties") is False and properties.keys() == set(map(str, required))
