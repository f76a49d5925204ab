"""A report that is missing, old, broken or failed means not proven."""

import json
import time
from pathlib import Path

import pytest

from appliance.isolation.attempt import Attempt, Outcome
from appliance.isolation.report import FILE, LIMIT_S, is_proven, write_report
from tests.support.isolation import a_report, an_attempt


def test_a_fresh_report_that_held_proves_isolation(tmp_path: Path) -> None:
    write_report(a_report(), tmp_path)

    assert is_proven(tmp_path)


@pytest.mark.parametrize("outcome", [Outcome.REACHED, Outcome.UNPROVEN])
def test_one_try_that_was_not_refused_is_enough_to_fail(tmp_path: Path, outcome: Outcome) -> None:
    report = a_report(an_attempt(), an_attempt(outcome))
    write_report(report, tmp_path)

    assert not report.holds
    assert [name for name, _ in report.failures] == ["gateway"]
    assert not is_proven(tmp_path)


@pytest.mark.parametrize("age_s", [LIMIT_S + 1, -120.0])
def test_an_old_report_or_one_of_another_clock_proves_nothing(tmp_path: Path, age_s: float) -> None:
    write_report(a_report(age_s=age_s), tmp_path)

    assert not is_proven(tmp_path)


def test_no_report_proves_nothing(tmp_path: Path) -> None:
    assert not is_proven(tmp_path / "nowhere")


@pytest.mark.parametrize("text", ["", "[]", '{"ok": "yes"}', '{"ok": true}', '{"ok": true, "at": "now"}', "\x00"])
def test_a_broken_report_proves_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)

    assert not is_proven(tmp_path)


def test_the_file_is_readable_by_the_gateway_and_says_what_was_tried(tmp_path: Path) -> None:
    write_report(a_report(), tmp_path / "made")

    held = json.loads((tmp_path / "made" / FILE).read_text())

    assert (tmp_path / "made" / FILE).stat().st_mode & 0o777 == 0o644
    assert (held["ok"], held["tries"], held["failures"]) == (True, 1, [])
    assert held["at"] <= time.time()


def test_a_try_survives_the_file() -> None:
    assert Attempt.from_json(an_attempt().to_json()) == an_attempt()
