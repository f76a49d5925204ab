"""The witness: signed checkpoints in an append-only file, better on other media than the database.

It is what finds a restored old copy or a cut tail, so the recorder compares it with the database at every start.
It is not trusted alone.  A crash may tear its last line: that line is ended, ignored, and covered by the next.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from audit.canonical import decode, encode
from audit.errors import FormatError, StoreError

FILE_MODE = 0o600
"""The owner reads and writes; nobody else anything."""

TAIL_BYTES = 256 * 1024
"""Enough for the last few lines: one is about 5 KB."""


class Witness:
    """Append to one witness file.  Owned by the recorder's writer thread."""

    def __init__(self, path: Path) -> None:
        """Take the path; the file is made with the first checkpoint."""
        self.path = path

    def append(self, note: str, *, time_ms: int) -> None:
        """Add a checkpoint, durable on return.  Raises StoreError if that cannot be."""
        line = encode({"v": 1, "time": time_ms, "note": note}) + b"\n"
        try:
            descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
            try:
                self._write(descriptor, line)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise StoreError(
                f"the witness {self.path} cannot be written; free space or check its owner: checkpoints stay here only"
            ) from error

    def last(self) -> str | None:
        """Return the last whole checkpoint note; None if there is none.  Raises StoreError if it cannot be read."""
        try:
            with self.path.open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(0, size - TAIL_BYTES))
                tail = file.read()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreError(f"the witness {self.path} cannot be read; check its owner or mount its medium") from error
        notes = (_read_line(line) for line in reversed(tail.split(b"\n")[:-1]))
        return next((note for note in notes if note is not None), None)

    def _write(self, descriptor: int, line: bytes) -> None:
        end = os.lseek(descriptor, 0, os.SEEK_END)
        torn = end > 0 and os.pread(descriptor, 1, end - 1) != b"\n"
        data = b"\n" + line if torn else line
        while data:
            data = data[os.write(descriptor, data) :]
        os.fsync(descriptor)


def read_witness(path: Path) -> Iterator[str | None]:
    """Yield each line's note in order, and None for a line that a crash has torn.  Raises StoreError if unreadable."""
    try:
        with path.open("rb") as file:
            for line in file:
                yield _read_line(line.rstrip(b"\n")) if line.endswith(b"\n") else None
    except OSError as error:
        raise StoreError(f"the witness {path} cannot be read; check its owner or mount its medium") from error


def _read_line(line: bytes) -> str | None:
    try:
        note = decode(line).get("note")
    except FormatError:
        return None
    return note if isinstance(note, str) else None
