from typing import Any

import pytest

from appliance.engine.schemas import MAX_SCHEMA_DEPTH, check_schema
from appliance.errors import InvalidRequestError


def nested(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(levels):
        schema = {"type": "array", "items": schema}
    return schema


ORDINARY: list[dict[str, Any]] = [
    {},
    {"type": "object", "properties": {"pattern": {"type": "string"}, "$ref": {"type": "string"}}},
    {"enum": [{"pattern": "x"}], "default": {"$ref": "nowhere"}},
    {"type": "string", "minLength": 1, "maxLength": 10_000},
    {"$defs": {"a/b~c": {"type": "string"}}, "items": {"$ref": "#/$defs/a~1b~0c"}},
    {"type": "object", "properties": {"next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}}},
    {"anyOf": [{"$ref": "#/$defs/a"}, {"$ref": "#/$defs/a"}], "$defs": {"a": {"type": "string"}}},
    nested(MAX_SCHEMA_DEPTH),
]


@pytest.mark.parametrize("schema", ORDINARY)
def test_an_ordinary_schema_is_accepted(schema: dict[str, Any]) -> None:
    check_schema(schema, field="f")


HOSTILE: list[tuple[dict[str, Any], str]] = [
    ({"items": {"pattern": "(a+)+$"}}, "regular expressions"),
    ({"patternProperties": {"^x": {}}}, "regular expressions"),
    ({"maxLength": 10_001}, "whole number"),
    ({"minItems": -1}, "whole number"),
    ({"minItems": "many"}, "whole number"),
    (nested(MAX_SCHEMA_DEPTH + 1), "nested deeper"),
    (nested(900), "nested deeper"),
    ({"items": {"$ref": "http://elsewhere/schema"}}, "must point"),
    ({"items": {"$ref": "#/$defs/missing"}}, "must point"),
    ({"items": {"$ref": "#/type"}, "type": "array"}, "must point"),
    ({"items": {"$ref": 7}}, "must point"),
    ({"$dynamicRef": "#x"}, "must point"),
    ({"$ref": "#"}, "back to itself"),
    ({"anyOf": [{"$ref": "#"}]}, "back to itself"),
    ({"not": {"$ref": "#"}}, "back to itself"),
    (
        {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}},
        "back to itself",
    ),
    ({"items": {"$ref": "#/$defs/a"}, "$defs": {"a": {"allOf": [{"$ref": "#/$defs/a"}]}}}, "back to itself"),
]


@pytest.mark.parametrize(("schema", "reason"), HOSTILE)
def test_a_schema_that_could_harm_the_engine_is_refused_with_the_reason(schema: dict[str, Any], reason: str) -> None:
    with pytest.raises(InvalidRequestError, match=reason) as caught:
        check_schema(schema, field="response_format.json_schema.schema")

    assert caught.value.field == "response_format.json_schema.schema"
