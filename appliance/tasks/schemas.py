"""Check JSON values against the tasks' schemas and say what is wrong without repeating the value.

The library's own messages quote the offending value, which may be PHI, so none of them is passed on: sentences
are made from the schema alone.  Property names that the caller invented are values too and are not repeated.
"""

import json
from collections.abc import Callable, Mapping
from typing import NoReturn

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, best_match

from appliance.clinical_text import ClinicalText

Json = Mapping[str, object]
"""A JSON object as parsed."""


class BadJsonError(Exception):
    """Say in one public sentence why a text is no JSON object that we take."""


def parse_object(text: ClinicalText) -> dict[str, object]:
    """Return a JSON object.  Raises BadJsonError, for duplicate names and numbers that JSON has not as well."""
    try:
        value = json.loads(text.reveal(), object_pairs_hook=_unique, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise BadJsonError("it is not valid JSON") from error
    if not isinstance(value, dict):
        raise BadJsonError("it is not a JSON object")
    return value


def fault(schema: Json, value: object) -> tuple[str, str] | None:
    """Return the path of the worst fault and a sentence about it; None where the value fits the schema."""
    validator = Draft202012Validator(schema)
    if validator.is_valid(value):
        return None
    error = best_match(validator.iter_errors(value))
    return None if error is None else (_path(error), _sentence(error))


def _path(error: ValidationError) -> str:
    path = ""
    for part in error.absolute_path:
        path += f"[{part}]" if isinstance(part, int) else f".{part}"
    if error.validator == "required":
        path += f".{_missing(error)}"
    return path.removeprefix(".")


def _missing(error: ValidationError) -> str:
    instance = error.instance if isinstance(error.instance, dict) else {}
    names = error.validator_value if isinstance(error.validator_value, list) else []
    return next((str(name) for name in names if name not in instance), "")


def _sentence(error: ValidationError) -> str:
    tell = _SENTENCES.get(str(error.validator))
    return tell(error) if tell else "does not have the form that the task's input schema asks for."


_SENTENCES: Mapping[str, Callable[[ValidationError], str]] = {
    "required": lambda _: "is required.",
    "type": lambda error: f"must be of type {error.validator_value}.",
    "enum": lambda error: f"must be one of {json.dumps(error.validator_value)}.",
    "maxLength": lambda error: f"is longer than {error.validator_value} characters.",
    "minLength": lambda error: f"must have at least {error.validator_value} characters.",
    "maxItems": lambda error: f"has more than {error.validator_value} items.",
    "minItems": lambda error: f"must have at least {error.validator_value} items.",
    "maximum": lambda error: f"must be at most {error.validator_value}.",
    "minimum": lambda error: f"must be at least {error.validator_value}.",
    "pattern": lambda error: f"must match {error.validator_value}.",
    "additionalProperties": lambda error: f"holds a field that is not known here; known are {_known(error)}.",
}
"""One sentence a keyword, made from the schema alone."""


def _known(error: ValidationError) -> str:
    properties = error.schema.get("properties") if isinstance(error.schema, dict) else None
    return ", ".join(sorted(properties or {})) or "none"


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError
    return value


def _no_constant(_name: str) -> NoReturn:
    raise ValueError
