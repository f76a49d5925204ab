"""Where the harness keeps what outlives a test: base roots, layers of converged hosts, and the folders of runs.

All of it can be deleted at any time when no test runs; `make clean` does.  A run's folder is held by a lock on a file
in it, so a folder whose lock can be had belongs to a run that is dead, and the next run clears it.
"""

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
"""The checkout."""

CACHE = ROOT / ".cache" / "target-host"
"""Everything of the harness that is on disk."""

_RUNS = CACHE / "runs"
_HELD = "held"


@contextmanager
def one_at_a_time(name: str) -> Iterator[None]:
    """Hold the lock of this name until the end; another process waits.  It is gone with the process that holds it."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def run_folder() -> Iterator[Path]:
    """Make a folder for one run, with those of dead runs cleared first; it is cleared at the end."""
    _RUNS.mkdir(parents=True, exist_ok=True)
    with one_at_a_time("runs"):
        for left in _RUNS.iterdir():
            _clear_if_dead(left)
        folder = Path(tempfile.mkdtemp(dir=_RUNS))
        file = (folder / _HELD).open("w")
        fcntl.flock(file, fcntl.LOCK_EX)
    with file:
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _clear_if_dead(folder: Path) -> None:
    """Clear a folder unless its run holds it; what cannot be cleared is left for the next run to try again."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder / _HELD, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        finally:
            os.close(descriptor)
