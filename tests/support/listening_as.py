"""A Unix socket on which, as far as the kernel tells, another user listens.

SO_PEERCRED of a listener is taken when it begins to listen (unix(7)), so a child that becomes that user and listens on
the socket that it inherits leaves a listener of that user.  Needs root.
"""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def listening_as(path: Path, user: int) -> Iterator[None]:
    """Listen at a path as a user until the end."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        child = os.fork()
        if not child:
            code = 1
            try:
                os.setresuid(user, user, user)
                listener.listen(8)
                code = 0
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        yield
