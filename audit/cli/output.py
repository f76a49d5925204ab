"""How commands show what they found: one JSON document for programs, tables for people.

Text from the trail is shown as it stands but never as markup or terminal control: a client's name that holds an escape
sequence MUST NOT steer the officer's terminal (CWE-150).
"""

import json
import sys
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

WIDE = 160
"""Columns when standard output is no terminal, so that a redirected table is not cut."""


WHOLE = frozenset({"time", "exchange", "sequence", "kind", "approval"})
"""Columns that a person copies from: never broken over two lines."""


def print_json(value: object) -> None:
    """Print one JSON document on one line."""
    print(json.dumps(value, ensure_ascii=True, separators=(",", ":"), sort_keys=False))


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows under their headings; an empty cell shows a dash."""
    table = Table(title=title, title_justify="left", header_style="bold", expand=False)
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column in WHOLE)
    for row in rows:
        table.add_row(*(Text(harmless(cell) or "-") for cell in row))
    console().print(table)


def print_fields(fields: Iterable[tuple[str, str]]) -> None:
    """Print names and values, one a line, and leave out what is empty."""
    shown = [(name, value) for name, value in fields if value]
    width = max((len(name) for name, _ in shown), default=0)
    for name, value in shown:
        print(f"  {name:<{width}}  {harmless(value)}")


def console() -> Console:
    """Return a console on today's standard output, wide when nobody looks at it."""
    return Console(file=sys.stdout, width=None if sys.stdout.isatty() else WIDE, highlight=False)


def harmless(text: str, *, allowed: str = "") -> str:
    """Return the text with control characters made visible, but those that are allowed."""
    return "".join(
        char if char.isprintable() or char in allowed else char.encode("unicode_escape").decode() for char in text
    )
