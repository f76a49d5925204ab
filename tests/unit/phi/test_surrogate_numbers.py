from datetime import date

import pytest
from typing_extensions import override

from appliance.phi.findings import Finding, Kind
from appliance.phi.restore_ledger import Form, Ledger
from appliance.phi.settings import GuardSettings
from appliance.phi.surrogate_issuer import Issuer
from appliance.phi.surrogate_names import make_name
from appliance.phi.surrogate_numbers import make_address, make_age, make_day, make_number
from appliance.phi.surrogate_places import make_place
from appliance.phi.surrogate_spans import spans
from appliance.phi.surrogate_values import numbers
from appliance.phi.surrogate_values.drawing import Drawing
from appliance.phi.surrogates import SurrogateMap
from tests.support.phi_findings import SECRET, TODAY, find_values, replaced, restored


class Everything(set[str]):
    """What a caller wrote who wrote every word there is."""

    @override
    def __contains__(self, word: object) -> bool:
        return True


def issuer(*, sent: set[str] | None = None) -> Issuer:
    return Issuer(secret=SECRET, ledger=Ledger(sent=sent or set()))


@pytest.mark.parametrize(
    ("make", "kind", "value"),
    [
        (make_name, Kind.NAME, "John Smith"),
        (make_place, Kind.LOCATION, "Quincy"),
        (make_place, Kind.LOCATION, "02169"),
        (make_number, Kind.MRN, "12345"),
        (make_number, Kind.PHONE, "617-555-0123 ext. 7"),
        (make_address, Kind.EMAIL, "a@b.org"),
        (make_age, Kind.AGE, "93"),
    ],
)
def test_nothing_is_made_where_every_value_is_taken(make: object, kind: Kind, value: str) -> None:
    assert callable(make)
    assert make(issuer(sent=Everything(["x"])), kind, value) is None


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        (Kind.NAME, "John Smith", "JOhn SmiTh"),
        (Kind.LOCATION, "Quincy", "QuINcy"),
        (Kind.MRN, "A%12345", "A-12345"),
        (Kind.EMAIL, "Jo.Doe@x.org", "jo.doe@x.org"),
    ],
)
def test_two_ways_of_writing_one_value_both_come_back(kind: Kind, one: str, other: str) -> None:
    text = f"first {one} and then {other} here"

    surrogates, out = replaced(text, (kind, one), (kind, other))

    assert one not in out
    assert other not in out
    assert restored(surrogates, out) == text


def test_two_short_values_that_would_leave_alike_get_tags() -> None:
    text = "id A%1 and id A-1 and"

    surrogates, out = replaced(text, (Kind.OTHER_ID, "A%1"), (Kind.OTHER_ID, "A-1"))

    assert out == "id [OTHER_ID-1] and id [OTHER_ID-1b] and"
    assert restored(surrogates, out) == text


def test_a_local_number_that_stands_for_another_is_left_to_it() -> None:
    first = issuer()
    made = make_number(first, Kind.PHONE, "+1 617 555 0123")
    assert made is not None
    local = "".join(filter(str.isdigit, made.text))[1:]
    second = issuer()
    second.ledger.issue(local, "Smith", kind=Kind.NAME, form=Form.WORD)

    make_number(second, Kind.PHONE, "+1 617 555 0123")

    assert second.ledger.entries[local].written == {local: "Smith"}


@pytest.mark.parametrize("day", ["1800-01-05", "1/5/31"])
def test_a_day_that_would_not_be_read_back_is_not_moved(day: str) -> None:
    mover = issuer()
    mover.ledger.days.shift_days = -7 * 50

    assert make_day(mover, Kind.DATE, day) is None


def test_two_days_that_would_leave_alike_do_not() -> None:
    mover = issuer()
    mover.ledger.days.shift_days = -7 * 50
    moved = make_day(mover, Kind.DATE, "Mar 5, 2024")
    assert moved is not None

    assert make_day(mover, Kind.DATE, "mar 5, 2024") is not None
    mover.ledger.days.written[moved.text] = "another"
    assert make_day(mover, Kind.DATE, "Mar 5, 2024") is None


def test_a_licence_is_never_a_real_provider_identifier() -> None:
    drawn = numbers.candidates(Kind.LICENSE, "1234567893", Drawing(secret=SECRET, label="x"))

    assert not [each for _ in range(60) if luhn("80840" + (each := next(drawn))) == 0]


def luhn(digits: str) -> int:
    doubled = [int(each) * (1 + place % 2) for place, each in enumerate(reversed(digits))]
    return sum(each // 10 + each % 10 for each in doubled) % 10


def test_a_number_without_its_area_code_is_nobodys_too() -> None:
    drawn = numbers.candidates(Kind.PHONE, "867-5309", Drawing(secret=SECRET, label="x"))

    assert next(drawn).startswith("555-01")


def test_more_towns_than_the_list_holds_all_get_a_name() -> None:
    towns = [f"Twn{chr(97 + a)}{chr(97 + b)}q" for a in range(10) for b in range(10)]
    text = ", ".join(towns)

    surrogates, out = replaced(text, *[(Kind.LOCATION, town) for town in towns])

    assert "[" not in out
    assert len(set(out.split(", "))) == len(towns)
    assert restored(surrogates, out) == text


def test_blanks_at_the_ends_of_a_finding_stay() -> None:
    text = "by  John  now"
    finding = Finding(kind=Kind.NAME, start=2, end=10, score=1.0, recognizer="t")

    assert [(each.start, each.end) for each in spans(text, [finding])] == [(4, 8)]


def test_a_surrogate_is_no_word_of_the_callers_backwards() -> None:
    assert issuer().is_free("Ellis")
    assert not issuer(sent={"sille"}).is_free("Ellis")
    assert not issuer(sent={"ellis"}).is_free("Ellis")


def test_an_exchange_with_a_day_in_every_week_still_comes_back() -> None:
    days = [date.fromordinal(date(2018, 1, 1).toordinal() + 7 * week).isoformat() for week in range(260)]
    text = " ".join(days)
    surrogates = SurrogateMap(SECRET, GuardSettings(), today=TODAY)
    findings = find_values(text, *[(Kind.DATE, day) for day in days])
    surrogates.prepare([text], [findings])

    assert restored(surrogates, surrogates.replace(text, findings)) == text
