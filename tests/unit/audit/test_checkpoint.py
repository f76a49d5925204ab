import base64
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.checkpoint import (
    MAX_NOTE_BYTES,
    read_checkpoint,
    read_receipt,
    sign_checkpoint,
    sign_receipt,
)
from audit.errors import CheckpointError, FormatError
from audit.keyring import SigningKey, VerifierKey
from audit.keyring.signatures import ED25519, MLDSA44

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


def test_a_signed_payload_that_is_no_receipt_is_refused() -> None:
    payload = b'{"v":1}'
    signature = KEY.ed25519.sign(b"audit/1/receipt\n" + payload)
    encoded = [base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in (payload, signature)]

    with pytest.raises(CheckpointError, match="lacks"):
        read_receipt("audit1." + ".".join(encoded), KEYS)


def test_bytes_that_are_no_key_raise_our_error() -> None:
    assert VerifierKey(name="a", signature_type=MLDSA44, public=bytes(1312)).load() is not None
    with pytest.raises(FormatError):
        VerifierKey(name="a", signature_type=ED25519, public=b"short").load()
