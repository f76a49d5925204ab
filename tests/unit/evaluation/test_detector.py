"""A figure is measured on what the guard does: what is found and what is known meet as they do before a text leaves."""

import pytest

from appliance.clinical_text import ClinicalText
from appliance.errors import InvalidRequestError
from appliance.evaluation.detector import Detector, known_of
from appliance.evaluation.records import Record, Span
from appliance.phi.findings import Finding, Kind


class OneDay:
    """Finds one day, wherever the text says "Monday"."""

    def find(self, text: str) -> tuple[Finding, ...]:
        """Return the day."""
        start = text.find("Monday")
        found = Finding(kind=Kind.DATE, start=start, end=start + 6, score=0.5, recognizer="one-day")
        return (found,) if start >= 0 else ()


def test_what_is_found_and_what_is_known_come_together() -> None:
    record = Record(id=1, text=ClinicalText("weaver came on Monday"), patient={"names": "Anna Weaver"})

    spans = Detector(OneDay()).detect(record)

    assert [(span.start, span.end, span.type) for span in spans] == [(0, 6, "NAME"), (15, 21, "DATE")]


def test_a_record_without_a_patient_is_read_as_it_is() -> None:
    assert Detector(OneDay()).detect(Record(id=1, text=ClinicalText("weaver came"))) == ()


def test_a_patient_that_is_wrong_is_named_by_line_and_path() -> None:
    with pytest.raises(InvalidRequestError, match=r"line 7: meta.patient.nmae"):
        known_of(Record(id=1, text=ClinicalText(""), patient={"nmae": "Weaver"}, line=7))


def test_a_span_that_ends_where_another_begins_shares_nothing() -> None:
    span = Span(start=2, end=4, type="NAME")

    assert [span.overlaps(*place) for place in ((0, 2), (4, 6), (3, 4), (0, 9))] == [False, False, True, True]
