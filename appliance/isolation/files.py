"""Tries to write outside of a unit's own folders, and to read what other units keep secret.

A write is tried in every mount that is not read-only and in the folders of the host where a file would matter; what is
made is removed at once.  Files of the kernel are opened and never written.
"""

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from appliance.isolation.attempt import Attempt, Outcome, error_name
from appliance.isolation.expectations import Unit

FOLDERS = (
    "/", "/boot", "/etc", "/etc/appliance", "/etc/systemd/system", "/home", "/mnt", "/opt", "/opt/appliance", "/root",
    "/run", "/srv", "/sys/fs/cgroup", "/usr", "/usr/local/bin", "/var", "/var/cache", "/var/lib", "/var/log",
    "/var/spool/cron", "/media",
)  # fmt: skip
"""Where a file would change the host or wait for somebody."""

KERNEL_FILES = (
    "/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe", "/proc/sys/net/ipv4/ip_forward",
    "/proc/sysrq-trigger", "/sys/kernel/uevent_helper", "/dev/mem", "/dev/kmsg", "/proc/1/mem",
)  # fmt: skip
"""Opened for writing, never written."""

SECRETS = ("/etc/shadow", "/etc/appliance/tls", "/etc/appliance/credentials", "/root", "/proc/1/environ")
"""Opened for reading."""

TEMPORARY = ("/tmp", "/var/tmp", "/dev/shm", "/dev/mqueue")  # noqa: S108  # names to leave out, nothing is put there
"""The unit's own by PrivateTmp=, or memory that ends with it."""

_PRIVATE_FOLDERS = ("gateway", "broker", "custodian", "engine", "audit/keys", "witness")
"""Under HOME: each is one unit's."""

_OCTAL = re.compile(r"\\([0-7]{3})")
"""How mountinfo writes a blank in a path.  No codec of Python's: it would be imported late, as the unit's user."""

_DEVICE_TYPES = frozenset({"proc", "sysfs", "devpts", "cgroup2", "mqueue", "securityfs", "bpf", "tracefs", "debugfs"})
"""Mounts in which a file cannot be made; their files are tried by name."""


def try_files(unit: Unit, home: Path, *, proc: Path = Path("/proc/self")) -> tuple[Attempt, ...]:
    """Try to write and to read where the unit may not."""
    folders = {*(Path(each) for each in FOLDERS), home, *_folders_of(home), *_writable_mounts(proc)}
    return (
        *(_try_write(each) for each in sorted(folders) if not _is_own(each, unit) and _is_folder(each)),
        *(_try_open("write", each, os.O_WRONLY) for each in _existing(KERNEL_FILES)),
        *(_try_open("read", each, os.O_RDONLY) for each in sorted(_secrets(unit, home))),
    )


def _folders_of(home: Path) -> Iterator[Path]:
    try:
        yield from (each for each in home.iterdir() if each.is_dir())
    except OSError:
        return


def _writable_mounts(proc: Path) -> Iterator[Path]:
    """Give every mount point that is not read-only (proc(5), mountinfo: fields 5 and 6, type after the dash)."""
    for line in (proc / "mountinfo").read_text().splitlines():
        words = line.split()
        kind = words[words.index("-") + 1]
        if "ro" not in words[5].split(",") and kind not in _DEVICE_TYPES:
            yield Path(_OCTAL.sub(lambda found: chr(int(found[1], 8)), words[4]))


def _is_own(folder: Path, unit: Unit) -> bool:
    own = (*unit.state, *(Path(each) for each in TEMPORARY))
    return any(folder == each or each in folder.parents for each in own)


def _is_folder(path: Path) -> bool:
    """Say whether a folder can be seen there; one that is hidden cannot be written either."""
    return os.path.isdir(path)  # noqa: PTH112  # Path.is_dir raises where a folder above is shut


def _try_write(folder: Path) -> Attempt:
    name = folder / f".isolation-{os.getpid()}"
    try:
        descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as error:
        return _attempt("write", folder, Outcome.REFUSED, error_name(error.errno or 0))
    os.close(descriptor)
    name.unlink()
    return _attempt("write", folder, Outcome.REACHED, "a file could be made")


def _secrets(unit: Unit, home: Path) -> set[Path]:
    private = {home / each for each in _PRIVATE_FOLDERS}
    return {each for each in (*(Path(word) for word in SECRETS), *private) if not _is_own(each, unit)}


def _existing(names: Iterable[str]) -> Iterator[Path]:
    return (Path(name) for name in names if os.path.lexists(name))


def _try_open(group: str, path: Path, flags: int) -> Attempt:
    try:
        descriptor = os.open(path, flags | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError as error:
        return _attempt(group, path, Outcome.REFUSED, error_name(error.errno or 0))
    os.close(descriptor)
    return _attempt(group, path, Outcome.REACHED, "it could be opened")


def _attempt(group: str, path: Path, outcome: Outcome, evidence: str) -> Attempt:
    return Attempt(group=group, target=str(path), outcome=outcome, evidence=evidence)
