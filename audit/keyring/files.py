"""Private files of canonical JSON: created whole and durable or not at all, for this user alone.

A key that a record depends on must survive the crash that follows, so a file is synced before it gets its name, and the
folder after.  What is found may not be durable yet, because whoever wrote it may have died before the folder was
synced: so a folder is synced before anything is built on what was found in it.  A crash between the two also leaves a
temporary file, whose name begins with a dot; it may hold a key, so whoever removes a key sweeps those too.  Reading
refuses anything that is not exactly what was written.
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

FOLDER_MODE = 0o700
"""As `FILE_MODE`, for folders."""

LOCK_NAME = "keys.lock"
"""Held in the custodian's folder while anything there changes."""

FORMAT = 1
"""Member ``format`` of every file here; another number refuses."""


def make_folder(folder: Path) -> Path:
    """Create a folder for this user alone, durable on return, and return it.  Raises StoreError if that cannot be."""
    try:
        if not folder.parent.exists():
            make_folder(folder.parent)
        folder.mkdir(mode=FOLDER_MODE, exist_ok=True)
        folder.chmod(FOLDER_MODE)
        # A synced file in a folder whose own name is lost with the power is lost too.
        sync_folder(folder.parent)
    except OSError as error:
        raise StoreError(f"{folder} cannot be made a private folder; check its owner and the free space") from error
    return folder


def write_once(path: Path, data: bytes) -> bool:
    """Create a file with these bytes, durable on return; False if it is already there, and then untouched."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        _write_synced(temporary, data)
        try:
            os.link(temporary, path)
        except FileExistsError:
            sync_folder(path.parent)
            return False
        finally:
            temporary.unlink()
        sync_folder(path.parent)
    except OSError as error:
        raise StoreError(f"{path} cannot be written; check the folder's owner and the free space") from error
    return True


def replace(path: Path, data: bytes) -> None:
    """Put these bytes in the place of a file, whole and durable on return: a crash leaves the old file or the new."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        _write_synced(temporary, data)
        try:
            temporary.replace(path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)
    except OSError as error:
        raise StoreError(f"{path} cannot be written; check the folder's owner and the free space") from error


@contextlib.contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Wait until nobody else changes this folder, and keep everybody else out meanwhile."""
    try:
        descriptor = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
    except OSError as error:
        raise StoreError(f"{folder} cannot be written; run this as the user who owns it") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        settle(folder)
        yield
    finally:
        os.close(descriptor)


def _write_synced(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        with contextlib.suppress(OSError):
            path.unlink()
        raise


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


def write_document(path: Path, members: Mapping[str, Value]) -> bool:
    """Create a file of canonical JSON with a final newline; False if it is already there."""
    return write_once(path, encode({"format": FORMAT, **members}) + b"\n")


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
