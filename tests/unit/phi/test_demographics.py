import pytest

from appliance.phi.demographics import Address
from appliance.phi.forms.fhir_people import demographics_of


@pytest.mark.parametrize(
    ("text", "lines", "city", "state", "postal_code"),
    [
        ("123 Main St, Quincy, MA 02169", ("123 Main St",), "Quincy", "MA", "02169"),
        ("123 Main St, Apt 4, Quincy, MA 02169-1234", ("123 Main St", "Apt 4"), "Quincy", "MA", "02169-1234"),
        ("123 Main St\nQuincy, Massachusetts", ("123 Main St",), "Quincy", "Massachusetts", ""),
        ("123 Main St, 02169", ("123 Main St",), "", "", "02169"),
        ("Quincy, MA", (), "Quincy", "MA", ""),
        ("PO Box 12", ("PO Box 12",), "", "", ""),
        ("1 Rue X, 75001 Paris!", ("1 Rue X", "75001 Paris!"), "", "", ""),
        ("", (), "", "", ""),
    ],
)
def test_an_address_in_one_line_is_taken_apart(
    text: str, lines: tuple[str, ...], city: str, state: str, postal_code: str
) -> None:
    address = Address.parse(text)

    assert (address.lines, address.city, address.state, address.postal_code) == (lines, city, state, postal_code)


def test_fhir_identifiers_are_told_apart_by_type_and_by_system() -> None:
    def coded(code: str, value: str) -> dict[str, object]:
        return {"type": {"coding": [{"code": code}]}, "value": value}

    patient = {
        "resourceType": "Patient",
        "id": "p1",
        "identifier": [
            coded("MR", "m"),
            coded("SS", "s"),
            coded("SS", "second"),
            coded("AN", "a"),
            coded("MC", "h"),
            coded("DL", "l"),
            coded("PPN", "o"),
            {"system": "http://hl7.org/fhir/sid/us-npi", "value": "n"},
            {"system": "http://x", "value": "x"},
            {"value": 7},
        ],
    }

    (person,) = demographics_of([patient])

    assert (person.record_numbers, person.ssn, person.accounts, person.health_plan_ids) == (("m",), "s", ("a",), ("h",))
    assert person.licenses == ("l", "n")
    assert person.other_ids == ("o", "x", "p1", "second")


def test_fhir_names_ways_to_reach_and_contacts_are_read() -> None:
    patient = {
        "resourceType": "Patient",
        "name": [{"family": "de la Cruz", "given": ["Ana", "María"]}, {"text": "Annie"}, {"given": ["Nita"]}, {}],
        "telecom": [
            {"system": "phone", "value": "tel:617-555-0123"},
            {"system": "fax", "value": "1"},
            {"system": "other", "value": "a@b.org"},
            {"value": "2"},
        ],
        "address": [{"text": "1 Main St, Quincy, MA 02169"}, {"line": ["2 Elm St"], "city": "Troy"}],
        "birthDate": "1961-03-14",
        "deceasedDateTime": "2020-01-02T03:04:05Z",
        "contact": [{"name": {"family": "Lopez"}}],
        "generalPractitioner": [{"display": "Dr. Levi Reichert"}],
        "extension": [
            {"url": "http://x/patient-mothersMaidenName", "valueString": "Ruiz"},
            {"url": "http://x/patient-birthPlace", "valueAddress": {"city": "Salem"}},
        ],
    }

    (person,) = demographics_of([patient])

    assert person.names == ("de la Cruz, Ana María", "Annie", "Nita", "Ruiz")
    assert (person.phones, person.faxes, person.emails) == (("617-555-0123", "2"), ("1",), ("a@b.org",))
    assert [address.city for address in person.addresses] == ["Quincy", "Troy", "Salem"]
    assert f"{person.birth_date} {person.dates[0]}" == "1961-03-14 2020-01-02"
    assert [relative.names for relative in person.relatives] == [("Lopez",), ("Dr. Levi Reichert",)]


def test_people_are_found_in_bundles_and_contained_resources() -> None:
    bundle = {
        "resourceType": "Bundle",
        "entry": [
            {"resource": {"resourceType": "Practitioner", "name": [{"family": "A"}]}},
            {"resource": {"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "RelatedPerson"}}]}},
            {"resource": {"resourceType": "Observation", "contained": [{"resourceType": "Patient", "id": "c"}]}},
            {"resource": {"resourceType": "Coverage", "subscriberId": "sub-1", "identifier": [{"value": "cov-1"}]}},
            "no resource",
        ],
    }

    people = demographics_of([bundle])

    assert len(people) == 4
    assert people[3].health_plan_ids == ("sub-1", "cov-1")


@pytest.mark.parametrize("wrong", [None, 7, "x", [], {}, [[]], {"value": {"value": []}}])
def test_a_field_of_the_wrong_type_is_skipped(wrong: object) -> None:
    names = (
        "name",
        "identifier",
        "telecom",
        "address",
        "birthDate",
        "extension",
        "contact",
        "id",
        "contained",
        "entry",
    )

    (person,) = demographics_of([{"resourceType": "Patient"} | dict.fromkeys(names, wrong)])

    assert person.birth_date is None


def test_a_day_that_does_not_exist_is_skipped_and_depth_is_bounded() -> None:
    nested: dict[str, object] = {"resourceType": "Patient", "birthDate": "1961-02-31"}
    assert demographics_of([nested])[0].birth_date is None

    for _ in range(500):
        nested = {"resourceType": "Bundle", "entry": [{"resource": nested}]}

    assert demographics_of([nested]) == ()
