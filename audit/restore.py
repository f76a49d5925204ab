"""Go on from a backup as a new epoch: a tree of its own that names the old head and who approved (FORMAT.md section 3).

Example: the disk dies on Tuesday, and Monday's backup is put back.  The witness has seen 1,000 records more than the
backup holds, so the recorder is quarantined.  A restore keeps the backup in ``HOME/archive/``, where it is read and
verified as before, and begins a new tree; its first leaf says what the old head was, how many records of it are held,
and under which approval.  The old origin is never resumed: nobody can then pass off a shorter past as the whole one.

Each step is durable before the next and is skipped when it was done, so a restore that was interrupted goes on where it
stopped.  Until it is finished nothing else may use the home (`places.find_places` refuses).
"""

import os
import re
import shutil
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from audit.canonical import Value
from audit.checkpoint import Checkpoint, read_checkpoint
from audit.errors import FormatError, StoreError, VerificationError
from audit.keyring import Trail, initialise
from audit.keyring.files import (
    PUBLIC_MODE,
    ROOT,
    SHARED_FOLDER_MODE,
    make_folder,
    member_text,
    read_document,
    remove,
    sync_folder,
    write_document,
    write_once,
)
from audit.keyring.trail import EPOCH_FILE
from audit.places import RESTORE_FILE, Places
from audit.rows import Rows
from audit.settings import FILE_NAME as SETTINGS_FILE
from audit.store.address import Address, read_address
from audit.store.lock import lock

KEPT = ("officers*", "approvals")
"""What the new custodian's folder takes over: officers and their approvals outlive an epoch."""

_EPOCH = re.compile(r"(.*)/e([1-9][0-9]{0,3})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The newest head of the old tree that anybody signed, and what is left of it."""

    origin: str
    size: int
    root: bytes
    held: int
    """Records that the restored database holds."""

    def facts(self) -> dict[str, Value]:
        """Return what the first leaf of the new tree says."""
        return {
            "old_origin": self.origin,
            "old_size": self.size,
            "old_root": self.root.hex(),
            "old_held": self.held,
        }


def newest_head(trail: Trail, *, old: Address, notes: Sequence[str]) -> Head:
    """Return the newest head that the restored database or anybody outside has of a trail.

    Raises StoreError if there is none, or if a note from outside is of another log.
    """
    with Rows.open(old) as rows:
        held = rows.size()
        stored = [note for _, note in rows.checkpoints() if isinstance(note, str)]
    keys = trail.verifier_keys()
    heads: list[Checkpoint] = []
    for note in (*stored[-1:], *notes):
        try:
            heads.append(read_checkpoint(note, keys))
        except (VerificationError, FormatError) as error:
            raise StoreError("a checkpoint is not of this trail's keys; leave it out, or mend verifier.keys") from error
    if not heads:
        raise StoreError("nothing says what the old head was; give a checkpoint that was kept elsewhere")
    newest = max(heads, key=lambda head: head.size)
    return Head(origin=trail.origin(), size=newest.size, root=newest.root, held=held)


def next_origin(origin: str) -> str:
    """Return the name of the epoch after: ``hospital.example/a1`` becomes ``hospital.example/a1/e2``, and so on."""
    match = _EPOCH.fullmatch(origin)
    return f"{match.group(1)}/e{int(match.group(2)) + 1}" if match else f"{origin}/e2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Epoch:
    """The tree that is to begin."""

    origin: str
    head: Head
    """What it goes on from."""

    approval: Mapping[str, Value]
    """Facts of the approval that was checked and spent."""

    old: Address | None = None
    """The restored database, where it is no file of the trail's folder."""


def restore(places: Places, epoch: Epoch, *, passphrase: bytes, now: datetime) -> Path:
    """Put the restored trail aside, begin a new one, and return where the old one is kept.

    The caller MUST have checked and spent the approval.  Raises StoreError if a recorder runs, or if a folder is in
    the way.
    """
    home = places.trail.folder.parent
    with _alone(places.trail):
        # 1. The new trail's keys, in folders beside the old ones: a crash here leaves them, and they are made anew.
        _clear(home)
        _begin(home, places.custodian, origin=epoch.origin, passphrase=passphrase, now=now)
        facts: dict[str, Value] = {**epoch.head.facts(), **epoch.approval}
        write_document(_coming(home, "audit") / EPOCH_FILE, {"facts": facts}, mode=PUBLIC_MODE)
        _hand_over(home)
        # 2. What remains to be done, durable: from here on the restore is finished and never undone.
        name = f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{epoch.head.origin.replace('/', '_')}"
        old = {"old": epoch.old.url.render_as_string()} if epoch.old else {}
        write_document(home / RESTORE_FILE, {"archive": name, **old})
    return finish(home)


def finish(home: Path) -> Path:
    """Do what a restore has left to do, and return where the old trail is kept.  Raises StoreError if there is none."""
    journal = home / RESTORE_FILE
    if not journal.exists():
        raise StoreError("no restore was begun here")
    members = read_document(journal)
    archive = make_folder(make_folder(home / "archive") / member_text(members, "archive", journal))
    try:
        # 3. Old folders aside, new ones in their place; each move is one rename, and skipped when it was done.
        for part in ("audit", "custodian"):
            if _coming(home, part).exists():
                if (home / part).exists():
                    (home / part).rename(archive / part)
                _coming(home, part).rename(home / part)
        sync_folder(archive)
        sync_folder(home)
    except OSError as error:
        raise StoreError(f"{home} cannot be rearranged; check its owner, and run 'audit restore' again") from error
    # 4. The archive is a home of its own: `--home` reads and verifies it.
    if isinstance(old := members.get("old"), str):
        address = read_address(old)
        write_once(archive / SETTINGS_FILE, f"database: {address.url.render_as_string()}\n".encode())
    # 5. Done: others may use the home again.
    remove(journal)
    return archive


def _begin(home: Path, custodian: Path, *, origin: str, passphrase: bytes, now: datetime) -> None:
    """Make the new trail and its custodian's folder, which keeps officers, approvals and the passphrase."""
    coming = make_folder(_coming(home, "custodian"))
    for source in (found for pattern in KEPT for found in custodian.glob(pattern)):
        if source.is_dir():
            shutil.copytree(source, coming / source.name)
        else:
            shutil.copy2(source, coming / source.name)
    write_once(coming / "passphrase", passphrase + b"\n")
    trail = make_folder(_coming(home, "audit"))
    if (home / "audit").exists():
        trail.chmod(stat.S_IMODE((home / "audit").stat().st_mode) & SHARED_FOLDER_MODE)  # who may read its public files
    initialise(trail, coming, origin=origin, now=now)
    if not (custodian / "passphrase").exists():
        remove(coming / "passphrase")  # it was kept off this machine, and stays off it


def _hand_over(home: Path) -> None:
    """Give the new parts, where root made them, to the users of the old ones, with their folders' rights."""
    for part in ("audit", "custodian"):
        if os.geteuid() != ROOT or not (home / part).exists():
            continue
        old, coming = (home / part).stat(), _coming(home, part)
        for path in (coming, *coming.rglob("*")):
            os.chown(path, old.st_uid, old.st_gid, follow_symlinks=False)
        coming.chmod(stat.S_IMODE(old.st_mode) & SHARED_FOLDER_MODE)


def _clear(home: Path) -> None:
    for part in ("audit", "custodian"):
        shutil.rmtree(_coming(home, part), ignore_errors=True)


def _coming(home: Path, part: str) -> Path:
    """Return the folder in which the new part waits for its place."""
    return home / f"{part}.coming"


@contextmanager
def _alone(trail: Trail) -> Iterator[None]:
    """Keep recorders out.  Raises StoreError if one runs."""
    try:
        descriptor = lock(make_folder(trail.folder, shared=True))
    except StoreError as error:
        raise StoreError(f"{error}: stop the appliance first") from error
    try:
        yield
    finally:
        os.close(descriptor)
