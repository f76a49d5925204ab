from datetime import date

import pytest

from appliance.phi.dates import Precision, days_in, may_go_on, read


@pytest.mark.parametrize(
    ("text", "moved"),
    [
        ("2024-03-05", "2023-12-21"),
        ("2024/3/5", "2023/12/21"),
        ("03/05/2024", "12/21/2023"),
        ("3/5/24", "12/21/23"),
        ("25/12/2023", "21/12/2023"),
        ("March 5, 2024", "December 21, 2023"),
        ("Mar. 5th, 2024", "Dec. 21st, 2023"),
        ("MARCH 5", "DECEMBER 21"),
        ("5 march 2024", "21 december 2023"),
        ("5th of March, 2024", "21st of December, 2023"),
        ("05-Mar-2024", "21-Dec-2023"),
        ("5Mar2024", "21Dec2023"),
        ("2024 Mar 5", "2023 Dec 21"),
        ("Tuesday, March 5, 2024", "December 21, 2023"),
        ("2024-03-05T10:30:00Z", "2023-12-21"),
        ("3/5/2024 at 10:30 AM", "12/21/2023"),
        ("Mar '24", "Dec '23"),
        ("March 2024", "December 2023"),
        ("03/2024", "12/2023"),
        ("2024-03", "2023-12"),
        ("3/5", "12/21"),
        ("20240305", "20231221"),
        ("20240305103000", "20231221103000"),
        ("03051950", "12212023"),
        ("2024\u5e743\u67085\u65e5", "2023\u5e7412\u670821\u65e5"),
        ("\uff12\uff10\uff12\uff14-03-05", "2023-12-21"),
    ],
)
def test_another_day_is_written_in_the_same_manner(text: str, moved: str) -> None:
    day = read(text)

    assert day is not None
    assert day.moved(year=2023, month=12, day=21) == moved


@pytest.mark.parametrize(
    ("day", "expected"),
    [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (12, "12th"), (13, "13th"), (22, "22nd")],
)
def test_ordinals_fit_their_day(day: int, expected: str) -> None:
    written = read("March 5th")

    assert written is not None
    assert written.moved(year=0, month=3, day=day) == f"March {expected}"


@pytest.mark.parametrize(
    "text",
    ["", "hello", "2024-02-30", "13/13/2024", "120/80", "2024", "the 5th", "March", "5.5", "1/2/3/4", "5/5 of"],
)
def test_what_is_no_day_is_not_guessed(text: str) -> None:
    assert read(text) is None


def test_the_day_may_stand_first() -> None:
    first, second = read("05/03/2024", day_first=True), read("05/03/2024")

    assert first is not None
    assert second is not None
    assert first.calendar_day() == date(2024, 3, 5)
    assert second.calendar_day() == date(2024, 5, 3)
    assert (first.first_field(), second.first_field()) == ("d", "m")


def test_a_day_says_how_much_of_it_is_written() -> None:
    written = [read(text) for text in ("2024-03-05", "March 2024", "March 5")]

    assert [each and each.precision for each in written] == [Precision.DAY, Precision.MONTH, Precision.NO_YEAR]
    assert [each and each.calendar_day() for each in written] == [date(2024, 3, 5), None, None]


def test_the_days_of_a_text_are_found() -> None:
    assert list(days_in("from 3/4/2024 to March 6th, 2024, BP 120/80 in March 2024")) == [
        date(2024, 3, 4),
        date(2024, 3, 6),
    ]


@pytest.mark.parametrize(
    ("text", "expected"), [("March", True), ("March 5, ", True), ("5 Ma", True), ("5 mg ", False), ("5" * 60, False)]
)
def test_a_stream_waits_only_while_a_day_may_go_on(text: str, expected: bool) -> None:  # noqa: FBT001 - a parameter
    assert may_go_on(text, 0) is expected
