import json

import pytest

from appliance.clinical_text import ClinicalText
from appliance.errors import InvalidRequestError
from appliance.exchange import Subject, Surface, TaskRequest
from appliance.inspection import inspected, named_people

PATIENT = {"resourceType": "Patient", "name": [{"family": "Quistgaard", "given": ["Zebulon"]}]}


def _request(text: str, *, people: object = None, patients: tuple[str, ...] = ()) -> TaskRequest:
    return TaskRequest(
        task="discharge-summary",
        surface=Surface.TASKS,
        subject=Subject(patients=tuple(ClinicalText(each) for each in patients)),
        input=ClinicalText(json.dumps({"notes": text})),
        people=None if people is None else ClinicalText(json.dumps(people)),
    )


async def test_the_people_whom_the_caller_named_count_where_they_stand_in_the_text() -> None:
    request = _request("mr quistgaard slept well.", people=[PATIENT])

    found = await inspected(request, named_people(request))

    assert found.counts()["NAME"] >= 1


async def test_what_the_caller_says_of_people_is_no_text_that_is_inspected() -> None:
    request = _request("The patient slept well.", people=[PATIENT])

    assert (await inspected(request, named_people(request))).counts() == {}


async def test_without_people_the_rules_count() -> None:
    request = _request("Call (312) 867-5309.")

    assert (await inspected(request, named_people(request))).counts() == {"PHONE": 1}


def test_record_numbers_of_the_request_are_known() -> None:
    known = named_people(_request("", patients=("QX-7345501",)))

    assert known.find("see chart qx7345501 today")


def test_nobody_named_is_nobody_known() -> None:
    assert named_people(_request("")).find("Zebulon Quistgaard, MRN 7345501") == ()


def test_a_person_in_a_wrong_form_is_named_by_its_place_and_not_by_its_value() -> None:
    with pytest.raises(InvalidRequestError) as caught:
        named_people(_request("", people=[PATIENT, {"birth_date": "Quistgaard"}]))

    assert "people[1]" in str(caught.value.public) + str(caught.value.field)
    assert "Quistgaard" not in caught.value.public
