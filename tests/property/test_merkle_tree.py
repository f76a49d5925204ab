"""The tree's arithmetic against a tree that is written as RFC 6962 defines it, without any cleverness."""

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.errors import ConsistencyError, InclusionError
from audit.merkle import (
    EMPTY_ROOT,
    Frontier,
    check_consistency,
    check_inclusion,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    root_of,
)

LARGEST = 66
"""Past 64, so that the highest level changes within the range."""

LEAVES = [bytes([number]) for number in range(LARGEST)]


def naive_root(leaves: list[bytes]) -> bytes:
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return hashlib.sha256(b"\x01" + naive_root(leaves[:split]) + naive_root(leaves[split:])).digest()


def stored_nodes() -> dict[tuple[int, int], bytes]:
    nodes, frontier = {}, Frontier()
    for place, leaf in enumerate(LEAVES):
        frontier, completed = frontier.append(leaf_hash(leaf))
        nodes |= {(level, place >> level): node for level, node in enumerate(completed)}
    return nodes


NODES = stored_nodes()
ROOTS = [naive_root(LEAVES[:size]) for size in range(LARGEST + 1)]


def node(level: int, index: int) -> bytes:
    return NODES[level, index]


@pytest.mark.parametrize("size", range(LARGEST + 1))
def test_the_root_is_that_of_the_definition(size: int) -> None:
    assert root_of(leaf_hash(leaf) for leaf in LEAVES[:size]) == ROOTS[size]
    assert Frontier.read(size, node).root() == ROOTS[size]


def test_every_record_proves_its_inclusion_in_every_tree() -> None:
    for size in range(1, LARGEST + 1):
        for index in range(size):
            proof = inclusion_proof(index, size, node)
            check_inclusion(index=index, size=size, leaf=leaf_hash(LEAVES[index]), proof=proof, root=ROOTS[size])


def test_every_tree_proves_that_it_extends_every_smaller_one() -> None:
    for new in range(LARGEST + 1):
        for old in range(new + 1):
            proof = consistency_proof(old, new, node)
            check_consistency(old=old, new=new, old_root=ROOTS[old], new_root=ROOTS[new], proof=proof)


@given(st.data())
@settings(max_examples=300)
def test_an_altered_inclusion_proof_is_refused(data: st.DataObject) -> None:
    size = data.draw(st.integers(2, LARGEST))
    index = data.draw(st.integers(0, size - 1))
    proof = list(inclusion_proof(index, size, node))
    change = data.draw(st.sampled_from(["flip", "drop", "add", "other leaf", "other place"]))
    leaf, place = leaf_hash(LEAVES[index]), index
    if change == "flip":
        position = data.draw(st.integers(0, len(proof) - 1))
        proof[position] = bytes([proof[position][0] ^ 1]) + proof[position][1:]
    elif change == "drop":
        proof.pop(data.draw(st.integers(0, len(proof) - 1)))
    elif change == "add":
        proof.insert(data.draw(st.integers(0, len(proof))), EMPTY_ROOT)
    elif change == "other leaf":
        leaf = leaf_hash(b"another")
    else:
        place = (index + 1) % size

    with pytest.raises(InclusionError):
        check_inclusion(index=place, size=size, leaf=leaf, proof=proof, root=ROOTS[size])


@given(st.data())
@settings(max_examples=300)
def test_an_altered_consistency_proof_is_refused(data: st.DataObject) -> None:
    new = data.draw(st.integers(2, LARGEST))
    old = data.draw(st.integers(1, new - 1))
    proof = list(consistency_proof(old, new, node))
    old_root, new_root = ROOTS[old], ROOTS[new]
    change = data.draw(st.sampled_from(["flip", "drop", "add", "old root", "new root"]))
    if change == "flip":
        position = data.draw(st.integers(0, len(proof) - 1))
        proof[position] = bytes([proof[position][0] ^ 1]) + proof[position][1:]
    elif change == "drop":
        proof.pop(data.draw(st.integers(0, len(proof) - 1)))
    elif change == "add":
        proof.insert(data.draw(st.integers(0, len(proof))), EMPTY_ROOT)
    elif change == "old root":
        old_root = EMPTY_ROOT
    else:
        new_root = EMPTY_ROOT

    with pytest.raises(ConsistencyError):
        check_consistency(old=old, new=new, old_root=old_root, new_root=new_root, proof=proof)


@given(
    index=st.integers(-5, 200),
    size=st.integers(-5, 200),
    proof=st.lists(st.binary(max_size=40), max_size=12),
    leaf=st.binary(max_size=40),
)
def test_a_garbage_inclusion_proof_raises_our_error(index: int, size: int, proof: list[bytes], leaf: bytes) -> None:
    with pytest.raises(InclusionError):
        check_inclusion(index=index, size=size, leaf=leaf, proof=proof, root=b"no root")


@given(old=st.integers(-5, 200), new=st.integers(-5, 200), proof=st.lists(st.binary(max_size=40), max_size=12))
def test_a_garbage_consistency_proof_raises_our_error(old: int, new: int, proof: list[bytes]) -> None:
    with pytest.raises(ConsistencyError):
        check_consistency(old=old, new=new, old_root=b"no root", new_root=b"none either", proof=proof)


def test_a_place_outside_the_tree_has_no_proof() -> None:
    with pytest.raises(InclusionError):
        inclusion_proof(5, 5, node)
    with pytest.raises(ConsistencyError):
        consistency_proof(6, 5, node)
