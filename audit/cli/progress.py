"""A bar for long work: how much is done, how fast, and how long it will still take.

It goes to standard error and only where somebody looks, so that standard output stays data.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text
from typing_extensions import override

BIG = 20_000
"""Things from which on a person wants to see progress: a second's work."""

Row = TypeVar("Row")


class _Rate(ProgressColumn):
    """Things done in a second, lately."""

    @override
    def render(self, task: Task) -> Text:
        """Return the rate; nothing before there is one."""
        return Text(f"{task.speed:,.0f}/s" if task.speed else "", style="progress.data.speed")


class Bar:
    """One bar, for one piece of work after the other."""

    def __init__(self, progress: Progress) -> None:
        """Take the display; use `shown`."""
        self._progress = progress
        self._task: TaskID | None = None

    def passing(self, pages: Iterator[Sequence[Row]], what: str, *, total: int | None) -> Iterator[Row]:
        """Yield the rows of pages, and move with each page."""
        self.begin(what, total=total)
        for page in pages:
            yield from page
            self.advance(len(page))

    def begin(self, what: str, *, total: int | None) -> None:
        """Take the next piece of work; None when nobody knows how much it is."""
        if self._task is not None:
            self._progress.remove_task(self._task)
        self._task = self._progress.add_task(what, total=total)

    def advance(self, count: int) -> None:
        """Say that so much more is done."""
        if self._task is not None:
            self._progress.advance(self._task, count)

    def reach(self, done: int, total: int) -> None:
        """Say how much is done of how much, for work that counts itself."""
        if self._task is not None:
            self._progress.update(self._task, completed=done, total=total)


@contextmanager
def shown(count: int, *, console: Callable[[], Console] = lambda: Console(stderr=True)) -> Iterator[Bar]:
    """Show a bar while work goes on, if there is much of it and somebody looks."""
    screen = console()
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeRemainingColumn(compact=True),
    )
    hidden = count < BIG or not screen.is_terminal
    with Progress(*columns, console=screen, transient=True, disable=hidden) as progress:
        yield Bar(progress)
