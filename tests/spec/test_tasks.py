"""# Tasks: five clinical tasks with typed input and output, checked before anybody sees them."""

import json

import httpx
import pytest

from tests.spec.conftest import TASKS, Hospital
from tests.support.replay_engine import Reply

NOTE = "Follow-up. Type 2 diabetes mellitus, stable on metformin. Essential hypertension. Denies chest pain."
NOTES = "Eye exam with Dr. Park, Wednesday 5 June at 11:00 am. Bring glasses."


def test_every_task_tells_its_input_and_output(hospital: Hospital) -> None:
    listed = hospital.http.get("/api/v1/tasks").json()["tasks"]
    shown = [hospital.http.get(f"/api/v1/tasks/{task}").json() for task in TASKS]

    assert {task["task"] for task in listed} == set(TASKS)
    assert all(task["input_schema"]["properties"] and task["output_schema"]["properties"] for task in shown)


def test_codes_are_real_and_point_to_the_words_of_the_note(hospital: Hospital) -> None:
    hospital.engine.enqueue(Reply(text='{"m1":"E11.9","m2":"I10"}'))

    codes = send(hospital, "medical-coding", note=NOTE).json()["output"]["codes"]

    assert [each["code"] for each in codes] == ["E11.9", "I10"]
    for each in codes:
        span = each["evidence"]
        assert NOTE[span["start"] : span["end"]] == span["text"]


def test_the_engine_may_only_choose_codes_that_exist(hospital: Hospital) -> None:
    hospital.engine.enqueue(Reply(text='{"m1":"E11.9","m2":"none"}'))

    send(hospital, "medical-coding", note=NOTE)

    schema = hospital.engine.bodies[-1]["response_format"]["json_schema"]["schema"]
    assert schema["properties"]["m2"]["enum"] == ["I10", "none"]


def test_a_code_that_nobody_offered_never_reaches_the_caller(hospital: Hospital) -> None:
    hospital.engine.enqueue(Reply(text='{"m1":"E11.999","m2":"I10"}'))

    answer = send(hospital, "medical-coding", note=NOTE)

    assert answer.json()["code"] == "output_rejected"
    assert "E11.999" not in answer.text


def test_a_chat_caller_gets_the_checked_codes_as_json(hospital: Hospital) -> None:
    hospital.engine.enqueue(Reply(text='{"m1":"E11.9","m2":"I10"}'))
    body = {"model": "medical-coding", "messages": [{"role": "user", "content": NOTE}]}

    answer = hospital.http.post("/v1/chat/completions", json=body).json()

    codes = json.loads(answer["choices"][0]["message"]["content"])["codes"]
    assert [each["code"] for each in codes] == ["E11.9", "I10"]


def test_a_passage_is_filed_under_one_of_twenty_sections(hospital: Hospital) -> None:
    hospital.engine.enqueue(Reply(text='{"section":"ALLERGY"}'))

    answer = send(hospital, "document-classification", text="Penicillin gives me hives.").json()

    assert answer["output"] == {"section": "ALLERGY"}
    schema = hospital.engine.bodies[-1]["response_format"]["json_schema"]["schema"]
    assert len(schema["properties"]["section"]["enum"]) == 20


@pytest.mark.parametrize(
    "draft", ["Your eye exam with Dr. Park is on Wednesday 6 June at 11:00 am. Bring glasses.", "Hello!"]
)
def test_a_message_with_another_date_is_not_shown(hospital: Hospital, draft: str) -> None:
    hospital.engine.enqueue(Reply(text=draft))

    answer = send(hospital, "scheduling-message", request=NOTES).json()

    assert NOTES in answer["output"]["message"]
    assert draft not in answer["output"]["message"]
    assert any("own words" in warning for warning in answer["warnings"])


def test_input_that_does_not_fit_names_the_field_and_not_the_value(hospital: Hospital) -> None:
    answer = send(hospital, "medical-coding", note=NOTE, colour="SECRET-7")

    assert answer.status_code in {400, 422}
    assert "note" in answer.text
    assert "SECRET-7" not in answer.text


def test_a_refused_task_says_what_to_do_meanwhile(hospital: Hospital) -> None:
    answer = send(hospital, "discharge-summary", notes="Admitted with pneumonia.")

    assert answer.status_code >= 400
    assert "usual template" in answer.text


def test_the_people_whom_a_caller_names_are_counted_in_the_record_and_not_shown_to_the_model(
    hospital: Hospital,
) -> None:
    hospital.engine.enqueue(Reply(text=json.dumps({"message": NOTES})))
    body = {
        "input": {"request": f"Quistgaard: {NOTES}"},
        "people": [{"names": ["Zebulon Quistgaard"], "mrn": "QX-7001"}],
    }

    answer = hospital.http.post("/api/v1/tasks/scheduling-message", json=body)

    exchange = hospital.http.get(f"/api/v1/exchanges/{answer.headers['appliance-exchange']}")
    assert (answer.status_code, exchange.status_code) == (200, 200)
    assert "QX-7001" not in json.dumps(hospital.engine.bodies[-1])


def test_a_person_in_a_wrong_form_is_named_by_its_place(hospital: Hospital) -> None:
    body = {"input": {"request": NOTES}, "people": [{"names": ["Zebulon Quistgaard"], "born": "SECRET-8"}]}

    answer = hospital.http.post("/api/v1/tasks/scheduling-message", json=body)

    assert answer.status_code == 400
    assert "people[0]" in answer.text
    assert "SECRET-8" not in answer.text


def send(hospital: Hospital, task: str, **fields: object) -> httpx.Response:
    return hospital.http.post(f"/api/v1/tasks/{task}", json={"input": fields})
