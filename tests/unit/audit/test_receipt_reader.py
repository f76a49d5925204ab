"""A receipt that somebody shows is believed for the recorder's signature only."""

from pathlib import Path

import pytest

from audit.checkpoint import sign_receipt
from audit.errors import AuditError, CheckpointError, FormatError, StoreError
from audit.recorder.receipt_reader import ReceiptReader
from tests.support.trails import START_MS, new_trail


def _compact(folder: Path, sequence: int = 7) -> str:
    key = new_trail(folder).signing_key()
    return sign_receipt(key, sequence=sequence, leaf_hash=b"\x05" * 32, time_ms=START_MS).compact


def test_a_receipt_of_the_recorder_is_read(tmp_path: Path) -> None:
    compact = _compact(tmp_path)

    receipt = ReceiptReader(tmp_path / "audit" / "verifier.keys").read(compact)

    assert (receipt.sequence, receipt.leaf_hash, receipt.compact) == (7, b"\x05" * 32, compact)


def test_a_receipt_that_was_altered_does_not_hold(tmp_path: Path) -> None:
    compact = _compact(tmp_path)
    payload, signature = compact.rsplit(".", 1)
    reader = ReceiptReader(tmp_path / "audit" / "verifier.keys")

    other = "B" if signature.startswith("A") else "A"
    for altered in (f"{payload}A.{signature}", f"{payload}.{other}{signature[1:]}", compact + "x", "", "audit1.x.y"):
        with pytest.raises(CheckpointError):
            reader.read(altered)


def test_without_readable_keys_no_receipt_holds(tmp_path: Path) -> None:
    compact = _compact(tmp_path)
    keys = tmp_path / "audit" / "verifier.keys"
    reader = ReceiptReader(keys)
    keys.write_text("nonsense\n")
    with pytest.raises(FormatError):
        reader.read(compact)
    keys.unlink()
    with pytest.raises(StoreError):
        reader.read(compact)


def test_a_restored_trail_with_another_name_counts_at_once(tmp_path: Path) -> None:
    compact = _compact(tmp_path)
    keys = tmp_path / "audit" / "verifier.keys"
    reader = ReceiptReader(keys)
    reader.read(compact)
    keys.write_text(keys.read_text().replace("/a1+", "/a2+"))

    with pytest.raises(AuditError):
        reader.read(compact)
