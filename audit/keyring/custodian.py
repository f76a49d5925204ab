"""The custodian's half of the keys: private month keys, wrapped under a root that a protector keeps.

The recorder and the gateway never read this folder.  Removing ``passphrase`` from the machine leaves a trail that
grows and verifies, and that nobody on the machine can read.  Destroying a month's file erases that month's bodies
for good and leaves every proof valid; a month that was destroyed is never made or read again, even when an old backup
brings its file back.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from audit.errors import OpenError, StoreError
from audit.keyring.files import (
    alone_in,
    make_folder,
    member_bytes,
    read_document,
    remove,
    settle,
    write_document,
    write_once,
)
from audit.keyring.months import SECRET_BYTES, MonthSecrets, check_month
from audit.keyring.passphrase_root import PassphraseProtector
from audit.keyring.protectors import PASSPHRASE_NAME, protector_of, read_secret, unwrap_alone
from audit.keyring.root import Protection, RootFile, RootProtector
from audit.keyring.tombstones import destroyed_months, read_tombstone
from audit.keyring.wrapping import month_identity, next_root_identity, unwrap, wrap


@dataclass(frozen=True, slots=True, kw_only=True)
class Custodian:
    """An opened custodian's folder."""

    folder: Path
    file: RootFile
    """The root's file as it was opened."""

    _roots: tuple[bytes, ...] = field(repr=False)
    """The root that new months are wrapped under, then those that older ones may still be under."""

    @property
    def origin(self) -> str:
        """Return the trail whose keys these are."""
        return self.file.origin

    @property
    def protection(self) -> Protection:
        """Return what keeps the root."""
        return self.file.protection

    def months(self) -> tuple[str, ...]:
        """Return the months whose keys are here, oldest first."""
        return tuple(sorted(path.stem for path in self._months.glob("*.json") if not path.name.startswith(".")))

    def living(self) -> tuple[str, ...]:
        """Return the months whose keys are here and were not destroyed: a file from an old backup is not among them."""
        gone = set(destroyed_months(self.folder))
        return tuple(month for month in self.months() if month not in gone)

    def secrets(self, month: str) -> MonthSecrets:
        """Return a month's secrets.  Raises OpenError if they were destroyed or damaged."""
        path = self.path(month)
        if tombstone := read_tombstone(self.folder, month):
            raise OpenError(tombstone.sentence())
        if not path.exists():
            raise OpenError(f"the keys of {month} are not in {self._months}: destroyed, or never made")
        wrapped = member_bytes(read_document(path), "secrets", path)
        for root in self._roots:
            plain = unwrap(root, wrapped, month_identity(self.origin, month))
            if plain is not None:
                return MonthSecrets.from_bytes(month, plain)
        raise OpenError(
            f"{path} does not open under this root; if the root was rotated just now run this again, "
            "else restore the custodian's backup"
        )

    def ensure(self, month: str) -> MonthSecrets:
        """Return a month's secrets, made and durably wrapped now if there are none."""
        with self.alone():
            path = self.path(month)
            if not path.exists() and read_tombstone(self.folder, month) is None:
                write_document(path, self.wrapped(MonthSecrets.generate(month)))
            # Read back even what was just written: the file is the truth.
            return self.secrets(month)

    def wrapped(self, month: MonthSecrets) -> dict[str, str]:
        """Return the members of a month's file, under the newest root."""
        wrapped = wrap(self._roots[0], month.to_bytes(), month_identity(self.origin, month.month))
        return {"month": month.month, "secrets": wrapped.hex()}

    def destroy(self, month: str) -> None:
        """Remove a month's keys: its bodies can never be opened again."""
        remove(self.path(month))

    def path(self, month: str) -> Path:
        """Return the place of a month's file."""
        return self._months / f"{check_month(month)}.json"

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other changes out, and refuse if the root has changed since this was opened.

        Without that, a month made under a root that was rotated away meanwhile would be lost for ever.
        """
        with alone_in(self.folder):
            if not RootFile.read(self.folder).same(self.file):
                raise StoreError("the custodian's root was changed meanwhile by another command; run this one again")
            settle(self._months)
            yield

    @property
    def _months(self) -> Path:
        return self.folder / "months"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRoot:
    """An opened root with its protector: what the commands that change the root need, and nothing else."""

    custodian: Custodian
    protector: RootProtector = field(repr=False)
    root: bytes = field(repr=False)
    next_root: bytes | None = field(repr=False)
    """The coming root of a rotation that was cut short."""


def open_custodian(folder: Path, *, passphrase: bytes | None = None) -> Custodian:
    """Open a custodian's folder with its passphrase or PIN; None takes it from the folder's own file.

    Raises OpenError, saying what to do, if that does not open the root.
    """
    return open_root(folder, passphrase=passphrase).custodian


def open_root(folder: Path, *, passphrase: bytes | None = None) -> OpenRoot:
    """Open a custodian's folder to change its root.  Raises OpenError as `open_custodian` does."""
    file = RootFile.read(folder)
    if passphrase is None:
        protector, root = unwrap_alone(folder, file)
    else:
        protector = protector_of(file, passphrase)
        root = protector.unwrap(file)
    following = _next_root(file, root)
    roots = (root,) if following is None else (following, root)
    custodian = Custodian(folder=folder, file=file, _roots=roots)
    return OpenRoot(custodian=custodian, protector=protector, root=root, next_root=following)


def ensure_custodian(folder: Path, *, origin: str) -> None:
    """Create passphrase file and root if there are none; a root without its passphrase file is left alone."""
    make_folder(folder)
    make_folder(folder / "months")
    path = folder / "root.json"
    if path.exists():
        settle(folder)
        return
    write_once(folder / PASSPHRASE_NAME, secrets.token_urlsafe(SECRET_BYTES).encode() + b"\n")
    empty = RootFile(path=path, members={"origin": origin})
    protector = PassphraseProtector(passphrase=read_passphrase(folder))
    empty.protected(protector.wrap(secrets.token_bytes(SECRET_BYTES), origin=origin)).create()


def read_passphrase(folder: Path) -> bytes:
    """Return the passphrase in the folder's file.  Raises StoreError if it is not kept on this machine."""
    return read_secret(folder / PASSPHRASE_NAME)


def _next_root(file: RootFile, root: bytes) -> bytes | None:
    if "next" not in file.members:
        return None
    following = unwrap(root, file.data("next"), next_root_identity(file.origin))
    if following is None:
        raise OpenError(f"{file.path}: the member next does not open; restore the custodian's backup")
    return following
