import json
from typing import Any

import pytest

from audit.canonical import encode
from audit.errors import AuditError, CheckpointError, FormatError, InclusionError
from audit.full_receipt import MAX_BYTES, read_full_receipt, write_full_receipt
from audit.keyring import SigningKey
from audit.merkle import leaf_hash
from tests.support.trail_rows import FACTS, KEY, ORIGIN, make_leaf, make_rows, note_of

LEAVES = [make_leaf(place, exchange_id="ex_1" if place in {2, 4} else "") for place in range(6)]
ROWS, TREE = make_rows(LEAVES)


def _node(level: int, index: int) -> bytes:
    nodes: bytes = ROWS[((index + 1) << level) - 1][14]
    return nodes[32 * level : 32 * (level + 1)]


def _receipt() -> str:
    records = [(leaf, FACTS) for leaf in LEAVES if leaf.exchange_id]
    return write_full_receipt(records, note=note_of(TREE), keys=KEY.verifier_keys(), node=_node)


def _changed(**members: Any) -> str:
    return encode({**json.loads(_receipt()), **members}).decode()


def _with_record(**members: Any) -> str:
    document = json.loads(_receipt())
    document["records"][0].update(members)
    return encode(document).decode()


def test_a_receipt_proves_its_records() -> None:
    receipt = read_full_receipt(_receipt() + "\n", KEY.verifier_keys())

    assert [leaf.sequence for leaf in receipt.leaves] == [2, 4]
    assert receipt.leaf_hashes == tuple(leaf_hash(leaf.to_bytes()) for leaf in (LEAVES[2], LEAVES[4]))
    assert receipt.checkpoint.size == 6


def test_the_keys_inside_a_receipt_are_not_believed() -> None:
    thief = SigningKey.from_seeds(origin=ORIGIN, ed25519=b"\x06" * 32, mldsa44=b"\x07" * 32)
    forged = _changed(checkpoint=note_of(TREE, thief), keys=[key.to_vkey() for key in thief.verifier_keys()])

    with pytest.raises(CheckpointError):
        read_full_receipt(forged, KEY.verifier_keys())


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", FormatError),
        ("\ud800", FormatError),
        ("{}", FormatError),
        ("x" * (MAX_BYTES + 1), FormatError),
        (_changed(v=2), FormatError),
        (_changed(records=[]), FormatError),
        (_changed(records=["x"]), FormatError),
        (_changed(checkpoint=7), FormatError),
        (_with_record(leaf=5), FormatError),
        (_with_record(proof=["zz"]), FormatError),
        (_with_record(proof=[5]), FormatError),
        (_with_record(proof=[]), InclusionError),
        (_with_record(facts='{"client":"x"}'), InclusionError),
        (_with_record(leaf=make_leaf(2, code="other").to_bytes().decode()), InclusionError),
        (_with_record(leaf=make_leaf(9).to_bytes().decode()), InclusionError),
        (_with_record(leaf=make_leaf(2, origin="another.example/log").to_bytes().decode()), InclusionError),
    ],
)
def test_a_receipt_that_does_not_hold_is_refused(text: str, error: type[AuditError]) -> None:
    with pytest.raises(error):
        read_full_receipt(text, KEY.verifier_keys())
