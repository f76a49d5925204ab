"""Files that only this user may read, replaced whole or not at all.

A crash at any line leaves the old file or the new one, never a torn one, and at worst a ``.part`` file that nobody
reads (`durable_file`).  Nothing secret ever has another mode than 0600, not even briefly; at a site one group may read
what root alone writes (`GROUP_MODE`).
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from appliance.durable_file import flush_folder, give_to_owner_of, write_durably, write_flushed

PRIVATE_MODE = 0o600
"""Read and write for the owner alone."""

SHARED_MODE = 0o644
"""For what other users of the appliance read too, such as receipts: nothing secret."""


GROUP_MODE = 0o640
"""For what root writes and one program reads by its group, at a site."""


def write_private(path: Path, content: bytes) -> None:
    """Replace a file durably: written beside, flushed to disk, renamed, and the folder flushed too."""
    write_durably(path, content, mode=PRIVATE_MODE)


def write_shared(path: Path, content: bytes) -> None:
    """Replace a file durably as `write_private` does, for everybody to read; MUST NOT be given a secret."""
    write_durably(path, content, mode=SHARED_MODE)


def create_private(path: Path, content: bytes, *, mode: int = PRIVATE_MODE) -> bool:
    """Create a file durably unless it exists, and say whether this call made it; two racers agree on one content."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    write_flushed(part, content, mode=mode)
    try:
        os.link(part, path)
    except FileExistsError:
        return False
    finally:
        part.unlink()
    flush_folder(path.parent)
    return True


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on a file beside `path`, so that two processes never rewrite it at once."""
    # No link is followed: root locks in folders of other users, who could lead it to make a file anywhere.
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(path.with_name(f"{path.name}.lock"), flags, PRIVATE_MODE)
    try:
        give_to_owner_of(path.parent, descriptor)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)  # closing releases the lock
