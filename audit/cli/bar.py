"""A progress bar on standard error for work of unknown length, where somebody looks and standard output stays data."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

STEP = 1000
"""Things between two movements of the bar."""


@contextmanager
def counted(title: str) -> Iterator[Callable[[int], None]]:
    """Show how many things have passed; the function takes each time how many more."""
    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description} {task.completed:.0f}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(title, total=None)
        waiting = 0

        def moved(count: int) -> None:
            nonlocal waiting
            waiting += count
            if waiting >= STEP:
                progress.advance(task, waiting)
                waiting = 0

        yield moved
