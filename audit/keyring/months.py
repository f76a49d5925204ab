"""The keys of one month as values: what seals, what finds people, and what opens (FORMAT.md sections 5 and 6).

Pure: it reaches no I/O.  `MonthSecrets` reads and searches a whole month and MUST NOT reach the recorder's process;
the recorder has `PublicMonth` and `IndexKey` only.
"""

import hmac
import re
import secrets
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import MLKEM768X25519PrivateKey, MLKEM768X25519PublicKey

from audit.errors import FormatError, OpenError

MLKEM_BYTES = 1184
"""Length of a raw ML-KEM-768 public key (FIPS 203 table 3)."""

SECRET_BYTES = 32
"""Length of every symmetric key and of every private seed here, but ML-KEM's."""

COMMITMENT_BYTES = 16
"""Length of the keyed commitment of a name (FORMAT.md "Commitments")."""

MLKEM_SEED_BYTES = 64
"""FIPS 203's seed (d, z), from which the whole ML-KEM-768 key is expanded."""

_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")
_LAST_MONTH = 12


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
class MonthSecrets:
    """Everything that reads and searches one month.  It MUST NOT reach the recorder's process whole."""

    month: str
    mlkem768: bytes = field(repr=False)
    x25519: bytes = field(repr=False)
    index: bytes = field(repr=False)

    @classmethod
    def generate(cls, month: str) -> "MonthSecrets":
        """Return fresh secrets for a month."""
        return cls(
            month=check_month(month),
            mlkem768=secrets.token_bytes(MLKEM_SEED_BYTES),
            x25519=secrets.token_bytes(SECRET_BYTES),
            index=secrets.token_bytes(SECRET_BYTES),
        )

    @classmethod
    def from_bytes(cls, month: str, data: bytes) -> "MonthSecrets":
        """Read the bytes that `to_bytes` wrote."""
        first, second = MLKEM_SEED_BYTES, MLKEM_SEED_BYTES + SECRET_BYTES
        if len(data) != second + SECRET_BYTES:
            raise OpenError(f"the wrapped keys of {month} have a wrong length; restore the custodian's backup")
        return cls(month=month, mlkem768=data[:first], x25519=data[first:second], index=data[second:])

    def to_bytes(self) -> bytes:
        """Return the 128 bytes that are wrapped."""
        return self.mlkem768 + self.x25519 + self.index

    def private_key(self) -> MLKEM768X25519PrivateKey:
        """Return the key that opens this month's bodies."""
        return MLKEM768X25519PrivateKey(
            MLKEM768PrivateKey.from_seed_bytes(self.mlkem768), X25519PrivateKey.from_private_bytes(self.x25519)
        )

    def public(self) -> PublicMonth:
        """Return the key that this month's bodies are sealed to."""
        return PublicMonth(
            month=self.month,
            mlkem768=MLKEM768PrivateKey.from_seed_bytes(self.mlkem768).public_key().public_bytes_raw(),
            x25519=X25519PrivateKey.from_private_bytes(self.x25519).public_key().public_bytes_raw(),
        )

    def index_key(self) -> IndexKey:
        """Return the key that finds people in this month."""
        return IndexKey(month=self.month, secret=self.index)


def check_month(month: str) -> str:
    """Return a month's name.  Raises FormatError unless it is ``YYYY-MM``."""
    if not is_month(month):
        raise FormatError("a month is written YYYY-MM, such as 2027-01")
    return month


def month_after(month: str, count: int = 1) -> str:
    """Return the name of the month some months later."""
    year, number = (int(part) for part in check_month(month).split("-"))
    months = year * _LAST_MONTH + number - 1 + count
    return f"{months // _LAST_MONTH:04d}-{months % _LAST_MONTH + 1:02d}"


def is_month(name: str) -> bool:
    """Say whether a name is a month's, ``YYYY-MM``."""
    return _MONTH.fullmatch(name) is not None
