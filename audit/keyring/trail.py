"""The recorder's half of the keys: the folder of the trail, without any private month key.

``trail.json`` names the origin; ``verifier.keys`` is public; ``keys/`` holds the signing key, public month keys and
the index keys of the current and the prepared months.  At rollover the recorder deletes the index keys of past
months, so whoever takes the recorder later cannot search the past.
"""

from dataclasses import dataclass
from pathlib import Path

from audit.canonical import Value
from audit.errors import FormatError, StoreError
from audit.keyring.files import member_bytes, member_text, read_document, remove
from audit.keyring.months import MLKEM_BYTES, SECRET_BYTES, IndexKey, PublicMonth, check_month, is_month
from audit.keyring.signatures import SigningKey, VerifierKey, is_origin

EPOCH_FILE = "epoch.json"
"""What the first leaf says of the tree that this one goes on from; only there after a restore."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trail:
    """The folder of one trail, as the recorder and the verifier see it."""

    folder: Path

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.folder / "trail.db"

    @property
    def witness(self) -> Path:
        """The default witness: signed checkpoints, one JSON line each, only ever appended to."""
        return self.folder / "checkpoints.log"

    @property
    def keys(self) -> Path:
        """The folder of the recorder's keys."""
        return self.folder / "keys"

    def origin(self) -> str:
        """Return the name of the log."""
        path = self.folder / "trail.json"
        origin = member_text(read_document(path), "origin", path)
        if not is_origin(origin):
            raise FormatError(f"{path}: the origin is no valid name; restore the file from the backup")
        return origin

    def beginning(self) -> dict[str, str | int]:
        """Return what the first leaf says beside its format: the old head after a restore, else nothing."""
        path = self.folder / EPOCH_FILE
        facts = read_document(path).get("facts") if path.exists() else {}
        if not isinstance(facts, dict):
            raise FormatError(f"{path}: the member facts is missing; restore the file from the backup")
        return {name: value for name, value in facts.items() if isinstance(value, str | int)}

    def verifier_keys(self) -> tuple[VerifierKey, ...]:
        """Return the public keys of ``verifier.keys``."""
        return read_verifier_keys(self.folder / "verifier.keys")

    def signing_key(self) -> SigningKey:
        """Return the private checkpoint keys; the recorder's process only."""
        path = self.keys / "checkpoint.key"
        members = read_document(path)
        return SigningKey.from_seeds(
            origin=self.origin(),
            ed25519=member_bytes(members, "ed25519", path, length=SECRET_BYTES),
            mldsa44=member_bytes(members, "mldsa44", path, length=SECRET_BYTES),
        )

    def public_month(self, month: str) -> PublicMonth:
        """Return the public key of a month.  Raises StoreError if it was never prepared."""
        path = self.keys / f"{check_month(month)}.public"
        members = _read_month(path, month)
        return PublicMonth(
            month=month,
            mlkem768=member_bytes(members, "mlkem768", path, length=MLKEM_BYTES),
            x25519=member_bytes(members, "x25519", path, length=SECRET_BYTES),
        )

    def index_key(self, month: str) -> IndexKey:
        """Return the index key of the current or a prepared month.  Raises StoreError if it is not there."""
        path = self.keys / f"{check_month(month)}.index"
        return IndexKey(month=month, secret=member_bytes(_read_month(path, month), "index", path, length=SECRET_BYTES))

    def prepared_months(self) -> tuple[str, ...]:
        """Return the months whose index keys are here, oldest first."""
        return tuple(sorted(path.stem for path in self.keys.glob("*.index") if is_month(path.stem)))

    def forget_months_before(self, month: str) -> tuple[str, ...]:
        """Delete the index keys of months before this one and return their names."""
        past = tuple(held for held in self.prepared_months() if held < month)
        # Also what a crash left of a past month while its file was written: it holds the same key.
        rests = {path.name[1:8] for path in self.keys.glob(".????-??.index.*")}
        for held in {*past, *(rest for rest in rests if is_month(rest) and rest < month)}:
            remove(self.keys / f"{held}.index")
        return past


def read_verifier_keys(path: Path) -> tuple[VerifierKey, ...]:
    """Return the vkey lines of a file.  Raises StoreError if it is missing, FormatError if it is damaged."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise StoreError(f"{path} cannot be read; give the file with the trail's public verifier keys") from error
    keys = tuple(VerifierKey.from_vkey(line) for line in text.splitlines() if line)
    if not keys:
        raise FormatError(f"{path} holds no verifier key")
    return keys


def _read_month(path: Path, month: str) -> dict[str, Value]:
    if not path.exists():
        raise StoreError(f"{path} is missing: no keys are prepared for {month}; run 'audit keys prepare'")
    members = read_document(path)
    if member_text(members, "month", path) != month:
        raise FormatError(f"{path} is the key of another month; restore it from the backup")
    return members
