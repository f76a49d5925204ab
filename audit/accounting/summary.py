"""Everything that left the building, counted by agreement and provider, and by kind of information.

A privacy officer reads it against the register of agreements: a line without an agreement, or with one that has ended,
is a question to be asked.  It names no patient, so every disclosure counts whoever it was about.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from audit.accounting.disclosure import Disclosure, read_disclosure
from audit.accounting.printed import Format, to_csv
from audit.errors import QueryError
from audit.query import Reader
from audit.question import Question
from audit.view import to_time

COLUMNS = ("agreement", "provider", "recipient", "kind", "disclosures", "items", "bytes", "first", "last")
"""Columns of a line; the kind is empty on the line that counts a whole agreement."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What went to one recipient under one agreement: all of it, or one kind of information."""

    agreement: str
    provider: str
    recipient: str
    kind: str
    """Empty for all of it."""

    disclosures: int
    items: int
    """Occurrences of the kind, or of every kind, as the inspection counted them."""

    size_bytes: int
    """Of the whole disclosures; a disclosure with two kinds counts on both lines."""

    first_ms: int
    last_ms: int

    def cells(self) -> tuple[str | int, ...]:
        """Return the line in the order of `COLUMNS`."""
        return (
            self.agreement,
            self.provider,
            self.recipient,
            self.kind,
            self.disclosures,
            self.items,
            self.size_bytes,
            to_time(self.first_ms),
            to_time(self.last_ms),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatLeft:
    """The summary of a span."""

    lines: tuple[Line, ...]
    """By agreement, provider and recipient; first the whole, then each kind."""

    disclosures: int
    """How many there were in all."""


def what_left(reader: Reader, question: Question, *, moved: Callable[[int], None] = lambda _: None) -> WhatLeft:
    """Count the disclosures that a question finds; it asks for events of that kind and for no person.

    `moved` is told how many were read, after each.
    """
    lines: dict[tuple[str, str, str, str], Line] = {}
    total = 0
    for row in reader.every(question, {}):
        one = read_disclosure(row.entries[0])
        total += 1
        for kind, items in _parts(one):
            key = (one.agreement, one.provider, one.to_whom, kind)
            lines[key] = _with(lines.get(key), one, key=key, items=items)
        moved(total)
    return WhatLeft(lines=tuple(lines[key] for key in sorted(lines)), disclosures=total)


def render_summary(summary: WhatLeft, form: Format) -> str:
    """Return a summary for programs, as CSV or JSON.  Raises QueryError for a format that it has not."""
    if form is Format.CSV:
        return to_csv(COLUMNS, (line.cells() for line in summary.lines))
    if form is Format.JSON:
        rows = [dict(zip(COLUMNS, line.cells(), strict=True)) for line in summary.lines]
        return json.dumps({"disclosures": summary.disclosures, "lines": rows}, ensure_ascii=True) + "\n"
    raise QueryError(f"a summary without a patient is printed as a table, csv or json, not as {form.value}.")


def _parts(one: Disclosure) -> Iterator[tuple[str, int]]:
    """Yield the whole of a disclosure, and each kind in it, with their occurrences."""
    yield "", sum(one.counts.values())
    yield from ((kind, one.counts.get(kind, 0)) for kind in one.kinds)


def _with(line: Line | None, one: Disclosure, *, key: tuple[str, str, str, str], items: int) -> Line:
    agreement, provider, recipient, kind = key
    return Line(
        agreement=agreement,
        provider=provider,
        recipient=recipient,
        kind=kind,
        disclosures=(line.disclosures if line else 0) + 1,
        items=(line.items if line else 0) + items,
        size_bytes=(line.size_bytes if line else 0) + one.size_bytes,
        first_ms=min(line.first_ms, one.time_ms) if line else one.time_ms,
        last_ms=max(line.last_ms, one.time_ms) if line else one.time_ms,
    )
