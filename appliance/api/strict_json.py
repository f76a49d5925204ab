"""JSON from strangers, read strictly (RFC 8259, and RFC 7493 "I-JSON" where it is stricter).

Refused before or while parsing, each with its own sentence: bytes that are not UTF-8, nesting above the cap (counted
without recursion, in one linear pass), duplicate keys (two parsers would read two requests), NaN and
Infinity, integers beyond 64 bits, floats that overflow, and lone surrogates (which could not be sealed or sent on).
No message holds a part of the text.
"""

import json
import math
import re

from appliance.errors import InvalidRequestError

INTEGER_DIGITS = 19
"""Digits of the largest 64-bit integer; longer ones are refused before they are converted (CVE-2020-10735)."""

# Possessive quantifiers keep the scan linear whatever the input: a string, closed or not, is passed over whole.
_STRUCTURE = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[{]|[\]}]', re.DOTALL)
_SURROGATE_ESCAPE = re.compile(rb"\\u[dD][89a-fA-F]")


def parse_json(body: bytes, *, max_depth: int) -> object:
    """Return what the body says.  Raises InvalidRequestError."""
    _check_depth(body, max_depth)
    try:
        value = _DECODER.decode(body.decode("utf-8"))
        if _SURROGATE_ESCAPE.search(body):
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidRequestError("The body is not UTF-8; encode it as UTF-8.") from error
    except UnicodeEncodeError as error:
        raise InvalidRequestError("The body holds half of a surrogate pair; send whole Unicode characters.") from error
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise InvalidRequestError(f"The body is not valid JSON at {place}; send one JSON object.") from error
    return value


def parse_object(body: bytes, *, max_depth: int) -> dict[str, object]:
    """Return the object that the body holds.  Raises InvalidRequestError."""
    value = parse_json(body, max_depth=max_depth)
    if not isinstance(value, dict):
        raise InvalidRequestError("The body must be a JSON object.")
    return value


def _check_depth(body: bytes, max_depth: int) -> None:
    depth = 0
    for match in _STRUCTURE.finditer(body):
        mark = body[match.start()]
        if mark in b"[{":
            depth += 1
            if depth > max_depth:
                raise InvalidRequestError(f"The body is nested deeper than {max_depth} levels; flatten it.")
        elif mark in b"]}":
            depth -= 1


def _to_object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise InvalidRequestError("The body has the same key twice in one object; send each key once.")
    return value


def _to_integer(digits: str) -> int:
    value = int(digits) if len(digits) <= INTEGER_DIGITS + 1 else None
    if value is None or not -(2**63) <= value < 2**63:
        raise InvalidRequestError("The body holds an integer beyond 64 bits; send a smaller one.")
    return value


def _to_float(digits: str) -> float:
    value = float(digits)
    if math.isinf(value):
        raise InvalidRequestError("The body holds a number that is too large; send a smaller one.")
    return value


def _refuse_constant(_name: str) -> object:
    raise InvalidRequestError("The body holds NaN or Infinity, which JSON does not have; send a number or null.")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_to_object,
    parse_int=_to_integer,
    parse_float=_to_float,
    parse_constant=_refuse_constant,
)
