"""Which protector a root has, what secret it asks for, and where that secret may lie on the machine.

A secret on the machine lets a program open the custodian's folder by itself.  A wrong passphrase there costs a quarter
of a second; a wrong PIN, tried at each start of a supervised program, locks the token: so an attempt with a PIN's file
is noted durably before it is made, and a file that was refused is not tried again until it is changed.
"""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import assert_never

from audit.canonical import encode
from audit.errors import OpenError, SecretRefusedError, StoreError
from audit.keyring.files import alone_in, remove, replace
from audit.keyring.passphrase_root import PassphraseProtector
from audit.keyring.pkcs11_root import TokenProtector
from audit.keyring.root import Protection, RootFile, RootProtector
from audit.keyring.tpm_root import TpmProtector

PASSPHRASE_NAME = "passphrase"  # noqa: S105 - the name of a file
"""File with the passphrase, one line."""

NEXT_PASSPHRASE_NAME = "passphrase.next"  # noqa: S105 - the name of a file
"""The coming passphrase while it is being changed; it may be the one that opens after a crash."""

PIN_NAMES = {Protection.PKCS11: "pkcs11.pin", Protection.TPM2: "tpm2.pin"}
"""Files with a PIN, one line.  Nothing here writes them: whoever wants unattended starts puts one there."""

ATTEMPT_SUFFIX = ".tried"
"""File beside a PIN's that notes which attempt was made with it and has not succeeded."""


def protector_of(file: RootFile, secret: bytes) -> RootProtector:
    """Return the protector of a root, with the secret that it asks for (empty where it asks for none)."""
    match file.protection:
        case Protection.PASSPHRASE:
            return PassphraseProtector(passphrase=secret)
        case Protection.PKCS11:
            return TokenProtector(
                module=Path(file.text("module")), token=file.text("token"), key=file.text("key"), pin=secret
            )
        case Protection.TPM2:
            pin = secret if file.members.get("pin") is True else b""
            return TpmProtector(tcti=file.text("tcti"), pcrs=file.text("pcrs"), pin=pin)
        case _:
            assert_never(file.protection)


def secret_wanted(folder: Path) -> str:
    """Return what a person must be asked for to open this custodian's folder; empty if nothing."""
    file = RootFile.read(folder)
    match file.protection:
        case Protection.PASSPHRASE:
            return "Custodian passphrase"
        case Protection.PKCS11:
            return f"PIN of the token '{file.text('token')}'"
        case Protection.TPM2:
            return "PIN of the TPM's root" if file.members.get("pin") is True else ""
        case _:
            assert_never(file.protection)


def opens_alone(folder: Path) -> bool:
    """Say whether a program can open this folder by itself: its secret lies there, or none is asked for."""
    if not secret_wanted(folder):
        return True
    protection = RootFile.read(folder).protection
    names = (PIN_NAMES[protection],) if protection in PIN_NAMES else (PASSPHRASE_NAME, NEXT_PASSPHRASE_NAME)
    return any((folder / name).exists() for name in names)


def unwrap_alone(folder: Path, file: RootFile) -> tuple[RootProtector, bytes]:
    """Return protector and root key with the secret that lies on the machine.  Raises StoreError if none does."""
    if file.protection is Protection.PASSPHRASE:
        return _by_passphrase_file(folder, file)
    if not secret_wanted(folder):
        return _unwrapped(file, b"")
    path = folder / PIN_NAMES[file.protection]
    with alone_in(folder):
        return _once(path, file, lambda pin: _unwrapped(file, pin))


def read_secret(path: Path) -> bytes:
    """Return the first line of a secret's file.  Raises StoreError if it is not kept on this machine."""
    try:
        return path.read_bytes().split(b"\n", 1)[0].rstrip(b"\r")
    except OSError as error:
        raise StoreError(f"{path} cannot be read; give the custodian's passphrase or PIN by hand") from error


def _by_passphrase_file(folder: Path, file: RootFile) -> tuple[RootProtector, bytes]:
    following = folder / NEXT_PASSPHRASE_NAME
    if not (folder / PASSPHRASE_NAME).exists() and following.exists():
        return _unwrapped(file, read_secret(following))
    try:
        return _unwrapped(file, read_secret(folder / PASSPHRASE_NAME))
    except OpenError:
        if not following.exists():
            raise
        # A change of passphrase was cut short after the root was wrapped anew: the coming passphrase opens it.
        return _unwrapped(file, read_secret(following))


def _once(
    path: Path, file: RootFile, attempt: Callable[[bytes], tuple[RootProtector, bytes]]
) -> tuple[RootProtector, bytes]:
    """Try a PIN's file at most once for as long as neither it nor the root changes."""
    pin = read_secret(path)
    note = path.with_name(path.name + ATTEMPT_SUFFIX)
    mark = _mark(path, file)
    if note.exists() and note.read_bytes() == mark:
        raise OpenError(
            f"the PIN in {path} was tried before and did not open the root, so it is not tried again; "
            "correct the file, or give the PIN by hand"
        )
    # Before the attempt: a program that is killed while the token counts must not try again either.
    replace(note, mark)
    try:
        result = attempt(pin)
    except SecretRefusedError:
        raise
    except OpenError:
        remove(note)  # the token is away or broken: it has not looked at the PIN
        raise
    remove(note)
    return result


def _mark(path: Path, file: RootFile) -> bytes:
    """Return what tells this attempt from the next, without anything of the PIN in it."""
    stat = path.stat()
    root = hashlib.sha256(encode(dict(file.members))).hexdigest()
    return json.dumps([stat.st_ino, stat.st_mtime_ns, stat.st_size, root]).encode()


def _unwrapped(file: RootFile, secret: bytes) -> tuple[RootProtector, bytes]:
    protector = protector_of(file, secret)
    return protector, protector.unwrap(file)
