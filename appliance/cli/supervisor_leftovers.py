"""Ends what a killed supervisor left behind, before the next one starts.

Most children die with their supervisor (`supervisor_launch`); the engine's own children may not.  Called only while
the home folder is claimed, so no living supervisor can own them.  A process counts as left over if it is
this user's, stands in a process group that the old state file names, works in a folder of ours or was started for
this home, and the machine has not been booted since: process numbers alone would hit strangers.
"""

import contextlib
import os
import signal
import time
from collections.abc import Collection, Iterator
from functools import partial
from pathlib import Path

import structlog

from appliance.cli import supervisor_state
from appliance.config import Config

GONE_WITHIN_S = 5.0
"""The kernel ends a killed process at once, unless it hangs in a driver."""

_GROUP_FIELD = 2
"""Place of the process group behind the name in /proc/PID/stat (proc_pid_stat(5))."""

_log = structlog.get_logger("supervisor")


def end_leftovers(config: Config, folders: Collection[Path]) -> int:
    """Kill what an earlier supervisor left running and return how many processes that were."""
    left = supervisor_state.read_left(config)
    if left is None or left.boot != supervisor_state.boot_id():
        return 0
    groups = {process.pid for process in left.processes.values() if process.pid}
    find = partial(_find, groups, folders=folders, home=config.home)
    found = list(find())
    for pid in found:
        _log.warning("leftover_ended", pid=pid)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    limit_s = time.monotonic() + GONE_WITHIN_S
    while list(find()) and time.monotonic() < limit_s:
        time.sleep(0.05)
    return len(found)


def _find(groups: set[int], *, folders: Collection[Path], home: Path) -> Iterator[int]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and _is_left(entry, groups) and _is_ours(entry, folders, home):
            yield int(entry.name)


def _is_left(process: Path, groups: set[int]) -> bool:
    with contextlib.suppress(OSError):
        # Not the folder's owner: a hardened process's entries belong to root.
        owner = next(line for line in (process / "status").read_text().splitlines() if line.startswith("Uid:"))
        fields = (process / "stat").read_text().rpartition(")")[2].split()
        return int(owner.split()[1]) == os.getuid() and int(fields[_GROUP_FIELD]) in groups
    return False


def _is_ours(process: Path, folders: Collection[Path], home: Path) -> bool:
    with contextlib.suppress(OSError):
        try:
            return (process / "cwd").readlink() in folders
        except PermissionError:  # `hardening` hides it from everybody but root; the command can be read
            return os.fsencode(home) in (process / "cmdline").read_bytes().split(b"\0")
    return False
