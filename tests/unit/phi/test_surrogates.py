import re
import time
from datetime import date, timedelta

import pytest

from appliance.errors import PhiBlockedError
from appliance.phi.dates import read
from appliance.phi.findings import Finding, Kind
from appliance.phi.known_identifiers import KnownIdentifiers
from appliance.phi.settings import Action, GuardSettings, Mode
from appliance.phi.surrogate_values import female_names, given_names, male_names, surname_ranks, surnames
from appliance.phi.surrogate_values.origins import HISPANIC, SLAVIC, VIETNAMESE
from appliance.phi.surrogates import SurrogateMap
from tests.support.phi_findings import SECRET, TEXT, TODAY, VALUES, find_values, replaced, restored, surrogate


def test_nothing_that_was_found_leaves_and_the_rest_stays() -> None:
    _, out = replaced(TEXT, *VALUES)

    words = (
        "smith",
        "john",
        "maria",
        "brien",
        "quincy",
        "main",
        "12345",
        "6789",
        "1950",
        "2024-03",
        "partners",
        "02169",
    )
    assert [word for word in words if word in out.lower()] == []
    assert "aspirin 81 mg" in out
    assert "Street, Apt" in out


def test_every_value_keeps_its_form() -> None:
    _, out = replaced(TEXT, *VALUES)

    form = (
        r"(\w+) (\w+) \((?P<s>[A-Z]+), (?P<g>[A-Z]+) [A-Z]\.\), MRN \d{7} / \d{3}-\d{4}, SSN 9\d\d-[0-4]\d-\d{4},"
        r" born [A-Z][a-z]+ \d{1,2}, 19\d\d, seen 20\d\d-\d\d-\d\d\. [A-Z]\. \w+ lives at"
        r" [1-9]\d \w+ Street, Apt \d[A-Z],"
        r" \w+, MA \d{5}\. Call \+1 \([2-9]\d\d\) 555-01\d\d ext\. \d or [a-z.]+@example\.(?:org|com|net)\."
        r" Sister: \w+ \w+, (?:9\d|10\d) years old, aspirin 81 mg\."
    )
    assert re.fullmatch(form, out)


def test_one_person_has_one_surrogate_however_written() -> None:
    surrogates, out = replaced(TEXT, *VALUES)
    given, surname = out.split()[:2]

    assert f"({surname.upper()}, {given.upper()} " in out
    assert f"{given[0]}. {surname} lives" in out
    assert f"{given}.{surname}@".lower() in out
    assert surrogates.value(Kind.NAME, "Smith") == surname


def test_one_number_has_one_surrogate_however_written() -> None:
    surrogates, out = replaced(TEXT, *VALUES)
    first, second = re.findall(r"MRN (\d+) / ([\d-]+)", out)[0]

    assert second.replace("-", "") == first
    assert surrogates.value(Kind.SSN, "6789") == re.findall(r"9\d\d-\d\d-(\d{4})", out)[0]


def test_days_move_by_one_interval_and_keep_their_weekday() -> None:
    _, out = replaced(
        "5 March 2024, 2024-03-15 and Tuesday, 3/5/2024",
        *[(Kind.DATE, "5 March 2024"), (Kind.DATE, "2024-03-15"), (Kind.DATE, "Tuesday, 3/5/2024")],
    )
    first, second, third = re.split(r", (?=\d{4}-)| and ", out)

    days = [day.calendar_day() for each in (first, second, third) if (day := read(each))]
    assert (days[1] - days[0]).days == 10
    assert days[2] == days[0]
    assert third.startswith("Tuesday, ")
    assert days[0].weekday() == 1
    assert days[0].year < 2024


def test_the_same_secret_makes_the_same_surrogates_and_another_makes_others() -> None:
    assert replaced(TEXT, *VALUES)[1] == replaced(TEXT, *VALUES)[1]
    assert replaced(TEXT, *VALUES)[1] != replaced(TEXT, *VALUES, secret=b"another")[1]


def test_a_woman_keeps_her_gender_and_a_name_its_origin() -> None:
    text = "Patricia met Robert, Huynh, Kowalczyk, Hernandez and Joaquin"
    _, out = replaced(text, *[(Kind.NAME, name) for name in re.findall(r"[A-Z]\w+", text)])
    woman, man, vietnamese, polish, hispanic, joaquin = re.findall(r"[A-Z]\w+", out)

    assert woman.lower() in female_names()
    assert man.lower() in male_names()
    assert vietnamese in VIETNAMESE.surnames
    assert polish in SLAVIC.surnames
    assert hispanic in HISPANIC.surnames
    assert joaquin in HISPANIC.male


def test_more_people_than_the_lists_hold_all_have_a_name() -> None:
    people = [f"P{chr(97 + a)}{chr(97 + b)}{chr(97 + c)}x" for a in range(6) for b in range(10) for c in range(10)]
    text = " ".join(people)
    surrogates = SurrogateMap(SECRET, GuardSettings(), today=TODAY)
    surrogates.prepare([text], [find_words(text)])

    made = surrogates.replace(text, find_words(text)).split()

    assert len(set(made)) == len(people)
    assert not any("[" in each for each in made)


def find_words(text: str) -> tuple[Finding, ...]:
    """Return a name for each word."""
    return tuple(
        Finding(kind=Kind.NAME, start=word.start(), end=word.end(), score=1.0, recognizer="test")
        for word in re.finditer(r"\S+", text)
    )


def test_a_surrogate_that_the_caller_typed_stands_for_nobody_else() -> None:
    _, first = replaced("John Smith", (Kind.NAME, "John Smith"))
    given, surname = first.split()

    surrogates, out = replaced(f"John Smith and {given} {surname} met", (Kind.NAME, "John Smith"))

    assert not set(out.split(" and ")[0].split()) & {given, surname}
    assert restored(surrogates, out) == f"John Smith and {given} {surname} met"


def test_safe_harbor_keeps_the_year_and_groups_high_ages() -> None:
    surrogates = SurrogateMap(SECRET, GuardSettings(mode=Mode.SAFE_HARBOR), today=TODAY)
    text = "born 1950-03-05, seen March 5, 2024 and March 6, a 93-year-old; one of 1901-02-03"
    days = ("1950-03-05", "March 5, 2024", "March 6", "1901-02-03")

    out = surrogates.replace(text, find_values(text, *[(Kind.DATE, each) for each in days], (Kind.AGE, "93")))

    assert out == "born 1950, seen 2024 and [DATE-1], a 90+-year-old; one of 1936"


def test_policy_chooses_tags_or_refuses_by_kind() -> None:
    tagged = GuardSettings(actions={Kind.MRN: Action.TAG})
    refused = GuardSettings(actions={Kind.PHOTO: Action.REFUSE})
    values = [(Kind.MRN, each) for each in ("12345", "12-345", "777")]

    surrogates, out = replaced("MRN 12345, 12-345 and 777", *values, settings=tagged)

    assert out == "MRN [MRN-1], [MRN-1b] and [MRN-2]"
    assert restored(surrogates, out) == "MRN 12345, 12-345 and 777"
    with pytest.raises(PhiBlockedError, match=r"photo"):
        replaced("see face.jpg", (Kind.PHOTO, "face.jpg"), settings=refused)


@pytest.mark.parametrize("value", ["the Ides of March", "2024-02-30", "Q1 of last year"])
def test_a_day_that_cannot_be_read_gets_a_tag(value: str) -> None:
    surrogates, out = replaced(f"seen {value}.", (Kind.DATE, value))

    assert out == "seen [DATE-1]."
    assert restored(surrogates, out) == f"seen {value}."


def test_a_text_that_types_our_tags_is_told_apart() -> None:
    surrogates, out = replaced("[DATE-1] the Ides of March", (Kind.DATE, "the Ides of March"))

    assert out == "[DATE-1] [DATE-2]"
    assert restored(surrogates, out) == "[DATE-1] the Ides of March"


def test_a_late_text_that_shows_a_surrogate_is_refused() -> None:
    surrogates, out = replaced("John Smith", (Kind.NAME, "John Smith"))

    with pytest.raises(PhiBlockedError, match="made-up names"):
        surrogates.replace(f"{out} and Jane Doe", find_values(f"{out} and Jane Doe", (Kind.NAME, "Jane Doe")))


def test_a_replaced_text_may_be_replaced_again() -> None:
    surrogates, out = replaced("John Smith met Okafor", (Kind.NAME, "John Smith"))

    again = surrogates.replace(out, find_values(out, (Kind.NAME, "Okafor")))

    assert "Okafor" not in again
    assert restored(surrogates, again) == "John Smith met Okafor"


def test_the_map_knows_what_it_issued_and_its_parts() -> None:
    surrogates, out = replaced(TEXT, *VALUES)
    given, surname = out.split()[:2]

    keyed = KnownIdentifiers.nothing().keyed(b"k" * 32, issued=surrogates.issued())
    assert keyed.is_issued(f"{given} {surname}".upper())
    assert keyed.is_issued(surname)
    assert keyed.is_issued("555")
    assert not keyed.is_issued("Smith")
    assert not keyed.is_issued("--")
    assert {f"{given} {surname}", surname} <= set(surrogates.issued())


def test_the_map_counts_by_kind_and_prints_no_value() -> None:
    surrogates, _ = replaced(TEXT, *VALUES)

    assert surrogates.counts() == {
        "AGE": 1,
        "DATE": 2,
        "EMAIL": 1,
        "LOCATION": 1,
        "MRN": 2,
        "NAME": 4,
        "PHONE": 1,
        "SSN": 1,
    }
    assert "Smith" not in repr(surrogates)


def test_a_wiped_map_refuses_every_use() -> None:
    surrogates, out = replaced(TEXT, *VALUES)
    restorer = surrogates.restorer()

    surrogates.wipe()

    for use in (
        surrogates.issued,
        surrogates.restorer,
        lambda: surrogates.replace("x", ()),
        lambda: restorer.feed(out),
    ):
        with pytest.raises(RuntimeError, match="wiped"):
            use()
    with pytest.raises(RuntimeError, match="wiped"):
        surrogates.prepare([], [])


def test_a_field_of_its_own_gets_a_value_of_its_form() -> None:
    surrogates = SurrogateMap(SECRET, GuardSettings(), today=TODAY)

    assert re.fullmatch(r"20\d\d-\d\d-\d\dT10:30:00Z", surrogates.value(Kind.DATE, "2024-03-05T10:30:00Z"))
    assert re.fullmatch(r"20\d\d-\d\d", surrogates.value(Kind.DATE, "2024-03"))
    assert surrogates.value(Kind.NAME, " ") == " "


def test_an_escape_in_a_value_does_not_leave() -> None:
    _, out = replaced("write jo%40x.org, id A%20B=7", (Kind.EMAIL, "jo%40x.org"), (Kind.MRN, "A%20B=7"))

    assert "%" not in out
    assert "=" not in out


def test_words_that_tell_what_a_place_is_stay() -> None:
    _, out = replaced(
        "at Boston General Hospital, then General Hospital",
        (Kind.LOCATION, "Boston General Hospital"),
        (Kind.LOCATION, "General Hospital"),
    )

    first, second = out.removeprefix("at ").split(", then ")
    assert re.fullmatch(r"[A-Z]\w+ General Hospital", first)
    assert second != "General Hospital"
    assert second.endswith(" Hospital")


def test_the_lists_know_common_names() -> None:
    assert {"john", "maria", "priya", "linh"} <= given_names()
    assert {"smith", "nguyen", "okafor"} <= surnames()


ODD_VALUES = (
    "A1", "12", "x", "Ab-12345", "\u0661\u0662\u0663\u0664\u0665\u0666", "a b c", "12345678901", "--", "+49 30 12345",
    "1-800-FLOWERS", "1111111111", "\u00b2\u00bd", "\ud800", "5th Avenue", "+1 617 555 0123",
)  # fmt: skip


@pytest.mark.parametrize("kind", list(Kind))
def test_a_value_of_every_kind_comes_back(kind: Kind) -> None:
    for value in ODD_VALUES:
        surrogates, out = replaced(f"see {value} today", (kind, value))

        assert restored(surrogates, out) == f"see {value} today"


def test_a_form_with_no_free_value_gets_a_tag() -> None:
    text = "bed " + " ".join("0123456789") + " is 4"

    surrogates, out = replaced(text, (Kind.OTHER_ID, "is 4"), (Kind.ACCOUNT, "7"))

    assert "[ACCOUNT-1]" in out
    assert restored(surrogates, out) == text
    assert surrogate("John", Kind.NAME)[1] != "John"


def test_a_value_longer_than_any_identifier_gets_a_tag() -> None:
    text = f"id {'7' * 4000}."

    surrogates, out = replaced(text, (Kind.OTHER_ID, "7" * 4000))

    assert out == "id [OTHER_ID-1]."
    assert restored(surrogates, out) == text


def test_a_roster_of_hundreds_is_replaced_in_seconds() -> None:
    """A generous bound: what took time by the square of the roster took minutes."""
    given = [*female_names()][:500]
    text = " ".join(f"{one} {other}".title() for one, other in zip(given, [*surname_ranks()][900:], strict=False))
    surrogates = SurrogateMap(SECRET, GuardSettings(), today=TODAY)
    began = time.monotonic()

    surrogates.prepare([text], [find_words(text)])
    out = surrogates.replace(text, find_words(text))

    assert time.monotonic() - began < 10
    assert "[" not in out
    assert restored(surrogates, out) == text


@pytest.mark.parametrize("number", range(12))
def test_no_day_leaves_as_another_day_of_the_exchange(number: int) -> None:
    days = [(date(2022, 1, 3) + timedelta(weeks=week)).isoformat() for week in range(60)]

    _, out = replaced(" ".join(days), *[(Kind.DATE, day) for day in days], secret=bytes([number]) * 32)

    assert not set(out.split()) & set(days)


def test_days_that_have_left_keep_their_interval() -> None:
    surrogates, out = replaced("seen 2024-03-05", (Kind.DATE, "2024-03-05"))
    moved = out.removeprefix("seen ")
    both = f"2024-03-05 {moved}"

    surrogates.prepare([both], [find_values(both, (Kind.DATE, "2024-03-05"), (Kind.DATE, moved))])

    later = date.fromisoformat(moved) + timedelta(days=1)
    assert surrogates.value(Kind.DATE, "2024-03-06") == later.isoformat()
