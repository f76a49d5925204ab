"""The officers who may ask the trail, the roles they hold, and the keys that prove who they are.

``HOME/custodian/officers.json`` keeps HMAC-SHA256 values of the keys under a pepper that stands in a file of its own,
never the keys; a key is shown once, when it is made.  A wrong, an unknown and a revoked key are told apart nowhere, and
comparing takes the same time for each (CWE-208).  The recorder and the gateway MUST NOT be able to read this folder.

Every change of the registry stays in it, as a change to be recorded, until the trail has taken it: an officer added
before the first start is in the trail before this officer's first read is.
"""

import fcntl
import hmac
import json
import os
import re
import secrets
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from audit.access import OFFICER_ADDED, OFFICER_REVOKED, OFFICER_ROLES
from audit.errors import OfficerError
from audit.keyring.files import give
from audit.record import Event, Kind

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
_TENANT = re.compile(r"[a-z0-9][a-z0-9-]{0,62}|", re.ASCII)
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

    roles: tuple[str, ...] = ()
    """Roles of the policy, sorted; an officer without one may do nothing."""

    tenant: str = ""
    """Tenant that policies may look at; empty for the whole hospital."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A change of the registry that the trail has not taken yet."""

    code: str
    """A code of `audit.access`: ``officer_added`` and its like."""

    officer: str
    roles: tuple[str, ...]
    """The roles after the change."""

    tenant: str
    by: str
    """Who made it: the operating system's user."""

    time: str
    """UTC, ISO 8601."""

    def event(self) -> Event:
        """Return the operation that the trail remembers."""
        facts: dict[str, str | int | bool | list[str]] = {"officer": self.officer, "made": self.time}
        if self.roles:
            facts["roles"] = list(self.roles)
        return Event(
            kind=Kind.OPERATION, code=self.code, client="officers", user=self.by, tenant=self.tenant, facts=facts
        )


class Officers:
    """The registry in one custodian folder; every call reads the file, so that a revocation holds at once."""

    def __init__(self, folder: Path) -> None:
        """Take the custodian's folder; nothing is read or made yet."""
        self._folder = folder

    def add(self, name: str, *, roles: Sequence[str] = (), tenant: str = "", by: str = "") -> str:
        """Add an officer and return the key, which is kept nowhere.  Raises OfficerError for a name that is taken."""
        _check_form(name, tenant)
        with self._alone():
            entries, changes = self._read()
            if any(entry.name == name and not entry.revoked for entry in entries):
                raise OfficerError(f"Officer '{name}' has a key; revoke it first with 'audit officer revoke {name}'.")
            key_id = _fresh_id(entries)
            key = f"ofk_{key_id}_{secrets.token_urlsafe(KEY_BYTES)}"
            entry = Officer(
                name=name,
                key_id=key_id,
                key_hmac=self._hmac(key, self._make_pepper()),
                created=_now(),
                roles=tuple(sorted(set(roles))),
                tenant=tenant,
            )
            self._write((*entries, entry), (*changes, _change(OFFICER_ADDED, entry, by)))
        return key

    def set_roles(self, name: str, roles: Sequence[str], *, by: str = "") -> Officer:
        """Replace an officer's roles from now on.  Raises OfficerError if nobody of that name has a key."""
        return self._alter(
            name, OFFICER_ROLES, by=by, alter=lambda entry: replace(entry, roles=tuple(sorted(set(roles))))
        )

    def revoke(self, name: str, *, by: str = "") -> None:
        """End the officer's key from now on.  Raises OfficerError if nobody of that name has one."""
        self._alter(name, OFFICER_REVOKED, by=by, alter=lambda entry: replace(entry, revoked=_now()))

    def entries(self) -> tuple[Officer, ...]:
        """Return every entry, revoked ones too; none without a registry.  Raises OfficerError if it is damaged."""
        return self._read()[0]

    def changes(self) -> tuple[Change, ...]:
        """Return the changes that the trail has not taken yet, oldest first."""
        return self._read()[1]

    def record_changes(self, record: Callable[[Event], None]) -> None:
        """Give the trail every change that it lacks; at least once, in order.  Raises what `record` raises."""
        if not self.changes():
            return
        with self._alone():
            entries, changes = self._read()
            while changes:
                record(changes[0].event())
                changes = changes[1:]
                self._write(entries, changes)

    def find(self, key: str) -> Officer | None:
        """Return the officer whose key this is; None alike for a wrong, an unknown and a revoked one."""
        match = _KEY.fullmatch(key)
        key_id = match.group(1) if match else ""
        pepper = _read_private(self._folder / PEPPER_NAME) or b""
        found = next((entry for entry in self.entries() if entry.key_id == key_id), None)
        expected = found.key_hmac if found else _NOBODY
        is_equal = hmac.compare_digest(self._hmac(key, pepper), expected)
        return found if found and is_equal and pepper and not found.revoked else None

    def _alter(self, name: str, code: str, *, by: str, alter: Callable[[Officer], Officer]) -> Officer:
        """Change the entry of the officer who has a good key."""
        with self._alone():
            entries, changes = self._read()
            old = next((entry for entry in entries if entry.name == name and not entry.revoked), None)
            if old is None:
                raise OfficerError("No officer of this name has a key; 'audit officer list' shows who has.")
            new = alter(old)
            changed = tuple(new if entry is old else entry for entry in entries)
            self._write(changed, (*changes, _change(code, new, by)))
        return new

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep a second `add` or `revoke` out until this one has written."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self._folder / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
            give(descriptor, self._folder)
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

    def _read(self) -> tuple[tuple[Officer, ...], tuple[Change, ...]]:
        file = self._folder / FILE_NAME
        content = _read_private(file)
        if content is None:
            return (), ()
        try:
            document = json.loads(content)
            officers = tuple(_to_officer(entry) for entry in document["officers"])
            return officers, tuple(_to_change(change) for change in document.get("unrecorded", []))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise OfficerError(
                f"{file} is damaged; restore it from a backup, or remove it and add the officers again."
            ) from error

    def _write(self, entries: Sequence[Officer], changes: Sequence[Change]) -> None:
        """Write the registry; version 1 only grows, and a release before roles ignores what it does not know."""
        document = {
            "version": 1,
            "officers": [asdict(entry) for entry in entries],
            "unrecorded": [asdict(change) for change in changes],
        }
        _write_private(self._folder / FILE_NAME, json.dumps(document, indent=1).encode())


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _check_form(name: str, tenant: str) -> None:
    if not _NAME.fullmatch(name):
        raise OfficerError(
            "An officer's name has 1 to 64 letters, digits, '.', '_', '-' or '@'; the first is a letter or digit."
        )
    if not _TENANT.fullmatch(tenant):
        raise OfficerError(
            "A tenant has 1 to 63 lower-case letters, digits or '-'; leave it out for the whole hospital."
        )


def _change(code: str, entry: Officer, by: str) -> Change:
    return Change(code=code, officer=entry.name, roles=entry.roles, tenant=entry.tenant, by=by, time=_now())


def _fresh_id(entries: tuple[Officer, ...]) -> str:
    taken = {entry.key_id for entry in entries}
    tries = iter(partial(secrets.token_hex, ID_BYTES), "")
    return next(key_id for key_id in tries if key_id not in taken)  # one in four billion is


def _to_officer(entry: dict[str, Any]) -> Officer:
    """Read an entry; one from before there were roles has none."""
    return Officer(
        **{name: _text(entry[name]) for name in ("name", "key_id", "key_hmac", "created", "revoked")},
        roles=tuple(_text(role) for role in entry.get("roles", [])),
        tenant=_text(entry.get("tenant", "")),
    )


def _to_change(change: dict[str, Any]) -> Change:
    return Change(
        **{name: _text(change[name]) for name in ("code", "officer", "tenant", "by", "time")},
        roles=tuple(_text(role) for role in change["roles"]),
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("fields are strings")
    return value


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
            give(descriptor, file.parent)
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(file)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise OfficerError(f"{file} cannot be written; see that {file.parent} is yours and has space.") from error
