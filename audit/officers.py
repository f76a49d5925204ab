"""The officers who may read the trail through the console, and the keys that prove who they are.

``HOME/custodian/officers.json`` keeps HMAC-SHA256 values of the keys under a pepper that stands in a file of its own,
never the keys; a key is shown once, when it is made.  A wrong, an unknown and a revoked key are told apart nowhere, and
comparing takes the same time for each (CWE-208).  The recorder and the gateway MUST NOT be able to read this folder.
"""

import fcntl
import hmac
import json
import os
import re
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from audit.errors import OfficerError

FILE_NAME = "officers.json"
"""Registry in the custodian's folder."""

PEPPER_NAME = "officers.pepper"
"""Secret of the HMAC, apart from the registry so that a copy of one is of no use."""

LOCK_NAME = "officers.lock"
"""Held while the registry is changed."""

PEPPER_BYTES = 32
KEY_BYTES = 32
"""256 random bits: no slow hash is needed for a key that nobody chose."""

ID_BYTES = 4
"""Public part of a key; finds the entry without trying each."""

MAX_FILE_BYTES = 1024 * 1024
"""A registry above it is not ours."""

_KEY = re.compile(r"ofk_([0-9a-f]{8})_[A-Za-z0-9_-]{43}", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}", re.ASCII)
_NOBODY = "0" * 64
"""Compared against when no entry has the id, so that the time does not tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Officer:
    """One officer's entry."""

    name: str
    """Written as the user of every read into the trail."""

    key_id: str
    """Eight hex digits, the public part of the key."""

    key_hmac: str
    """HMAC-SHA256 of the whole key under the pepper, hex."""

    created: str
    """UTC, ISO 8601."""

    revoked: str = ""
    """UTC, ISO 8601; empty while the key is good."""


class Officers:
    """The registry in one custodian folder; every call reads the file, so that a revocation holds at once."""

    def __init__(self, folder: Path) -> None:
        """Take the custodian's folder; nothing is read or made yet."""
        self._folder = folder

    def add(self, name: str) -> str:
        """Add an officer and return the key, which is kept nowhere.  Raises OfficerError for a name that is taken."""
        if not _NAME.fullmatch(name):
            raise OfficerError(
                "An officer's name has 1 to 64 letters, digits, '.', '_', '-' or '@'; the first is a letter or digit."
            )
        with self._alone():
            entries = self.entries()
            if any(entry.name == name and not entry.revoked for entry in entries):
                raise OfficerError(f"Officer '{name}' has a key; revoke it first with 'audit officer revoke {name}'.")
            key_id = _fresh_id(entries)
            key = f"ofk_{key_id}_{secrets.token_urlsafe(KEY_BYTES)}"
            entry = Officer(name=name, key_id=key_id, key_hmac=self._hmac(key, self._make_pepper()), created=_now())
            self._write((*entries, entry))
        return key

    def entries(self) -> tuple[Officer, ...]:
        """Return every entry, revoked ones too; none without a registry.  Raises OfficerError if it is damaged."""
        file = self._folder / FILE_NAME
        content = _read_private(file)
        if content is None:
            return ()
        try:
            return tuple(_to_officer(entry) for entry in json.loads(content)["officers"])
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise OfficerError(
                f"{file} is damaged; restore it from a backup, or remove it and add the officers again."
            ) from error

    def revoke(self, name: str) -> None:
        """End the officer's key from now on.  Raises OfficerError if nobody of that name has one."""
        with self._alone():
            entries = self.entries()
            if not any(entry.name == name and not entry.revoked for entry in entries):
                raise OfficerError("No officer of this name has a key; 'audit officer list' shows who has.")
            self._write(tuple(_end(entry) if entry.name == name else entry for entry in entries))

    def find(self, key: str) -> Officer | None:
        """Return the officer whose key this is; None alike for a wrong, an unknown and a revoked one."""
        match = _KEY.fullmatch(key)
        key_id = match.group(1) if match else ""
        pepper = _read_private(self._folder / PEPPER_NAME) or b""
        found = next((entry for entry in self.entries() if entry.key_id == key_id), None)
        expected = found.key_hmac if found else _NOBODY
        is_equal = hmac.compare_digest(self._hmac(key, pepper), expected)
        return found if found and is_equal and pepper and not found.revoked else None

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep a second `add` or `revoke` out until this one has written."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self._folder / LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise OfficerError(f"{self._folder} cannot be written; run this as the user who owns it.") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    @staticmethod
    def _hmac(key: str, pepper: bytes) -> str:
        return hmac.new(pepper, key.encode("utf-8", "surrogatepass"), "sha256").hexdigest()

    def _make_pepper(self) -> bytes:
        file = self._folder / PEPPER_NAME
        existing = _read_private(file)
        if existing:
            return existing
        pepper = secrets.token_bytes(PEPPER_BYTES)
        _write_private(file, pepper)
        return pepper

    def _write(self, entries: tuple[Officer, ...]) -> None:
        content = json.dumps({"version": 1, "officers": [asdict(entry) for entry in entries]}, indent=1)
        _write_private(self._folder / FILE_NAME, content.encode())


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _end(entry: Officer) -> Officer:
    return entry if entry.revoked else replace(entry, revoked=_now())


def _fresh_id(entries: tuple[Officer, ...]) -> str:
    taken = {entry.key_id for entry in entries}
    while (key_id := secrets.token_hex(ID_BYTES)) in taken:
        pass  # one in four billion a try
    return key_id


def _to_officer(entry: dict[str, object]) -> Officer:
    fields = {name: entry[name] for name in Officer.__dataclass_fields__}
    values = {name: value for name, value in fields.items() if isinstance(value, str)}
    if len(values) != len(fields):
        raise TypeError("fields are strings")
    return Officer(**values)


def _read_private(file: Path) -> bytes | None:
    try:
        with file.open("rb") as stream:
            mode = stat.S_IMODE(os.fstat(stream.fileno()).st_mode)
            content = stream.read(MAX_FILE_BYTES)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise OfficerError(f"{file} cannot be read; run this as the user who owns it.") from error
    if mode & 0o077:
        raise OfficerError(f"{file} can be read by others; run 'chmod 600 {file}' after finding out who did.")
    return content


def _write_private(file: Path, content: bytes) -> None:
    """Replace the file whole: a crash leaves the old one or the new one, never a part."""
    temporary = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(file)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise OfficerError(f"{file} cannot be written; see that {file.parent} is yours and has space.") from error
