"""Write the ICD-10-CM table file once: ``python -m appliance.tasks.icd10_build FILE``.

The library keeps its whole tree in memory (193 MB); the gateway's budget is 200 MB.  So this program alone
imports it, in a process of its own that ends, and leaves a read-only SQLite file of a few megabytes.  The file is
written beside its place and renamed, so a crash leaves no half table and two builders do no harm.
It reads no clinical text and needs no network.
"""

import math
import os
import re
import sqlite3
import sys
import tempfile
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import simple_icd_10_cm as icd

from appliance.tasks.icd10 import SCHEMA
from appliance.tasks.lay_terms import LAY_TERMS
from appliance.tasks.terms import share, words

NOT_SEARCHED = ("V", "W", "X", "Y", "E13")
"""Chapter 20, external causes, whose everyday words (walking, bed, dog) match every note; and other specified
diabetes, whose wordings hold no word that tells it from the default."""

_DEFAULT_DIABETES = "Type 2 diabetes mellitus"
"""Where a note does not say the type, the default is type 2 (Guidelines I.C.4.a.2)."""

_INITIAL_ENCOUNTER = "A"
_WITH_EXTENSION = 8
"""Length of a code with its seventh character, such as ``S52.501A``."""

_ASIDE = re.compile(r"\([^)]*\)|\[[^\]]*\]")
"""Parentheses hold nonessential modifiers: their presence or absence does not change the code (Guidelines I.A.7)."""

_ABSENT = re.compile(r"\b(?:without|not|no)\b[^,;]*|\b(?:initial|subsequent) encounter\b.*", re.IGNORECASE)
"""What a description says is absent need not stand in the note, nor does the kind of encounter."""


def build(file: Path) -> None:
    """Write the table to `file`, whole or not at all."""
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    os.close(handle)
    draft = Path(name)
    try:
        with sqlite3.connect(draft) as connection:
            connection.executescript(SCHEMA)
            _fill(connection)
        connection.close()
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)


def _fill(connection: sqlite3.Connection) -> None:
    codes = [code for code in icd.get_all_codes(with_dots=True) if not icd.is_chapter_or_block(code)]
    connection.executemany(
        "INSERT INTO code VALUES (?, ?, ?)",
        ((code, icd.get_description(code), icd.is_leaf(code)) for code in codes),
    )
    phrases = list(_phrases(codes))
    weights = _weights([stems for _, stems in phrases])
    places: defaultdict[str, array[int]] = defaultdict(lambda: array("I"))
    for number, (_, stems) in enumerate(phrases):
        for stem in stems:
            places[stem].append(number)
    connection.executemany(
        "INSERT INTO phrase VALUES (?, ?, ?)",
        ((number, code, " ".join(stems)) for number, (code, stems) in enumerate(phrases)),
    )
    connection.executemany(
        "INSERT INTO word VALUES (?, ?, ?)",
        ((stem, weights[stem], numbers.tobytes()) for stem, numbers in sorted(places.items())),
    )
    totals = array("f", (sum(weights[stem] for stem in stems) for _, stems in phrases))
    connection.execute("INSERT INTO totals VALUES (?)", (totals.tobytes(),))


def _phrases(codes: list[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield each searched code with the words of its description, of each inclusion term, and in lay terms."""
    for code in codes:
        if not _is_searched(code):
            continue
        seen: set[tuple[str, ...]] = set()
        for text in _wordings(code):
            stems = _stems(text)
            if stems and stems not in seen:
                seen.add(stems)
                yield code, stems


def _wordings(code: str) -> Iterator[str]:
    description = icd.get_description(code)
    yield description
    if description.startswith(_DEFAULT_DIABETES):
        yield description.replace(_DEFAULT_DIABETES, "Diabetes mellitus")
    yield from icd.get_inclusion_term(code)
    yield from LAY_TERMS.get(code, ())


def _is_searched(code: str) -> bool:
    if code.startswith(NOT_SEARCHED) or not icd.is_leaf(code):
        return False
    return len(code) != _WITH_EXTENSION or code.endswith(_INITIAL_ENCOUNTER)


def _stems(text: str) -> tuple[str, ...]:
    plain = _ABSENT.sub(" ", _ASIDE.sub(" ", text))
    return tuple(dict.fromkeys(word.stem for word in words(plain)))


def _weights(phrases: list[tuple[str, ...]]) -> dict[str, float]:
    """Return for each word how much it tells: its inverse document frequency, less for generic words."""
    frequency = Counter(stem for stems in phrases for stem in stems)
    return {stem: share(stem) * math.log(1 + len(phrases) / count) for stem, count in frequency.items()}


if __name__ == "__main__":
    build(Path(sys.argv[1]))
