"""How ``appliance phi`` shows findings: places and kinds, and the text itself only to a person at a terminal.

A redirected output ends up in a file, a ticket or a log, so ``--show`` is refused there: identifiers that were found
must not be written where nobody looks after them.
"""

import re
import sys
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from appliance.cli.show import console, table
from appliance.clinical_text import ClinicalText
from appliance.phi.findings import Finding

CONTEXT_CHARACTERS = 24
"""Characters before and after an identifier that ``--show`` prints, so that a person sees what it is about."""

Show = Annotated[bool, typer.Option("--show", help="Print the identifiers themselves; on a terminal only.")]
"""``--show`` as every command takes it that could print a text."""

Columns = tuple[str, ...]


class Places:
    """Turns offsets of one text into lines and columns, which is how a person finds a place."""

    def __init__(self, text: ClinicalText) -> None:
        """Note where the lines begin, once: a long text has as many findings as lines."""
        self._length = len(text)
        self._starts = [0, *(found.end() for found in re.finditer("\n", text.reveal()))]

    def at(self, offset: int) -> tuple[int, int]:
        """Return line and column, both from 1."""
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1

    def offset(self, line: int, column: int) -> int | None:
        """Return the offset of a line and a column, or None where the text has no such place."""
        if not 1 <= line <= len(self._starts) or column < 1:
            return None
        offset = self._starts[line - 1] + column - 1
        end = self._starts[line] - 1 if line < len(self._starts) else self._length
        return offset if offset < end else None


def check_show(*, show: bool, as_json: bool = False) -> None:
    """Refuse to print a text anywhere but on a terminal, with exit code 2."""
    if show and as_json:
        raise typer.BadParameter("a program needs no text; leave out --show or --json.", param_hint="--show")
    if show and not sys.stdout.isatty():
        raise typer.BadParameter("prints identifiers, so it works on a terminal only.", param_hint="--show")


def found_table(text: ClinicalText, findings: Sequence[Finding], *, show: bool) -> None:
    """Print what was found, one line each."""
    places = Places(text)
    columns = ("kind", "line:column", "offsets", "score", "found by", *(("text",) if show else ()))
    rows = [
        (
            each.kind.value,
            "{}:{}".format(*places.at(each.start)),
            f"{each.start}-{each.end}",
            f"{each.score:.2f}",
            each.recognizer,
            *((excerpt(text, each),) if show else ()),
        )
        for each in findings
    ]
    if rows:
        console().print(table("", columns, rows))
    console().print(summary(findings, len(text)), soft_wrap=True)


def summary(findings: Sequence[Finding], length: int) -> str:
    """Return how many of each kind were found, in one sentence."""
    if not findings:
        return f"Nothing was found in {length:,} characters, which is no proof that there is nothing."
    counts = Counter(each.kind.words() for each in findings)
    told = ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items()))
    return f"{len(findings)} found in {length:,} characters: {told}."


def excerpt(text: ClinicalText, finding: Finding) -> str:
    """Return an identifier in brackets with a little of what stands around it, on one line."""
    characters = text.reveal()
    before = characters[max(0, finding.start - CONTEXT_CHARACTERS) : finding.start]
    after = characters[finding.end : finding.end + CONTEXT_CHARACTERS]
    line = " ".join(f"{before}[{characters[finding.start : finding.end]}]{after}".split())
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in line)


def to_json(places: Places, finding: Finding) -> dict[str, object]:
    """Return one finding for programs, without its characters."""
    line, column = places.at(finding.start)
    return {
        "kind": finding.kind.value,
        "start": finding.start,
        "end": finding.end,
        "line": line,
        "column": column,
        "score": round(finding.score, 4),
        "recognizer": finding.recognizer,
    }


class Bar:
    """Moves a progress bar; does nothing where nobody looks."""

    def __init__(self, bars: Progress, description: str, total: int) -> None:
        self._bars = bars
        self._task = bars.add_task(description, total=total)

    def __call__(self) -> None:
        """Count one text."""
        self._bars.advance(self._task)

    def done(self, number: int) -> None:
        """Say how many there are done by now."""
        self._bars.update(self._task, completed=number)


@contextmanager
def bars(*, quiet: bool) -> Iterator[Progress]:
    """Show progress on standard error, unless the output is for a program or standard error is no terminal."""
    columns = (TextColumn("{task.description:<32}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    is_quiet = quiet or not sys.stderr.isatty()
    # Gone when it is done: what stays on the terminal is the answer.
    with Progress(*columns, console=console(on_stderr=True), disable=is_quiet, transient=True) as made:
        yield made
