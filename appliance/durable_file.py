"""Files that are replaced whole or not at all, and are still there after a power cut.

A file's bytes reach the disk before its name does, and its name before `write_durably` returns (rename(2), fsync(2)): a
crash at any line leaves the old file or the new one, never a torn one, and at worst a ``.part`` file that nobody reads.
An error says that the new content may not last; the old or the new one stands in the file.  MUST NOT decide what a file
may hold or who may read it.
"""

import os
from pathlib import Path


def write_durably(path: Path, content: bytes, *, mode: int) -> None:
    """Replace a file: written beside, flushed to disk, renamed, and the folder flushed too.  Raises OSError."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    write_flushed(part, content, mode=mode)
    part.replace(path)
    flush_folder(path.parent)


def write_flushed(path: Path, content: bytes, *, mode: int) -> None:
    """Make a file and flush its bytes and its mode; its name may still be lost.  Nobody else reads it before."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        # Whatever the umask says, and before the flush: a receipt that nobody may read would close every route.
        os.fchmod(descriptor, mode)
        os.fsync(descriptor)


def make_folder(path: Path, *, mode: int) -> None:
    """Make a folder whose name outlasts a power cut, or take the one that is there; the mode is set in both cases."""
    if not path.is_dir():
        path.mkdir(mode=mode, parents=True, exist_ok=True)
        flush_folder(path.parent)
    path.chmod(mode)


def flush_folder(folder: Path) -> None:
    """Make the names in a folder durable.  Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
