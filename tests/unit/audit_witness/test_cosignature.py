import base64
import struct

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from audit.checkpoint import read_checkpoint
from audit.errors import CheckpointError, FormatError
from audit.witness.cosignature import Cosigner, CosignerKey, lines_of, valid_lines
from tests.support.witnesses import SignedLog

LOG = SignedLog([b"a", b"b", b"c"])
NOTE = LOG.note(3)
STATEMENT = read_checkpoint(NOTE, LOG.keys)
COSIGNER = Cosigner(
    name="witness.example/w1",
    ed25519=Ed25519PrivateKey.from_private_bytes(b"\x03" * 32),
    mldsa44=MLDSA44PrivateKey.from_seed_bytes(b"\x04" * 32),
)
LINES = COSIGNER.sign(STATEMENT, time_s=1_795_417_200)
KEYS = COSIGNER.public_keys()


def test_both_kinds_of_cosignature_hold_for_the_checkpoint_that_was_signed() -> None:
    assert valid_lines(LINES, statement=STATEMENT, keys=KEYS) == LINES
    assert read_checkpoint(NOTE + LINES, LOG.keys) == STATEMENT


def test_the_ed25519_message_is_that_of_the_specification() -> None:
    classical, _ = KEYS

    assert classical.message(STATEMENT, time_s=1679315147) == (
        b"cosignature/v1\ntime 1679315147\n" + STATEMENT.text().encode()
    )


def test_the_ml_dsa_message_is_that_of_the_specification() -> None:
    _, lattice = KEYS

    assert lattice.message(STATEMENT, time_s=5) == (
        b"subtree/v1\n\x00\x12witness.example/w1" + struct.pack(">Q", 5) + b"\x13hospital.example/a1"
        + struct.pack(">QQ", 0, 3) + STATEMENT.root
    )  # fmt: skip


@pytest.mark.parametrize("key", KEYS)
def test_a_vkey_line_is_read_back(key: CosignerKey) -> None:
    assert CosignerKey.from_vkey(key.to_vkey()) == key


@pytest.mark.parametrize(
    "line",
    [
        "",
        "name",
        "name+00000000",
        "name+00000000+!!",
        "name+00000000+",
        KEYS[0].to_vkey().replace("+", "+0", 1),
        KEYS[0].to_vkey()[:-4],
        KEYS[0].to_vkey().replace("w1", "w2"),
        "bad name" + KEYS[0].to_vkey()[18:],
        LOG.keys[0].to_vkey(),
    ],
)
def test_what_is_no_witness_key_is_refused(line: str) -> None:
    with pytest.raises(FormatError):
        CosignerKey.from_vkey(line)


def test_lines_of_unknown_keys_are_ignored_and_known_ones_kept() -> None:
    first, second = LINES.splitlines(keepends=True)

    assert valid_lines(LINES, statement=STATEMENT, keys=KEYS[:1]) == first
    assert valid_lines(LINES, statement=STATEMENT, keys=KEYS[1:]) == second
    with pytest.raises(CheckpointError, match="no cosignature of a known key"):
        valid_lines(LINES, statement=STATEMENT, keys=())
    with pytest.raises(CheckpointError, match="no cosignature"):
        valid_lines("", statement=STATEMENT, keys=KEYS)


def test_a_cosignature_over_another_tree_does_not_hold() -> None:
    other = read_checkpoint(LOG.note(2), LOG.keys)

    for key in KEYS:
        with pytest.raises(CheckpointError, match="does not hold"):
            valid_lines(LINES, statement=other, keys=[key])


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("cut", [5, 9, 12])
def test_a_cut_cosignature_does_not_hold(key: CosignerKey, cut: int) -> None:
    line = next(line for line in LINES.splitlines() if _place(line) == key.key_id())
    material = base64.b64decode(line.rpartition(" ")[2])[:cut]

    with pytest.raises(CheckpointError):
        valid_lines(_line(material), statement=STATEMENT, keys=KEYS)


def test_a_cosignature_without_a_time_says_nothing_about_the_newest_tree() -> None:
    timeless = COSIGNER.sign(STATEMENT, time_s=0)

    with pytest.raises(CheckpointError, match="has no time"):
        valid_lines(timeless, statement=STATEMENT, keys=KEYS)


@pytest.mark.parametrize(
    "answer",
    ["x", "\n", "- w AAAA\n", "\u2014 w\n", "\u2014 w !!\n", "\u2014 w AAAA\n", LINES.rstrip("\n"), LINES * 40],
)
def test_an_answer_that_is_no_list_of_signature_lines_is_refused(answer: str) -> None:
    with pytest.raises(CheckpointError):
        valid_lines(answer, statement=STATEMENT, keys=KEYS)


def test_only_the_lines_of_given_keys_are_kept_of_a_note() -> None:
    junk = "\u2014 someone.example AAAAAAAA\n" * 3

    kept = lines_of(NOTE + junk + LINES, ((key.name, key.key_id()) for key in LOG.keys))

    assert STATEMENT.text() + "\n" + kept == NOTE


def _place(line: str) -> bytes:
    return base64.b64decode(line.rpartition(" ")[2])[:4]


def _line(material: bytes) -> str:
    return f"\u2014 {COSIGNER.name} {base64.b64encode(material).decode()}\n"
