"""The recorder's half of the keys: the folder of the trail, without any private month key.

``trail.json`` names the origin; ``verifier.keys`` is public; ``keys/`` holds the signing key, public month keys and
the index keys of the current and the prepared months.  At rollover the recorder deletes the index keys of past
months, so whoever takes the recorder later cannot search the past.
"""

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from cryptography.hazmat.primitives.hpke import MLKEM768X25519PublicKey

from audit.canonical import Value
from audit.errors import FormatError, StoreError
from audit.keyring.files import member_bytes, member_text, read_document, remove

ED25519 = 0x01
"""C2SP signed-note signature type: Ed25519 over the note text."""

MLDSA44 = 0x06
"""C2SP tlog-cosignature signature type: timestamped ML-DSA-44."""

KEY_BYTES = {ED25519: 32, MLDSA44: 1312}
"""Length of the raw public key for each signature type."""

MLKEM_BYTES = 1184
"""Length of a raw ML-KEM-768 public key (FIPS 203 table 3)."""

SECRET_BYTES = 32
"""Length of every symmetric key and of every private seed here, but ML-KEM's."""

COMMITMENT_BYTES = 16
"""Length of the keyed commitment of a name (FORMAT.md "Commitments")."""

_ORIGIN = re.compile(r"[A-Za-z0-9._/-]{1,100}")
_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")
_LAST_MONTH = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifierKey:
    """One public key that signs checkpoints, as in a C2SP vkey line."""

    name: str
    signature_type: int
    public: bytes

    def key_id(self) -> bytes:
        """Return the 4 bytes that name this key on a signature line."""
        preimage = self.name.encode() + b"\n" + bytes([self.signature_type]) + self.public
        return hashlib.sha256(preimage).digest()[:4]

    def is_classical(self) -> bool:
        """Say whether this is the Ed25519 key."""
        return self.signature_type == ED25519

    def to_vkey(self) -> str:
        """Return the line ``name+hex key id+base64(type || key)``."""
        encoded = base64.b64encode(bytes([self.signature_type]) + self.public).decode()
        return f"{self.name}+{self.key_id().hex()}+{encoded}"

    @classmethod
    def from_vkey(cls, line: str) -> "VerifierKey":
        """Read a vkey line.  Raises FormatError if it is not one of the two types used here."""
        try:
            name, key_id, encoded = line.split("+", 2)
            material = base64.b64decode(encoded, validate=True)
        except ValueError as error:
            raise FormatError("verifier key: the line is not name+id+key") from error
        key = cls(name=name, signature_type=material[0] if material else 0, public=material[1:])
        if KEY_BYTES.get(key.signature_type) != len(key.public) or not is_origin(name):
            raise FormatError("verifier key: the signature type or the key's length is unknown")
        if key.key_id().hex() != key_id:
            raise FormatError("verifier key: the key id does not fit the key")
        return key

    def load(self) -> Ed25519PublicKey | MLDSA44PublicKey:
        """Return the key in the form that checks signatures.  Raises FormatError for bytes that are no key."""
        try:
            if self.signature_type == ED25519:
                return Ed25519PublicKey.from_public_bytes(self.public)
            return MLDSA44PublicKey.from_public_bytes(self.public)
        except ValueError as error:
            raise FormatError("verifier key: these bytes are no public key") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """The recorder's private checkpoint keys.  They MUST NOT leave its process."""

    origin: str
    ed25519: Ed25519PrivateKey = field(repr=False)
    mldsa44: MLDSA44PrivateKey = field(repr=False)

    @classmethod
    def from_seeds(cls, *, origin: str, ed25519: bytes, mldsa44: bytes) -> "SigningKey":
        """Return the keys that two 32-byte seeds stand for."""
        return cls(
            origin=origin,
            ed25519=Ed25519PrivateKey.from_private_bytes(ed25519),
            mldsa44=MLDSA44PrivateKey.from_seed_bytes(mldsa44),
        )

    def verifier_keys(self) -> tuple[VerifierKey, VerifierKey]:
        """Return the two public keys, Ed25519 first."""
        classical = self.ed25519.public_key().public_bytes_raw()
        lattice = self.mldsa44.public_key().public_bytes_raw()
        return (
            VerifierKey(name=self.origin, signature_type=ED25519, public=classical),
            VerifierKey(name=self.origin, signature_type=MLDSA44, public=lattice),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicMonth:
    """The public key that bodies of one month are sealed to."""

    month: str
    mlkem768: bytes
    x25519: bytes

    def load(self) -> MLKEM768X25519PublicKey:
        """Return the key in the form that seals.  Raises FormatError for bytes that are no key."""
        try:
            return MLKEM768X25519PublicKey(
                MLKEM768PublicKey.from_public_bytes(self.mlkem768), X25519PublicKey.from_public_bytes(self.x25519)
            )
        except ValueError as error:
            raise FormatError(f"month key {self.month}: these bytes are no public key") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexKey:
    """The keyed commitments of one month: what finds a person's records, and what binds a plaintext."""

    month: str
    secret: bytes = field(repr=False)
    _names: bytes = field(init=False, repr=False, compare=False)
    _bodies: bytes = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_names", hmac.digest(self.secret, b"audit/1/names", "sha256"))
        object.__setattr__(self, "_bodies", hmac.digest(self.secret, b"audit/1/bodies", "sha256"))

    def client(self, value: str) -> str:
        """Return the keyed commitment of a client id, 32 hex digits."""
        return self._name(b"client", value)

    def user(self, value: str) -> str:
        """Return the keyed commitment, and blind index, of a user, 32 hex digits."""
        return self._name(b"user", value)

    def patient(self, value: str) -> str:
        """Return the keyed commitment, and blind index, of a record number, 32 hex digits."""
        return self._name(b"patient", value)

    def body(self, plaintext: bytes) -> str:
        """Return the keyed commitment of a sealed plaintext, 64 hex digits."""
        return hmac.digest(self._bodies, plaintext, "sha256").hex()

    def _name(self, label: bytes, value: str) -> str:
        return hmac.digest(self._names, label + b"\x00" + value.encode(), "sha256")[:COMMITMENT_BYTES].hex()


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
        return tuple(sorted(path.stem for path in self.keys.glob("*.index") if _MONTH.fullmatch(path.stem)))

    def forget_months_before(self, month: str) -> tuple[str, ...]:
        """Delete the index keys of months before this one and return their names."""
        past = tuple(held for held in self.prepared_months() if held < month)
        for held in past:
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


def is_origin(origin: str) -> bool:
    """Say whether a name can be a log's origin: a schema-less URL of letters, digits, dots, slashes and dashes."""
    return _ORIGIN.fullmatch(origin) is not None


def check_month(month: str) -> str:
    """Return a month's name.  Raises FormatError unless it is ``YYYY-MM``."""
    if not _MONTH.fullmatch(month):
        raise FormatError("a month is written YYYY-MM, such as 2027-01")
    return month


def month_after(month: str, count: int = 1) -> str:
    """Return the name of the month some months later."""
    year, number = (int(part) for part in check_month(month).split("-"))
    months = year * _LAST_MONTH + number - 1 + count
    return f"{months // _LAST_MONTH:04d}-{months % _LAST_MONTH + 1:02d}"


def _read_month(path: Path, month: str) -> dict[str, Value]:
    if not path.exists():
        raise StoreError(f"{path} is missing: no keys are prepared for {month}; run 'audit keys prepare'")
    members = read_document(path)
    if member_text(members, "month", path) != month:
        raise FormatError(f"{path} is the key of another month; restore it from the backup")
    return members
