"""Verifying one file that somebody kept: a full receipt, a tlog-proof, or an evidence bundle; no trail is needed.

A file that is no such thing leaves everything unproven and proves no tampering: *unverifiable*.  One that is, and does
not hold, is *tampered*.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from audit.checkpoint import Checkpoint
from audit.cli.output import harmless, print_json
from audit.cli.outside import Outside, notes_in, read_proof_text, read_receipt_text
from audit.cli.progress import BIG, shown
from audit.errors import FormatError, StoreError, VerificationError
from audit.export import open_bundle
from audit.export.verify_bundle import Report as BundleReport
from audit.export.verify_bundle import lines
from audit.findings import Verdict
from audit.full_receipt import read_full_receipt
from audit.keyring import VerifierKey
from audit.record import Leaf
from audit.tlog_proof import verify_proof
from audit.view import to_time

Proved = tuple[Checkpoint, Sequence[Mapping[str, object]]]
"""The checkpoint, and what may be shown of the records that it proves."""


def verify_receipt_file(file: Path, keys: Callable[[], tuple[VerifierKey, ...]], *, as_json: bool) -> Verdict:
    """Verify a full receipt on its own and print what it proves."""

    def prove() -> Proved:
        receipt = read_full_receipt(read_receipt_text(str(file)), keys())
        return receipt.checkpoint, [_shown(leaf) for leaf in receipt.leaves]

    return _told(prove, as_json=as_json)


def verify_proof_file(
    file: Path, keys: Callable[[], tuple[VerifierKey, ...]], *, receipts: Sequence[str], as_json: bool
) -> Verdict:
    """Verify a tlog-proof on its own, and that each given receipt is of the same record."""

    def prove() -> Proved:
        text, trusted = read_proof_text(file), keys()
        proven = [verify_proof(text, trusted, receipt=receipt) for receipt in receipts or ("",)][-1]
        record = _shown(proven.leaf) if proven.leaf is not None else {"sequence": proven.index}
        return proven.checkpoint, [{**record, "leaf_hash": proven.leaf_hash.hex()}]

    return _told(prove, as_json=as_json)


def verify_bundle_file(file: Path, keys: Sequence[VerifierKey] | None, *, outside: Outside, as_json: bool) -> Verdict:
    """Verify an evidence bundle and print its numbered steps."""
    notes = [note for path in outside.checkpoints for note in notes_in(path) if note is not None]
    bundle = open_bundle(file)
    with shown(BIG) as bar:
        bar.begin("verifying the bundle", total=None)
        report = bundle.verify(keys, checkpoints=notes, moved=bar.reach)
    if as_json:
        print_json(_bundle_view(report))
    else:
        for line in lines(report):
            print(harmless(line))
        if keys is None:
            print("  Give the verifier keys that you trust with --public-key: those in the bundle prove nothing.")
    return Verdict(report.verdict)


def _shown(leaf: Leaf) -> dict[str, object]:
    return {
        "sequence": leaf.sequence,
        "event": leaf.event_id,
        "kind": leaf.kind.value,
        "time": to_time(leaf.time_ms),
        "outcome": leaf.outcome,
    }


def _told(prove: Callable[[], Proved], *, as_json: bool) -> Verdict:
    """Print what a file proves, or why it does not."""
    try:
        checkpoint, records = prove()
    except VerificationError as error:
        return _tell_failure(Verdict.TAMPERED, str(error), as_json=as_json)
    except (FormatError, StoreError) as error:
        return _tell_failure(Verdict.UNVERIFIABLE, str(error), as_json=as_json)
    if as_json:
        view = {"verdict": "verified", "origin": checkpoint.origin, "size": checkpoint.size, "records": records}
        print_json(view)
        return Verdict.VERIFIED
    for record in records:
        print(harmless("  ".join(str(value) for value in record.values() if value != "")))
    signed = to_time(checkpoint.time_s * 1000)
    print(f"VERIFIED: these records are in the tree of {checkpoint.size} that {checkpoint.origin} signed at {signed}.")
    return Verdict.VERIFIED


def _tell_failure(verdict: Verdict, sentence: str, *, as_json: bool) -> Verdict:
    if as_json:
        print_json({"verdict": verdict.value, "reason": sentence})
    else:
        print(f"{verdict.value.upper()}: {harmless(sentence)}")
    return verdict


def _bundle_view(report: BundleReport) -> dict[str, object]:
    return {
        "verdict": report.verdict,
        "first_bad": report.first_bad,
        **{name: report.claims.get(name) for name in ("origin", "first", "end", "size", "records")},
        "steps": [
            {
                "number": step.number,
                "verdict": step.verdict,
                "checked": step.checked,
                "findings": [{"sequence": found.sequence, "sentence": str(found)} for found in step.findings],
            }
            for step in report.steps.values()
        ],
    }
