"""Becomes a child of the supervisor: dies with it, leaves no core, then turns into the program itself.

Run by path with ``python -I -S``, so it imports the standard library only and costs milliseconds.  It exists because
these calls must happen in the child and Python's own hook for that (`preexec_fn`) can deadlock (subprocess
documentation).  A core file of any of these programs would hold patient data (promise 10).

::

    python -I -S supervisor_launch.py PARENT_PID DEATH_SIGNAL PROGRAM ARGUMENT...
"""

import ctypes
import os
import resource
import sys
from collections.abc import Sequence
from typing import NoReturn

PR_SET_PDEATHSIG = 1
"""prctl(2): which signal this process gets when its parent dies; kept over execve."""

CORE_LIMIT_BYTES = 1
"""Too small for a file, and the one value with which the kernel starts no piped core either (fs/coredump.c): 0 is
ignored where cores go to a program, as on Ubuntu.  The same as `audit.hardening`, which is not to be had here."""

EXIT_ORPHANED = 70
"""The supervisor died before the program began; nobody reads this, but it must not start."""

EXIT_NOT_FOUND = 127
"""As a shell says it: there is no such program."""


def main(arguments: Sequence[str]) -> NoReturn:
    """Tie this process to its parent and execute the program."""
    parent, death_signal, *command = arguments
    limit = CORE_LIMIT_BYTES if resource.getrlimit(resource.RLIMIT_CORE)[1] else 0
    resource.setrlimit(resource.RLIMIT_CORE, (limit, limit))
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(death_signal))
    if os.getppid() != int(parent):  # it died before prctl could tie us to it
        sys.exit(EXIT_ORPHANED)
    try:
        os.execv(command[0], command)  # noqa: S606  # no shell is the point
    except OSError as error:
        sys.stderr.write(f"{command[0]} cannot be executed: {os.strerror(error.errno or 0)}\n")
        sys.exit(EXIT_NOT_FOUND)


if __name__ == "__main__":
    main(sys.argv[1:])
