"""How `audit verify` tells what it found: the numbered steps, then the verdict and what it rests on."""

from dataclasses import dataclass

from audit.cli.output import harmless
from audit.findings import Report, Step, Verdict
from audit.keyring import VerifierKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """A report, and what it rests on."""

    report: Report
    keys: tuple[VerifierKey, ...]
    keys_from_outside: bool
    """False when the keys came from the trail's own folder."""

    outside: int
    """Checkpoints and receipts from outside."""

    elapsed_s: float


def print_report(result: Verified) -> None:
    """Print the steps, the verdict and the advice."""
    for step in result.report.steps:
        _print_step(step)
    print()
    print(_verdict(result.report))
    for sentence in _advice(result):
        print(f"  {sentence}")


def report_view(result: Verified) -> dict[str, object]:
    """Return the report as values for JSON."""
    report = result.report
    return {
        "verdict": report.verdict.value,
        "records": report.size,
        "signed_records": report.signed,
        "first_bad": report.first_bad,
        "first_bad_last": report.first_bad_last,
        "keys": [key.to_vkey() for key in result.keys],
        "keys_from_outside": result.keys_from_outside,
        "outside": result.outside,
        "elapsed_s": round(result.elapsed_s, 3),
        "records_per_s": _speed(result),
        "steps": [
            {
                "number": step.number,
                "title": step.title,
                "verdict": step.verdict.value if step.was_run else "not run",
                "checked": step.checked,
                "findings": [{"sequence": found.sequence, "sentence": found.sentence} for found in step.findings],
                "more": step.more,
                "notes": list(step.notes),
            }
            for step in report.steps
        ],
    }


def _print_step(step: Step) -> None:
    result = "holds" if step.verdict is Verdict.VERIFIED else step.verdict.value.upper()
    state = result if step.was_run else "not run: nothing to check it with"
    looked = f" ({step.checked} checked)" if step.checked else ""
    print(f"{step.number:>2}. {step.title}: {state}{looked}")
    for finding in step.findings:
        print(f"      {harmless(finding.sentence)}")
    if step.more:
        print(f"      and {step.more} more")
    for note in step.notes:
        print(f"      note: {note}")


def _verdict(report: Report) -> str:
    if report.verdict is Verdict.VERIFIED:
        return f"VERIFIED: {report.size} records are as they were recorded."
    if report.verdict is Verdict.UNVERIFIABLE:
        whole = f"not all of the {report.size} records can be vouched for"
        return f"UNVERIFIABLE: a key or a part is missing, so {whole}.{_where(report)}"
    return f"TAMPERED: the trail is not as it was recorded.{_where(report)}"


def _where(report: Report) -> str:
    if report.first_bad is None:
        return ""
    if report.first_bad_last is None:
        return f" First bad record: {report.first_bad}."
    return f" The first bad record lies in {report.first_bad} to {report.first_bad_last}."


def _advice(result: Verified) -> list[str]:
    report = result.report
    sentences = []
    if report.size > report.signed:
        sentences.append(f"{report.size - report.signed} records after the newest checkpoint are not yet signed.")
    if not result.keys_from_outside:
        names = ", ".join(key.key_id().hex() for key in result.keys)
        sentences.append(
            f"The verifier keys ({names}) are from the trail's own folder; compare them with a copy from outside, "
            "or give that copy with --public-key."
        )
    if not result.outside and report.verdict is Verdict.VERIFIED:
        sentences.append(
            "Nothing from outside was given: a restored old copy of the whole folder would look the same. "
            "Give a receipt with --receipt or a checkpoint with --checkpoint."
        )
    if report.verdict is Verdict.TAMPERED:
        sentences.append("Stop the recorder, keep a copy of the whole folder as it is, and compare it with a backup.")
    sentences.append(f"{result.elapsed_s:.1f} s, {_speed(result)} records/s.")
    return sentences


def _speed(result: Verified) -> int:
    return round(result.report.size / max(result.elapsed_s, 0.001))
