"""Private files of canonical JSON: created whole and durable or not at all, for this user alone.

A key that a record depends on must survive the crash that follows, so a file is synced before it gets its name, and the
folder after.  What is found may not be durable yet, because whoever wrote it may have died before the folder was
synced: so a folder is synced before anything is built on what was found in it.  A crash between the two also leaves a
temporary file, whose name begins with a dot; it may hold a key, so whoever removes a key sweeps those too.  Reading
refuses anything that is not exactly what was written.

At a site root runs the commands, and the folders belong to the programs: what root makes is given to the owner of its
folder, and root never follows a link that a program could have put in a folder's place.
"""

import contextlib
import fcntl
import os
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path

from audit.canonical import Value, decode, encode
from audit.errors import FormatError, StoreError

FILE_MODE = 0o600
"""The owner reads and writes; nobody else anything."""

PUBLIC_MODE = 0o640
"""For what is no secret: where a site's folder lets its group in, the group reads too; elsewhere nobody does."""

FOLDER_MODE = 0o700
"""As `FILE_MODE`, for folders."""

SHARED_FOLDER_MODE = 0o750
"""The most that a folder with public files keeps of the mode that a site gave it."""

ROOT = 0
"""The user who acts for others."""

LOCK_NAME = "keys.lock"
"""Held in the custodian's folder while anything there changes."""

FORMAT = 1
"""Member ``format`` of every file here; another number refuses."""


def make_folder(folder: Path, *, shared: bool = False) -> Path:
    """Create a folder for its user alone, durable on return, and return it.  Raises StoreError if that cannot be.

    One that is `shared` keeps the rights that a site gave its group.
    """
    try:
        if not folder.parent.exists():
            make_folder(folder.parent)
        folder.mkdir(mode=FOLDER_MODE, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY | _follow(folder) | os.O_CLOEXEC)
        try:
            give(descriptor, folder.parent)
            kept = os.fstat(descriptor).st_mode & SHARED_FOLDER_MODE if shared else 0
            os.fchmod(descriptor, FOLDER_MODE | kept)
        finally:
            os.close(descriptor)
        # A synced file in a folder whose own name is lost with the power is lost too.
        sync_folder(folder.parent)
    except OSError as error:
        raise StoreError(f"{folder} cannot be made a private folder; check its owner and the free space") from error
    return folder


def write_once(path: Path, data: bytes, *, mode: int = FILE_MODE) -> bool:
    """Create a file with these bytes, durable on return; False if it is already there, and then untouched."""
    with _temporary(path, data, mode=mode) as (folder, name):
        try:
            os.link(name, path.name, src_dir_fd=folder, dst_dir_fd=folder)
        except FileExistsError:
            return False
        finally:
            os.unlink(name, dir_fd=folder)
    return True


def replace(path: Path, data: bytes) -> None:
    """Put these bytes in the place of a file, whole and durable on return: a crash leaves the old file or the new."""
    with _temporary(path, data, mode=FILE_MODE) as (folder, name):
        try:
            os.rename(name, path.name, src_dir_fd=folder, dst_dir_fd=folder)
        except OSError:
            with contextlib.suppress(OSError):
                os.unlink(name, dir_fd=folder)
            raise


def give(descriptor: int, folder: Path | int) -> None:
    """Give what root has made to the owner of its folder (or descriptor of it), where that is somebody else."""
    owner = os.stat(folder)  # noqa: PTH116  # pathlib knows no descriptor
    if os.geteuid() == ROOT and os.fstat(descriptor).st_uid == ROOT and owner.st_uid != ROOT:
        os.fchown(descriptor, owner.st_uid, owner.st_gid)


@contextlib.contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Wait until nobody else changes this folder, and keep everybody else out meanwhile."""
    try:
        descriptor = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, FILE_MODE)
    except OSError as error:
        raise StoreError(f"{folder} cannot be written; run this as the user who owns it") from error
    try:
        give(descriptor, folder)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        settle(folder)
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _temporary(path: Path, data: bytes, *, mode: int) -> Iterator[tuple[int, str]]:
    """Give a folder's descriptor and the name in it of a file with these bytes, and sync the folder after."""
    name = f".{path.name}.{secrets.token_hex(8)}"
    try:
        folder = os.open(path.parent, os.O_PATH | _follow(path.parent) | os.O_CLOEXEC)
        try:
            _write_synced(name, data, folder=folder, mode=mode)
            yield folder, name
        finally:
            os.close(folder)
        sync_folder(path.parent)
    except OSError as error:
        raise StoreError(f"{path} cannot be written; check the folder's owner and the free space") from error


def _write_synced(name: str, data: bytes, *, folder: int, mode: int) -> None:
    descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE, dir_fd=folder)
    try:
        with os.fdopen(descriptor, "wb") as file:
            give(descriptor, folder)
            # Whatever the umask says; and to a group only what stands in a folder that the group may enter.
            os.fchmod(descriptor, mode & (FILE_MODE | os.fstat(folder).st_mode))
            file.write(data)
            file.flush()
            os.fsync(descriptor)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(name, dir_fd=folder)
        raise


def _follow(folder: Path) -> int:
    """Return the flag that keeps from following a link where somebody else could have put one."""
    return 0 if folder.parent.stat().st_uid in {ROOT, os.geteuid()} else os.O_NOFOLLOW


def sync_folder(folder: Path) -> None:
    """Make names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def settle(folder: Path) -> None:
    """Make durable whatever names are found in a folder, before something is built on them."""
    try:
        if folder.exists():
            sync_folder(folder)
    except OSError as error:
        raise StoreError(f"{folder} cannot be synced; check its owner and the disk") from error


def remove(path: Path) -> None:
    """Remove a file and what a crash left of it; the medium may keep bytes, which full-disk encryption answers."""
    try:
        for rest in path.parent.glob(f".{path.name}.*"):
            rest.unlink(missing_ok=True)
        path.unlink(missing_ok=True)
        sync_folder(path.parent)
    except OSError as error:
        raise StoreError(f"{path} cannot be removed; check the folder's owner") from error


def write_document(path: Path, members: Mapping[str, Value], *, mode: int = FILE_MODE) -> bool:
    """Create a file of canonical JSON with a final newline; False if it is already there."""
    return write_once(path, encode({"format": FORMAT, **members}) + b"\n", mode=mode)


def replace_document(path: Path, members: Mapping[str, Value]) -> None:
    """Put a file of canonical JSON in the place of another, as `replace` does."""
    replace(path, encode({"format": FORMAT, **members}) + b"\n")


def read_document(path: Path) -> dict[str, Value]:
    """Read a file of `write_document`.  Raises StoreError if it is missing, FormatError if it is damaged."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise StoreError(f"{path} cannot be read; run 'appliance up' once, or restore it from the backup") from error
    if not data.endswith(b"\n"):
        raise FormatError(f"{path} is cut short; restore it from the backup")
    try:
        members = decode(data[:-1])
    except FormatError as error:
        raise FormatError(f"{path} is damaged; restore it from the backup") from error
    if members.get("format") != FORMAT:
        raise FormatError(f"{path} is of another format; use the release that wrote it")
    return members


def member_text(members: Mapping[str, Value], name: str, path: Path) -> str:
    """Return a member that must be text."""
    value = members.get(name)
    if not isinstance(value, str):
        raise FormatError(f"{path}: the member {name} is missing; restore the file from the backup")
    return value


def member_bytes(members: Mapping[str, Value], name: str, path: Path, *, length: int | None = None) -> bytes:
    """Return a member that must be hex digits, of a given number of bytes."""
    try:
        value = bytes.fromhex(member_text(members, name, path))
    except ValueError as error:
        raise FormatError(f"{path}: the member {name} is not hex; restore the file from the backup") from error
    if length is not None and len(value) != length:
        raise FormatError(f"{path}: the member {name} is not {length} bytes; restore the file from the backup")
    return value


def member_number(members: Mapping[str, Value], name: str, path: Path) -> int:
    """Return a member that must be a whole number above 0."""
    value = members.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise FormatError(f"{path}: the member {name} is not a number; restore the file from the backup")
    return value
