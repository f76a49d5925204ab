"""The child that loads a vendor's PKCS#11 library: ``python -m audit.keyring.pkcs11_program``.

One JSON question on standard input, one JSON answer on standard output.  A process of its own, because such libraries
are native code of somebody else: they crash, hang, print and keep state for as long as the process lives, and none of
that may happen in the console or in a command that holds other keys.  Only this module imports `pkcs11`.
A refused PIN is never tried again.
"""

import json
import os
import secrets
import sys
from collections.abc import Iterator, Mapping

import pkcs11
from pkcs11 import (
    Attribute,
    DecryptMixin,
    EncryptMixin,
    GCMParams,
    Key,
    KeyType,
    Mechanism,
    ObjectClass,
    Session,
    TokenFlag,
)
from pkcs11 import exceptions as refused

KEY_BITS = 256
"""AES-256: also a quantum computer does not search it."""

KEY_ID_BYTES = 16
"""CKA_ID of a key made here, at random, so that no two are mistaken for each other."""

KEY_LABEL = "audit-root"
"""CKA_LABEL of a key made here; for people who look at the token."""

NONCE_BYTES = 12
"""AES-GCM nonce (NIST SP 800-38D section 8.2.2)."""

TAG_BITS = 128
"""The whole tag of AES-GCM."""

MAX_QUESTION_BYTES = 65536
"""A question is a few hundred bytes."""

_TEMPLATE = {
    Attribute.SENSITIVE: True,
    Attribute.EXTRACTABLE: False,
    Attribute.WRAP: False,
    Attribute.UNWRAP: False,
    Attribute.SIGN: False,
    Attribute.VERIFY: False,
    Attribute.DERIVE: False,
}
"""The key encrypts and decrypts on the token and does nothing else, and nobody can take it out."""

_ANSWERS: tuple[tuple[type[pkcs11.PKCS11Error], str], ...] = (
    (refused.NoSuchToken, "token"),
    (refused.MultipleTokensReturned, "tokens"),
    (refused.PinLocked, "locked"),
    (refused.PinIncorrect, "pin"),
    (refused.PinInvalid, "pin"),
    (refused.PinLenRange, "pin"),
    (refused.NoSuchKey, "key"),
    (refused.MultipleObjectsReturned, "key"),
    (refused.MechanismInvalid, "mechanism"),
    (refused.MechanismParamInvalid, "mechanism"),
    (refused.EncryptedDataInvalid, "opens"),
    (refused.EncryptedDataLenRange, "opens"),
    (refused.TokenNotPresent, "token"),
    (refused.DeviceRemoved, "token"),
)
"""What each refusal of a token is called in the answer."""


class TokenRefusal(Exception):  # noqa: N818 - a refusal is an answer here, by its name
    """Carry the answer's name for a refusal that the library does not raise by itself."""


def main() -> int:
    """Answer one question, and return 0: a refusal is an answer too."""
    # A library that prints must not end up in the answer: what it writes goes to standard error.
    with os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="ascii") as answer:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        json.dump(answered(json.loads(sys.stdin.buffer.read(MAX_QUESTION_BYTES))), answer)
    return 0


def answered(question: Mapping[str, str]) -> dict[str, str]:
    """Return the answer to one question; a refusal by its name."""
    try:
        library = pkcs11.lib(question["module"])
    except pkcs11.PKCS11Error:
        return {"refused": "module"}
    try:
        token = library.get_token(token_label=question["token"])
        check_flags(token.flags)
        with token.open(user_pin=question["pin"], rw=question["op"] == "make") as session:
            return _done(session, question)
    except TokenRefusal as refusal:
        return {"refused": str(refusal)}
    except pkcs11.PKCS11Error as error:
        name = next((name for kind, name in _ANSWERS if isinstance(error, kind)), "failed")
        return {"refused": name, "detail": type(error).__name__}


def check_flags(flags: TokenFlag) -> None:
    """Refuse to give a PIN to a token that the next wrong one locks."""
    if TokenFlag.USER_PIN_LOCKED in flags:
        raise TokenRefusal("locked")
    if TokenFlag.USER_PIN_FINAL_TRY in flags:
        raise TokenRefusal("final")


def _done(session: Session, question: Mapping[str, str]) -> dict[str, str]:
    identity, data = bytes.fromhex(question["identity"]), bytes.fromhex(question["data"])
    match question["op"]:
        case "make":
            return _wrapped(_make(session), data, identity)
        case "wrap":
            return _wrapped(_key(session, question["key"]), data, identity)
        case _:
            return {"root": _unwrapped(_key(session, question["key"]), data, identity).hex()}


def _make(session: Session) -> Key:
    return session.generate_key(
        KeyType.AES, KEY_BITS, id=secrets.token_bytes(KEY_ID_BYTES), label=KEY_LABEL, store=True, template=_TEMPLATE
    )


def _key(session: Session, key_id: str) -> Key:
    key = session.get_key(object_class=ObjectClass.SECRET_KEY, id=bytes.fromhex(key_id))
    if key[Attribute.EXTRACTABLE]:
        raise TokenRefusal("extractable")
    return key


def _wrapped(key: Key, root: bytes, identity: bytes) -> dict[str, str]:
    if not isinstance(key, EncryptMixin):
        raise TokenRefusal("mechanism")
    nonce = secrets.token_bytes(NONCE_BYTES)
    sealed = key.encrypt(root, mechanism=Mechanism.AES_GCM, mechanism_param=GCMParams(nonce, identity, TAG_BITS))
    return {"key": bytes(key[Attribute.ID]).hex(), "root": (nonce + _whole(sealed)).hex()}


def _unwrapped(key: Key, wrapped: bytes, identity: bytes) -> bytes:
    if not isinstance(key, DecryptMixin):
        raise TokenRefusal("mechanism")
    nonce, sealed = wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:]
    try:
        opened = key.decrypt(sealed, mechanism=Mechanism.AES_GCM, mechanism_param=GCMParams(nonce, identity, TAG_BITS))
    except refused.GeneralError as error:
        raise TokenRefusal("opens") from error  # what SoftHSM calls a wrong tag
    return _whole(opened)


def _whole(data: bytes | Iterator[bytes]) -> bytes:
    """Return what the library gives for data that was given whole; its types also allow for pieces."""
    return data if isinstance(data, bytes) else b"".join(data)


if __name__ == "__main__":
    sys.exit(main())
