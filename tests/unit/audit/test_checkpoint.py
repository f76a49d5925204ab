import base64
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.checkpoint import (
    MAX_NOTE_BYTES,
    Checkpoint,
    read_checkpoint,
    read_receipt,
    sign_checkpoint,
    sign_receipt,
    verify_consistency,
    verify_inclusion,
)
from audit.errors import CheckpointError, ConsistencyError, FormatError, InclusionError
from audit.keyring import SigningKey, VerifierKey
from audit.keyring.signatures import ED25519, MLDSA44
from audit.merkle import leaf_hash, root_of

AUDIT = Path(__file__).parents[3] / "audit"

KEY = SigningKey.from_seeds(origin="hospital.example/a1", ed25519=b"\x01" * 32, mldsa44=b"\x02" * 32)
OTHER = SigningKey.from_seeds(origin="hospital.example/a1", ed25519=b"\x03" * 32, mldsa44=b"\x04" * 32)
KEYS = KEY.verifier_keys()
ROOT = bytes(range(32))
TIME_S = int(datetime(2026, 11, 23, tzinfo=UTC).timestamp())
NOTE = sign_checkpoint(KEY, size=1235, root=ROOT, time_s=TIME_S)
RECEIPT = sign_receipt(KEY, sequence=7, leaf_hash=ROOT, time_ms=5)


def test_a_checkpoint_says_what_was_signed() -> None:
    read = read_checkpoint(NOTE, KEYS)

    assert (read.origin, read.size, read.root, read.time_s) == ("hospital.example/a1", 1235, ROOT, TIME_S)


def test_a_checkpoint_is_a_note_in_c2sp_form() -> None:
    text, _, lines = NOTE.partition("\n\n")

    assert text == "hospital.example/a1\n1235\n" + base64.b64encode(ROOT).decode()
    assert [line.split(" ")[:2] for line in lines.splitlines()] == [["\u2014", "hospital.example/a1"]] * 2


def test_the_message_of_the_ml_dsa_line_is_that_of_the_specification() -> None:
    read = read_checkpoint(NOTE, KEYS)
    name = b"\x13hospital.example/a1"

    assert (
        read.cosigned() == b"subtree/v1\n\x00" + name + TIME_S.to_bytes(8) + name + bytes(8) + (1235).to_bytes(8) + ROOT
    )


def test_lines_of_other_keys_are_ignored() -> None:
    witness = SigningKey.from_seeds(origin="witness.example", ed25519=b"\x05" * 32, mldsa44=b"\x06" * 32)
    line = sign_checkpoint(witness, size=1, root=ROOT, time_s=0).splitlines(keepends=True)[-1]

    assert read_checkpoint(NOTE + line, KEYS).size == 1235


@pytest.mark.parametrize("kept", [0, 1])
def test_one_signature_of_two_is_not_enough(kept: int) -> None:
    text, _, lines = NOTE.partition("\n\n")

    with pytest.raises(CheckpointError, match="missing"):
        read_checkpoint(text + "\n\n" + lines.splitlines(keepends=True)[kept], KEYS)


@pytest.mark.parametrize(
    "note",
    [
        "",
        "text only\n",
        NOTE.replace("1235", "1236"),
        NOTE.replace("1235", "01235"),
        NOTE.replace("1235", "-1"),
        NOTE.replace("1235", "9" * 40),
        NOTE.replace("hospital", "hospitals"),
        NOTE.replace(base64.b64encode(ROOT).decode(), "AAAA"),
        NOTE.replace(base64.b64encode(ROOT).decode(), "!"),
        NOTE.replace("\n\n", "\nextension\n\n"),
        NOTE.replace("\u2014 ", "- "),
        NOTE + "\u2014 nospace\n",
        NOTE + "\u2014 name AAA\n",
        NOTE + "x" * MAX_NOTE_BYTES,
        NOTE[:-1],
        NOTE + "\n",
        NOTE.replace("1235\n", "1235\r\n"),
        NOTE + "\u2014  AAAAAA==\n",
        NOTE + "\x85",
        sign_checkpoint(OTHER, size=1235, root=ROOT, time_s=TIME_S),
    ],
)
def test_a_note_that_does_not_hold_is_refused(note: str) -> None:
    with pytest.raises(CheckpointError):
        read_checkpoint(note, KEYS)


@pytest.mark.parametrize("key", KEYS)
def test_each_signature_is_checked(key: VerifierKey) -> None:
    lines = NOTE.splitlines(keepends=True)
    number = -2 if key.is_classical() else -1
    dash, name, encoded = lines[number].split(" ")
    signature = bytearray(base64.b64decode(encoded))
    signature[-1] ^= 1
    lines[number] = f"{dash} {name} {base64.b64encode(signature).decode()}\n"

    with pytest.raises(CheckpointError, match="does not hold"):
        read_checkpoint("".join(lines), KEYS)


def test_a_changed_timestamp_is_refused() -> None:
    lines = NOTE.splitlines(keepends=True)
    dash, name, encoded = lines[-1].split(" ")
    signature = bytearray(base64.b64decode(encoded))
    signature[11] ^= 1
    lines[-1] = f"{dash} {name} {base64.b64encode(signature).decode()}\n"

    with pytest.raises(CheckpointError, match="does not hold"):
        read_checkpoint("".join(lines), KEYS)


def test_without_keys_nothing_holds() -> None:
    with pytest.raises(CheckpointError):
        read_checkpoint(NOTE, ())
    with pytest.raises(CheckpointError):
        read_receipt(RECEIPT.compact, KEYS[1:])


@given(st.text(max_size=200))
def test_a_garbage_note_raises_our_error(text: str) -> None:
    with pytest.raises(CheckpointError):
        read_checkpoint(text, KEYS)


def test_a_receipt_reads_back() -> None:
    assert read_receipt(RECEIPT.compact, KEYS) == RECEIPT


@pytest.mark.parametrize(
    "compact",
    [
        "",
        "audit1.",
        "audit1.a.b",
        "audit2" + RECEIPT.compact[6:],
        RECEIPT.compact[:-2],
        RECEIPT.compact + "=",
        RECEIPT.compact.replace("audit1.ey", "audit1.ez"),
        RECEIPT.compact + "A" * 1024,
        sign_receipt(OTHER, sequence=7, leaf_hash=ROOT, time_ms=5).compact,
    ],
)
def test_a_receipt_that_does_not_hold_is_refused(compact: str) -> None:
    with pytest.raises(CheckpointError):
        read_receipt(compact, KEYS)


@given(st.text(max_size=200))
def test_a_garbage_receipt_raises_our_error(text: str) -> None:
    with pytest.raises(CheckpointError):
        read_receipt("audit1." + text, KEYS)


def _signed(payload: bytes) -> str:
    signature = KEY.ed25519.sign(b"audit/1/receipt\n" + payload)
    encoded = [base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in (payload, signature)]
    return "audit1." + ".".join(encoded)


LEAF = ROOT.hex()


@pytest.mark.parametrize(
    "payload",
    [
        b"no json",
        b'{"v":1}',
        b'{"leaf":"%s","origin":"hospital.example/a1","time":5,"v":1}' % LEAF.encode(),
        b'{"leaf":"%s","origin":"hospital.example/a1","seq":-1,"time":5,"v":1}' % LEAF.encode(),
        b'{"leaf":"%s","origin":"hospital.example/a1","seq":true,"time":5,"v":1}' % LEAF.encode(),
        b'{"leaf":"%s","origin":"hospital.example/a1","seq":1,"time":5,"v":2}' % LEAF.encode(),
        b'{"leaf":"%s","origin":"another.example/a1","seq":1,"time":5,"v":1}' % LEAF.encode(),
        b'{"leaf":"%s","origin":"hospital.example/a1","seq":1,"time":5,"v":1}' % LEAF[:62].encode(),
        b'{"leaf":"xx","origin":"hospital.example/a1","seq":1,"time":5,"v":1}',
    ],
)
def test_a_signed_payload_that_is_no_receipt_of_this_log_is_refused(payload: bytes) -> None:
    with pytest.raises(CheckpointError, match="receipt"):
        read_receipt(_signed(payload), KEYS)


def test_a_checkpoint_can_only_come_from_checked_signatures() -> None:
    read = read_checkpoint(NOTE, KEYS)

    with pytest.raises(RuntimeError):
        Checkpoint(origin=read.origin, size=read.size, root=read.root, time_s=0, signed=None)
    with pytest.raises((TypeError, ValueError)):
        replace(read, size=read.size + 1)


def test_only_the_checkpoint_module_checks_proofs_against_roots() -> None:
    found = {
        file.name
        for file in AUDIT.rglob("*.py")
        if re.search(r"\bcheck_(inclusion|consistency)\b", file.read_text()) and file.name != "verify_bundle.py"
    }

    assert found == {"merkle.py", "checkpoint.py"}


def _pair(leaves: list[bytes]) -> tuple[bytes, Checkpoint]:
    root = root_of(leaves)
    return root, read_checkpoint(sign_checkpoint(KEY, size=len(leaves), root=root, time_s=TIME_S), KEYS)


def test_a_record_is_proven_against_a_signed_checkpoint() -> None:
    left, right = leaf_hash(b"left"), leaf_hash(b"right")
    _, checkpoint = _pair([left, right])

    verify_inclusion(left, 0, [right], checkpoint)
    with pytest.raises(InclusionError):
        verify_inclusion(right, 0, [right], checkpoint)


def test_a_later_checkpoint_is_proven_to_extend_an_earlier_one() -> None:
    leaves = [leaf_hash(b"left"), leaf_hash(b"right")]
    _, older = _pair(leaves[:1])
    _, newer = _pair(leaves)

    verify_consistency(leaves[1:], older, newer)
    with pytest.raises(ConsistencyError):
        verify_consistency(leaves[:1], older, newer)
    with pytest.raises(ConsistencyError):
        verify_consistency([], newer, older)


def test_checkpoints_of_two_logs_are_never_consistent() -> None:
    other = SigningKey.from_seeds(origin="hospital.example/a2", ed25519=b"\x03" * 32, mldsa44=b"\x04" * 32)
    _, ours = _pair([leaf_hash(b"left")])
    theirs = read_checkpoint(sign_checkpoint(other, size=1, root=ours.root, time_s=TIME_S), other.verifier_keys())

    with pytest.raises(ConsistencyError, match="two logs"):
        verify_consistency([], ours, theirs)


def test_a_checkpoint_of_nothing_has_the_empty_root_and_promises_nothing() -> None:
    _, empty = _pair([])
    _, grown = _pair([leaf_hash(b"left")])

    verify_consistency([], empty, grown)
    with pytest.raises(InclusionError):
        verify_inclusion(leaf_hash(b"left"), 0, [], empty)
    with pytest.raises(CheckpointError, match="empty tree"):
        read_checkpoint(sign_checkpoint(KEY, size=0, root=ROOT, time_s=TIME_S), KEYS)


def test_two_lines_of_one_key_are_refused_because_one_would_go_unchecked() -> None:
    with pytest.raises(CheckpointError, match="repeated"):
        read_checkpoint(NOTE + NOTE.splitlines(keepends=True)[-1], KEYS)


def test_bytes_that_are_no_key_raise_our_error() -> None:
    assert VerifierKey(name="a", signature_type=MLDSA44, public=bytes(1312)).load() is not None
    with pytest.raises(FormatError):
        VerifierKey(name="a", signature_type=ED25519, public=b"short").load()


def test_an_ml_dsa_line_too_short_for_its_timestamp_is_refused() -> None:
    lines = NOTE.splitlines(keepends=True)
    dash, name, encoded = lines[-1].split(" ")
    lines[-1] = f"{dash} {name} {base64.b64encode(base64.b64decode(encoded)[:8]).decode()}\n"

    with pytest.raises(CheckpointError, match="does not hold"):
        read_checkpoint("".join(lines), KEYS)
