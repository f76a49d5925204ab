"""Checks a caller's JSON schema before the engine's grammar compiler sees it.

A hostile schema is a way to stop an engine (CVE-2025-48942, CVE-2025-48943, GHSA-85xf, CVE-2026-55574), so the
bounds here are ours: no regular expressions, limited depth, size and counts, references that stay inside the
schema, and none that leads back to itself without anything in between (vLLM 0.32 answers that with a 500).
"""

from collections.abc import Iterator, Mapping
from typing import Final, cast

from appliance.errors import InvalidRequestError

MAX_SCHEMA_DEPTH: Final = 24
"""Of nested objects and lists; OpenAI's 10 levels of nesting are 20 in JSON, with ``properties`` between."""

MAX_COUNT: Final = 10_000
"""Of characters or items that a schema may ask for: each is a state of the grammar."""

_REGULAR_EXPRESSIONS: Final = frozenset({"pattern", "patternProperties"})
_COUNTS: Final = frozenset({"minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"})
_BY_NAME: Final = frozenset({"properties", "$defs", "definitions", "dependentSchemas"})
"""Keywords whose value maps free names to schemas: a property may well be called ``pattern``."""

_DATA: Final = frozenset({"const", "enum", "default", "examples"})
"""Keywords whose value is data, not a schema."""

_SAME_PLACE_LISTS: Final = ("anyOf", "oneOf", "allOf")
_SAME_PLACE: Final = ("not", "if", "then", "else")

_Schema = Mapping[str, object]


def check_schema(schema: _Schema, *, field: str) -> None:
    """Refuse a schema that could harm the engine.  Raises InvalidRequestError naming the field and the keyword."""
    nodes = list(_nodes(schema, depth=0, field=field))
    for node in nodes:
        _check_keywords(node, field=field)
        _check_reference(node, root=schema, field=field)
    settled: set[int] = set()
    for node in nodes:
        _check_circle(node, root=schema, path=set(), settled=settled, field=field)


def _nodes(value: object, *, depth: int, field: str) -> Iterator[_Schema]:
    """Yield every schema inside this one, and it."""
    if depth > MAX_SCHEMA_DEPTH and isinstance(value, dict | list):
        raise InvalidRequestError(f"{field} is nested deeper than {MAX_SCHEMA_DEPTH} levels.", field=field)
    if isinstance(value, list):
        for item in value:
            yield from _nodes(item, depth=depth + 1, field=field)
    elif isinstance(value, dict):
        yield value
        for keyword, inner in value.items():
            if keyword in _DATA:
                continue
            insides = list(inner.values()) if keyword in _BY_NAME and isinstance(inner, dict) else [inner]
            for inside in insides:
                yield from _nodes(inside, depth=depth + 1, field=field)


def _check_keywords(node: _Schema, *, field: str) -> None:
    for keyword in sorted(_REGULAR_EXPRESSIONS & node.keys()):
        raise InvalidRequestError(
            f"{field} uses '{keyword}'; regular expressions are not accepted, use 'enum' or 'maxLength'.", field=field
        )
    for keyword in sorted(_COUNTS & node.keys()):
        count = node[keyword]
        if not isinstance(count, int) or not 0 <= count <= MAX_COUNT:
            raise InvalidRequestError(f"{field}: '{keyword}' must be a whole number up to {MAX_COUNT}.", field=field)


def _check_reference(node: _Schema, *, root: _Schema, field: str) -> None:
    if any(keyword in node for keyword in ("$dynamicRef", "$recursiveRef")) or (
        "$ref" in node and _target(node, root) is None
    ):
        raise InvalidRequestError(
            f"{field}: each '$ref' must point to a schema inside it, such as '#/$defs/name'.", field=field
        )


def _check_circle(node: _Schema, *, root: _Schema, path: set[int], settled: set[int], field: str) -> None:
    if id(node) in path:
        raise InvalidRequestError(f"{field}: a '$ref' leads back to itself with nothing in between.", field=field)
    if id(node) in settled:
        return
    path.add(id(node))
    for inner in _same_place(node, root):
        _check_circle(inner, root=root, path=path, settled=settled, field=field)
    path.discard(id(node))
    settled.add(id(node))


def _same_place(node: _Schema, root: _Schema) -> Iterator[_Schema]:
    """Yield the schemas that apply to the very same value as this one."""
    target = _target(node, root)
    if target is not None:
        yield target
    for keyword in _SAME_PLACE_LISTS:
        alternatives = node.get(keyword)
        if isinstance(alternatives, list):
            yield from (item for item in alternatives if isinstance(item, dict))
    yield from (cast("_Schema", node[keyword]) for keyword in _SAME_PLACE if isinstance(node.get(keyword), dict))


def _target(node: _Schema, root: _Schema) -> _Schema | None:
    """Return the schema that ``$ref`` points to (RFC 6901), None if there is none."""
    reference = node.get("$ref")
    if not isinstance(reference, str) or not (reference == "#" or reference.startswith("#/")):
        return None
    place: object = root
    for part in reference.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        place = place.get(name) if isinstance(place, dict) else None
    return place if isinstance(place, dict) else None
