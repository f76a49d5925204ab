import pytest

from audit.cli.report import Verified, print_report, report_view
from audit.findings import Ledger, Report
from tests.support.trail_rows import KEY


def _show(
    report: Report, capsys: pytest.CaptureFixture[str], *, outside: int = 0, keys_from_outside: bool = False
) -> str:
    keys = KEY.verifier_keys()
    result = Verified(report=report, keys=keys, keys_from_outside=keys_from_outside, outside=outside, elapsed_s=2.0)
    print_report(result)
    assert report_view(result)["records_per_s"] == 5
    return capsys.readouterr().out


def test_a_whole_trail_is_told_with_what_it_rests_on(capsys: pytest.CaptureFixture[str]) -> None:
    shown = _show(Ledger().report(size=10, signed=8), capsys)

    assert "VERIFIED: 10 records" in shown
    assert "2 records after the newest checkpoint are not yet signed" in shown
    assert "from the trail's own folder" in shown
    assert "Nothing from outside was given" in shown
    assert "11. receipts hold: not run" in shown


def test_with_keys_and_receipts_from_outside_there_is_nothing_to_advise(capsys: pytest.CaptureFixture[str]) -> None:
    shown = _show(Ledger().report(size=10, signed=10), capsys, outside=1, keys_from_outside=True)

    assert "outside was given" not in shown
    assert "own folder" not in shown


def test_tampering_names_the_first_bad_record(capsys: pytest.CaptureFixture[str]) -> None:
    ledger = Ledger()
    for place in range(9, 1, -1):
        ledger.tampered(5, f"the facts of record {place} have been \x1b[2Jchanged", place)
    ledger.note(10, "torn lines")

    shown = _show(ledger.report(size=10, signed=10), capsys)

    assert "TAMPERED: the trail is not as it was recorded. First bad record: 2." in shown
    assert "and 3 more" in shown
    assert "note: 1 torn lines" in shown
    assert "\x1b" not in shown


def test_a_range_is_told_as_a_range(capsys: pytest.CaptureFixture[str]) -> None:
    ledger = Ledger()
    ledger.tampered(9, "the database's checkpoint", 3, last=7)
    assert "lies in 3 to 7" in _show(ledger.report(size=10, signed=3), capsys)

    ledger.tampered(8, "exactly", 5)
    assert "First bad record: 5." in _show(ledger.report(size=10, signed=3), capsys)

    ledger.tampered(8, "lower still, before the range", 1)
    assert "First bad record: 1." in _show(ledger.report(size=10, signed=3), capsys)


def test_a_range_below_the_exact_findings_comes_first(capsys: pytest.CaptureFixture[str]) -> None:
    ledger = Ledger()
    ledger.tampered(8, "exactly", 9)
    ledger.tampered(9, "a range", 3, last=7)

    assert "lies in 3 to 7" in _show(ledger.report(size=10, signed=3), capsys)


def test_what_is_missing_is_unverifiable(capsys: pytest.CaptureFixture[str]) -> None:
    ledger = Ledger()
    ledger.unverifiable(9, "the database holds no checkpoint")

    shown = _show(ledger.report(size=10, signed=0), capsys)

    assert "UNVERIFIABLE: a key or a part is missing" in shown
    assert " 9. the database's checkpoints hold: UNVERIFIABLE" in shown
