"""The trail as CSV for a spreadsheet (RFC 4180), one event a line.

A cell that a spreadsheet would take for a formula is given an apostrophe in front (CWE-1236): names of clients and
tasks come from outside.  Every cell is quoted, so that no separator of any locale can end it early.
"""

import csv
import io
from collections.abc import Iterable, Iterator

from audit.feeds.facts import fact_text
from audit.query import Entry
from audit.view import to_time

COLUMNS = (
    "sequence", "time", "event", "kind", "exchange", "client", "tenant", "task", "purpose", "route", "outcome", "code",
    "policy", "model", "request_id", "trace_id", "user_commitment", "patient_commitments", "reasons", "provider",
    "agreement", "recipient", "results", "sealed_body",
)  # fmt: skip
"""The header; it only grows, at its end."""

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""First characters that spreadsheets calculate with, and their full-width forms."""


def render_table(entries: Iterable[Entry]) -> Iterator[bytes]:
    """Yield the header and a line for each event, as UTF-8."""
    yield _line(COLUMNS)
    for entry in entries:
        yield _line(_cells(entry))


def _cells(entry: Entry) -> Iterator[str]:
    leaf = entry.leaf
    yield from (str(leaf.sequence), to_time(leaf.time_ms), leaf.event_id, leaf.kind.value, leaf.exchange_id)
    yield from (entry.client, leaf.tenant, leaf.task, leaf.purpose, leaf.route, leaf.outcome, leaf.code)
    yield from (leaf.policy_digest, leaf.model, entry.request_id, entry.trace_id, leaf.user, " ".join(leaf.patients))
    yield from (fact_text(entry, name) for name in ("reasons", "provider", "agreement", "recipient", "results"))
    yield "yes" if entry.has_body else "no"


def _line(cells: Iterable[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerow([_harmless(cell) for cell in cells])
    return text.getvalue().encode("utf-8", "replace")


def _harmless(cell: str) -> str:
    """Return a cell that no spreadsheet calculates."""
    plain = cell.replace("\0", "")
    return f"'{plain}" if plain.lstrip(" \n\u00a0").startswith(FORMULA_STARTS) else plain
