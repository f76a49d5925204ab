import pytest

from appliance.phi.consistency import spread
from appliance.phi.findings import Finding, Kind


def finding(text: str, value: str, kind: Kind, score: float = 0.9) -> Finding:
    start = text.index(value)
    return Finding(kind=kind, start=start, end=start + len(value), score=score, recognizer="test")


def spread_one(first: str, value: str, kind: Kind, second: str) -> list[str]:
    places = spread([first, second], [[finding(first, value, kind)], []])[1]
    return [second[each.start : each.end] for each in places]


@pytest.mark.parametrize(
    ("value", "kind", "second", "expected"),
    [
        ("Brady Kuhlman", Kind.NAME, "then Kuhlman left; BRADY slept", ["Kuhlman", "BRADY"]),
        ("Dr. Levi Reichert, MD", Kind.NAME, "Reichert signed; MD of Dr.", ["Reichert"]),
        ("Rose May", Kind.NAME, "it rose in May; Rose May left", ["Rose May"]),
        ("Kuhlman", Kind.NAME, "kuhlman as a word", []),
        ("one two three four five six seven eight", Kind.NAME, "two and Seven", []),
        ("Mercy General Hospital", Kind.LOCATION, "at MERCY GENERAL HOSPITAL", ["MERCY GENERAL HOSPITAL"]),
        ("Tewksbury", Kind.LOCATION, "of Tewksbury", ["Tewksbury"]),
        ("Reading", Kind.LOCATION, "Reading is hard; in Reading", ["Reading"]),
        ("MA", Kind.LOCATION, "MA degree", []),
        ("02169", Kind.LOCATION, "to 02169", ["02169"]),
        ("021", Kind.LOCATION, "021", []),
        ("MRN-123456", Kind.MRN, "number 123456", ["123456"]),
        ("617-555-0123", Kind.PHONE, "6175550123 x4", ["6175550123 x4"]),
        ("a.b7@example.org", Kind.EMAIL, "A.B7 (at) example.org", ["A.B7 (at) example.org"]),
        ("https://x.example.org/7", Kind.URL, "x.example.org/7", ["x.example.org/7"]),
        ("10.20.30.40", Kind.IP, "host 10.20.30.40", ["10.20.30.40"]),
        ("March 14, 1961", Kind.DATE, "MARCH 14 1961", ["MARCH 14 1961"]),
        ("March", Kind.DATE, "March", []),
        ("93", Kind.AGE, "93", []),
    ],
)
def test_what_is_found_once_is_found_everywhere(value: str, kind: Kind, second: str, expected: list[str]) -> None:
    assert spread_one(f"First: {value}.", value, kind, second) == expected


def test_a_doubtful_finding_does_not_multiply() -> None:
    text = "Lasix and Lasix"

    (found,) = spread([text], [[finding(text, "Lasix", Kind.NAME, 0.4)]])

    assert len(found) == 1


def test_the_finding_that_was_there_keeps_its_name_and_score() -> None:
    text = "Kuhlman met Kuhlman"
    there = finding(text, "Kuhlman", Kind.NAME, 0.7)

    (found,) = spread([text], [[there]])

    assert found[0] == there
    assert [each.recognizer for each in found] == ["test", "spread"]


def test_a_longer_stretch_elsewhere_is_joined_with_what_was_there() -> None:
    texts = ["Brady Kuhlman came", "Brady Kuhlman left"]
    part = finding(texts[1], "Brady", Kind.NAME)

    found = spread(texts, [[finding(texts[0], "Brady Kuhlman", Kind.NAME)], [part]])

    assert [(each.start, each.end) for each in found[1]] == [(0, 13)]


def test_nothing_found_spreads_nothing() -> None:
    assert spread(["a", "b"], [[], []]) == [(), ()]
