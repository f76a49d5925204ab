"""SHA-256, HMAC, HKDF and scrypt as this trail calls them, against NIST's and the RFCs' vectors."""

import hashlib
import hmac

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from audit.keyring.months import IndexKey
from tests.support.vectors import read_cases

SHORT = list(read_cases("hashes/SHA2/SHA256ShortMsg.rsp", first="len"))
LONG = list(read_cases("hashes/SHA2/SHA256LongMsg.rsp", first="len"))
HMACS = list(read_cases("HMAC/rfc-4231-sha256.txt", first="len"))
HKDFS = list(read_cases("KDF/rfc-5869-HKDF-SHA256.txt", first="count"))
SCRYPTS = list(read_cases("KDF/scrypt.txt", first="count", limit=3))  # the fourth takes a gigabyte


def test_sha_256_gives_nists_digests_of_short_and_long_messages() -> None:
    assert (len(SHORT), len(LONG)) == (65, 64)
    for case in SHORT + LONG:
        message = bytes.fromhex(case["msg"])[: int(case["len"]) // 8]
        assert hashlib.sha256(message).hexdigest() == case["md"]


def test_hmac_sha_256_gives_the_codes_of_rfc_4231() -> None:
    assert len(HMACS) >= 6
    for case in HMACS:
        code = hmac.digest(bytes.fromhex(case["key"]), bytes.fromhex(case["msg"]), "sha256").hex()
        assert code.startswith(case["md"])


def test_commitments_are_the_hmac_chain_that_the_format_describes() -> None:
    secret = bytes(range(32))
    names = hmac.digest(secret, b"audit/1/names", "sha256")
    bodies = hmac.digest(secret, b"audit/1/bodies", "sha256")
    key = IndexKey(month="2026-11", secret=secret)

    assert key.patient("MRN-4711") == hmac.digest(names, b"patient\x00MRN-4711", "sha256")[:16].hex()
    assert key.user("ito") == hmac.digest(names, b"user\x00ito", "sha256")[:16].hex()
    assert key.client("ehr") == hmac.digest(names, b"client\x00ehr", "sha256")[:16].hex()
    assert key.body(b"text") == hmac.digest(bodies, b"text", "sha256").hex()


@pytest.mark.parametrize("case", HKDFS, ids=lambda case: case["count"])
def test_hkdf_sha_256_gives_the_keys_of_rfc_5869(case: dict[str, str]) -> None:
    made = HKDF(SHA256(), int(case["l"]), bytes.fromhex(case["salt"]) or None, bytes.fromhex(case["info"]))

    assert made.derive(bytes.fromhex(case["ikm"])).hex() == case["okm"]


@pytest.mark.parametrize("case", SCRYPTS, ids=lambda case: f"N={case['n']}")
def test_scrypt_gives_the_keys_of_rfc_7914(case: dict[str, str]) -> None:
    cost = {name: int(case[name]) for name in ("n", "r", "p")}
    memory = 128 * cost["r"] * (cost["n"] + cost["p"] + 2) + (1 << 20)

    made = hashlib.scrypt(
        case["password"].encode(), salt=case["salt"].encode(), **cost, maxmem=memory, dklen=int(case["length"])
    )

    assert made.hex() == case["derived_key"]
