"""Reads the JSON of an ask key by key, so that nothing in it goes on unread.

Duplicate keys and NaN are refused (RFC 8259 leaves both open, and two readers would disagree on them); an error names
the field and what it should be, never its value.
"""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self, cast

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""OpenAI's and Anthropic's rule for the names of functions and schemas."""


class AskError(Exception):
    """Say which field of a body is wrong, and what it should be."""

    def __init__(self, path: str, should: str) -> None:
        """Take the field's path and the rest of the sentence, without its full stop."""
        self.path = path
        super().__init__(f"{path} {should}")


@dataclass(frozen=True, slots=True, repr=False)
class Fields:
    """One JSON object and which of its keys have been read."""

    _values: Mapping[str, object]
    _prefix: str = ""
    _read: set[str] = field(default_factory=set)
    """Owned by this object; only grows."""

    @classmethod
    def of_json(cls, body: bytes) -> Self:
        """Return the object that these bytes are.  Raises AskError."""
        text = _decoded(body)
        if text is None:
            raise AskError("the body", "must be UTF-8")
        return cls(object_of(text, path="the body"))

    def path(self, key: str) -> str:
        """Return the path of a key, for a message."""
        return f"{self._prefix}{key}"

    def check_all_read(self) -> None:
        """Raise AskError if there is a key that nobody asked for; its own name may be a caller's, so it is not told."""
        if self._values.keys() - self._read:
            raise AskError(self.path("*"), "holds a field that is not known")

    def string(self, key: str, *, required: bool = True) -> str:
        """Return a string; an optional one that is missing is empty."""
        value = self._take(key)
        if value is None and not required:
            return ""
        if not isinstance(value, str):
            raise AskError(self.path(key), "must be a string")
        return value

    def name(self, key: str) -> str:
        """Return a function's name."""
        value = self.string(key)
        if not _NAME.fullmatch(value):
            raise AskError(self.path(key), "must be 1 to 64 letters, digits, underscores or dashes")
        return value

    def strings(self, key: str, *, most: int) -> tuple[str, ...]:
        """Return a list of strings, empty if missing."""
        value = self._take(key) or []
        if (
            not isinstance(value, list)
            or len(value) > most
            or not all(isinstance(each, str) and each for each in value)
        ):
            raise AskError(self.path(key), f"must be a list of at most {most} strings that are not empty")
        return tuple(value)

    def whole(self, key: str, *, least: int) -> int | None:
        """Return a whole number, None if missing."""
        value = self._take(key)
        if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < least):
            raise AskError(self.path(key), f"must be a whole number of at least {least}")
        return value

    def number(self, key: str, *, most: float) -> float | None:
        """Return a number from 0 to `most`, None if missing."""
        value = self._take(key)
        if value is None:
            return None
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= most:
            raise AskError(self.path(key), f"must be a number from 0 to {most:g}")
        return float(value)

    def flag(self, key: str) -> bool | None:
        """Return true or false, None if missing."""
        value = self._take(key)
        if value is not None and not isinstance(value, bool):
            raise AskError(self.path(key), "must be true or false")
        return value

    def mapping(self, key: str) -> Mapping[str, object] | None:
        """Return a JSON object as it is, None if missing."""
        value = self._take(key)
        if value is not None and not isinstance(value, dict):
            raise AskError(self.path(key), "must be an object")
        return value

    def within(self, key: str) -> "Fields":
        """Return the object under a key."""
        value = self.mapping(key)
        if value is None:
            raise AskError(self.path(key), "must be an object")
        return Fields(value, f"{self.path(key)}.")

    def objects(self, key: str, *, required: bool = True) -> tuple["Fields", ...]:
        """Return a list of objects; a required one holds at least one."""
        value = self._take(key)
        if value is None and not required:
            return ()
        return _objects(value, path=self.path(key))

    def texted(self, key: str) -> object:
        """Return what the JSON text under a key says, None if missing."""
        value = self._take(key)
        if value is None:
            return None
        if not isinstance(value, str):
            raise AskError(self.path(key), "must be JSON text")
        return _load(value, path=self.path(key))

    def texted_list(self, key: str, *, most: int) -> tuple["Fields", ...]:
        """Return the objects of the JSON text under a key, none if missing."""
        value = self.texted(key)
        if value is None:
            return ()
        found = _objects(value, path=self.path(key))
        if len(found) > most:
            raise AskError(self.path(key), f"must hold at most {most}")
        return found

    def _take(self, key: str) -> object:
        self._read.add(key)
        return self._values.get(key)


def object_of(text: str, *, path: str) -> Mapping[str, object]:
    """Return the JSON object that a text is.  Raises AskError."""
    value = _load(text, path=path)
    if not isinstance(value, dict):
        raise AskError(path, "must be a JSON object")
    return cast("dict[str, object]", value)


def _decoded(body: bytes) -> str | None:
    try:
        return body.decode()
    except UnicodeDecodeError:
        return None  # raised from inside, an error would carry the whole body with it


def _objects(value: object, *, path: str) -> tuple[Fields, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(each, dict) for each in value):
        raise AskError(path, "must be a list of at least one object")
    return tuple(Fields(each, f"{path}[{place}].") for place, each in enumerate(value))


def _load(text: str, *, path: str) -> object:
    try:
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_finite, parse_float=_float)
        json.dumps(value, ensure_ascii=False).encode()
        return cast("object", value)
    except (ValueError, RecursionError):
        pass
    raise AskError(path, "must be JSON without duplicate keys and without halves of characters")


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError
    return found


def _finite(_name: str) -> object:
    raise ValueError


def _float(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError
    return value
