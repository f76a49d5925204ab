"""A figure is measured on what the guard does: what is found and what is known meet as they do before a text leaves."""

from collections.abc import Iterator

import pytest

from appliance.clinical_text import ClinicalText
from appliance.errors import InvalidRequestError
from appliance.evaluation.detector import Detector, candidates, known_of
from appliance.evaluation.parts import PART_CHARACTERS
from appliance.evaluation.records import Record, Span
from appliance.phi.findings import Finding, Kind
from appliance.phi.known_identifiers import KnownIdentifiers


class OneDay:
    """Finds one day, wherever the text says "Monday"."""

    def find(self, text: str) -> tuple[Finding, ...]:
        """Return the day."""
        start = text.find("Monday")
        found = Finding(kind=Kind.DATE, start=start, end=start + 6, score=0.5, recognizer="one-day")
        return (found,) if start >= 0 else ()

    def candidates(self, text: str) -> Iterator[Finding]:
        """Yield the day."""
        yield from self.find(text)


def test_what_is_found_and_what_is_known_come_together() -> None:
    record = Record(id=1, text=ClinicalText("weaver came on Monday"), patient={"names": "Anna Weaver"})

    spans = Detector(OneDay()).detect(record)

    assert [(span.start, span.end, span.type) for span in spans] == [(0, 6, "NAME"), (15, 21, "DATE")]


def test_a_long_text_is_looked_at_in_parts_that_are_told() -> None:
    filler = "take it daily\n\n" * 20_000
    text = ClinicalText(f"{filler}weaver came on Monday")
    told: list[int] = []

    found = Detector(OneDay()).find(text, KnownIdentifiers.nothing(), tell=told.append)

    assert [(each.start, each.end) for each in found] == [(len(filler) + 15, len(filler) + 21)]
    assert told == [PART_CHARACTERS // 15 * 15, len(text)]


def test_only_the_part_of_a_long_text_that_holds_the_place_is_explained() -> None:
    text = ClinicalText("Monday\n" * 60_000)

    (found,) = candidates(OneDay(), text, len(text) - 1)

    assert text.reveal()[found.start : found.end] == "Monday"
    assert found.start >= PART_CHARACTERS


def test_a_record_without_a_patient_is_read_as_it_is() -> None:
    assert Detector(OneDay()).detect(Record(id=1, text=ClinicalText("weaver came"))) == ()


def test_a_patient_that_is_wrong_is_named_by_line_and_path() -> None:
    with pytest.raises(InvalidRequestError, match=r"line 7: meta.patient.nmae"):
        known_of(Record(id=1, text=ClinicalText(""), patient={"nmae": "Weaver"}, line=7))


def test_a_span_that_ends_where_another_begins_shares_nothing() -> None:
    span = Span(start=2, end=4, type="NAME")

    assert [span.overlaps(*place) for place in ((0, 2), (4, 6), (3, 4), (0, 9))] == [False, False, True, True]
