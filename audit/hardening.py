"""Lets a process leave no copy of its memory: no core file, no crash report, no reading by a neighbour.

Every program that may hold a patient's text, of the trail and of the appliance, calls `harden` first of all (promise
10; HIPAA 45 CFR 164.312(a)(1)).  The limit alone is not enough and the flag alone is not inherited: where the kernel
pipes cores to a program, as Ubuntu's does to apport, a limit of 0 is ignored; and the flag is lost by each `execve`.
So both are set.
"""

import ctypes
import os
import resource

PR_SET_DUMPABLE = 4
"""prctl(2): 0 means no core of any sort, and that nobody but root may trace the process or read its memory."""

CORE_LIMIT_BYTES = 1
"""Too small for a file, and the one value with which the kernel starts no piped core either (fs/coredump.c)."""

PRIVATE_UMASK = 0o077
"""What the process makes is for its own user alone."""


def harden() -> None:
    """Close the process to others.  Raises OSError where the kernel refuses: then the process MUST NOT go on."""
    os.umask(PRIVATE_UMASK)
    forbid_cores()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def forbid_cores() -> None:
    """Lower the limit on cores for this process and for what it starts; one that is 0 already cannot be raised."""
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    limit = CORE_LIMIT_BYTES if hard else 0
    resource.setrlimit(resource.RLIMIT_CORE, (limit, limit))
