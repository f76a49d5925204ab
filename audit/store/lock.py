"""One writer at a time in a trail's folder: a lock on ``recorder.lock`` that the kernel ends with its process.

It keeps a second recorder out, and an upgrade while a recorder runs.  A database on a server has a lock of its own
beside it (`database`), because two appliances may be set to the same server by mistake.
"""

import fcntl
import os
from pathlib import Path

from audit.errors import StoreError
from audit.keyring.files import FILE_MODE, give

FILE_NAME = "recorder.lock"
"""Name of the file in the trail's folder; it stays there, empty."""


def lock(folder: Path) -> int:
    """Return a locked file that keeps others out until it is closed.  Raises StoreError if one is in."""
    path = folder / FILE_NAME
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, FILE_MODE)
        give(descriptor, folder)
    except OSError as error:
        raise StoreError(f"{path} cannot be opened; check the folder's owner") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise StoreError(f"another recorder already writes this trail ({path} is locked); stop it first") from error
    return descriptor
