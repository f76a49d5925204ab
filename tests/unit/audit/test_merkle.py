"""Known answers: the reference vectors of RFC 6962's own implementation (certificate-transparency, merkletree)."""

import pytest

from audit.errors import ConsistencyError, InclusionError
from audit.merkle import EMPTY_ROOT, check_consistency, check_inclusion, leaf_hash, node_hash, root_of

LEAVES = [
    bytes.fromhex(text)
    for text in (
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
    )
]  # fmt: skip

ROOTS = {
    0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    4: "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    5: "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    6: "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    7: "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}


@pytest.mark.parametrize("size", ROOTS)
def test_the_root_is_that_of_the_reference_vectors(size: int) -> None:
    assert root_of(leaf_hash(leaf) for leaf in LEAVES[:size]).hex() == ROOTS[size]


ONE, OTHER = b"\x01" * 32, b"\x02" * 32


@pytest.mark.parametrize(
    ("old", "new", "old_root", "new_root", "proof"),
    [
        (0, 3, ONE, OTHER, []),
        (3, 3, ONE, OTHER, []),
        (3, 3, ONE, ONE, [ONE]),
        (3, 5, ONE, OTHER, []),
        (5, 3, ONE, OTHER, []),
        (0, 3, EMPTY_ROOT, OTHER[:31], []),
        (0, 3, EMPTY_ROOT + b"0", OTHER, []),
        (2, 3, ONE, OTHER, [ONE[:16] * 3]),
    ],
)
def test_a_proof_that_cannot_hold_is_refused(
    old: int, new: int, old_root: bytes, new_root: bytes, proof: list[bytes]
) -> None:
    with pytest.raises(ConsistencyError):
        check_consistency(old=old, new=new, old_root=old_root, new_root=new_root, proof=proof)


def test_the_empty_tree_is_in_every_tree() -> None:
    check_consistency(old=0, new=3, old_root=EMPTY_ROOT, new_root=OTHER, proof=[])


@pytest.mark.parametrize("part", ["leaf", "root", "proof"])
@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_a_hash_of_another_length_than_32_bytes_proves_nothing(part: str, length: int) -> None:
    left, right = leaf_hash(b"left"), leaf_hash(b"right")
    given = {"leaf": left, "proof": right, "root": node_hash(left, right)}
    check_inclusion(index=0, size=2, leaf=given["leaf"], proof=[given["proof"]], root=given["root"])
    given[part] = (given[part] * 2)[:length]

    with pytest.raises(InclusionError, match="no hash"):
        check_inclusion(index=0, size=2, leaf=given["leaf"], proof=[given["proof"]], root=given["root"])
