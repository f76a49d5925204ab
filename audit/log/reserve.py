"""The disk's reserve: a disk that runs full is noticed while what is in flight still fits (FORMAT.md "Disk reserve").

Below the reserve no exchange may begin: a call that holds an intent is refused before it is sealed.  Everything else
goes on, because it ends what has begun or records what was looked at or changed: decisions, disclosures, releases,
outcomes, operations, accesses.  So no answer is lost half way, and the officer who frees space is recorded too.

`refusal` is pure.  `Reserve` reads the free space and MUST NOT be asked for more than a call's kinds.  It reserves by
looking, not by holding: another program may still eat the rest, so a site gives the trail a file system of its own.
Nothing is remembered but the last look, so it recovers by itself when space is freed.
"""

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from audit.errors import DiskReservedError
from audit.record import Kind
from audit.store.address import Address

MIB = 1024 * 1024
"""Bytes of a mebibyte."""

BEGINNINGS = frozenset({Kind.INTENT})
"""Kinds that promise more records to come; nothing else is refused."""


def refusal(*, free_bytes: int | None, waiting_bytes: int, reserve_bytes: int) -> str:
    """Return why no exchange may begin; empty if one may.

    What waits for its commit counts as written, so that a burst cannot pass between two looks.  Space that cannot be
    read counts as none (fail closed): a folder without a readable file system is no place to begin a record.
    """
    if not reserve_bytes:
        return ""
    if free_bytes is None:
        return "the free space of the trail's disk cannot be read; mount it or check the folder's owner"
    if free_bytes - waiting_bytes >= reserve_bytes:
        return ""
    left, kept = max(0, free_bytes - waiting_bytes) // MIB, reserve_bytes // MIB
    return (
        f"the trail's disk has {left} MiB left and keeps {kept} MiB for what is in flight; free space, and new requests"
        " are taken again by themselves"
    )


def read_free_bytes(folder: Path) -> int | None:
    """Return what this user may still write to a folder's file system; None if that cannot be read."""
    try:
        space = os.statvfs(folder)
    except OSError:
        return None
    return space.f_bavail * space.f_frsize


def watched_folder(address: Address) -> Path | None:
    """Return the folder whose disk fills up with records; None if the database server has it on a disk of its own."""
    return address.path.parent if address.is_sqlite else None


class Reserve:
    """The last look at the disk.  The writer thread looks; any thread may ask, because a look is one assignment."""

    def __init__(
        self, folder: Path | None, *, reserve_mib: int, read: Callable[[Path], int | None] = read_free_bytes
    ) -> None:
        """Take the folder to watch (None watches nothing) and the reserve of the settings (0 reserves nothing)."""
        self._folder = folder
        self._reserve_bytes = reserve_mib * MIB if folder is not None else 0
        self._read = read
        self._free_bytes: int | None = None
        self.look()

    @property
    def free_mib(self) -> int | None:
        """Space at the last look, for the health; None if nothing is watched or it could not be read."""
        return None if self._free_bytes is None else self._free_bytes // MIB

    def look(self) -> None:
        """Read the free space: once a batch and once a tick, microseconds each."""
        if self._folder is not None:
            self._free_bytes = self._read(self._folder)

    def reason(self, *, waiting_bytes: int = 0) -> str:
        """Return why no exchange may begin now, for the health; empty if one may."""
        return refusal(free_bytes=self._free_bytes, waiting_bytes=waiting_bytes, reserve_bytes=self._reserve_bytes)

    def check(self, kinds: Iterable[Kind], *, waiting_bytes: int) -> None:
        """Raise DiskReservedError if a call of these kinds begins an exchange and the disk is down to its reserve."""
        if not BEGINNINGS.isdisjoint(kinds) and (reason := self.reason(waiting_bytes=waiting_bytes)):
            raise DiskReservedError(reason)
