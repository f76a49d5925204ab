"""Private files of canonical JSON: created whole and durable or not at all, for this user alone.

A key that a record depends on must survive the crash that follows, so a file is synced before it gets its name,
and the folder after.  Reading refuses anything that is not exactly what was written.
"""

import contextlib
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from audit.canonical import Value, decode, encode
from audit.errors import FormatError, StoreError

FILE_MODE = 0o600
"""The owner reads and writes; nobody else anything."""

FOLDER_MODE = 0o700
"""As `FILE_MODE`, for folders."""

FORMAT = 1
"""Member ``format`` of every file here; another number refuses."""


def make_folder(folder: Path) -> Path:
    """Create a folder for this user alone and return it.  Raises StoreError if that cannot be."""
    try:
        folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        folder.chmod(FOLDER_MODE)
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
            return False
        finally:
            temporary.unlink()
        sync_folder(path.parent)
    except OSError as error:
        raise StoreError(f"{path} cannot be written; check the folder's owner and the free space") from error
    return True


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


def remove(path: Path) -> None:
    """Remove a file's name for good; the medium may keep its bytes, which full-disk encryption answers."""
    try:
        path.unlink(missing_ok=True)
        sync_folder(path.parent)
    except OSError as error:
        raise StoreError(f"{path} cannot be removed; check the folder's owner") from error


def write_document(path: Path, members: Mapping[str, Value]) -> bool:
    """Create a file of canonical JSON with a final newline; False if it is already there."""
    return write_once(path, encode({"format": FORMAT, **members}) + b"\n")


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
