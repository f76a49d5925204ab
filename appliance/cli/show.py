"""How commands print: JSON on one line for programs, tables and sentences for people.

Text for people goes through `rich`, which leaves colours and cursor movements out when the output is no
terminal.  Values are printed as they are, never read as markup: a name with brackets stays a name.
"""

import json
import sys
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

PLAIN_WIDTH = 160
"""Columns of text that goes to a file or a pipe, where nobody's window sets them."""


def print_json(value: object) -> None:
    """Print one JSON document on one line of standard output, at once."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, default=str) + "\n")
    sys.stdout.flush()


def console(*, on_stderr: bool = False) -> Console:
    """Return where people read; without markup and highlighting, so that values print as they are."""
    file = sys.stderr if on_stderr else sys.stdout
    return Console(file=file, markup=False, highlight=False, width=None if file.isatty() else PLAIN_WIDTH)


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Table:
    """Return a table to give to ``console().print``."""
    made = Table(
        title=Text(title) if title else None, title_justify="left", header_style="bold", show_header=any(columns)
    )
    for column in columns:
        made.add_column(column, overflow="fold")
    for row in rows:
        made.add_row(*(value if isinstance(value, Text) else Text(str(value)) for value in row))
    return made
