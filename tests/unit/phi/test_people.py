"""People as callers write them become known to the guard; what is wrong is named by its path, never by its value."""

import json

import pytest

from appliance.errors import InvalidRequestError
from appliance.phi.people import MAX_PEOPLE, parse_people

SECRET = "Weaver"
TEXT = "Ms Weaver, MRN 4482913, born March 14, 1951, 12 Main Street, Quincy; call (312) 555-0142."
WHOLE = {
    "names": ["Anna Weaver"],
    "birth_date": "1951-03-14",
    "record_numbers": ["4482913"],
    "phones": ["312-555-0142"],
    "addresses": [{"lines": ["12 Main St"], "city": "Quincy", "state": "MA", "postal_code": "02169"}],
}


def _found(people: object, text: str = TEXT) -> list[str]:
    return [text[each.start : each.end] for each in parse_people(people).find(text)]


def _refused(people: object) -> tuple[str | None, str]:
    with pytest.raises(InvalidRequestError) as caught:
        parse_people(people)
    assert SECRET not in caught.value.public
    return caught.value.field, caught.value.public


def test_every_value_that_is_said_is_looked_for() -> None:
    found = " | ".join(_found(WHOLE))

    for value in ("Weaver", "4482913", "March 14, 1951", "Main Street", "Quincy", "555-0142"):
        assert value in found


@pytest.mark.parametrize(
    "people",
    [
        {
            "name": "Weaver, Anna",
            "dob": "3/14/1951",
            "mrn": 4482913,
            "phone": "(312) 555-0142",
            "address": "12 Main St, Quincy, MA 02169",
            "sex": "female",
        },
        {
            "name": [{"use": "official", "given": ["Anna", "B"], "family": "Weaver"}],
            "birthDate": "1951-03-14T00:00:00Z",
            "mrns": ["4482913"],
            "phones": "3125550142",
            "address": {"street": "12 Main St", "city": "Quincy", "zip": "02169"},
            "language": "en",
        },
        [{"name": {"text": "Anna Weaver"}, "date_of_birth": "03-14-1951"}, {**WHOLE, "names": []}],
    ],
)
def test_the_spellings_of_common_exports_mean_the_same(people: object) -> None:
    assert _found(people) == _found(WHOLE)


@pytest.mark.parametrize(
    ("people", "text", "found"),
    [
        ({"phone": "312-555-0142", "mobilePhone": "312-555-0199"}, "3125550142, 3125550199", 2),
        ({"first_name": "Anna", "lastName": "Weaver"}, "Ms Weaver", 1),
        ({"given": ["Anna", "Beate"], "family": "Weaver"}, "Weaver, Anna", 1),
        ({"address": {"lines": None, "city": "Quincy"}, "zip_code": "02169"}, "in Quincy", 1),
        ({"mrn": "4482913", "patient id": "7719204"}, "4482913 and 7719204", 2),
        ({"spouse": "Tom Lindqvist", "emergency_contact": {"name": "Ida Marsh"}}, "Lindqvist and Marsh", 2),
    ],
)
def test_several_spellings_of_one_thing_are_all_looked_for(people: dict[str, object], text: str, found: int) -> None:
    assert len(_found(people, text)) == found


def test_fhir_people_and_plain_ones_may_stand_in_one_list() -> None:
    patient = {"resourceType": "Patient", "name": [{"family": "Weaver", "given": ["Anna"]}]}
    bundle = {"resourceType": "Bundle", "entry": [{"resource": {**patient, "name": [{"family": "Okafor"}]}}]}

    assert _found([patient, bundle, {"names": "Tom Lindqvist"}], "Weaver, Okafor and Lindqvist") == [
        "Weaver",
        "Okafor",
        "Lindqvist",
    ]


def test_relatives_are_looked_for_too() -> None:
    people = {
        "names": "Anna Weaver",
        "ssn": None,
        "phone": None,
        "relatives": ["Tom Lindqvist", {"names": ["Ida Marsh"]}],
    }

    assert _found(people, "her son Tom Lindqvist and Ida Marsh") == ["Tom Lindqvist", "Ida Marsh"]


def test_an_empty_list_is_nobody() -> None:
    assert _found([]) == []


@pytest.mark.parametrize(
    ("people", "field", "said"),
    [
        (SECRET, "people", "is no JSON object; send demographics or a FHIR Patient."),
        (None, "people", "is no JSON object"),
        ([WHOLE, SECRET], "people[1]", "is no JSON object"),
        ({"names": SECRET, "nmae": SECRET}, "people.nmae", "is no known key; there are: names, birth_date"),
        ({"names": [SECRET, True]}, "people.names[1]", "has a wrong form (write it as text)."),
        ({"names": {"first": SECRET}}, "people.names[0]", "has a wrong form"),
        ({"names": SECRET * 50}, "people.names[0]", "has a wrong form (write one value, not a text)."),
        ({"names": [SECRET] * 101}, "people.names", "has a wrong form (list fewer values)."),
        ({"names": SECRET, "birth_date": SECRET}, "people.birth_date", "has a wrong form"),
        ({"names": SECRET, "birth_date": "13/45/1951"}, "people.birth_date", "has a wrong form"),
        ({"names": SECRET, "dates": ["1951-03-14", SECRET]}, "people.dates[1]", "has a wrong form"),
        ({"names": SECRET, "address": {"strete": SECRET}}, "people.addresses[0].strete", "is no known key"),
        ({"dob": "1951-03-14", "birthDate": "1951-03-15"}, "people.birth_date (twice)", "is no known key"),
        ({"names": SECRET, "relatives": [{"names": 7.5}]}, "people.relatives[0].names[0]", "has a wrong form"),
        ({"resourceType": "Observation", "text": SECRET}, "people.resourceType", "says who nobody is; it may be Pat"),
        ({"resourceType": ["Patient"]}, "people.resourceType", "says who nobody is"),
        ({"resourceType": "Patient"}, "people", "says nothing to look for; send a name or a number"),
        ({"relatives": [7]}, "people.relatives[0]", "has a wrong form"),
        ({"names": None, "address": 7}, "people.addresses[0]", "has a wrong form"),
        ({"gender": "female"}, "people", "says nothing to look for"),
        ([WHOLE] * (MAX_PEOPLE + 1), "people", "names more than 64 people; send fewer."),
    ],
)
def test_what_is_wrong_is_named_by_its_path(people: object, field: str, said: str) -> None:
    told = _refused(people)

    assert told[0] == field
    assert said in told[1]


def test_a_person_nested_without_end_is_refused() -> None:
    people: dict[str, object] = {"names": SECRET}
    for _ in range(2_000):
        people = {"names": SECRET, "relatives": [people]}

    field, said = _refused(people)

    assert field is not None
    assert len(field) <= 100
    assert len(said) <= 400


def test_a_key_of_the_callers_own_is_cut_short() -> None:
    field, said = _refused({"x" * 10_000: 1})

    assert len(field or "") <= 100
    assert len(said) <= 400


def test_what_json_gives_is_what_is_taken() -> None:
    assert _found(json.loads(json.dumps(WHOLE))) == _found(WHOLE)
