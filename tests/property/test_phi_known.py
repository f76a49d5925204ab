"""Known identifiers: every form is found in every embedding, and nothing that another process gets can be read."""

import string
from datetime import date
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.errors import PhiBlockedError
from appliance.phi.consistency import spread
from appliance.phi.demographics import Address, Demographics
from appliance.phi.forms.plain import plain
from appliance.phi.keyed import KeyedIdentifiers
from appliance.phi.known_identifiers import KnownIdentifiers
from tests.support import surface_forms as forms

embeddings = st.sampled_from(forms.EMBEDDINGS)
SECRET = b"a secret of one exchange, 32 byte"


def uncovered(text: str, value: str, known: KnownIdentifiers) -> str:
    """Return the letters and digits of a value within a text that no finding covers."""
    covered = {place for found in known.find(text) for place in range(found.start, found.end)}
    start = text.index(value)
    return "".join(text[place] for place in range(start, start + len(value)) if place not in covered)


def left(text: str) -> str:
    """Return what may identify in what is left over: letters and digits."""
    return "".join(each for each in text if each.isalnum())


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(forms.GIVEN), st.sampled_from(forms.FAMILY), st.integers(min_value=0, max_value=200), embeddings)
def test_every_writing_of_a_name_is_found(given_name: str, family: str, number: int, embedding: str) -> None:
    known = KnownIdentifiers.from_demographics(Demographics(names=(f"{given_name} {family}",)))
    choices = forms.name_forms(given_name, family)
    value = choices[number % len(choices)]

    rest = uncovered(embedding.format(value), value, known)

    assert left(rest).lower() in {"", "mr", "s", "q", "mrs"}


@settings(max_examples=200, deadline=None)
@given(st.data(), embeddings)
def test_a_misspelt_full_name_is_found(data: st.DataObject, embedding: str) -> None:
    given_name, family = "Margaret", data.draw(st.sampled_from(["Kuhlman", "Weissnat", "Grzybowski", "Nguyen"]))
    known = KnownIdentifiers.from_demographics(Demographics(names=(f"{given_name} {family}",)))
    wrong = data.draw(st.sampled_from(forms.misspelt(family, data.draw(st.integers(1, len(family) - 2)))))
    value = data.draw(st.sampled_from([f"{given_name} {wrong}", f"{wrong}, {given_name}", f"Ms. {wrong}"]))

    assert left(uncovered(embedding.format(value), value, known)) in {"", "Ms"}


@settings(max_examples=200, deadline=None)
@given(forms.days(), st.integers(min_value=0, max_value=19), embeddings)
def test_every_writing_of_the_birth_date_is_found(day: date, number: int, embedding: str) -> None:
    known = KnownIdentifiers.from_demographics(Demographics(birth_date=day))
    value = forms.date_forms(day)[number]

    rest = uncovered(embedding.format(value), value, known)

    assert left(rest) in {"", "T0830000500", "the"}


@settings(max_examples=300, deadline=None)
@given(forms.digits(10), forms.digits(9), forms.digits(8), st.integers(min_value=0, max_value=100), embeddings)
def test_every_writing_of_a_number_is_found(phone: str, ssn: str, record: str, number: int, embedding: str) -> None:
    known = KnownIdentifiers.from_demographics(Demographics(phones=(phone,), ssn=ssn, record_numbers=(f"00{record}",)))
    records = [f"00{record}", record, f"000{record}", f"MRN{record}", f"MRN: 00{record}", f"{record[:4]}-{record[4:]}"]
    choices = [*forms.phone_forms(phone), *forms.ssn_forms(ssn), *forms.last_four_forms(ssn[-4:]), *records]
    value = choices[number % len(choices)]

    rest = uncovered(embedding.format(value), value, known)

    assert not any(map(str.isdigit, rest.replace("last 4", "").replace("last four", "")))


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(forms.email_forms("brady.kuhlman70@example.org")), embeddings)
def test_every_writing_of_an_email_address_is_found(value: str, embedding: str) -> None:
    known = KnownIdentifiers.from_demographics(Demographics(emails=("Brady.Kuhlman70@example.org",)))

    assert left(uncovered(embedding.format(value), value, known)) in {"", "mailto"}


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from([*forms.street_forms(), "02169", "02169-1234", "Quincy, MA 02169", "Quincy, Massachusetts"]),
    embeddings,
)
def test_every_writing_of_an_address_is_found(value: str, embedding: str) -> None:
    address = Address(lines=("856 North Reichel Street",), city="Quincy", state="MA", postal_code="02169")
    known = KnownIdentifiers.from_demographics(Demographics(addresses=(address,)))

    assert left(uncovered(embedding.format(value), value, known)) == ""


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(["Brady Kuhlman", "123-45-6789", "3/14/61", "Kuhlman, Brady"]), st.integers(0, 2), embeddings)
def test_a_hidden_value_is_found(value: str, trick: int, embedding: str) -> None:
    known = KnownIdentifiers.from_demographics(
        Demographics(names=("Brady Kuhlman",), ssn="123-45-6789", birth_date=date(1961, 3, 14))
    )
    disguised = forms.hidden(value)[trick]

    assert left(uncovered(embedding.format(disguised), disguised, known)) == ""


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200))
def test_a_plain_text_has_the_length_of_the_text(text: str) -> None:
    assert len(plain(text)) == len(text)
    assert plain(plain(text)) == plain(text)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=300), st.text(alphabet=string.ascii_letters + " -'.,", min_size=1, max_size=20))
def test_findings_lie_in_order_within_any_text(text: str, name: str) -> None:
    known = KnownIdentifiers.from_demographics(Demographics(names=(name,), record_numbers=("12345",)))

    found = known.find(f"{text} {name} {text}")

    assert all(0 <= each.start < each.end <= 2 * len(text) + len(name) + 2 for each in found)
    assert all(one.end <= other.start for one, other in pairwise(found))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(
    json_values
    | st.fixed_dictionaries({"version": st.just(1), "key": json_values, "grams": json_values, "issued": json_values})
)
def test_a_malformed_wire_form_is_refused_by_our_own_error(wire: object) -> None:
    with pytest.raises(PhiBlockedError):
        KeyedIdentifiers.from_wire(wire)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text(max_size=60), max_size=4))
def test_spreading_nothing_finds_nothing(texts: list[str]) -> None:
    assert spread(texts, [() for _ in texts]) == [() for _ in texts]
