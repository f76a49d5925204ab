import base64
from collections.abc import Callable
from datetime import date, timedelta

import pytest

from appliance.phi.findings import Kind
from appliance.phi.restore import Restorer
from appliance.phi.restore_ledger import Form, Ledger
from tests.support.phi_findings import TEXT, VALUES, replaced, restored, surrogate


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (str.upper, "JOHN SMITH"),
        (str.lower, "John Smith"),
        (lambda name: f"{name}'s", "John Smith's"),
        (lambda name: f"{name}\u2019s", "John Smith\u2019s"),
        (lambda name: name.replace(" ", "\n"), "John\nSmith"),
        (lambda name: name.replace(" ", "  "), "John  Smith"),
        (lambda name: name.replace(" ", "\u00a0"), "John\u00a0Smith"),
        (lambda name: name.replace(" ", ""), "JohnSmith"),
        (lambda name: name.replace(" ", "_"), "John_Smith"),
        (lambda name: ", ".join(reversed(name.split())), "Smith, John"),
        (lambda name: name.split()[1], "Smith"),
        (lambda name: f"Mr. {name.split()[1]}", "Mr. Smith"),
        (lambda name: f"{name[0]}. {name.split()[1]}", "J. Smith"),
        (lambda name: f"{name.split()[0]} {name.split()[1][0]}.", "John S."),
        (lambda name: f"{name[:3]}-\n{name[3:]}", "John Smith"),
        (lambda name: "-".join(name.split()[1]), "S-m-i-t-h"),
        (lambda name: "\u200b".join(name.split()[1]), "Smith"),
        (lambda name: name.replace("a", "\u0430"), "John Smith"),
        (lambda name: f"**{name}**", "**John Smith**"),
    ],
)
def test_a_name_comes_back_however_it_is_mangled(change: object, expected: str) -> None:
    assert callable(change)
    surrogates, name = surrogate("John Smith", Kind.NAME)

    assert restored(surrogates, f"see {change(name)} today") == f"see {expected} today"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda digits: f"{digits[:3]}-{digits[3:]}", "001-2345"),
        (" ".join, "0 0 1 2 3 4 5"),
        (lambda digits: f"{digits[:3]}.{digits[3:]}", "001.2345"),
        (lambda digits: f"#{digits}", "#0012345"),
        (lambda digits: f"ending in {digits[-4:]}", "ending in 2345"),
        (lambda digits: f"***{digits[-4:]}", "***2345"),
        (lambda digits: f"{digits}9", None),
    ],
)
def test_a_number_comes_back_with_other_separators(change: object, expected: str | None) -> None:
    assert callable(change)
    surrogates, digits = surrogate("0012345", Kind.MRN)
    changed = change(digits)

    assert restored(surrogates, f"MRN {changed}.") == f"MRN {expected or changed}."


def test_a_telephone_number_comes_back_without_its_country_and_extension() -> None:
    surrogates, phone = surrogate("+1 (617) 555-0123 ext. 7", Kind.PHONE)
    local = phone.removeprefix("+1 ").partition(" ext")[0]

    assert restored(surrogates, f"call {local}") == "call (617) 555-0123"
    assert restored(surrogates, local.translate(str.maketrans("", "", "() -"))) == "6175550123"


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("{0:%B} {0.day}, {0.year}", "March 5, 2024"),
        ("{0.day} {0:%b} {0.year}", "5 Mar 2024"),
        ("{0:%m/%d/%Y}", "03/05/2024"),
        ("{0:%Y-%m-%d}", "2024-03-05"),
        ("{0:%B} {0.day}", "March 5"),
        ("{0:%A}, {0:%B} {0.day}, {0.year}", "Tuesday, March 5, 2024"),
    ],
)
def test_a_day_comes_back_in_the_models_own_format(form: str, expected: str) -> None:
    surrogates, _ = replaced(TEXT, *VALUES)
    day = moved_day(surrogates.value(Kind.DATE, "2024-03-05"))

    assert restored(surrogates, f"On {form.format(day)} she") == f"On {expected} she"


def moved_day(text: str) -> date:
    return date.fromisoformat(text)


def test_a_day_that_the_model_worked_out_is_moved_back_too() -> None:
    surrogates, day = surrogate("2024-03-05", Kind.DATE)
    later = date.fromisoformat(day) + timedelta(days=14)

    assert restored(surrogates, f"Return {later:%B} {later.day}, {later.year}.") == "Return March 19, 2024."


def test_a_day_far_from_the_patients_stays() -> None:
    surrogates, _ = replaced(TEXT, *VALUES)

    assert (
        restored(surrogates, "the rule of August 14, 2002 and of 1/2/2001")
        == "the rule of August 14, 2002 and of 1/2/2001"
    )


def test_a_day_that_the_text_still_shows_stays() -> None:
    text = "seen 2024-03-05, trial of 2023-06-07"
    surrogates, out = replaced(text, (Kind.DATE, "2024-03-05"))

    assert "2023-06-07" in out
    assert restored(surrogates, "trial of 2023-06-07") == "trial of 2023-06-07"


def test_a_day_without_its_year_that_fits_two_is_masked() -> None:
    days = ("2023-03-01", "2024-02-28", "2024-02-29", "2024-03-01", "2025-02-28", "2025-03-01")
    text = ", ".join(days)
    surrogates, out = replaced(text, *[(Kind.DATE, day) for day in days])
    moved = [date.fromisoformat(day) for day in out.split(", ")]

    answers = [restored(surrogates, f"on {day:%B} {day.day} she") for day in moved]

    assert restored(surrogates, out) == text
    assert "on [withheld: date] she" in answers


def test_a_month_comes_back_as_a_month() -> None:
    values = [(Kind.DATE, "March 2024"), (Kind.DATE, "2024-06-05")]
    surrogates, out = replaced("seen March 2024 and on 2024-06-05", *values)
    month = out.removeprefix("seen ").partition(" and")[0]

    assert restored(surrogates, f"in {month}, {month.upper()}") == "in March 2024, MARCH 2024"
    assert restored(surrogates, "in March 1988") == "in March 1988"


def test_an_age_comes_back_only_as_an_age() -> None:
    surrogates, out = replaced(TEXT, *VALUES)
    age = out.split("Sister: ")[1].split(", ")[1].split()[0]

    assert restored(surrogates, f"a {age}-year-old, aged {age}") == "a 93-year-old, aged 93"
    assert restored(surrogates, f"SpO2 {age}% and pulse {age}") == f"SpO2 {age}% and pulse {age}"


def test_a_house_number_comes_back_only_in_its_street() -> None:
    surrogates, out = replaced(TEXT, *VALUES)
    number, street = out.split("lives at ")[1].split()[:2]

    assert restored(surrogates, f"{number} {street} Street") == "12 Main Street"
    assert restored(surrogates, f"{number} mg") == f"{number} mg"


def test_a_surrogate_backwards_is_masked_and_counted() -> None:
    surrogates, name = surrogate("John Smith", Kind.NAME)
    restorer = surrogates.restorer()

    out = "".join(piece.text for piece in (*restorer.feed(name[::-1]), *restorer.finish()))

    assert out == "[withheld: name] [withheld: name]"
    assert restorer.withheld == {"NAME": 2}


def test_an_initial_that_fits_two_people_is_masked() -> None:
    text = "Ann Lee and Amy Lee"
    surrogates, out = replaced(text, (Kind.NAME, "Ann Lee"), (Kind.NAME, "Amy Lee"))
    first, second = (name.split() for name in out.split(" and "))

    answer = restored(surrogates, f"{first[0][0]}. {first[1]}")

    assert answer == ("A. Lee" if first[0][0] != second[0][0] else answer)
    assert "Lee" in answer


def test_the_s_of_a_possessive_is_no_initial() -> None:
    surrogates, _ = replaced("John Smith", (Kind.NAME, "John Smith"))
    name = surrogates.value(Kind.NAME, "John Smith")

    assert restored(surrogates, f"{name.split()[0].upper()}'S") == "John'S"


INITIALS = "Anna S was seen by L. Wang and J. R. Smith, then by Mary Ann Lee."
"""Names with initials, in the four ways in which notes have them."""

PEOPLE = ("Anna S", "L. Wang", "J. R. Smith", "Mary Ann Lee")


@pytest.mark.parametrize(
    ("name", "form", "expected"),
    [
        ("Anna S", "thank you, {0} {1}.", "thank you, Anna S."),
        ("Anna S", "Filed under {1}, {0}.", "Filed under S, Anna."),
        ("Anna S", "This is {0} {1}'s plan", "This is Anna S's plan"),
        ("Anna S", "{0} {1}'S PLAN", "Anna S'S PLAN"),
        ("Anna S", "{0}_{1} **{0}** {1}", "Anna_S **Anna** S"),
        ("L. Wang", "Filed under {1}, {0}.", "Filed under Wang, L."),
        ("L. Wang", "{1} {0}", "Wang L"),
        ("L. Wang", "{0}.{1}", "L.Wang"),
        ("J. R. Smith", "Filed under {2}, {0}. {1}.", "Filed under Smith, J. R."),
        ("J. R. Smith", "{0}.{1}. {2}", "J.R. Smith"),
        ("J. R. Smith", "{2}, {0}.-{1}.", "Smith, J.-R."),
        ("J. R. Smith", "{0}-{1} {2}", "J-R Smith"),
        ("L. Wang", "{1} - {0}.", "Wang - L."),
        ("Mary Ann Lee", "{2}, {0[0]}. {1[0]}.", "Lee, M. A."),
        ("Mary Ann Lee", "{0[0]}. {2}", "M. Lee"),
    ],
)
@pytest.mark.parametrize("change", [str, str.upper, str.lower])
def test_an_initial_comes_back_with_the_part_beside_it(
    name: str, form: str, expected: str, change: Callable[[str], str]
) -> None:
    surrogates, _ = replaced(INITIALS, *[(Kind.NAME, each) for each in PEOPLE])
    parts = surrogates.value(Kind.NAME, name).replace(".", "").split()

    seen = restored(surrogates, change(form.format(*parts)))

    assert seen.casefold() == expected.casefold()


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("hattie k and HATTIE K", "Anna s and Anna S"),
        ("Filed under K, Hattie", "Filed under S, Anna"),
        ("Filed under Dong, B.", "Filed under Wang, L."),
        ("see Hattie B", "see Anna B"),
        ("see K. today", "see K. today"),
        ("M.K. and K.M.", "M.K. and K.M."),
    ],
)
def test_an_initial_is_turned_back_only_beside_its_own_name(answer: str, expected: str) -> None:
    assert told(named(("Hattie", "Anna", "K", "S"), ("Dong", "Wang", "B", "L")), answer) == expected


@pytest.mark.parametrize(
    "rest",
    [
        "k/p appendectomy",
        "k.i.d. with food",
        "K12 level",
        "K=3.2",
        "K-wire",
        "K'Ann",
        "K'",
        "(B-K)",
        "2K",
        "-K",
        "K- ",
        "K\u00b2",
        "m k",
        "a b c d k",
    ],
)
def test_a_letter_that_is_something_else_stays(rest: str) -> None:
    assert told(named(("Hattie", "Anna", "K", "S")), f"Hattie {rest}") == f"Anna {rest}"


def test_an_article_beside_a_name_is_no_initial() -> None:
    ledger = named(("Hattie", "Anna", "A", "S"))

    assert told(ledger, "Hattie, a nurse. A note") == "Anna, a nurse. A note"
    assert told(ledger, "Hattie A. and A., Hattie and hattie a") == "Anna S. and S., Anna and Anna s"


@pytest.mark.parametrize("answer", ["Hattie K", "K, Hattie", "hattie k."])
def test_an_initial_of_two_people_of_one_name_is_masked(answer: str) -> None:
    ledger = named(("Hattie", "Anna", "K", "S"), ("Hattie", "Anna", "K", "T"))

    seen = told(ledger, answer)

    assert "[withheld: name]" in seen
    assert "k" not in seen.lower()


def test_an_initial_between_two_people_is_masked() -> None:
    ledger = named(("Hattie", "Anna", "K", "S"), ("Dong", "Wang", "K", "T"))

    assert told(ledger, "Hattie K, Dong") == "Anna [withheld: name], Wang"


def test_no_surrogate_gets_an_initial_that_is_a_word() -> None:
    text = ", ".join(f"{letter}. Wang" for letter in "BCDFGHJKLM")

    _, out = replaced(text, *[(Kind.NAME, name) for name in text.split(", ")])

    assert not {"A", "I"} & {name[0] for name in out.split(", ")}


def test_plain_words_and_numbers_are_left_alone() -> None:
    surrogates, _ = replaced(TEXT, *VALUES)
    note = "BP 120/80, strength 5/5, metformin 500 mg, may 5 mg be enough? A1c 7.2 on day 3."

    assert restored(surrogates, note) == note


def test_a_surrogate_in_base64_is_no_surrogate_to_the_restorer() -> None:
    surrogates, name = surrogate("John Smith", Kind.NAME)
    encoded = base64.b64encode(name.encode()).decode()

    assert restored(surrogates, encoded) == encoded


def test_what_is_restored_is_counted_by_kind() -> None:
    surrogates, out = replaced("John Smith, MRN 12345", (Kind.NAME, "John Smith"), (Kind.MRN, "12345"))
    restorer = surrogates.restorer()
    restorer.feed(out)
    restorer.finish()

    assert restorer.restored == {"MRN": 1, "NAME": 2}
    assert "Smith" not in repr(restorer)


def named(*people: tuple[str, str, str, str]) -> Ledger:
    """Return a ledger of names with an initial: surrogate and original of each."""
    ledger = Ledger()
    for word, original, initial, own in people:
        ledger.issue(word, original, kind=Kind.NAME, form=Form.WORD)
        ledger.expect_beside(initial, own, Kind.NAME, word.lower())
    return ledger


def told(ledger: Ledger, answer: str) -> str:
    """Return an answer with the caller's values, the same when it comes letter by letter."""
    restorer, slowly = Restorer(ledger=ledger), Restorer(ledger=ledger)
    whole = "".join(piece.text for piece in (*restorer.feed(answer), *restorer.finish()))
    pieces = [piece for letter in answer for piece in slowly.feed(letter)]
    assert "".join(piece.text for piece in (*pieces, *slowly.finish())) == whole
    return whole
