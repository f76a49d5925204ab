"""What keeps the custodian's root key: one interface, and the file `root.json` in which its members stand.

Example: at a site with an HSM, `root.json` says ``"protector":"pkcs11"``, names the token and the key on it, and holds
the root key as that key wrapped it; the HSM's PIN and the HSM open it, and a copy of the file alone is of no use.

A protector sees the root key only inside `wrap` and `unwrap`.  It MUST NOT try a refused secret again (a token locks),
and MUST NOT hand a secret to a child as an argument or in its environment (CWE-214).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol, Self

from audit.canonical import Value, encode
from audit.errors import OpenError
from audit.keyring.files import FORMAT, member_bytes, member_text, read_document, replace_document, write_document

FILE_NAME = "root.json"
"""The root's file in the custodian's folder."""


class Protection(StrEnum):
    """What can keep a root key; the list only grows."""

    PASSPHRASE = "passphrase"  # noqa: S105 - the name of a kind, not a passphrase
    """A passphrase, stretched by scrypt: the embedded default."""

    PKCS11 = "pkcs11"
    """An AES key that never leaves a PKCS#11 token."""

    TPM2 = "tpm2"
    """This machine's TPM 2.0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RootFile:
    """What `root.json` holds."""

    path: Path
    members: Mapping[str, Value] = field(repr=False)

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read the root's file in a custodian's folder."""
        path = folder / FILE_NAME
        return cls(path=path, members=read_document(path))

    @property
    def origin(self) -> str:
        """Return the trail whose months this root wraps."""
        return self.text("origin")

    @property
    def protection(self) -> Protection:
        """Return what keeps the root.  Raises OpenError for a kind that this release does not know."""
        kind = self.text("protector") if "protector" in self.members else Protection.PASSPHRASE.value
        if kind not in set(Protection):
            raise OpenError(f"{self.path} is kept by '{kind}', which this release does not know; use a newer one")
        return Protection(kind)

    def text(self, name: str) -> str:
        """Return a member that must be text."""
        return member_text(self.members, name, self.path)

    def data(self, name: str, *, length: int | None = None) -> bytes:
        """Return a member that must be hex digits."""
        return member_bytes(self.members, name, self.path, length=length)

    def same(self, other: Self) -> bool:
        """Say whether two readings are of the same content."""
        return encode(dict(self.members)) == encode(dict(other.members))

    def with_next(self, wrapped: bytes) -> Self:
        """Return this file with the coming root in it."""
        return type(self)(path=self.path, members={**self.members, "next": wrapped.hex()})

    def protected(self, members: Mapping[str, Value]) -> Self:
        """Return a file of the same trail with a protector's members instead of these."""
        return type(self)(path=self.path, members={"format": FORMAT, "origin": self.origin, **members})

    def create(self) -> bool:
        """Write the file durably; False if there is one already."""
        return write_document(self.path, self.members)

    def replace(self) -> None:
        """Put this in the place of the file there, whole and durable."""
        replace_document(self.path, self.members)


class RootProtector(Protocol):
    """Keeps a root key, so that only who has its secret or its device gets it back."""

    @property
    def protection(self) -> Protection:
        """Return which kind this is."""
        ...

    def wrap(self, root: bytes, *, origin: str) -> dict[str, Value]:
        """Return the members of `root.json` that keep this root key.  Raises OpenError saying what to do."""
        ...

    def unwrap(self, file: RootFile) -> bytes:
        """Return the root key.  Raises OpenError saying what to do, and tries a refused secret never again."""
        ...
