"""Seal the body of a record to its month's public key, and open it with the custodian's (FORMAT.md section 6).

Sealing needs nothing secret, so the process that writes the trail cannot read it.  The record's identity is bound
into both layers: a body moved to another record does not open.  Opening MUST go through `open_sealed`, which
checks the digest before and the commitments after; it answers 45 CFR 164.312(a)(2)(iv) and (c)(1).
"""

import hashlib
import hmac
import secrets
import struct
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, MLKEM768X25519PublicKey, Suite

from audit.canonical import Value, decode, encode
from audit.errors import FormatError, OpenError, SealError, VerificationError
from audit.keyring.months import IndexKey, MonthSecrets
from audit.record import Event, Leaf

DATA_KEY_BYTES = 32
"""AES-256."""

NONCE = bytes(12)
"""Constant, because every data key seals one body and is never seen again."""

SUITE = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
"""Hybrid against a later quantum computer: bodies are kept for six years and more."""

_LENGTH = struct.Struct(">I")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """A body that only the custodian can open, and what the leaf says of it."""

    wrapped_key: bytes
    ciphertext: bytes
    cipher_digest: str
    plain_commitment: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """What was sealed; PHI."""

    user: str = field(repr=False)
    patients: tuple[str, ...] = field(repr=False)
    body: bytes | None = field(repr=False)


def needs_seal(event: Event) -> bool:
    """Say whether an event has something to seal: a body, or people whom no exchange's intent names."""
    return event.body is not None or (not event.exchange_id and bool(event.user or event.patients))


def seal(event: Event, *, identity: bytes, event_id: str, public: MLKEM768X25519PublicKey, index: IndexKey) -> Sealed:
    """Seal what an event holds of people.  Raises SealError if it cannot be sealed."""
    header: dict[str, Value] = {"v": 1, "id": event_id, "body": event.body is not None}
    if event.user:
        header["user"] = event.user
    if event.patients:
        header["patients"] = event.patients
    try:
        head = encode(header)
    except FormatError as error:
        raise SealError("the user or a record number is no valid text, so nothing was recorded") from error
    plaintext = _LENGTH.pack(len(head)) + head + (event.body or b"")
    data_key = secrets.token_bytes(DATA_KEY_BYTES)
    ciphertext = AESGCM(data_key).encrypt(NONCE, plaintext, identity)
    return Sealed(
        wrapped_key=SUITE.encrypt(data_key, public, info=identity),
        ciphertext=ciphertext,
        cipher_digest=hashlib.sha256(ciphertext).hexdigest(),
        plain_commitment=index.body(plaintext),
    )


def identity_of(*, origin: str, month: str, event_id: str, kind: str, exchange_id: str) -> bytes:
    """Return the bytes that bind a seal to its record."""
    return "".join(f"{part}\n" for part in ("audit/1/seal", origin, month, event_id, kind, exchange_id)).encode()


def open_sealed(leaf: Leaf, *, wrapped_key: bytes, ciphertext: bytes, keys: MonthSecrets) -> Opened:
    """Open a record's body and check it against the leaf.

    Raises OpenError if the key does not open it, and VerificationError if what is there, or what comes out, is not
    what the leaf binds.
    """
    if hashlib.sha256(ciphertext).hexdigest() != leaf.cipher_digest:
        raise VerificationError(f"record {leaf.sequence}: the sealed body is not the one that was recorded")
    plaintext = _decrypt(leaf, wrapped_key=wrapped_key, ciphertext=ciphertext, keys=keys)
    index = keys.index_key()
    if not hmac.compare_digest(index.body(plaintext), leaf.plain_commitment):
        raise VerificationError(f"record {leaf.sequence}: the opened body is not the one that was committed to")
    opened = _read_plaintext(leaf, plaintext)
    _check_people(leaf, opened, index)
    return opened


def _decrypt(leaf: Leaf, *, wrapped_key: bytes, ciphertext: bytes, keys: MonthSecrets) -> bytes:
    identity = identity_of(
        origin=leaf.origin,
        month=leaf.month,
        event_id=leaf.event_id,
        kind=leaf.kind.value,
        exchange_id=leaf.exchange_id,
    )
    try:
        data_key = SUITE.decrypt(wrapped_key, keys.private_key(), info=identity)
        return AESGCM(data_key).decrypt(NONCE, ciphertext, identity)
    except (InvalidTag, ValueError) as error:
        raise OpenError(
            f"record {leaf.sequence}: the body does not open with the keys of {keys.month}; the wrapped key is damaged"
        ) from error


def _read_plaintext(leaf: Leaf, plaintext: bytes) -> Opened:
    if len(plaintext) < _LENGTH.size:
        raise FormatError(f"record {leaf.sequence}: the opened body is cut short")
    end = _LENGTH.size + int(_LENGTH.unpack_from(plaintext)[0])
    header = decode(plaintext[_LENGTH.size : end])
    user, patients = header.get("user", ""), header.get("patients", [])
    if header.get("v") != 1 or not isinstance(user, str) or not isinstance(patients, list):
        raise FormatError(
            f"record {leaf.sequence}: the opened body is of another version; use the release that wrote it"
        )
    if header.get("id") != leaf.event_id:
        raise VerificationError(f"record {leaf.sequence}: the opened body belongs to another record")
    body = plaintext[end:] if header.get("body") is True else None
    return Opened(user=user, patients=tuple(str(patient) for patient in patients), body=body)


def _check_people(leaf: Leaf, opened: Opened, index: IndexKey) -> None:
    user = index.user(opened.user) if opened.user else ""
    patients = tuple(sorted({index.patient(patient) for patient in opened.patients}))
    if (user, patients) != (leaf.user, leaf.patients):
        raise VerificationError(f"record {leaf.sequence}: the people in the opened body are not those of the leaf")
