"""Tries the system calls that lead out of a sandbox: each in a child of its own, so that none can change the unit.

Arguments are chosen so that a call that is let through does nothing that lasts.  Refused means that the sandbox said
so: EPERM, EACCES, ENOSYS, or the filter's signal.  Any other answer, an error too, means that the kernel looked at the
arguments, and so that the call was let in: EFAULT is a hole.  MUST NOT be called with threads running: it forks.
"""

import ctypes
import errno
import os
import platform
import signal
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from appliance.isolation.attempt import Attempt, Outcome, error_name

GROUP = "system call"

_X86, _ARM = "x86_64", "aarch64"

_REFUSALS = frozenset({errno.EPERM, errno.EACCES, errno.ENOSYS})

_LET_IN = 200
"""Exit code of a child whose call succeeded; errno values are below it (asm-generic/errno.h ends at 133)."""

CLONE_NEWNET, CLONE_NEWUSER, CLONE_NEWNS = 0x40000000, 0x10000000, 0x00020000
"""linux/sched.h."""

_RING_PARAMETERS_BYTES = 120
"""`sizeof(struct io_uring_params)` (linux/io_uring.h)."""

_BAD_FD = -1


INIT = 1
"""systemd: root's, and there in every namespace that a unit has."""


class _Piece(ctypes.Structure):
    """`struct iovec` (uio.h)."""

    _fields_ = (("base", ctypes.c_void_p), ("size", ctypes.c_size_t))


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One system call to try."""

    name: str
    numbers: Mapping[str, int]
    """Its number on each machine type (asm/unistd_64.h, asm-generic/unistd.h)."""

    arguments: Callable[[], tuple[object, ...]]
    """Makes the arguments; in the child, so that nothing is shared."""


def _call(name: str, x86: int, arm: int, arguments: Callable[[], tuple[object, ...]]) -> Call:
    return Call(name=name, numbers=MappingProxyType({_X86: x86, _ARM: arm}), arguments=arguments)


def _memory_of(process: int) -> tuple[object, ...]:
    """Ask for one byte of a process: the kernel looks at the right to it before it looks at the address."""
    here = _Piece(ctypes.cast(ctypes.create_string_buffer(1), ctypes.c_void_p), 1)
    return process, ctypes.byref(here), 1, ctypes.byref(_Piece(None, 1)), 1, 0


def _ring() -> tuple[object, ...]:
    return 4, ctypes.create_string_buffer(_RING_PARAMETERS_BYTES)


CALLS = (
    _call("io_uring_setup", 425, 425, _ring),
    _call("io_uring_enter", 426, 426, lambda: (_BAD_FD, 0, 0, 0, None, 0)),
    _call("io_uring_register", 427, 427, lambda: (_BAD_FD, 0, None, 0)),
    _call("ptrace", 101, 117, lambda: (0, 0, None, None)),  # PTRACE_TRACEME: the child offers itself
    _call("process_vm_readv", 310, 270, lambda: _memory_of(INIT)),
    _call("process_vm_writev", 311, 271, lambda: _memory_of(INIT)),
    _call("init_module", 175, 105, lambda: (None, 0, b"")),
    _call("finit_module", 313, 273, lambda: (_BAD_FD, b"", 0)),
    _call("delete_module", 176, 106, lambda: (b"appliance_no_such_module", 0)),
    _call("kexec_load", 246, 104, lambda: (0, 0, None, 0)),
    _call("bpf", 321, 280, lambda: (0, None, 0)),
    _call("perf_event_open", 298, 241, lambda: (None, 0, -1, -1, 0)),
    _call("userfaultfd", 323, 282, lambda: (0,)),
    _call("mount", 165, 40, lambda: (None, b"/proc/self/no-such-place", None, 0, None)),
    _call("unshare network", 272, 97, lambda: (CLONE_NEWNET,)),
    _call("unshare user", 272, 97, lambda: (CLONE_NEWUSER,)),
    _call("unshare mounts", 272, 97, lambda: (CLONE_NEWNS,)),
    _call("setns", 308, 268, lambda: (os.open("/proc/self/ns/net", os.O_RDONLY), CLONE_NEWNET)),
    _call("open_by_handle_at", 304, 265, lambda: (_BAD_FD, None, 0)),
    _call("swapon", 167, 224, lambda: (None, 0)),
)
"""What the issue names (io_uring, ptrace, modules) and the other known ways out of a namespace or a filter."""


def try_calls(calls: Iterable[Call] = CALLS) -> tuple[Attempt, ...]:
    """Try every call."""
    library = ctypes.CDLL(None, use_errno=True)
    return tuple(_try(call, library) for call in calls)


def _try(call: Call, library: ctypes.CDLL) -> Attempt:
    number = call.numbers.get(platform.machine())
    if number is None:
        return _attempt(call, Outcome.UNPROVEN, f"no number known for {platform.machine()}")
    child = os.fork()
    if child == 0:
        _in_child(call, number, library)
    _, status = os.waitpid(child, 0)
    return _attempt(call, *read_status(status))


def _in_child(call: Call, number: int, library: ctypes.CDLL) -> None:
    """Make the call and leave with what it said; MUST NOT return."""
    code = _LET_IN
    try:
        result = library.syscall(ctypes.c_long(number), *(_word(each) for each in call.arguments()))
        code = ctypes.get_errno() if result == -1 else _LET_IN
    finally:
        os._exit(code)


def _word(argument: object) -> object:
    """Widen a number: variadic C takes it as it is told, and the kernel reads 64 bits."""
    return ctypes.c_long(argument) if isinstance(argument, int) else argument


def read_status(status: int) -> tuple[Outcome, str]:
    """Judge how a child ended (wait(2)'s status)."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        name = signal.Signals(number).name
        return (Outcome.REFUSED if number == signal.SIGSYS else Outcome.UNPROVEN), f"ended by {name}"
    code = os.waitstatus_to_exitcode(status)
    if code == _LET_IN:
        return Outcome.REACHED, "it was let in and succeeded"
    if code in _REFUSALS:
        return Outcome.REFUSED, error_name(code)
    return Outcome.REACHED, f"it was let in: {error_name(code)}"


def _attempt(call: Call, outcome: Outcome, evidence: str) -> Attempt:
    return Attempt(group=GROUP, target=call.name, outcome=outcome, evidence=evidence)
