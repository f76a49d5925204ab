"""The custodian's half of the keys: private month keys, wrapped under a root that a passphrase opens.

The recorder and the gateway never read this folder.  Removing ``passphrase`` from the machine leaves a trail that
grows and verifies, and that nobody on the machine can read.  Destroying a month's file erases that month's bodies
for good and leaves every proof valid.
"""

import hashlib
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from audit.errors import OpenError, StoreError
from audit.keyring.files import (
    make_folder,
    member_bytes,
    member_number,
    member_text,
    read_document,
    remove,
    write_document,
    write_once,
)
from audit.keyring.months import SECRET_BYTES, MonthSecrets, check_month

NONCE_BYTES = 12
"""AES-GCM nonce (NIST SP 800-38D section 8.2.2); random, and a root wraps a few dozen keys in its life."""

SCRYPT_N = 2**16
"""Cost: 64 MiB and about a quarter of a second, OWASP's parameters with half the memory for small servers."""

SCRYPT_R = 8
"""Block size, as in RFC 7914's examples."""

SCRYPT_P = 1
"""Parallelism."""

SALT_BYTES = 16
"""RFC 7914's examples and NIST SP 800-132 section 5.1."""

MAX_SCRYPT_N = 2**20
"""A root file asking for more than a gigabyte is damaged or hostile."""

_MEMORY_FACTOR = 130
"""scrypt needs 128 * N * r bytes, and OpenSSL wants a little more allowed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Custodian:
    """An opened custodian's folder."""

    folder: Path
    origin: str
    _root: bytes = field(repr=False)

    def months(self) -> tuple[str, ...]:
        """Return the months whose keys are here, oldest first."""
        return tuple(sorted(path.stem for path in self._months.glob("*.json") if not path.name.startswith(".")))

    def secrets(self, month: str) -> MonthSecrets:
        """Return a month's secrets.  Raises OpenError if they were destroyed or damaged."""
        path = self._path(month)
        if not path.exists():
            raise OpenError(f"the keys of {month} are not in {self._months}: destroyed, or never made")
        wrapped = member_bytes(read_document(path), "secrets", path)
        try:
            plain = _unwrap(self._root, wrapped, _month_identity(self.origin, month))
        except InvalidTag as error:
            raise OpenError(f"{path} does not open under this root; restore the custodian's backup") from error
        return MonthSecrets.from_bytes(month, plain)

    def ensure(self, month: str) -> MonthSecrets:
        """Return a month's secrets, made and durably wrapped now if there are none."""
        path = self._path(month)
        if not path.exists():
            fresh = MonthSecrets.generate(month)
            wrapped = _wrap(self._root, fresh.to_bytes(), _month_identity(self.origin, month))
            write_document(path, {"month": month, "secrets": wrapped.hex()})
        # Read back even what was just written: another process may have been first, and the file is the truth.
        return self.secrets(month)

    def destroy(self, month: str) -> None:
        """Remove a month's keys: its bodies can never be opened again."""
        remove(self._path(month))

    @property
    def _months(self) -> Path:
        return self.folder / "months"

    def _path(self, month: str) -> Path:
        return self._months / f"{check_month(month)}.json"


def open_custodian(folder: Path, *, passphrase: bytes | None = None) -> Custodian:
    """Open a custodian's folder with its passphrase file or the passphrase given.  Raises OpenError if it is wrong."""
    path = folder / "root.json"
    members = read_document(path)
    origin = member_text(members, "origin", path)
    n = member_number(members, "n", path)
    if n > MAX_SCRYPT_N or n & (n - 1):
        raise OpenError(f"{path} asks for an absurd scrypt cost; restore it from the backup")
    key = _derive(
        read_passphrase(folder) if passphrase is None else passphrase,
        salt=member_bytes(members, "salt", path, length=SALT_BYTES),
        n=n,
    )
    try:
        root = _unwrap(key, member_bytes(members, "root", path), _root_identity(origin))
    except InvalidTag as error:
        raise OpenError(f"the passphrase does not open {path}; give the one that the trail was started with") from error
    return Custodian(folder=folder, origin=origin, _root=root)


def read_passphrase(folder: Path) -> bytes:
    """Return the passphrase in the folder's file.  Raises StoreError if it is not kept on this machine."""
    path = folder / "passphrase"
    try:
        return path.read_bytes().rstrip(b"\r\n")
    except OSError as error:
        raise StoreError(f"{path} cannot be read; give the custodian's passphrase by hand") from error


def ensure_custodian(folder: Path, *, origin: str) -> None:
    """Create passphrase file and root if there are none; a root without its passphrase file is left alone."""
    make_folder(folder)
    make_folder(folder / "months")
    if (folder / "root.json").exists():
        return
    write_once(folder / "passphrase", secrets.token_urlsafe(SECRET_BYTES).encode() + b"\n")
    salt = secrets.token_bytes(SALT_BYTES)
    key = _derive(read_passphrase(folder), salt=salt, n=SCRYPT_N)
    root = _wrap(key, secrets.token_bytes(SECRET_BYTES), _root_identity(origin))
    write_document(folder / "root.json", {"origin": origin, "n": SCRYPT_N, "salt": salt.hex(), "root": root.hex()})


def _derive(passphrase: bytes, *, salt: bytes, n: int) -> bytes:
    memory = _MEMORY_FACTOR * n * SCRYPT_R
    return hashlib.scrypt(passphrase, salt=salt, n=n, r=SCRYPT_R, p=SCRYPT_P, maxmem=memory, dklen=SECRET_BYTES)


def _wrap(key: bytes, plain: bytes, identity: bytes) -> bytes:
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plain, identity)


def _unwrap(key: bytes, wrapped: bytes, identity: bytes) -> bytes:
    if len(wrapped) < NONCE_BYTES:
        raise InvalidTag
    return AESGCM(key).decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], identity)


def _root_identity(origin: str) -> bytes:
    return f"audit/1/root\n{origin}\n".encode()


def _month_identity(origin: str, month: str) -> bytes:
    return f"audit/1/month\n{origin}\n{month}\n".encode()
