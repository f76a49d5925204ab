"""Files that are replaced whole or not at all, and are still there after a power cut.

A file's bytes reach the disk before its name does, and its name before `write_durably` returns (rename(2), fsync(2)): a
crash at any line leaves the old file or the new one, never a torn one, and at worst a ``.part`` file that nobody reads.
An error says that the new content may not last; the old or the new one stands in the file.

What root makes in somebody's folder belongs to that folder's owner and group: at a site root changes what the programs
read, and a program must not be locked out of its own folder by that.  MUST NOT decide what a file may hold.
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
        give_to_owner_of(path.parent, descriptor)
        # Whatever the umask says, and before the flush: a receipt that nobody may read would close every route.
        os.fchmod(descriptor, mode)
        os.fsync(descriptor)


def make_folder(path: Path, *, mode: int) -> None:
    """Make a folder whose name outlasts a power cut, or take the one that is there; the mode is set in both cases."""
    if not path.is_dir():
        make_named(path, mode=mode)
    path.chmod(mode)


def make_named(folder: Path, *, mode: int) -> None:
    """Make a folder and those above it, unless they are there; its name outlasts a power cut.  Raises OSError."""
    folder.mkdir(mode=mode, parents=True, exist_ok=True)
    if os.geteuid() == 0:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            give_to_owner_of(folder.parent, descriptor)
        finally:
            os.close(descriptor)
    flush_folder(folder.parent)


def give_to_owner_of(folder: Path, descriptor: int) -> None:
    """Give what root has just made in a folder to the folder's owner and group; for everybody else nothing changes."""
    if os.geteuid() != 0:
        return
    status = folder.stat()
    if (status.st_uid, status.st_gid) != (0, 0):
        os.fchown(descriptor, status.st_uid, status.st_gid)


def flush_folder(folder: Path) -> None:
    """Make the names in a folder durable.  Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
