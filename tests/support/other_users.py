"""Acts as another user of the machine for a moment, so that a socket or a file is opened with that user's rights.

Only root can; `needs_root` skips elsewhere.  The kernel takes a connection's credentials when it is made, so it stays
the other user's after that.
"""

import os
import socket
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

needs_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can act as another user")


def connected_as(path: Path, user: int, *, groups: Sequence[int] = ()) -> socket.socket:
    """Return a connection to a Unix socket as another user.  Raises OSError where that user may not connect."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    if number := _as_user(user, groups, lambda: connection.connect(str(path))):
        connection.close()
        raise OSError(number, os.strerror(number))
    return connection


def can_open(path: Path, user: int, *, groups: Sequence[int] = (), flags: int = os.O_RDONLY) -> bool:
    """Say whether another user may open a file."""
    return _as_user(user, groups, lambda: os.close(os.open(path, flags))) == 0


def works_as(user: int, act: Callable[[], object], *, groups: Sequence[int] = ()) -> bool:
    """Say whether something comes through as another user."""
    return _as_user(user, groups, act) == 0


def _as_user(user: int, groups: Sequence[int], act: Callable[[], object]) -> int:
    """Do something as another user and return the error number; 0 for none.

    In a child, because other threads of this process MUST NOT be that user even for a moment.  What the child does to
    a descriptor that it inherits, as to connect it, holds for this process too.
    """
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    number = 255
    try:
        os.setgroups(list(groups))
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
        act()
        number = 0
    except OSError as error:
        number = error.errno or number
    finally:
        os._exit(number)


@contextmanager
def open_folder() -> Iterator[Path]:
    """Make a folder that every user can enter; pytest's own are for one user alone."""
    with tempfile.TemporaryDirectory(prefix="site-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
