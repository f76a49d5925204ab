"""RFC 6962 trees and proofs against the reference implementation's vectors, and C2SP's forms of note and proof."""

import base64
import re

import pytest

from audit.checkpoint import read_checkpoint, sign_checkpoint, verify_consistency, verify_inclusion
from audit.errors import ConsistencyError, FormatError, InclusionError
from audit.keyring import SigningKey
from audit.merkle import (
    Frontier,
    Tree,
    check_consistency,
    check_inclusion,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    root_of,
)
from audit.tlog_proof import Proof, format_proof, read_proof

KEY = SigningKey.from_seeds(origin="example.com/fancylog", ed25519=b"\x01" * 32, mldsa44=b"\x02" * 32)

LEAVES = [
    bytes.fromhex(text)
    for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
HASHES = [leaf_hash(leaf) for leaf in LEAVES]

A = "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
B = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"
AB = "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"
CD = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"
EFGH = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"
E = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"
GH = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"
ABCD = "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"
EF = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"

INCLUSION = [
    (0, 1, []),
    (0, 8, [B, CD, EFGH]),
    (5, 8, [E, GH, ABCD]),
    (2, 3, [AB]),
    (1, 5, [A, CD, E]),
]
"""Index, size and path: certificate-transparency's reference vectors."""

CONSISTENCY = [(1, 1, []), (1, 8, [B, CD, EFGH]), (6, 8, [EF, GH, ABCD]), (2, 5, [CD, E])]
"""Old size, new size and proof, from the same place."""

RFC_9162 = [
    (0, ["b", "h", "l"]),
    (3, ["c", "g", "l"]),
    (4, ["f", "j", "k"]),
    (6, ["i", "k"]),
]
"""Audit paths of the seven-leaf tree of RFC 9162 section 2.1.5, by its names of nodes."""


def _node(level: int, index: int) -> bytes:
    begin = index << level
    return root_of(HASHES[begin : begin + (1 << level)])


@pytest.mark.parametrize(("index", "size", "path"), INCLUSION)
def test_inclusion_proofs_are_those_of_the_reference(index: int, size: int, path: list[str]) -> None:
    proof = [bytes.fromhex(text) for text in path]

    assert list(inclusion_proof(index, size, _node)) == proof
    check_inclusion(index=index, size=size, leaf=HASHES[index], proof=proof, root=root_of(HASHES[:size]))


@pytest.mark.parametrize(("old", "new", "path"), CONSISTENCY)
def test_consistency_proofs_are_those_of_the_reference(old: int, new: int, path: list[str]) -> None:
    proof = [bytes.fromhex(text) for text in path]

    assert list(consistency_proof(old, new, _node)) == proof
    check_consistency(old=old, new=new, old_root=root_of(HASHES[:old]), new_root=root_of(HASHES[:new]), proof=proof)


def _rfc_nodes() -> dict[str, bytes]:
    """Name the nodes of RFC 9162 section 2.1.5's tree over seven leaves d0 to d6."""
    nodes = dict(zip("abcdefj", HASHES, strict=False))
    pairs = {"g": "ab", "h": "cd", "i": "ef"}
    nodes |= {name: node_hash(nodes[pair[0]], nodes[pair[1]]) for name, pair in pairs.items()}
    nodes["k"] = node_hash(nodes["g"], nodes["h"])
    nodes["l"] = node_hash(nodes["i"], nodes["j"])
    return nodes


@pytest.mark.parametrize(("index", "names"), RFC_9162)
def test_audit_paths_are_those_of_the_example_in_rfc_9162(index: int, names: list[str]) -> None:
    nodes = _rfc_nodes()

    assert list(inclusion_proof(index, 7, _node)) == [nodes[name] for name in names]
    assert root_of(HASHES[:7]) == node_hash(nodes["k"], nodes["l"])


@pytest.mark.parametrize(("old", "names"), [(3, ["c", "d", "g", "l"]), (4, ["l"]), (6, ["i", "j", "k"])])
def test_consistency_proofs_are_those_of_the_example_in_rfc_9162(old: int, names: list[str]) -> None:
    nodes = _rfc_nodes()

    assert list(consistency_proof(old, 7, _node)) == [nodes[name] for name in names]


@pytest.mark.parametrize(("index", "size", "path"), INCLUSION[1:])
def test_every_mutation_that_the_reference_probes_is_refused(index: int, size: int, path: list[str]) -> None:
    proof = [bytes.fromhex(text) for text in path]
    root, leaf = root_of(HASHES[:size]), HASHES[index]
    mutations = [
        {"index": index - 1}, {"index": index + 1}, {"index": index ^ 2}, {"index": -1}, {"index": size},
        {"size": size * 2}, {"size": index}, {"size": 0}, {"size": -1},
        {"leaf": b""}, {"leaf": b"wrong leaf hash, of 32 bytes len"}, {"leaf": root},
        {"root": b""}, {"root": leaf}, {"root": b"wrong root hash, of 32 bytes len"},
        {"proof": []}, {"proof": [*proof, b""]}, {"proof": [*proof, root]}, {"proof": proof[:-1]},
        {"proof": [root, *proof]}, {"proof": [leaf, *proof]}, {"proof": [b"", *proof]}, {"proof": proof[1:]},
    ]  # fmt: skip
    for mutation in mutations:
        values = {"index": index, "size": size, "leaf": leaf, "proof": proof, "root": root, **mutation}
        with pytest.raises(InclusionError):
            check_inclusion(**values)


@pytest.mark.parametrize(("old", "new", "path"), CONSISTENCY[1:])
def test_every_mutation_of_a_consistency_proof_is_refused(old: int, new: int, path: list[str]) -> None:
    proof = [bytes.fromhex(text) for text in path]
    old_root, new_root = root_of(HASHES[:old]), root_of(HASHES[:new])
    mutations = [
        {"old": old - 1}, {"old": old + 1}, {"old": old ^ 2}, {"new": new * 2}, {"new": new // 2}, {"new": old},
        {"old_root": b"wrong root"}, {"new_root": b"wrong root"}, {"old_root": new_root, "new_root": old_root},
        {"proof": []}, {"proof": [*proof, b""]}, {"proof": [*proof, old_root]}, {"proof": [*proof, new_root]},
        {"proof": [b"", *proof]}, {"proof": [old_root, *proof]}, {"proof": [*proof, proof[-1]]}, {"proof": proof[:-1]},
    ]  # fmt: skip
    for mutation in mutations:
        values = {"old": old, "new": new, "old_root": old_root, "new_root": new_root, "proof": proof, **mutation}
        with pytest.raises(ConsistencyError):
            check_consistency(**values)


def test_the_growing_tree_and_the_frontier_agree() -> None:
    tree, frontier = Tree(), Frontier()
    for place, leaf in enumerate(HASHES, start=1):
        frontier, completed = frontier.append(leaf)

        assert tree.append(leaf) == b"".join(completed)
        assert (tree.size, tree.root()) == (place, frontier.root())


SPECIFICATION = """c2sp.org/tlog-proof@v1
extra YWdlLXYxLjIuMS1kYXJ3aW4tYXJtNjQudGFyLmd6
index 73894
gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=
B95lDa8R83lS8n0eG+o0buTxRKQTYFi//1U8anccXmA=
EKNzoDWG8LGC0Yp9o+sv3qllpMP9uHQ9B20KNL+Q1zs=
RoopEkOdqkYqMB4MJXrbt/hMjOxsVn0IrWjpz1ZMMes=
AHCioX9nLjsrse6YhjRRmk1WUEirVOLLRoOQ6vfO5vk=

example.com/fancylog
109482
sFodV/vSp5O8n9a8QpW6PRY97tfOSW5bsc2Xl/EQi08=

\u2014 example.com/fancylog hI2DJw==
\u2014 witness1.example mJirIg==
"""
"""The example of C2SP tlog-proof, its extra data whole and its signatures cut to key ids, as the page cuts them."""


def test_the_example_of_the_specification_reads_and_writes_the_same() -> None:
    proof = read_proof(SPECIFICATION)

    assert (proof.index, len(proof.hashes), proof.extra) == (73894, 5, b"age-v1.2.1-darwin-arm64.tar.gz")
    assert proof.note.startswith("example.com/fancylog\n109482\n")
    assert format_proof(proof) == SPECIFICATION


def test_a_proof_without_extra_data_or_hashes_has_the_form_of_the_specification() -> None:
    bare = Proof(index=0, hashes=(), note="test checkpoint\n")

    assert format_proof(bare) == "c2sp.org/tlog-proof@v1\nindex 0\n\ntest checkpoint\n"
    assert read_proof(format_proof(bare)) == bare


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("tlog-proof@v1", "tlog-proof@v2"),
        ("index 73894", "index 073894"),
        ("index 73894", "index -1"),
        ("index 73894", "index 7 3"),
        ("index 73894", "index \u0663"),
        ("index 73894", "index " + "9" * 40),
        ("index 73894\n", ""),
        ("extra YWdl", "extra !!"),
        ("extra YWdl", "Extra YWdl"),
        ("gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=", "gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlR="),
        ("gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=", "AAAA"),
        ("\n\n", "\n"),
        ("\n", "\r\n"),
        ("AHCioX9nLjsrse6YhjRRmk1WUEirVOLLRoOQ6vfO5vk=\n", "AHCioX9nLjsrse6YhjRRmk1WUEirVOLLRoOQ6vfO5vk=\n" * 64),
    ],
)
def test_a_text_that_is_no_proof_is_refused(before: str, after: str) -> None:
    with pytest.raises(FormatError):
        read_proof(SPECIFICATION.replace(before, after))


def test_our_checkpoint_is_the_text_of_tlog_checkpoint_and_its_proofs_hold() -> None:
    keys = KEY.verifier_keys()
    older, newer = (
        read_checkpoint(sign_checkpoint(KEY, size=size, root=root_of(HASHES[:size]), time_s=1679315147), keys)
        for size in (6, 8)
    )

    assert newer.text() == f"example.com/fancylog\n8\n{base64.b64encode(root_of(HASHES)).decode()}\n"
    assert re.fullmatch(r"[^\n]+\n(0|[1-9][0-9]*)\n[A-Za-z0-9+/]{43}=\n", newer.text())
    verify_inclusion(HASHES[5], 5, inclusion_proof(5, 8, _node), newer)
    verify_consistency(consistency_proof(6, 8, _node), older, newer)
    with pytest.raises(ConsistencyError):
        verify_consistency(consistency_proof(6, 8, _node), newer, older)


def test_the_message_of_the_cosignature_is_that_of_tlog_cosignature() -> None:
    root = base64.b64decode("CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=")
    key = SigningKey.from_seeds(origin="example.com/behind-the-sofa", ed25519=b"\x01" * 32, mldsa44=b"\x02" * 32)
    note = sign_checkpoint(key, size=20852163, root=root, time_s=1679315147)
    message = read_checkpoint(note, key.verifier_keys()).cosigned()

    assert message == (
        b"subtree/v1\n\x00"
        b"\x1bexample.com/behind-the-sofa"
        + (1679315147).to_bytes(8)
        + b"\x1bexample.com/behind-the-sofa"
        + bytes(8)
        + (20852163).to_bytes(8)
        + root
    )
    assert note.startswith(
        "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n\u2014 example.com/"
    )
