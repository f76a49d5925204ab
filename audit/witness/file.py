"""The file witness: signed checkpoints in append-only files, better on other media than the database.

Each line is a checkpoint (FORMAT.md section 10).  The series begins with the file that the settings name and goes on
with one file for each later month beside it, ``checkpoints-2026-12.log``; nothing here is ever changed, renamed or
deleted, so the media may refuse all of that.  Past months may be moved away: each checkpoint covers those before it.
A crash may tear the last line: that line is ended, ignored, and covered by the next.  It is not trusted alone.
"""

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from audit.canonical import decode, encode
from audit.checkpoint import read_checkpoint
from audit.errors import FormatError, StoreError, WitnessError
from audit.keyring.files import FILE_MODE, FOLDER_MODE, sync_folder
from audit.keyring.signatures import VerifierKey
from audit.record import month_of
from audit.witness.protocol import Prover, check_extends

TAIL_BYTES = 256 * 1024
"""Enough for the last few lines: one is about 3.5 KB."""

HEARTBEAT_MS = 60 * 60 * 1000
"""An idle log adds a line an hour, 84 KB a day; witnesses that do not grow get a heartbeat every minute."""

FIRST_LINES = 20
"""Lines that are looked at to tell a witness file: a syslog server's may hold others' messages too."""

_MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")


class FileWitness:
    """Append to one series of witness files.  Owned by one thread at a time."""

    kind = "file"
    cosigned = ""

    def __init__(self, path: Path, *, keys: Sequence[VerifierKey], prove: Prover, name: str = "file") -> None:
        """Take the path of the first file, made with the first checkpoint, and the log's public keys."""
        self.name = name
        self._path = path
        self._keys = keys
        self._prove = prove
        self._size, self._time_ms = -1, 0
        self._end: tuple[Path, int] | None = None
        """Newest file and its length after our last line: if it differs, somebody else has written."""

    def confirm(self, note: str) -> None:
        """Check that the tree of a note contains the newest checkpoint here, and that a line can be added."""
        with self._told():
            newest = _newest_line(self._path, origin=self._keys[0].name)
        if newest is not None:
            check_extends(older=newest.note, newer=note, keys=self._keys, prove=self._prove, where=self._where)
        with self._told():
            _make_folder(self._path.parent)
        if not os.access(self._path if self._path.exists() else self._path.parent, os.W_OK):
            raise WitnessError(f"{self._where} cannot be written; check its owner or mount its medium")

    def publish(self, note: str, *, time_ms: int) -> None:
        """Add a checkpoint, durable on return; a heartbeat over an unchanged tree at most once an hour."""
        size = read_checkpoint(note, self._keys).size
        known = self._end if self._end == _end_of(self._path) else None
        if known is None:
            # Nothing is taken from what is found here: a line of a write that failed may never reach the medium.
            self.confirm(note)
        elif size == self._size and time_ms - self._time_ms < HEARTBEAT_MS:
            return
        with self._told():
            path = self._file_of(time_ms)
            length = _append(path, encode({"v": 1, "time": time_ms, "note": note}) + b"\n")
            if known is None or known[0] != path:
                # Also when it was found: whoever made it may have died before its name was durable.
                sync_folder(path.parent)
        self._end = (path, length)
        self._size, self._time_ms = size, time_ms

    def close(self) -> None:
        """Keep nothing open: each line opens the file anew, so that a medium can be changed."""

    @property
    def _where(self) -> str:
        return f"the witness {self.name} ({self._path})"

    def _file_of(self, time_ms: int) -> Path:
        """Return the file for a moment: the first one in the month in which it began, then one a month."""
        month = month_of(time_ms)
        first = next(_lines(self._path), None) if self._path.exists() else None
        if first is None or month_of(first.time_ms) == month:
            return self._path
        return self._path.with_name(f"{self._path.stem}-{month}{self._path.suffix}")

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turn the file system's errors into WitnessError."""
        try:
            yield
        except StoreError as error:
            raise WitnessError(f"{self._where}: {error}") from error
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno else type(error).__name__
            raise WitnessError(
                f"{self._where} cannot be written ({reason}); free space, check its owner or mount its medium"
            ) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """One whole line of a witness file."""

    note: str
    time_ms: int


def series(path: Path) -> list[Path]:
    """Return the files of a series that are there, oldest first."""
    later = [
        file for file in path.parent.glob(f"{path.stem}-*{path.suffix}") if _MONTH.fullmatch(_month_in(file, path))
    ]
    return [*([path] if path.is_file() else []), *sorted(later)]


def is_witness(path: Path) -> bool:
    """Say whether a file holds witness lines, its own or within a syslog server's.  Raises StoreError if unreadable."""
    return any(line is not None for line in islice(_lines(path), FIRST_LINES))


def read_newest(path: Path, *, origin: str) -> str | None:
    """Return the last whole note of one log in a series; None without one.  Raises StoreError if it cannot be read."""
    newest = _newest_line(path, origin=origin)
    return None if newest is None else newest.note


def read_witness(path: Path) -> Iterator[str | None]:
    """Yield each line's note in order, over all months, and None for a torn line.  Raises StoreError if unreadable.

    Whatever stands before the first brace of a line is skipped, so that the file a syslog server wrote is read too.
    """
    for file in series(path) or [path]:
        for line in _lines(file):
            yield None if line is None else line.note


def _newest_line(path: Path, *, origin: str) -> _Line | None:
    """Return the last line of one log: a restored trail goes on in the same files under its new origin."""
    start = f"{origin}\n"
    for file in reversed(series(path)):
        tail = (_read_line(line) for line in reversed(_tail(file).split(b"\n")[:-1]))
        for lines in (tail, reversed(list(_lines(file)))):
            newest = next((line for line in lines if line is not None and line.note.startswith(start)), None)
            if newest is not None:
                return newest
    return None


def _lines(file: Path) -> Iterator[_Line | None]:
    """Yield each line of one file; None for a torn one."""
    try:
        with file.open("rb") as stream:
            for line in stream:
                yield _read_line(line.removesuffix(b"\n")) if line.endswith(b"\n") else None
    except OSError as error:
        raise StoreError(f"the witness {file} cannot be read; check its owner or mount its medium") from error


def _tail(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(max(0, size - TAIL_BYTES))
            return stream.read()
    except OSError as error:
        raise StoreError(f"the witness {file} cannot be read; check its owner or mount its medium") from error


def _append(path: Path, line: bytes) -> int:
    """Add one line, synced, and return the file's length; a torn line before it is ended first."""
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
    try:
        end = os.lseek(descriptor, 0, os.SEEK_END)
        torn = end > 0 and os.pread(descriptor, 1, end - 1) != b"\n"
        data = b"\n" + line if torn else line
        while data:
            data = data[os.write(descriptor, data) :]
        os.fsync(descriptor)
        return os.lseek(descriptor, 0, os.SEEK_END)
    finally:
        os.close(descriptor)


def _end_of(path: Path) -> tuple[Path, int] | None:
    files = series(path)
    return (files[-1], files[-1].stat().st_size) if files else None


def _make_folder(folder: Path) -> None:
    """Make the witness's own folder; not its parents: a medium that is not mounted must not be replaced by a folder."""
    if not folder.exists():
        folder.mkdir(mode=FOLDER_MODE)
    sync_folder(folder.parent)


def _month_in(file: Path, first: Path) -> str:
    return file.name.removeprefix(f"{first.stem}-").removesuffix(first.suffix)


def _read_line(line: bytes) -> _Line | None:
    _, brace, rest = line.partition(b"{")
    try:
        members = decode(brace + rest)
    except FormatError:
        return None
    note, time_ms = members.get("note"), members.get("time")
    return _Line(note=note, time_ms=time_ms) if isinstance(note, str) and isinstance(time_ms, int) else None
