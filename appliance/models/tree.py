"""What lies in a model's folder now: every file by its path, and everything that has no place there.

Links are seen, never followed: a link could be pointed elsewhere after the check.  Nothing here knows a manifest's
form beyond its names; `verify` compares.
"""

import hashlib
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from appliance.models.manifest import FILE_NAME, FileEntry, is_unsafe, open_itself

CHUNK_BYTES = 1024 * 1024
"""Read at once: large enough that hashing runs without the interpreter's lock, small enough to show progress."""

MAX_THREADS = 8
"""SHA-256 runs at about 1.5 GB/s a core, and the disk gives no more than eight of those."""

Progress = Callable[[int, int], None]
"""Told the bytes read so far and the bytes in all; called by one thread at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """The content of one folder, not yet read."""

    files: Mapping[str, int]
    """Size in bytes of every regular file, by path."""

    misplaced: Mapping[str, str]
    """Why a path has no place in a model's folder."""


def list_tree(folder: Path) -> Tree:
    """List a folder and all folders in it.  Raises OSError."""
    files: dict[str, int] = {}
    misplaced: dict[str, str] = {}
    for entry in _walk(folder):
        path = Path(entry.path).relative_to(folder).as_posix()
        status = entry.stat(follow_symlinks=False)
        if not path.isprintable():
            misplaced[ascii(path)] = "has a name that cannot be printed"
        elif stat.S_ISLNK(status.st_mode):
            misplaced[path] = "is a link"
        elif not stat.S_ISREG(status.st_mode):
            misplaced[path] = "is no regular file"
        elif is_unsafe(path):
            misplaced[path] = "is code or a pickle"
        elif path != FILE_NAME:
            files[path] = status.st_size
    return Tree(files=files, misplaced=misplaced)


def read_entries(folder: Path, files: Mapping[str, int], progress: Progress | None = None) -> dict[str, FileEntry]:
    """Read every byte of the files named and return what they hold.  Raises OSError."""
    counter = _Counter(total=sum(files.values()), progress=progress)
    with ThreadPoolExecutor(max_workers=min(MAX_THREADS, os.cpu_count() or 1)) as threads:
        largest_first = sorted(files, key=lambda path: -files[path])
        entries = threads.map(lambda path: _read(folder / path, counter), largest_first)
        return dict(zip(largest_first, entries, strict=True))


def _walk(folder: Path) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(Path(entry.path))
            else:
                yield entry


class _Counter:
    """Adds up what several threads have read; `_lock` guards `_done` and the call of `progress`."""

    def __init__(self, *, total: int, progress: Progress | None) -> None:
        self._total = total
        self._progress = progress
        self._done = 0
        self._lock = Lock()

    def add(self, size: int) -> None:
        if self._progress is None:
            return
        with self._lock:
            self._done += size
            self._progress(self._done, self._total)


def _read(path: Path, counter: _Counter) -> FileEntry:
    digest = hashlib.sha256()
    size = 0
    with open_itself(path) as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
            size += len(chunk)
            counter.add(len(chunk))
    return FileEntry(sha256=digest.hexdigest(), size=size)
