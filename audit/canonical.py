"""Canonical JSON: one value, one sequence of bytes (RFC 8785, without floats and null).

What is hashed or signed is always bytes from here, so two implementations agree to the byte.  Reading is as
strict as writing: bytes that are not exactly what `encode` would produce are refused, so a leaf has one
spelling only.  This module reaches no I/O.  Hostile input raises FormatError, never ValueError.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import NoReturn

from audit.errors import FormatError

_TYPES = "text, whole numbers, true/false, lists and objects"

MAX_INTEGER = 2**53 - 1
"""RFC 8785 section 3.2.2.3 with RFC 7493 section 2.2: larger numbers are not exact everywhere."""

MAX_DEPTH = 8
"""Deepest nesting; our own documents need three levels, and a bound stops hostile nesting."""

Value = str | int | bool | Sequence["Value"] | Mapping[str, "Value"]
"""What canonical JSON can hold."""

_ENCODE = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, check_circular=False, separators=(",", ":"), sort_keys=True
).encode
"""Sorting by code point equals RFC 8785's sorting by UTF-16 unit because keys are ASCII."""


def _refuse_number(_: str) -> NoReturn:
    raise FormatError("canonical JSON: numbers must be whole")


_DECODE = json.JSONDecoder(parse_float=_refuse_number, parse_constant=_refuse_number).decode
"""Made once: a decoder costs as much to make as a leaf to read."""


def encode(document: Mapping[str, Value]) -> bytes:
    """Return the canonical bytes of an object.  Raises FormatError for a value that has none."""
    _check(document, MAX_DEPTH)
    try:
        return _ENCODE(document).encode()
    except UnicodeEncodeError as error:
        raise FormatError("canonical JSON: text holds half a surrogate pair; send valid Unicode") from error


def decode(data: bytes) -> dict[str, Value]:
    """Return the object whose canonical bytes these are.  Raises FormatError for any other bytes."""
    try:
        document = _DECODE(data.decode())
    except (ValueError, RecursionError) as error:
        raise FormatError("canonical JSON: these bytes are not JSON") from error
    if not isinstance(document, dict):
        raise FormatError("canonical JSON: the document is not an object")
    if encode(document) != data:
        raise FormatError("canonical JSON: the bytes are not in canonical form")
    return document


def _check(value: object, depth: int) -> None:
    """Refuse what the encoder would take although it is not canonical.  Text, most of a leaf, is not asked about."""
    if isinstance(value, (str, bool)):
        return
    if isinstance(value, int):
        _check_integer(value)
        return
    if depth == 0:
        raise FormatError(f"canonical JSON: nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, dict):
        _check_keys(value)
        members: Iterable[object] = value.values()
    elif isinstance(value, (list, tuple)):
        members = value
    else:
        raise FormatError(f"canonical JSON holds {_TYPES}, not {type(value).__name__}")
    for member in members:
        if type(member) is not str:
            _check(member, depth - 1)


def _check_integer(value: int) -> None:
    if not -MAX_INTEGER <= value <= MAX_INTEGER:
        raise FormatError(f"canonical JSON: a whole number is beyond {MAX_INTEGER}")


def _check_keys(value: Iterable[str]) -> None:
    try:
        ascii_only = "".join(value).isascii()
    except TypeError:
        ascii_only = False
    if not ascii_only:
        raise FormatError("canonical JSON: an object's keys must be ASCII text")
