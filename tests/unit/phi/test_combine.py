from datetime import date

from appliance.phi.combine import combine
from appliance.phi.demographics import Demographics
from appliance.phi.findings import Finding, Kind
from appliance.phi.known_identifiers import KnownIdentifiers


def test_found_known_and_spread_come_together_without_overlaps() -> None:
    texts = ["Seen by Dr. Reichert: Kuhlman, born 3/14/61", "Reichert wrote to kuhlman"]
    start = texts[0].index("Reichert")
    reichert = Finding(kind=Kind.NAME, start=start, end=start + 8, score=0.9, recognizer="title")
    known = KnownIdentifiers.from_demographics(Demographics(names=("Brady Kuhlman",), birth_date=date(1961, 3, 14)))

    found = combine(texts, [[reichert], []], known)

    assert [[text[each.start : each.end] for each in places] for text, places in zip(texts, found, strict=True)] == [
        ["Reichert", "Kuhlman", "3/14/61"],
        ["Reichert", "kuhlman"],
    ]
    assert [each.recognizer for each in found[0]] == ["title", "known_name", "known_date"]
    assert [each.recognizer for each in found[1]] == ["spread", "known_name"]


def test_a_known_word_inside_what_was_found_leaves_nothing_of_it_uncovered() -> None:
    text = "John Q. Public-Smith MD"
    whole = Finding(kind=Kind.NAME, start=0, end=len(text), score=0.6, recognizer="model")

    (found,) = combine([text], [[whole]], KnownIdentifiers.from_demographics(Demographics(names=("John Smith",))))

    assert [(each.start, each.end) for each in found] == [(0, len(text))]
