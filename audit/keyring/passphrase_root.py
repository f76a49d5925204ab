"""The root key under a passphrase: the default, which needs nothing but somebody who remembers.

scrypt makes each guess cost memory and time; nothing makes a forgotten passphrase come back.
"""

import hashlib
import secrets
from dataclasses import dataclass, field

from typing_extensions import override

from audit.canonical import Value
from audit.errors import OpenError
from audit.keyring.files import member_number
from audit.keyring.months import SECRET_BYTES
from audit.keyring.root import Protection, RootFile, RootProtector
from audit.keyring.wrapping import root_identity, unwrap, wrap

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

MIN_SCRYPT_N = 2**10
"""A root file asking for less was weakened by somebody."""

_MEMORY_FACTOR = 130
"""scrypt needs 128 * N * r bytes, and OpenSSL wants a little more allowed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PassphraseProtector(RootProtector):
    """Keeps a root key under a passphrase."""

    passphrase: bytes = field(repr=False)

    cost: int = SCRYPT_N
    """N of what is wrapped; what unwraps is named by `root.json`."""

    @property
    @override
    def protection(self) -> Protection:
        return Protection.PASSPHRASE

    @override
    def wrap(self, root: bytes, *, origin: str) -> dict[str, Value]:
        salt = secrets.token_bytes(SALT_BYTES)
        key = _derive(self.passphrase, salt=salt, n=self.cost)
        return {"n": self.cost, "salt": salt.hex(), "root": wrap(key, root, root_identity(origin)).hex()}

    @override
    def unwrap(self, file: RootFile) -> bytes:
        n = member_number(file.members, "n", file.path)
        if not MIN_SCRYPT_N <= n <= MAX_SCRYPT_N or n & (n - 1):
            raise OpenError(f"{file.path} asks for an absurd scrypt cost; restore it from the backup")
        key = _derive(self.passphrase, salt=file.data("salt", length=SALT_BYTES), n=n)
        root = unwrap(key, file.data("root"), root_identity(file.origin))
        if root is None:
            raise OpenError(
                f"the passphrase does not open {file.path}; give the one that it was last changed to, "
                "or the one that the trail was started with"
            )
        return root


def _derive(passphrase: bytes, *, salt: bytes, n: int) -> bytes:
    memory = _MEMORY_FACTOR * n * SCRYPT_R
    return hashlib.scrypt(passphrase, salt=salt, n=n, r=SCRYPT_R, p=SCRYPT_P, maxmem=memory, dklen=SECRET_BYTES)
