"""Create the keys of a trail, and prepare months ahead, as often as one likes (FORMAT.md "Key life").

Runs on the custodian's side: at the first `appliance up`, and as `audit keys prepare`.  Each step is durable before
the next, and a second run after a crash goes on where the first stopped: the custodian's wrapped copy of a month
exists before its public key does, so nothing is ever sealed to a key that no one holds.  Root may run it at a site:
what it makes belongs to the owner of its folder, and what is public can be read by the folder's group.
"""

import secrets
from datetime import UTC, datetime
from pathlib import Path

from audit.errors import OpenError, StoreError
from audit.keyring.custodian import Custodian, ensure_custodian, open_custodian
from audit.keyring.files import PUBLIC_MODE, make_folder, settle, write_document, write_once
from audit.keyring.months import SECRET_BYTES, month_after
from audit.keyring.protectors import opens_alone
from audit.keyring.root import RootFile
from audit.keyring.signatures import is_origin
from audit.keyring.trail import Trail

MONTHS_AHEAD = 2
"""Months prepared beyond the current one, so that a custodian may be away for a whole month."""


def initialise(trail: Path, custodian: Path, *, origin: str, now: datetime) -> Trail:
    """Create whatever of the trail's and the custodian's keys is missing.  Raises StoreError if they do not fit."""
    if not is_origin(origin):
        raise StoreError(
            "the origin must be 1 to 100 letters, digits, '.', '_', '/' or '-', such as hospital.example/a1"
        )
    kept = Trail(folder=make_folder(trail, shared=True))
    make_folder(kept.keys)
    ensure_custodian(custodian, origin=origin)
    write_document(trail / "trail.json", {"origin": origin}, mode=PUBLIC_MODE)
    if kept.origin() != origin:
        raise StoreError(f"{trail} is the trail of {kept.origin()}; choose another folder or that origin")
    _ensure_signing_key(kept)
    _check_origins(kept, RootFile.read(custodian).origin, custodian)
    for folder in (kept.folder, kept.keys):
        settle(folder)
    if missing_months(kept, now=now):
        _prepare_alone(kept, custodian, now=now)
    return kept


def prepare_months(trail: Trail, custodian: Custodian, *, now: datetime, ahead: int = MONTHS_AHEAD) -> tuple[str, ...]:
    """Make the keys of the current month and of months ahead, and return the months newly given to the recorder."""
    _check_origins(trail, custodian.origin, custodian.folder)
    return tuple(month for month in _wanted(now, ahead) if _provide(trail, custodian, month))


def missing_months(trail: Trail, *, now: datetime, ahead: int = MONTHS_AHEAD) -> tuple[str, ...]:
    """Return the current month and months ahead that the recorder lacks keys of."""
    return tuple(month for month in _wanted(now, ahead) if not _is_provided(trail, month))


def _prepare_alone(trail: Trail, custodian: Path, *, now: datetime) -> None:
    """Make what is missing if the custodian's folder opens without a person; else be content with this month."""
    current = _wanted(now, 0)[0]
    if opens_alone(custodian):
        try:
            prepare_months(trail, open_custodian(custodian), now=now)
        except OpenError:
            # A token that is away must not stop a start that this month's keys allow; health and `audit keys status`
            # tell when the months run out.
            if not _is_provided(trail, current):
                raise
    elif current not in trail.prepared_months():
        raise StoreError(
            f"no keys are prepared for {current}; run 'audit keys prepare' with the custodian's passphrase"
        )


def _check_origins(trail: Trail, origin: str, custodian: Path) -> None:
    if origin != trail.origin():
        raise StoreError(f"{custodian} is the custodian of {origin}, not of {trail.origin()}")


def _wanted(now: datetime, ahead: int) -> tuple[str, ...]:
    current = now.astimezone(UTC).strftime("%Y-%m")
    return tuple(month_after(current, count) for count in range(ahead + 1))


def _is_provided(trail: Trail, month: str) -> bool:
    """Say whether the recorder has a month's public key and index key."""
    return (trail.keys / f"{month}.index").exists() and (trail.keys / f"{month}.public").exists()


def _provide(trail: Trail, custodian: Custodian, month: str) -> bool:
    """Give the recorder a month's keys; False if it has them."""
    if _is_provided(trail, month):
        return False
    made = custodian.ensure(month)
    public = made.public()
    write_document(
        trail.keys / f"{month}.public",
        {"month": month, "mlkem768": public.mlkem768.hex(), "x25519": public.x25519.hex()},
    )
    write_document(trail.keys / f"{month}.index", {"month": month, "index": made.index.hex()})
    return True


def _ensure_signing_key(trail: Trail) -> None:
    seeds = {name: secrets.token_bytes(SECRET_BYTES).hex() for name in ("ed25519", "mldsa44")}
    write_document(trail.keys / "checkpoint.key", seeds)
    lines = "".join(f"{key.to_vkey()}\n" for key in trail.signing_key().verifier_keys())
    write_once(trail.folder / "verifier.keys", lines.encode(), mode=PUBLIC_MODE)
