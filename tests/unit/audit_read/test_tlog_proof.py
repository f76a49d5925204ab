import json
from typing import Any

import pytest

from audit.checkpoint import sign_receipt
from audit.errors import AuditError, CheckpointError, FormatError, InclusionError, UnknownRecordError
from audit.full_receipt import write_full_receipt
from audit.keyring import SigningKey
from audit.merkle import leaf_hash
from audit.record import Kind
from audit.tlog_proof import Proof, format_proof, proof_from_receipt, read_proof, verify_proof
from tests.support.trail_rows import FACTS, KEY, ORIGIN, make_leaf, make_rows, note_of

KEYS = KEY.verifier_keys()
KINDS = {2: Kind.INTENT, 3: Kind.RELEASE, 4: Kind.OUTCOME}
LEAVES = [
    make_leaf(place, **({"kind": KINDS[place], "exchange_id": "ex_1"} if place in KINDS else {})) for place in range(6)
]
ROWS, TREE = make_rows(LEAVES)
HASHES = [leaf_hash(leaf.to_bytes()) for leaf in LEAVES]


def _node(level: int, index: int) -> bytes:
    nodes: bytes = ROWS[((index + 1) << level) - 1][14]
    return nodes[32 * level : 32 * (level + 1)]


def _document(*places: int) -> dict[str, Any]:
    """Return what the recorder answers for an exchange of these records."""
    records = [(LEAVES[place], FACTS) for place in places]
    document: dict[str, Any] = json.loads(write_full_receipt(records, note=note_of(TREE), keys=KEYS, node=_node))
    return document


def _compact(place: int, key: SigningKey = KEY) -> str:
    return sign_receipt(key, sequence=place, leaf_hash=HASHES[place], time_ms=1).compact


def test_a_receipt_of_an_exchange_gives_the_proof_of_its_release() -> None:
    proven = verify_proof(proof_from_receipt(_document(2, 3, 4)), KEYS)

    assert (proven.index, proven.leaf, proven.leaf_hash) == (3, LEAVES[3], HASHES[3])
    assert (proven.checkpoint.origin, proven.checkpoint.size) == (ORIGIN, 6)


def test_without_a_release_it_is_the_newest_record() -> None:
    assert verify_proof(proof_from_receipt(_document(2, 4)), KEYS).index == 4


def test_a_compact_receipt_is_exchanged_for_the_proof_of_its_record() -> None:
    proof = proof_from_receipt(_document(2, 3, 4), compact=_compact(2))

    assert verify_proof(proof, KEYS, receipt=_compact(2)).index == 2


def test_a_receipt_of_another_exchange_is_refused() -> None:
    with pytest.raises(UnknownRecordError):
        proof_from_receipt(_document(2, 3, 4), compact=_compact(5))


def test_a_receipt_that_this_log_did_not_sign_is_refused() -> None:
    thief = SigningKey.from_seeds(origin=ORIGIN, ed25519=b"\x06" * 32, mldsa44=b"\x07" * 32)

    with pytest.raises(CheckpointError):
        proof_from_receipt(_document(2, 3, 4), compact=_compact(3, thief))


@pytest.mark.parametrize(
    "changes",
    [
        {"checkpoint": 5},
        {"records": []},
        {"records": ["x"]},
        {"records": [{"leaf": "x", "proof": []}]},
        {"records": [{"leaf": 1, "proof": []}]},
        {"records": [{"leaf": LEAVES[2].to_bytes().decode(), "proof": ["zz"]}]},
        {"records": [{"leaf": LEAVES[2].to_bytes().decode(), "proof": [5]}]},
        {"keys": []},
        {"keys": "x"},
        {"keys": [5]},
        {"keys": ["no key"]},
    ],
)
def test_a_document_that_is_no_receipt_gives_no_proof(changes: dict[str, Any]) -> None:
    with pytest.raises(FormatError):
        proof_from_receipt({**_document(2), **changes}, compact=_compact(2))


def _proof(**changes: Any) -> str:
    read = read_proof(proof_from_receipt(_document(3)))
    members = {"index": read.index, "hashes": read.hashes, "note": read.note, "extra": read.extra}
    return format_proof(Proof(**{**members, **changes}))


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"index": 2}, InclusionError),
        ({"index": 9}, InclusionError),
        ({"hashes": ()}, InclusionError),
        ({"extra": LEAVES[2].to_bytes()}, InclusionError),
        ({"extra": b""}, FormatError),
        ({"note": "text"}, CheckpointError),
        ({"extra": b"x" * (64 * 1024 + 1)}, FormatError),
        ({"note": "x" * (64 * 1024 + 1)}, FormatError),
        ({"note": "x" * 300_000}, FormatError),
    ],
)
def test_a_proof_that_does_not_hold_is_refused(changes: dict[str, Any], error: type[AuditError]) -> None:
    with pytest.raises(error):
        verify_proof(_proof(**changes), KEYS)


def test_a_leaf_that_says_another_place_proves_nothing() -> None:
    strange = [make_leaf(0), make_leaf(7)]
    _, tree = make_rows(strange)
    proof = Proof(index=1, hashes=(leaf_hash(strange[0].to_bytes()),), note=note_of(tree), extra=strange[1].to_bytes())

    with pytest.raises(InclusionError, match="says that it is another"):
        verify_proof(format_proof(proof), KEYS)


def test_a_proof_without_its_leaf_holds_for_the_record_of_a_receipt() -> None:
    proven = verify_proof(_proof(extra=b""), KEYS, receipt=_compact(3))

    assert (proven.index, proven.leaf, proven.leaf_hash) == (3, None, HASHES[3])


def test_a_proof_of_another_record_than_the_receipts_is_refused() -> None:
    with pytest.raises(InclusionError, match="another record"):
        verify_proof(_proof(), KEYS, receipt=_compact(2))


def test_the_keys_inside_are_never_believed() -> None:
    thief = SigningKey.from_seeds(origin=ORIGIN, ed25519=b"\x06" * 32, mldsa44=b"\x07" * 32)

    with pytest.raises(CheckpointError):
        verify_proof(_proof(), thief.verifier_keys())
