"""An accounting on paper and for programs: text, HTML, CSV and JSON, all of the same values.

Text from the trail is escaped for where it goes: markup in HTML, control characters on a terminal, formulas in a
spreadsheet (CWE-1236).  The HTML holds no script, no link and no foreign address, so that it prints the same anywhere.
"""

import csv
import io
import json
import textwrap
from collections.abc import Iterable, Sequence
from enum import StrEnum
from html import escape
from typing import assert_never

from audit.accounting.account import Accounting
from audit.accounting.disclosure import NOT_RECORDED, Disclosure
from audit.view import to_time

WIDTH = 88
"""Columns of the printed text; fits a portrait page in a fixed font."""

TITLE = "Accounting of disclosures"
NOTE = (
    "Every disclosure that this appliance made is listed, those for treatment, payment and health care operations "
    "too, which 45 CFR 164.528(a)(1)(i) exempts. Each was recorded before it was sent. Disclosures that other systems "
    "or persons made are not known here."
)
"""What the reader of an accounting must know, whatever is on it."""

COLUMNS = (
    "time",
    "recipient",
    "recipient_address",
    "what",
    "purpose",
    "agreement",
    "provider",
    "service",
    "region",
    "bytes",
    "digest",
    "exchange",
    "sequence",
)
"""Columns of the CSV, in the order of 45 CFR 164.528(b)(2): date, recipient, address, what, why; then the evidence."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""First characters by which a spreadsheet takes a cell for a formula."""

_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>
body{{font:11pt/1.4 serif;margin:2cm}}h1{{font-size:16pt}}table{{border-collapse:collapse;width:100%}}
th,td{{border:1px solid #888;padding:4px 6px;text-align:left;vertical-align:top;overflow-wrap:anywhere}}
tr{{page-break-inside:avoid}}thead{{display:table-header-group}}.missing{{border:2px solid #000;padding:8px}}
</style></head><body><h1>{title}</h1>
{body}
</body></html>
"""


class Format(StrEnum):
    """How an accounting can be written."""

    TEXT = "text"
    HTML = "html"
    CSV = "csv"
    JSON = "json"


def render(accounting: Accounting, form: Format) -> str:
    """Return an accounting as text in a format."""
    match form:
        case Format.TEXT:
            return _as_text(accounting)
        case Format.HTML:
            return _as_html(accounting)
        case Format.CSV:
            return to_csv(COLUMNS, (_cells(disclosure) for disclosure in accounting.disclosures))
        case Format.JSON:
            return json.dumps(_members(accounting), ensure_ascii=True) + "\n"
        case _:
            assert_never(form)


def to_csv(columns: Sequence[str], rows: Iterable[Sequence[str | int]]) -> str:
    """Return rows as CSV (RFC 4180) in which no cell is a formula."""
    stream = io.StringIO()
    writer = csv.writer(stream)
    writer.writerow(columns)
    writer.writerows([_safe(cell) for cell in row] for row in rows)
    return stream.getvalue()


def printable(text: str) -> str:
    """Return text in which no control character is left."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def heading(accounting: Accounting) -> tuple[tuple[str, str], ...]:
    """Return what an accounting says about itself."""
    return (
        ("Record number", ", ".join(accounting.patients)),
        ("Period", f"{to_time(accounting.since_ms)} to {to_time(accounting.until_ms)}"),
        ("Prepared", to_time(accounting.asked_ms)),
        ("Source", f"audit trail {accounting.origin}, {accounting.records} records"),
        ("Disclosures", str(len(accounting.disclosures))),
    )


def warning(accounting: Accounting) -> str:
    """Return which months are missing; empty if none is."""
    if accounting.is_complete:
        return ""
    return (
        f"INCOMPLETE: not searched, because their keys are not at hand: {', '.join(accounting.months_not_searched)}. "
        "Ask again with the custodian's passphrase; months whose keys were destroyed can never be searched."
    )


def _as_text(accounting: Accounting) -> str:
    lines = [TITLE, "=" * len(TITLE), ""]
    lines += [f"{name + ':':<15}{printable(value)}" for name, value in heading(accounting)]
    for paragraph in filter(None, (warning(accounting), NOTE)):
        lines += ["", *textwrap.wrap(paragraph, WIDTH)]
    for number, disclosure in enumerate(accounting.disclosures, 1):
        lines += ["", f"{number}. {disclosure.time}"]
        for name, value in _told(disclosure):
            lines += textwrap.wrap(
                f"{name + ':':<12}{printable(value)}", WIDTH, initial_indent="   ", subsequent_indent=" " * 15
            )
    if not accounting.disclosures:
        lines += ["", "No disclosure was found." if accounting.is_complete else "None found in what was searched."]
    return "\n".join(lines) + "\n"


def _as_html(accounting: Accounting) -> str:
    parts = ["<table>"]
    parts += [f"<tr><th>{escape(name)}</th><td>{_html(value)}</td></tr>" for name, value in heading(accounting)]
    parts.append("</table>")
    if not accounting.is_complete:
        parts.append(f'<p class="missing">{_html(warning(accounting))}</p>')
    parts.append(f"<p>{escape(NOTE)}</p>")
    names = ("Date and time (UTC)", "To whom", "Address", "What", "Why", "Evidence")
    parts.append("<table><thead><tr>" + "".join(f"<th>{name}</th>" for name in names) + "</tr></thead><tbody>")
    for disclosure in accounting.disclosures:
        told = (disclosure.time, *(value for _, value in _told(disclosure)))
        parts.append("<tr>" + "".join(f"<td>{_html(value)}</td>" for value in told) + "</tr>")
    parts.append("</tbody></table>")
    return _PAGE.format(title=TITLE, body="\n".join(parts))


def _told(disclosure: Disclosure) -> tuple[tuple[str, str], ...]:
    """Return what a person is told of one disclosure, beside its date."""
    evidence = f"record {disclosure.sequence}, agreement {disclosure.agreement or NOT_RECORDED}"
    return (
        ("To whom", disclosure.to_whom),
        ("Address", disclosure.recipient_address or NOT_RECORDED),
        ("What", disclosure.what),
        ("Why", disclosure.why),
        ("Evidence", evidence),
    )


def _cells(disclosure: Disclosure) -> tuple[str | int, ...]:
    return (
        disclosure.time,
        disclosure.to_whom,
        disclosure.recipient_address,
        disclosure.what,
        disclosure.why,
        disclosure.agreement,
        disclosure.provider,
        disclosure.service,
        disclosure.region,
        disclosure.size_bytes,
        disclosure.digest,
        disclosure.exchange_id,
        disclosure.sequence,
    )


def _members(accounting: Accounting) -> dict[str, object]:
    return {
        "patients": list(accounting.patients),
        "since": to_time(accounting.since_ms),
        "until": to_time(accounting.until_ms),
        "prepared": to_time(accounting.asked_ms),
        "origin": accounting.origin,
        "records": accounting.records,
        "complete": accounting.is_complete,
        "months_not_searched": list(accounting.months_not_searched),
        "note": NOTE,
        "disclosures": [
            {**dict(zip(COLUMNS, _cells(one), strict=True)), "kinds": list(one.kinds), "counts": dict(one.counts)}
            for one in accounting.disclosures
        ],
    }


def _html(text: str) -> str:
    return escape(printable(text))


def _safe(cell: str | int) -> str | int:
    if isinstance(cell, int):
        return cell
    text = printable(cell)
    return f"'{text}" if text.startswith(_FORMULA) else text
