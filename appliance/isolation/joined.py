"""Runs tries in a child that has become a unit: its cgroup, its namespaces, its user, no capability, no new privileges.

The order is the one in which each step is still allowed: first the cgroup and the namespaces that root may enter, then
the groups (a user namespace forbids to set them later), then the user namespace, then the user, which ends all rights.
A child that cannot become the unit says so and tries nothing: tries with more rights than the unit's prove nothing.
MUST NOT be used with threads running: it forks, and setns(2) refuses a process that has them.
"""

import ctypes
import json
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from appliance.isolation.attempt import Attempt, Outcome, error_name
from appliance.isolation.expectations import Unit

Work = Callable[[], Sequence[Attempt]]
"""What the child tries."""

NAMESPACES = ("cgroup", "ipc", "uts", "net", "mnt")
"""Joined while root; ``user`` comes later."""

PR_CAPBSET_READ, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 23, 24, 38
"""linux/prctl.h."""

_READ_BYTES = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where and as whom a child tries."""

    unit: Unit
    cgroup: Path | None = None
    """The cgroup to stand in; None to stay in that of `verify`."""

    pid: int = 0
    """Whose namespaces to enter; 0 to stay in those of `verify`."""


class Started:
    """One child at work."""

    def __init__(self, label: str, pid: int, results: int) -> None:
        """Hold the child and the pipe on which it tells."""
        self._label = label
        self._pid = pid
        self._results = results

    def finish(self) -> tuple[Attempt, ...]:
        """Wait for the child and return what it found; a child that died is a finding."""
        with os.fdopen(self._results, "rb") as pipe:
            told = pipe.read()
        os.waitpid(self._pid, 0)
        try:
            return tuple(Attempt.from_json(each) for each in json.loads(told))
        except (ValueError, KeyError, TypeError):
            return (_lost(self._label, "the probe ended without an answer"),)


def start(label: str, prepare: Callable[[], None], work: Work) -> Started:
    """Begin the tries in a child that prepares itself first; several may run side by side."""
    sys.stdout.flush()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _in_child(label, prepare, work, writing=writing)
    os.close(writing)
    return Started(label, child, reading)


def finish_all(begun: Iterable[Started]) -> tuple[Attempt, ...]:
    """Wait for several."""
    return tuple(attempt for each in begun for attempt in each.finish())


def _in_child(label: str, prepare: Callable[[], None], work: Work, *, writing: int) -> None:
    """Prepare, try, tell, and leave; MUST NOT return."""
    try:
        found = _try(label, prepare, work)
        with suppress(OSError):
            _tell(writing, json.dumps([attempt.to_json() for attempt in found]).encode())
    finally:
        os._exit(0)


def _try(label: str, prepare: Callable[[], None], work: Work) -> Sequence[Attempt]:
    try:
        prepare()
        return work()
    except OSError as error:
        return [_lost(label, f"the probe could not go on: {error_name(error.errno or 0)}")]


def _tell(writing: int, text: bytes) -> None:
    left = memoryview(text)
    while left:
        left = left[os.write(writing, left[:_READ_BYTES]) :]


def become(place: Place) -> None:
    """Make this process one of the unit's.  Raises OSError if a step is refused."""
    unit = place.unit
    spaces = _spaces(place.pid) if place.pid else {}
    if place.cgroup is not None:
        (place.cgroup / "cgroup.procs").write_text(str(os.getpid()))
    for name in NAMESPACES:
        if name in spaces:
            call("setns", spaces[name], 0)
    os.setgroups(sorted(unit.groups))
    os.setresgid(unit.uid, unit.uid, unit.uid)
    if "user" in spaces:
        call("setns", spaces["user"], 0)
    _drop_bounding_set()
    os.setresuid(unit.uid, unit.uid, unit.uid)
    call("prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    for descriptor in spaces.values():
        os.close(descriptor)


def _spaces(pid: int) -> dict[str, int]:
    """Open a process's namespaces, but those in which this one stands already: setns(2) refuses the own user's."""
    folder = Path("/proc") / str(pid) / "ns"
    own = Path("/proc/self/ns")
    names = [name for name in (*NAMESPACES, "user") if (folder / name).readlink() != (own / name).readlink()]
    return {name: os.open(folder / name, os.O_RDONLY | os.O_CLOEXEC) for name in names}


def _drop_bounding_set() -> None:
    """Drop every capability that this kernel knows."""
    library = ctypes.CDLL(None, use_errno=True)
    number = 0
    while library.prctl(PR_CAPBSET_READ, number, 0, 0, 0) >= 0:
        call("prctl", PR_CAPBSET_DROP, number, 0, 0, 0)
        number += 1


def call(name: str, *arguments: int) -> None:
    """Call a function of the C library that Python has not.  Raises OSError."""
    library = ctypes.CDLL(None, use_errno=True)
    if getattr(library, name)(*(ctypes.c_long(each) for each in arguments)) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _lost(unit: str, evidence: str) -> Attempt:
    return Attempt(group="probe", target=unit, outcome=Outcome.UNPROVEN, evidence=evidence)
