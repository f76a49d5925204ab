"""The figures of a detector say how often it cries wolf, and nothing where the labels cannot tell."""

import pytest

from appliance.clinical_text import ClinicalText
from appliance.evaluation.figures import Figures
from appliance.evaluation.measure import Timing
from appliance.evaluation.records import Labelled, Record, Span
from appliance.evaluation.score import score


@pytest.mark.parametrize(("labels_partial", "expected"), [(False, 10.0), (True, None)])
def test_false_alarms_are_told_where_every_identifier_is_labelled(
    labels_partial: bool,  # noqa: FBT001 - a parameter of the test
    expected: float | None,
) -> None:
    text = Labelled(
        record=Record(id=1, text=ClinicalText("x" * 100)),
        spans=(Span(start=0, end=4, type="NAME"),),
        labels_partial=labels_partial,
    )
    said = (Span(start=0, end=4, type="NAME"), Span(start=50, end=54, type="DATE"))
    timing = Timing(texts=1, characters=100, seconds=1.0, p50_ms=1.0, p99_ms=1.0)

    figures = Figures(score=score([text], {1: said}), timing=timing)

    assert figures.false_alarms() == expected
    assert figures.to_json()["false_alarms_per_1000_characters"] == expected
