"""Changing what keeps the months: a fresh root, another protector, another passphrase (FORMAT.md "Key life").

No body and no record is touched: months are wrapped anew, and nothing else.  Each step is durable before the next, and
after a crash at any of them every month opens, and running the same command again finishes what was begun.
None of this reaches backups: an old copy of the folder still opens with what opened it then.
"""

import secrets

from audit.errors import OpenError, StoreError
from audit.keyring.custodian import Custodian, OpenRoot
from audit.keyring.files import remove, replace, replace_document
from audit.keyring.months import SECRET_BYTES
from audit.keyring.passphrase_root import PassphraseProtector
from audit.keyring.protectors import NEXT_PASSPHRASE_NAME, PASSPHRASE_NAME
from audit.keyring.root import Protection, RootFile, RootProtector
from audit.keyring.wrapping import next_root_identity, wrap

MIN_PASSPHRASE_BYTES = 12
"""Shorter ones are guessed from a stolen root.json in spite of scrypt."""


def rotate_root(opened: OpenRoot) -> tuple[str, ...]:
    """Put a fresh root under every month and return their names; finishes a rotation that was cut short.

    Raises OpenError, with nothing changed, if a month does not open or the protector does not take the fresh root.
    """
    custodian = opened.custodian
    fresh = opened.next_root or secrets.token_bytes(SECRET_BYTES)
    with custodian.alone():
        # 1. In memory: every month opens, and the protector keeps the fresh root and gives it back.
        months = [custodian.secrets(month) for month in custodian.living()]
        final = _kept(opened.protector, fresh, custodian.file)
        # 2. The fresh root, under the present one: from here on both open whatever they wrap.
        rotating = custodian.file
        if opened.next_root is None:
            rotating = custodian.file.with_next(wrap(opened.root, fresh, next_root_identity(custodian.origin)))
            rotating.replace()
        # 3. Each month, under the fresh root.
        after = Custodian(folder=custodian.folder, file=rotating, _roots=(fresh, opened.root))
        for month in months:
            replace_document(after.path(month.month), after.wrapped(month))
        # 4. The fresh root alone; the one before is forgotten.
        final.replace()
    return tuple(month.month for month in months)


def kept_root(opened: OpenRoot, protector: RootProtector) -> RootFile:
    """Return the file in which another protector keeps the root; nothing is written.  Raises OpenError if it fails."""
    return _kept(protector, opened.root, _settled(opened))


def move_root(opened: OpenRoot, kept: RootFile) -> None:
    """Let the protector of `kept_root` keep the root from now on."""
    with opened.custodian.alone():
        kept.replace()
        if kept.protection is not Protection.PASSPHRASE:
            # It opens old backups of this folder only, and nobody would look for it here.
            for name in (PASSPHRASE_NAME, NEXT_PASSPHRASE_NAME):
                remove(kept.path.with_name(name))


def change_passphrase(opened: OpenRoot, protector: PassphraseProtector, *, keep: bool) -> None:
    """Give the root another passphrase; `keep` leaves it in the folder's file, else that file is removed.

    Raises OpenError, with nothing changed, for a passphrase that is too short.
    """
    file = _settled(opened)
    check_passphrase(protector.passphrase)
    with opened.custodian.alone():
        current, following = (file.path.with_name(name) for name in (PASSPHRASE_NAME, NEXT_PASSPHRASE_NAME))
        wrapped = _kept(protector, opened.root, file)
        # 1. The coming passphrase beside the present one: whichever of the two roots is there, one of them opens it.
        if keep:
            replace(following, protector.passphrase + b"\n")
        # 2. The root under the coming passphrase.
        wrapped.replace()
        # 3. The coming passphrase takes its place, or both leave the machine.
        if keep:
            replace(current, protector.passphrase + b"\n")
        else:
            remove(current)
        remove(following)


def check_passphrase(passphrase: bytes) -> None:
    """Refuse a passphrase that is too short to keep a root."""
    if len(passphrase) < MIN_PASSPHRASE_BYTES:
        raise OpenError(f"a passphrase has at least {MIN_PASSPHRASE_BYTES} characters; four random words are enough")


def _kept(protector: RootProtector, root: bytes, file: RootFile) -> RootFile:
    """Return the file in which a protector keeps a root, once it has given it back."""
    kept = file.protected(protector.wrap(root, origin=file.origin))
    if protector.unwrap(kept) != root:
        raise OpenError("the protector gave back another key than it was given; choose another one")
    return kept


def _settled(opened: OpenRoot) -> RootFile:
    """Return the root's file.  Raises StoreError while a rotation waits to be finished."""
    if opened.next_root is not None:
        raise StoreError("a rotation of the root was cut short; run 'audit keys rotate-root' to finish it first")
    return opened.custodian.file
