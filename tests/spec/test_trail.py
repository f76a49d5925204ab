"""# The trail: what a compliance officer may rely on, whatever happened to a request."""

import json
import time

import httpx
import pytest

from tests.spec.conftest import Hospital
from tests.support.running_appliance import kill

NOTE = {"role": "user", "content": "Visit moved to Thursday at 10."}


def test_every_answered_request_can_be_found_by_patient_and_by_user(hospital: Hospital) -> None:
    answer = ask(hospital, patient="MRN-5001", user="dr.found")

    by_patient = query(hospital, "--patient", "MRN-5001")
    by_user = query(hospital, "--user", "dr.found")

    assert [row["exchange"] for row in by_patient] == [answer.headers["Appliance-Exchange"]]
    assert [row["exchange"] for row in by_user] == [answer.headers["Appliance-Exchange"]]
    assert by_patient[0]["outcome"] == "answered"
    assert by_patient[0]["route"] == "local"


def test_a_refused_request_is_recorded_with_the_reason(hospital: Hospital) -> None:
    answer = ask(hospital, task="discharge-summary", patient="MRN-5002")

    row = query(hospital, "--patient", "MRN-5002")[0]

    assert answer.status_code == 403
    assert row["outcome"] == "refused"
    assert row["code"] == "route_refused"
    assert "42.0 %" in json.dumps(row["reasons"])


def test_a_request_for_a_task_that_does_not_exist_is_recorded(hospital: Hospital) -> None:
    answer = ask(hospital, task="no-such-task", patient="MRN-5003")

    assert answer.status_code == 404
    assert query(hospital, "--patient", "MRN-5003")[0]["code"] == "unknown_task"


def test_the_receipt_that_a_caller_keeps_proves_the_record_offline(hospital: Hospital) -> None:
    receipt = ask(hospital, patient="MRN-5004").headers["Appliance-Receipt"]

    done = hospital.appliance.audit("verify", "--receipt", receipt)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "verified" in done.stdout.lower()


def test_the_caller_can_read_what_was_decided_about_its_own_request(hospital: Hospital) -> None:
    exchange = ask(hospital, patient="MRN-5005").headers["Appliance-Exchange"]

    told = hospital.http.get(f"/api/v1/exchanges/{exchange}")
    proof = hospital.http.get(f"/api/v1/exchanges/{exchange}/receipt")

    assert told.status_code == 200
    assert proof.status_code == 200
    assert "MRN-5005" not in told.text


def test_another_client_cannot_read_it(hospital: Hospital) -> None:
    exchange = ask(hospital, patient="MRN-5006").headers["Appliance-Exchange"]
    stranger = hospital.appliance.add_client("stranger", tasks=["scheduling-message"]).key

    with hospital.appliance.http(stranger) as http:
        answer = http.get(f"/api/v1/exchanges/{exchange}")

    assert answer.status_code == 404


def test_the_text_is_opened_by_two_officers_with_the_custodians_passphrase_and_by_nothing_less(
    hospital: Hospital,
) -> None:
    exchange = ask(hospital, patient="MRN-5007").headers["Appliance-Exchange"]
    passphrase = ("--passphrase-file", str(hospital.appliance.home / "custodian" / "passphrase"))
    first, second = (officer_key(hospital, name) for name in ("first", "second"))

    closed = hospital.appliance.audit("show", exchange)
    alone = hospital.appliance.audit("show", exchange, "--open", *passphrase)
    wish = ("open_body", exchange, "--case", "CASE-1", "--officer-key-file", first)
    approval = hospital.appliance.audit("approval", "request", *wish).stdout.strip()
    opening = ("show", exchange, "--open", "--approval", approval, "--officer-key-file", first, *passphrase)
    early = hospital.appliance.audit(*opening)
    given = hospital.appliance.audit("approval", "give", approval, "--officer-key-file", second)
    opened = hospital.appliance.audit(*opening)
    again = hospital.appliance.audit(*opening)

    refused = (closed, alone, early, again)
    assert [done.returncode for done in (*refused, given, opened)] == [0, 9, 9, 9, 0, 0]
    assert all("Thursday" not in done.stdout + done.stderr for done in refused)
    assert "Thursday" in opened.stdout


def test_reading_the_trail_is_recorded_too(hospital: Hospital) -> None:
    ask(hospital, patient="MRN-5008")
    query(hospital, "--patient", "MRN-5008")

    reads = query(hospital, "--kind", "access", "--events")

    assert any(row["code"] == "query" for row in reads)


def test_no_recorder_no_answer_and_it_recovers_by_itself(hospital: Hospital) -> None:
    kill(hospital.appliance.processes()["recorder"]["pid"])

    first = ask(hospital, patient="MRN-5009")
    hospital.appliance.wait_until_ready()
    later = ask(hospital, patient="MRN-5009")

    assert first.status_code in {200, 503}
    assert first.status_code == 200 or first.json()["error"]["code"] == "audit_unavailable"
    assert later.status_code == 200
    assert hospital.appliance.audit("verify").returncode == 0


def test_no_acknowledged_record_is_lost_when_the_recorder_is_killed_under_load(hospital: Hospital) -> None:
    answered = []
    for round_ in range(3):
        answered += [ask(hospital, patient=f"MRN-60{round_}{n}") for n in range(8)]
        kill(hospital.appliance.processes()["recorder"]["pid"])
        hospital.appliance.wait_until_ready()

    for answer in answered:
        if answer.status_code == 200:
            done = hospital.appliance.audit("verify", "--receipt", answer.headers["Appliance-Receipt"])
            assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("task", ["scheduling-message", "prior-authorization-letter"])
def test_illustrative_or_missing_evidence_is_marked_in_answer_and_record(hospital: Hospital, task: str) -> None:
    answer = ask(hospital, task=task, patient=f"MRN-7{len(task)}")

    row = query(hospital, "--patient", f"MRN-7{len(task)}")[0]

    told = json.dumps(answer.json()["appliance"]) + json.dumps(row["reasons"])
    assert "llustrative" in told or "insufficient" in told


def ask(hospital: Hospital, *, task: str = "scheduling-message", patient: str, user: str = "dr.lee") -> httpx.Response:
    """Send one request, again if the recorder is on its way back."""
    body = {"model": task, "messages": [NOTE], "user": user, "metadata": {"patient": patient}}
    return hospital.http.post("/v1/chat/completions", json=body)


def query(hospital: Hospital, *filters: str) -> list[dict]:
    """Ask the trail as an officer does; outcomes follow within moments."""
    for _ in range(50):
        done = hospital.appliance.audit("query", *filters, "--json")
        assert done.returncode == 0, done.stderr
        rows = json.loads(done.stdout)
        rows = rows if isinstance(rows, list) else rows["rows"]
        if rows and all(row.get("outcome") or row.get("kind") == "access" for row in rows):
            return rows
        time.sleep(0.1)
    return rows


def officer_key(hospital: Hospital, name: str) -> str:
    """Add a privacy officer, and return the file with the key."""
    done = hospital.appliance.audit("officer", "add", name, "--role", "privacy-officer")
    file = hospital.appliance.home / f"{name}.key"
    file.write_text(done.stdout)
    file.chmod(0o600)
    return str(file)
