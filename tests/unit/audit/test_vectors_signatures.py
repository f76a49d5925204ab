"""Ed25519 and ML-DSA-44 as checkpoints use them, against RFC 8032's, NIST's and C2SP's vectors."""

import base64

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

from audit.errors import FormatError
from audit.keyring import SigningKey, VerifierKey
from audit.keyring.signatures import ED25519, MLDSA44
from tests.support.vectors import read_cases, read_text

EVERY = 16
"""One in so many of Ed25519's 1,024 cases, of growing messages."""

ORIGIN = "hospital.example/a1"
ORDER = 2**252 + 27742317777372353535851937790883648493
"""L of RFC 8032 section 5.1: the order of the base point."""

SIGN = [line.split(":") for line in read_text("asymmetric/Ed25519/sign.input").splitlines()][::EVERY]
KAT = list(read_cases("asymmetric/MLDSA/kat_MLDSA_44_det_pure.rsp", first="count", limit=25))

PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PETERS_TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
PETERS_LINE = "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
"""The example of Go's note package, which C2SP signed-note describes."""

EXAMPLE = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
"""The example of C2SP signed-note, "Verifier keys"."""


@pytest.mark.parametrize("case", SIGN, ids=lambda case: f"{len(case[2]) // 2} bytes")
def test_ed25519_signs_and_verifies_the_cases_of_its_authors(case: list[str]) -> None:
    seed, public, message = (bytes.fromhex(case[place]) for place in (0, 1, 2))
    signature = bytes.fromhex(case[3])[:64]
    key = SigningKey.from_seeds(origin=ORIGIN, ed25519=seed[:32], mldsa44=bytes(32))
    verifier = key.verifier_keys()[0]
    loaded = verifier.load()

    assert verifier.public == public
    assert key.ed25519.sign(message) == signature
    assert isinstance(loaded, Ed25519PublicKey)
    loaded.verify(signature, message)
    with pytest.raises(InvalidSignature):
        loaded.verify(signature, message + b"!")


def test_ed25519_refuses_a_signature_with_another_spelling_of_its_scalar() -> None:
    key = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    signature = key.sign(b"checkpoint")
    scalar = int.from_bytes(signature[32:], "little") + ORDER  # RFC 8032 section 5.1.7: S is below L

    with pytest.raises(InvalidSignature):
        key.public_key().verify(signature[:32] + scalar.to_bytes(32, "little"), b"checkpoint")


@pytest.mark.parametrize("length", [0, 63, 65])
def test_ed25519_refuses_a_signature_of_another_length(length: int) -> None:
    key = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))

    with pytest.raises(InvalidSignature):
        key.public_key().verify((key.sign(b"text") * 2)[:length], b"text")


@pytest.mark.parametrize("case", KAT, ids=lambda case: case["count"])
def test_ml_dsa_44_makes_and_verifies_nists_cases(case: dict[str, str]) -> None:
    message, context = bytes.fromhex(case["msg"]), bytes.fromhex(case["ctx"])
    signature = bytes.fromhex(case["sm"])[: int(case["smlen"]) - len(message)]
    key = SigningKey.from_seeds(origin=ORIGIN, ed25519=bytes(32), mldsa44=bytes.fromhex(case["xi"]))
    verifier = key.verifier_keys()[1]
    loaded = verifier.load()

    assert verifier.public.hex() == case["pk"]
    assert isinstance(loaded, MLDSA44PublicKey)
    loaded.verify(signature, message, context=context)
    for wrong in (signature[:-1], bytes([signature[0] ^ 1]) + signature[1:]):
        with pytest.raises(InvalidSignature):
            loaded.verify(wrong, message, context=context)


@pytest.mark.parametrize(("line", "name"), [(PETER, "PeterNeumann"), (EXAMPLE, "example.com/foo")])
def test_vkey_lines_of_other_programs_read_and_write_the_same(line: str, name: str) -> None:
    key = VerifierKey.from_vkey(line)

    assert (key.name, key.signature_type, key.to_vkey()) == (name, ED25519, line)


def test_a_note_that_go_signed_verifies() -> None:
    key = VerifierKey.from_vkey(PETER)
    loaded = key.load()
    material = base64.b64decode(PETERS_LINE)

    assert material[:4] == key.key_id()
    assert isinstance(loaded, Ed25519PublicKey)
    loaded.verify(material[4:], PETERS_TEXT.encode())


def test_a_vkey_line_with_another_key_id_or_type_is_refused() -> None:
    for line in (PETER.replace("c74f20a3", "c74f20a4"), PETER.replace("ARpc", "Ahpc"), PETER[:-4]):
        with pytest.raises(FormatError):
            VerifierKey.from_vkey(line)


def test_key_ids_of_both_types_are_those_of_the_specification() -> None:
    key = SigningKey.from_seeds(origin=ORIGIN, ed25519=b"\x01" * 32, mldsa44=b"\x02" * 32)

    assert [verifier.signature_type for verifier in key.verifier_keys()] == [ED25519, MLDSA44]
    assert [len(verifier.public) for verifier in key.verifier_keys()] == [32, 1312]
