"""From pydantic's findings to the appliance's own words: the field's path and what it should be, never its value.

pydantic's messages can hold input, so none of them is passed on; an unknown field is named only when its name looks
like a parameter's, since the caller could have put anything there.
"""

import re
from collections.abc import Mapping
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from appliance.errors import InvalidRequestError, UnknownParameterError

Model = TypeVar("Model", bound=BaseModel)

_PARAMETER_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}", re.ASCII)

_BRANCHES = frozenset({"str", "int", "float", "bool"})
"""What pydantic puts into a path for the branch of a union; others have capitals or brackets."""

_WANTED: Mapping[str, str] = {
    "missing": "is required",
    "string_type": "must be a string",
    "int_type": "must be an integer",
    "int_from_float": "must be an integer",
    "float_type": "must be a number",
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false",
    "list_type": "must be an array",
    "tuple_type": "must be an array",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "greater_than": "must be greater than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "string_too_short": "must have at least {min_length} character(s)",
    "string_too_long": "must have at most {max_length} characters",
    "too_short": "must have at least {min_length} item(s)",
    "too_long": "must have at most {max_length} items",
    "literal_error": "must be {expected}",
    "enum": "must be {expected}",
    "union_tag_invalid": "must be {expected_tags}",
    "string_pattern_mismatch": "has characters that are not allowed there",
}
"""Error types of pydantic that these models can raise; the bounds come from the model, never from the input."""


def validate(model: type[Model], value: object) -> Model:
    """Return the model of a parsed body.  Raises InvalidRequestError naming the first wrong field."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise to_refusal(error) from None  # the cause holds input


def to_refusal(error: ValidationError) -> InvalidRequestError:
    """Return the refusal of the first finding; unknown fields come first, since they explain the others."""
    found = error.errors(include_url=False, include_input=False)
    unknown = [one for one in found if one["type"] == "extra_forbidden"]
    first = (unknown or found)[0]
    field = _path(first)
    if unknown:
        return UnknownParameterError(f"Unknown parameter: '{field}'; remove it.", field=field)
    wanted = _WANTED.get(first["type"], "is not valid").format_map(first.get("ctx", {}))
    return InvalidRequestError(f"'{field}' {wanted}.", field=field)


def _path(finding: ErrorDetails) -> str:
    path = ""
    for part in finding["loc"]:
        if isinstance(part, int):
            path += f"[{part}]"
        elif _PARAMETER_NAME.fullmatch(part) and part not in _BRANCHES:
            path += f".{part}" if path else part
        elif finding["type"] == "extra_forbidden" and part is finding["loc"][-1]:
            path += ".?" if path else "?"
    return path or "body"
