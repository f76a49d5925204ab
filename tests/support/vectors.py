"""Read published test vectors from the package that carries them (``cryptography-vectors``)."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cryptography_vectors

FOLDER = Path(cryptography_vectors.__file__).parent

_LINE = re.compile(r"\[?(\w+)\s*=\s*([^\]]*)\]?")


def read_text(name: str) -> str:
    """Return a vector file as text."""
    return (FOLDER / name).read_text(encoding="utf-8")


def read_json(name: str) -> list[dict[str, Any]]:
    """Return a vector file that is a JSON array."""
    cases: list[dict[str, Any]] = json.loads(read_text(name))
    return cases


def read_cases(name: str, *, first: str, limit: int | None = None) -> Iterator[dict[str, str]]:
    """Yield the cases of a NIST-style file: lines ``name = value``, each case from the line named `first`.

    A line in brackets holds for the cases after it.  A line FAIL becomes the member ``fail``.
    """
    shared: dict[str, str] = {}
    case: dict[str, str] = {}
    count = 0
    for line in read_text(name).splitlines():
        found = _LINE.fullmatch(line.strip())
        if line.strip() == "FAIL":
            case["fail"] = "yes"
        if found is None:
            continue
        member, value = found[1].lower(), found[2].strip()
        if line.startswith("["):
            shared[member] = value
            continue
        if member == first and case:
            yield {**case}
            count += 1
            case = {}
            if limit is not None and count >= limit:
                return
        if member == first:
            case = {**shared}
        if case or member == first:
            case[member] = value
    if case:
        yield case
