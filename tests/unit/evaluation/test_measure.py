"""Speed is taken around the detector alone, and a short text counts as it is."""

from appliance.clinical_text import ClinicalText
from appliance.evaluation.measure import measure, percentile
from appliance.evaluation.records import Record, Span

FOUND = (Span(start=0, end=1, type="NAME"),)


def _records(*lengths: int) -> list[Record]:
    return [Record(id=number, text=ClinicalText("x" * length)) for number, length in enumerate(lengths)]


def test_every_text_is_measured_and_told() -> None:
    told: list[int] = []

    found, timing = measure(lambda _record: FOUND, _records(10, 3000), tell=lambda: told.append(1))

    assert found == {0: FOUND, 1: FOUND}
    assert len(told) == timing.texts == 2
    assert timing.characters == 3010
    assert timing.per_second() > 0
    assert timing.p50_ms <= timing.p99_ms


def test_nothing_to_measure_is_no_fault() -> None:
    found, timing = measure(lambda _record: FOUND, [])

    assert (found, timing.per_second(), timing.p99_ms) == ({}, 0, 0)


def test_a_percentile_is_a_value_that_was_measured() -> None:
    values = [float(number) for number in range(100)]

    assert (percentile(values, 0.5), percentile(values, 0.99), percentile(values, 1.0)) == (50, 99, 99)
