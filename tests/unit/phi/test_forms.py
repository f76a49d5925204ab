from datetime import date

import pytest

from appliance.phi.demographics import Address
from appliance.phi.findings import Kind
from appliance.phi.forms.days import WITH_YEAR, day_forms, number_words
from appliance.phi.forms.form import Need
from appliance.phi.forms.internet import email_forms, url_forms
from appliance.phi.forms.name_parts import NameBook, Strength, strength_of
from appliance.phi.forms.nicknames import nicknames
from appliance.phi.forms.numbers import number_forms, phone_forms
from appliance.phi.forms.ordinary import ORDINARY, SELDOM
from appliance.phi.forms.places import place_forms
from appliance.phi.forms.plain import plain, runs, squeezed


@pytest.mark.parametrize(
    ("day", "words"),
    [
        (date(2004, 5, 20), "may twentieth two thousand four"),
        (date(2021, 5, 21), "may twenty first two thousand and twenty one"),
        (date(1905, 11, 12), "twelfth of november nineteen oh five"),
        (date(1950, 1, 2), "jan the 2 nd 1950"),
        (date(1900, 1, 30), "january thirtieth 1900"),
    ],
)
def test_a_day_in_words_is_a_form(day: date, words: str) -> None:
    assert (tuple(words.split()), WITH_YEAR) in set(day_forms(day))


def test_a_bare_year_is_no_form() -> None:
    assert all(len(sequence) > 1 for sequence, _ in day_forms(date(1961, 3, 14)))
    assert number_words(7) == ("seven",)


def test_a_number_keeps_its_digits_without_prefix_and_zeros() -> None:
    alone = {run for run, form in number_forms("MRN-00123456", Kind.MRN) if form.need is Need.NOTHING}

    assert alone == {"mrn00123456", "00123456", "123456"}
    assert list(number_forms("--", Kind.MRN)) == []


def test_a_number_of_few_digits_names_no_last_four() -> None:
    assert {form.need for _, form in number_forms("480", Kind.LICENSE)} == {Need.LABEL}
    assert list(phone_forms("911", Kind.PHONE)) == []


def test_what_is_no_address_on_the_internet_has_no_form() -> None:
    assert list(email_forms("nobody")) == []
    assert list(email_forms("@")) == []
    assert list(url_forms("://")) == []


def test_a_street_is_written_with_and_without_its_unit_and_suffix() -> None:
    forms = {" ".join(words) for words, _ in place_forms(Address(lines=("12 N Elm Ave Apt 3",)))}

    assert {"12 north elm avenue apt 3", "12 n elm ave", "12 north elm", "north elm av"} <= forms


def test_places_without_a_street_number_or_with_a_strange_zip_are_kept() -> None:
    address = Address(lines=("Old Mill", "12", ""), city="Ayr", postal_code="SW1A 2AA")

    forms = {" ".join(words): form.need for words, form in place_forms(address)}

    assert forms == {"old mill": Need.NOTHING, "ayr": Need.PLACE, "sw 1 a 2 aa": Need.NOTHING}
    assert [words for words, _ in place_forms(Address(postal_code="02169-1234"))] == [("02169",), ("02169", "1234")]
    assert list(place_forms(Address(postal_code="7"))) == []


def test_a_street_of_many_words_does_not_grow_without_bound() -> None:
    address = Address(lines=("1 " + "north street " * 30,))

    assert len(list(place_forms(address))) < 1000


def test_the_strength_of_a_word_is_what_it_shows_by_itself() -> None:
    words = ("kuhlman", "rush", "ann", "will", "li", "de")

    assert [strength_of(word) for word in words] == [
        Strength.DISTINCT,
        Strength.CAPITAL,
        Strength.CAPITAL,
        Strength.WEAK,
        Strength.WEAK,
        Strength.PARTICLE,
    ]
    assert ORDINARY.isdisjoint(SELDOM)
    assert {"will", "may", "rose", "grace"} <= ORDINARY


def test_a_real_name_outweighs_a_nickname_of_the_same_letters() -> None:
    book = NameBook()
    book.add(1, "William Jones")
    book.add(2, "Liam Kuhlman")
    book.add(3, "William")

    liam = book.parts().words["liam"]

    assert (liam.strength, liam.people, liam.is_nickname) == (Strength.DISTINCT, {1, 2, 3}, False)


@pytest.mark.parametrize("name", ["", " , ", "Dr. MD", "12345", "X", ","])
def test_a_name_without_words_adds_nothing(name: str) -> None:
    book = NameBook()
    book.add(1, name)

    assert dict(book.parts().words) == {}


def test_nicknames_go_both_ways() -> None:
    assert "bill" in nicknames("william")
    assert "william" in nicknames("bill")
    assert nicknames("kuhlman") == frozenset()


def test_plain_text_has_no_accents_and_the_same_length() -> None:
    assert plain("Ãñé Łódź ß \u0130I") == "ane lodz s ii"
    assert squeezed("A-1 b/2") == "a1b2"
    assert runs("MRN123-é") == ["mrn", "123", "e"]
