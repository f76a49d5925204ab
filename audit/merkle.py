"""Arithmetic of the RFC 6962 Merkle tree: hashes, the frontier that grows, proofs and their checks.

Pure: it reaches no I/O and keeps no state.  Trees are named by their size; a *node* is a perfect subtree,
named by its level (0 is a leaf) and its index on that level, and never changes once complete.  Proof checks
take untrusted proofs, whose hashes MUST be 32 bytes each, and raise InclusionError or ConsistencyError, never
IndexError.  They are arithmetic over bare roots, for `checkpoint.verify_inclusion` and `verify_consistency` only:
a root means nothing until its checkpoint's signatures hold.

Example: records 0..4 make a tree of size 5.  Its frontier is node (2, 0), over 0..3, and node (0, 4).
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Self

from audit.errors import ConsistencyError, InclusionError

HASH_BYTES = 32
"""SHA-256."""

EMPTY_ROOT = hashlib.sha256(b"").digest()
"""Root of the tree without leaves (RFC 6962 section 2.1)."""

NodeReader = Callable[[int, int], bytes]
"""Returns the hash of the complete node at a level and index."""


def leaf_hash(leaf: bytes) -> bytes:
    """Return the hash of a leaf (RFC 6962 section 2.1)."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node (RFC 6962 section 2.1)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Frontier:
    """The perfect subtrees that make up a tree, largest first: all that an append needs to know."""

    size: int = 0
    nodes: tuple[bytes, ...] = ()
    """One hash for each bit that is set in `size`, highest bit first."""

    @classmethod
    def read(cls, size: int, node: NodeReader) -> Self:
        """Return the frontier of a tree from its stored nodes."""
        nodes = tuple(
            node(level, (size >> level) - 1) for level in reversed(range(size.bit_length())) if size >> level & 1
        )
        return cls(size=size, nodes=nodes)

    def append(self, leaf: bytes) -> tuple[Self, tuple[bytes, ...]]:
        """Return the frontier after one more leaf hash, and the nodes that it completes, level 0 first."""
        completed, remaining = [leaf], list(self.nodes)
        level = 0
        while self.size >> level & 1:
            completed.append(node_hash(remaining.pop(), completed[-1]))
            level += 1
        grown = type(self)(size=self.size + 1, nodes=(*remaining, completed[-1]))
        return grown, tuple(completed)

    def root(self) -> bytes:
        """Return the root hash of the whole tree."""
        if not self.nodes:
            return EMPTY_ROOT
        root = self.nodes[-1]
        for left in reversed(self.nodes[:-1]):
            root = node_hash(left, root)
        return root


class Tree:
    """A tree that only grows, for whoever reads millions of leaves in a row: `Frontier`'s arithmetic in place."""

    def __init__(self) -> None:
        """Begin with the empty tree."""
        self.size = 0
        self._nodes: list[bytes] = []

    def append(self, leaf: bytes) -> bytes:
        """Add a leaf hash and return the hashes of all nodes that it completes, level 0 first, joined."""
        nodes, completed, rest = self._nodes, leaf, self.size
        while rest & 1:
            leaf = hashlib.sha256(b"\x01" + nodes.pop() + leaf).digest()
            completed += leaf
            rest >>= 1
        nodes.append(leaf)
        self.size += 1
        return completed

    def root(self) -> bytes:
        """Return the root hash of the whole tree."""
        return Frontier(size=self.size, nodes=tuple(self._nodes)).root()


def root_of(leaf_hashes: Iterable[bytes]) -> bytes:
    """Return the root over leaf hashes, as a verifier recomputes it."""
    frontier = Frontier()
    for leaf in leaf_hashes:
        frontier, _ = frontier.append(leaf)
    return frontier.root()


def inclusion_proof(index: int, size: int, node: NodeReader) -> tuple[bytes, ...]:
    """Return the audit path PATH(index, D[size]) of RFC 6962 section 2.1.1.  Raises InclusionError outside the tree."""
    if not 0 <= index < size:
        raise InclusionError(f"record {index} is not in a tree of {size} records")
    return tuple(_range_hash(begin, end, node) for begin, end in _path(index, 0, size))


def consistency_proof(old: int, new: int, node: NodeReader) -> tuple[bytes, ...]:
    """Return PROOF(old, D[new]) of RFC 6962 section 2.1.2.  Raises ConsistencyError if old is beyond new."""
    if not 0 <= old <= new:
        raise ConsistencyError(f"a tree of {new} records cannot contain one of {old}")
    if old in {0, new}:
        return ()
    return tuple(_range_hash(begin, end, node) for begin, end in _subproof(old, 0, new))


def check_inclusion(*, index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes) -> None:
    """Check a path as RFC 9162 section 2.1.3.2 does.  Raises InclusionError unless it leads from leaf hash to root."""
    if not 0 <= index < size:
        raise InclusionError(f"record {index} is not in a tree of {size} records")
    if not _are_hashes(leaf, root, *proof):
        raise InclusionError(f"the proof of record {index} holds something that is no hash of {HASH_BYTES} bytes")
    position, last, result = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise InclusionError(f"the proof of record {index} is too long")
        if position & 1 or position == last:
            result = node_hash(sibling, result)
            shift = (position & -position).bit_length() - 1 if position else 0
            position, last = position >> shift, last >> shift
        else:
            result = node_hash(result, sibling)
        position, last = position >> 1, last >> 1
    if last != 0:
        raise InclusionError(f"the proof of record {index} is too short")
    if result != root:
        raise InclusionError(f"record {index} does not lead to the signed root")


def check_consistency(*, old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> None:
    """Check a proof as RFC 9162 section 2.1.4.2 does.  Raises ConsistencyError unless new extends old unchanged."""
    if not 0 <= old <= new:
        raise ConsistencyError(f"a tree of {new} records cannot contain one of {old}")
    if not _are_hashes(old_root, new_root, *proof):
        raise ConsistencyError(f"the proof from {old} to {new} holds something that is no hash of {HASH_BYTES} bytes")
    if old in {0, new}:
        _check_trivial(old=old, new=new, old_root=old_root, new_root=new_root, proof=proof)
        return
    path = ([old_root] if old & (old - 1) == 0 else []) + list(proof)
    if not path:
        raise ConsistencyError(f"the proof from {old} to {new} records is too short")
    shift = (old & -old).bit_length() - 1
    left, right = _fold(path, position=(old - 1) >> shift, last=(new - 1) >> shift)
    if left != old_root:
        raise ConsistencyError(f"the first {old} records have changed")
    if right != new_root:
        raise ConsistencyError(f"the tree of {new} records does not extend the one of {old}")


def _are_hashes(*values: bytes) -> bool:
    return all(len(value) == HASH_BYTES for value in values)


def _check_trivial(*, old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> None:
    if proof:
        raise ConsistencyError(f"the proof from {old} to {new} records is too long")
    if old == new and old_root != new_root:
        raise ConsistencyError(f"two trees of {new} records differ")
    if old == 0 and old_root != EMPTY_ROOT:
        raise ConsistencyError("the root of the empty tree is wrong")


def _fold(path: Sequence[bytes], *, position: int, last: int) -> tuple[bytes, bytes]:
    """Return the old and the new root that a consistency path leads to."""
    left = right = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise ConsistencyError("the consistency proof is too long")
        if position & 1 or position == last:
            left, right = node_hash(sibling, left), node_hash(sibling, right)
            shift = (position & -position).bit_length() - 1 if position else 0
            position, last = position >> shift, last >> shift
        else:
            right = node_hash(right, sibling)
        position, last = position >> 1, last >> 1
    if last != 0:
        raise ConsistencyError("the consistency proof is too short")
    return left, right


def _path(index: int, begin: int, end: int) -> list[tuple[int, int]]:
    """Return the ranges of PATH, leaf's sibling first (RFC 6962 section 2.1.1)."""
    if end - begin == 1:
        return []
    middle = begin + _split(end - begin)
    if index < middle:
        return [*_path(index, begin, middle), (middle, end)]
    return [*_path(index, middle, end), (begin, middle)]


def _subproof(old: int, begin: int, end: int) -> list[tuple[int, int]]:
    """Return the ranges of SUBPROOF (RFC 6962 section 2.1.2); the flag b is true while begin is 0."""
    if old == end:
        return [] if begin == 0 else [(begin, end)]
    middle = begin + _split(end - begin)
    if old <= middle:
        return [*_subproof(old, begin, middle), (middle, end)]
    return [*_subproof(old, middle, end), (begin, middle)]


def _range_hash(begin: int, end: int, node: NodeReader) -> bytes:
    """Return MTH over the leaves of a range that occurs in the tree: a node, or the right edge folded."""
    count = end - begin
    if count & (count - 1) == 0:
        level = count.bit_length() - 1
        return node(level, begin >> level)
    middle = begin + _split(count)
    return node_hash(_range_hash(begin, middle, node), _range_hash(middle, end, node))


def _split(count: int) -> int:
    """Return the largest power of two below count, for count of two or more."""
    return 1 << ((count - 1).bit_length() - 1)
