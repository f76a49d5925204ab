"""AES-256-GCM, X25519, ML-KEM-768 and HPKE with X-Wing, against NIST's, the RFCs' and the HPKE authors' vectors.

The HPKE of RFC 9180 is written here once more, from its sections 4 and 5.1 and from X-Wing's combiner, held to the
published vectors, and then opens what `envelope.SUITE` seals: for this exact suite nobody has published vectors.
"""

import hashlib
import hmac
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.hpke import MLKEM768X25519PrivateKey

from audit.envelope import SUITE
from tests.support.vectors import read_cases, read_json

X_WING, HKDF_SHA256, AES_256_GCM, CHACHA = 0x647A, 0x0001, 0x0002, 0x0003
MLKEM_CIPHERTEXT = 1088
LABEL = b"\\.//^\\"
"""XWingLabel."""

GCM = list(read_cases("ciphers/AES/GCM/gcmDecrypt256.rsp", first="count"))
KEM = list(read_cases("asymmetric/MLKEM/kat_MLKEM_768.rsp", first="count", limit=25))
LADDER = list(read_cases("asymmetric/X25519/rfc7748.txt", first="count", limit=2))
VECTORS = [case for case in read_json("HPKE/hpke-pq-test-vectors.json") if case["kem_id"] == X_WING]
XWING = next(case for case in VECTORS if (case["kdf_id"], case["aead_id"]) == (HKDF_SHA256, CHACHA))
CLASSICAL = [
    case
    for case in read_json("HPKE/test-vectors.json")
    if (case["mode"], case["kem_id"], case["kdf_id"], case["aead_id"]) == (0, 0x20, HKDF_SHA256, AES_256_GCM)
]


def test_aes_256_gcm_opens_nists_cases_and_refuses_those_that_fail() -> None:
    usable = [case for case in GCM if case["ivlen"] == "96" and case["taglen"] == "128"]
    assert len(usable) > 300
    assert any("fail" in case for case in usable)
    for case in usable:
        key, nonce, data, text, tag = (bytes.fromhex(case[name]) for name in ("key", "iv", "aad", "ct", "tag"))
        if "fail" in case:
            with pytest.raises(InvalidTag):
                AESGCM(key).decrypt(nonce, text + tag, data)
        else:
            opened = AESGCM(key).decrypt(nonce, text + tag, data)
            assert opened.hex() == case["pt"]
            assert AESGCM(key).encrypt(nonce, opened, data) == text + tag


@pytest.mark.parametrize("case", LADDER, ids=lambda case: case["count"])
def test_x25519_gives_the_points_of_rfc_7748(case: dict[str, str]) -> None:
    private = X25519PrivateKey.from_private_bytes(bytes.fromhex(case["input_scalar"]))
    public = X25519PublicKey.from_public_bytes(bytes.fromhex(case["input_u"]))

    assert private.exchange(public).hex() == case["output_u"]


def test_x25519_refuses_a_point_of_low_order() -> None:
    with pytest.raises(ValueError, match="shared key"):
        X25519PrivateKey.generate().exchange(X25519PublicKey.from_public_bytes(bytes(32)))


@pytest.mark.parametrize("case", KEM, ids=lambda case: case["count"])
def test_ml_kem_768_makes_nists_keys_and_opens_nists_ciphertexts(case: dict[str, str]) -> None:
    key = MLKEM768PrivateKey.from_seed_bytes(bytes.fromhex(case["d"] + case["z"]))

    assert key.public_key().public_bytes_raw().hex() == case["pk"]
    assert key.decapsulate(bytes.fromhex(case["ct"])).hex() == case["ss"]
    assert key.decapsulate(bytes.fromhex(case["ct_n"])).hex() == case["ss_n"]


def _xwing_private(seed: bytes) -> tuple[MLKEM768PrivateKey, X25519PrivateKey]:
    """Expand a seed as X-Wing does (draft-connolly-cfrg-xwing-kem section 5.2)."""
    expanded = hashlib.shake_256(seed).digest(96)
    return MLKEM768PrivateKey.from_seed_bytes(expanded[:64]), X25519PrivateKey.from_private_bytes(expanded[64:])


def _decapsulate(enc: bytes, mlkem: MLKEM768PrivateKey, x25519: X25519PrivateKey) -> bytes:
    """Return X-Wing's shared secret (section 5.4)."""
    share = enc[MLKEM_CIPHERTEXT:]
    secrets = mlkem.decapsulate(enc[:MLKEM_CIPHERTEXT]) + x25519.exchange(X25519PublicKey.from_public_bytes(share))
    return hashlib.sha3_256(secrets + share + x25519.public_key().public_bytes_raw() + LABEL).digest()


def _key_schedule(secret: bytes, info: bytes, *, kem: int, aead: int) -> tuple[bytes, bytes]:
    """Return key and base nonce of base mode with HKDF-SHA256 (RFC 9180 section 5.1)."""
    suite = b"HPKE" + b"".join(part.to_bytes(2) for part in (kem, HKDF_SHA256, aead))

    def extract(salt: bytes, label: bytes, value: bytes) -> bytes:
        return hmac.digest(salt, b"HPKE-v1" + suite + label + value, "sha256")

    def expand(key: bytes, label: bytes, context: bytes, length: int) -> bytes:
        text = length.to_bytes(2) + b"HPKE-v1" + suite + label + context
        return hmac.digest(key, text + b"\x01", "sha256")[:length]

    context = b"\x00" + extract(b"", b"psk_id_hash", b"") + extract(b"", b"info_hash", info)
    derived = extract(secret, b"secret", b"")
    return expand(derived, b"key", context, 32), expand(derived, b"base_nonce", context, 12)


@pytest.mark.parametrize("case", CLASSICAL)
def test_our_reading_of_rfc_9180_gives_the_key_schedule_of_its_vectors(case: dict[str, Any]) -> None:
    secret, info = bytes.fromhex(case["shared_secret"]), bytes.fromhex(case["info"])

    key, nonce = _key_schedule(secret, info, kem=case["kem_id"], aead=AES_256_GCM)

    assert (key.hex(), nonce.hex()) == (case["key"], case["base_nonce"])


def test_our_reading_of_x_wing_opens_the_published_vector() -> None:
    secret = _decapsulate(bytes.fromhex(XWING["enc"]), *_xwing_private(bytes.fromhex(XWING["skRm"])))
    key, nonce = _key_schedule(secret, bytes.fromhex(XWING["info"]), kem=X_WING, aead=CHACHA)
    first = XWING["encryptions"][0]

    opened = ChaCha20Poly1305(key).decrypt(nonce, bytes.fromhex(first["ct"]), bytes.fromhex(first["aad"]))

    assert secret.hex() == XWING["shared_secret"]
    assert (key.hex(), nonce.hex(), opened.hex()) == (XWING["key"], XWING["base_nonce"], first["pt"])


def test_what_the_envelope_seals_opens_by_the_specification_alone() -> None:
    seed = bytes(range(32))
    mlkem, x25519 = _xwing_private(seed)
    private = MLKEM768X25519PrivateKey(mlkem, x25519)
    wrapped = SUITE.encrypt(b"a data key", private.public_key(), info=b"identity")
    enc, text = wrapped[: MLKEM_CIPHERTEXT + 32], wrapped[MLKEM_CIPHERTEXT + 32 :]

    key, nonce = _key_schedule(_decapsulate(enc, mlkem, x25519), b"identity", kem=X_WING, aead=AES_256_GCM)

    assert AESGCM(key).decrypt(nonce, text, b"") == b"a data key"
    assert SUITE.decrypt(wrapped, private, info=b"identity") == b"a data key"
    with pytest.raises(InvalidTag):
        SUITE.decrypt(wrapped, private, info=b"another identity")
