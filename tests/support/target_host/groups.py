"""The control group of each host, and the clearing of those that dead runs left.

A group's name says which process made it and when that process began, so that a group of a dead run is known by its
name alone; a group in which anything lives cannot be removed at all.
"""

import contextlib
import os
import time
from pathlib import Path

_PREFIX = "appliance-test"
_WITHIN_S = 20.0


def group_name(number: str) -> str:
    """Return the name of this process's group for the host of this number."""
    return f"{_PREFIX}-{os.getpid()}-{_began('self')}-{number}"


def clear_group(holder: int, name: str) -> None:
    """Remove a group of a world, which takes until the last process in it has been reaped."""
    group = _groups(holder) / name
    limit_s = time.monotonic() + _WITHIN_S
    while group.exists() and time.monotonic() < limit_s:
        _remove(group)
        time.sleep(0.02)


def clear_dead_groups(holder: int) -> None:
    """Remove the groups whose makers are gone."""
    for group in _groups(holder).glob(f"{_PREFIX}-*"):
        pid, began = group.name.removeprefix(f"{_PREFIX}-").split("-")[:2]
        if _began(pid) != began:
            _remove(group)


def _groups(holder: int) -> Path:
    return Path(f"/proc/{holder}/root/sys/fs/cgroup")


def _remove(group: Path) -> None:
    for folder, _, _ in os.walk(group, topdown=False):
        with contextlib.suppress(OSError):
            Path(folder).rmdir()


def _began(pid: str) -> str:
    """Return when a process began, by the kernel's count (proc_pid_stat(5), field 22); empty if there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[19]
    except (OSError, IndexError):
        return ""
