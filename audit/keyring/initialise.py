"""Create the keys of a trail, and prepare months ahead, as often as one likes (FORMAT.md "Key life").

Runs on the custodian's side: at the first `appliance up`, and as `audit keys prepare`.  Each step is durable before
the next, and a second run after a crash goes on where the first stopped: the custodian's wrapped copy of a month
exists before its public key does, so nothing is ever sealed to a key that no one holds.
"""

import secrets
from datetime import UTC, datetime
from pathlib import Path

from audit.errors import StoreError
from audit.keyring.custodian import Custodian, ensure_custodian, open_custodian
from audit.keyring.files import make_folder, write_document, write_once
from audit.keyring.months import SECRET_BYTES, month_after
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
    kept = Trail(folder=make_folder(trail))
    make_folder(kept.keys)
    ensure_custodian(custodian, origin=origin)
    write_document(trail / "trail.json", {"origin": origin})
    if kept.origin() != origin:
        raise StoreError(f"{trail} is the trail of {kept.origin()}; choose another folder or that origin")
    _ensure_signing_key(kept)
    current = now.astimezone(UTC).strftime("%Y-%m")
    if (custodian / "passphrase").exists():
        prepare_months(kept, open_custodian(custodian), now=now)
    elif current not in kept.prepared_months():
        raise StoreError(
            f"no keys are prepared for {current}; run 'audit keys prepare' with the custodian's passphrase"
        )
    return kept


def prepare_months(trail: Trail, custodian: Custodian, *, now: datetime, ahead: int = MONTHS_AHEAD) -> tuple[str, ...]:
    """Make the keys of the current month and of months ahead, and return the months newly given to the recorder."""
    if custodian.origin != trail.origin():
        raise StoreError(f"{custodian.folder} is the custodian of {custodian.origin}, not of {trail.origin()}")
    current = now.astimezone(UTC).strftime("%Y-%m")
    months = tuple(month_after(current, count) for count in range(ahead + 1))
    return tuple(month for month in months if _provide(trail, custodian, month))


def _provide(trail: Trail, custodian: Custodian, month: str) -> bool:
    """Give the recorder a month's public key and index key; False if it has both."""
    if (trail.keys / f"{month}.index").exists() and (trail.keys / f"{month}.public").exists():
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
    write_once(trail.folder / "verifier.keys", lines.encode())
