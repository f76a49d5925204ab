"""Text of patients passes through every surface and every error path, and stays where it belongs."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support import canaries
from tests.support.canaries import NAME, NOTE, PATIENT
from tests.support.running_appliance import RunningAppliance, running_appliance

TASKS = ("scheduling-message", "medical-coding", "discharge-summary", "document-classification")
SUBJECT = {"Appliance-Patient": PATIENT, "Appliance-User": "dr.lee"}


@pytest.fixture(scope="module")
def appliance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAppliance]:
    with running_appliance(tmp_path_factory.mktemp("canaries")) as appliance:
        yield appliance


@pytest.fixture(scope="module")
def error_bodies(appliance: RunningAppliance) -> list[httpx.Response]:
    """Send the canaries everywhere; return the answers that are errors."""
    key = appliance.add_client("canaries", tasks=TASKS).key
    with appliance.http(key) as http:
        answers = [*_good(http), *_bad(http)]
    with appliance.http(f"sk-appl-{NAME}") as http:
        answers.append(http.get("/v1/models"))
    return [answer for answer in answers if answer.status_code >= 400]


def test_the_canaries_went_through(appliance: RunningAppliance, error_bodies: list[httpx.Response]) -> None:
    shown = appliance.audit("query", "--patient", PATIENT).stdout

    assert len(error_bodies) >= 8
    assert "scheduling-message" in shown


def test_no_error_repeats_a_patients_text(error_bodies: list[httpx.Response]) -> None:
    leaks = {answer.request.url.path: canaries.found_in(answer.content) for answer in error_bodies}

    assert {path: hits for path, hits in leaks.items() if hits} == {}


def test_no_header_of_an_error_repeats_a_patients_text(error_bodies: list[httpx.Response]) -> None:
    headers = [json.dumps(dict(answer.headers)).encode() for answer in error_bodies]

    assert [canaries.found_in(each) for each in headers if canaries.found_in(each)] == []


def test_no_log_file_database_page_or_state_file_holds_a_patients_text(
    appliance: RunningAppliance, error_bodies: list[httpx.Response]
) -> None:
    assert error_bodies
    assert canaries.found_in_files([appliance.home]) == {}


def test_no_metric_holds_a_patients_text(appliance: RunningAppliance, error_bodies: list[httpx.Response]) -> None:
    metrics = httpx.get(f"{appliance.metrics_url}/metrics", trust_env=False)

    assert error_bodies
    assert metrics.status_code == 200
    assert canaries.found_in(metrics.content) == set()


def test_no_process_title_or_environment_holds_a_patients_text(
    appliance: RunningAppliance, error_bodies: list[httpx.Response]
) -> None:
    pids = [process["pid"] for process in appliance.processes().values() if process["pid"]]

    assert error_bodies
    assert len(pids) >= 4
    assert canaries.found_in_processes([appliance.pid, *pids]) == {}


def test_no_file_outside_the_home_holds_a_patients_text(error_bodies: list[httpx.Response]) -> None:
    assert error_bodies
    assert canaries.found_in_files(Path("/tmp").glob("appliance*")) == {}  # noqa: S108  # where a leak would lie


def _good(http: httpx.Client) -> Iterator[httpx.Response]:
    messages = [{"role": "user", "content": NOTE}]
    for stream in (False, True):
        for task in TASKS:
            body = {"model": task, "messages": messages, "stream": stream, "metadata": {"patient": PATIENT}}
            yield http.post("/v1/chat/completions", json=body)
    yield http.post("/api/v1/tasks/medical-coding", json={"patient": PATIENT, "input": {"note": NOTE}})
    yield http.post("/api/v1/tasks/scheduling-message", json={"input": {"request": NOTE}}, headers=SUBJECT)


def _bad(http: httpx.Client) -> Iterator[httpx.Response]:
    yield http.post("/v1/chat/completions", content=f'{{"model": "{NAME}'.encode())
    yield http.post("/v1/chat/completions", json={"model": NAME, "messages": [{"role": "user", "content": NOTE}]})
    yield http.post("/v1/chat/completions", json={"model": TASKS[0], "messages": [{"role": NAME, "content": NOTE}]})
    yield http.post("/v1/chat/completions", json={"model": TASKS[0], "messages": NOTE})
    yield http.post("/v1/chat/completions", json={"model": TASKS[0], NAME: NOTE, "messages": []})
    yield http.post("/v1/chat/completions", json=_chat(temperature=NOTE))
    yield http.post("/v1/chat/completions", json=_chat(tools=[{"type": NAME}]))
    yield http.post("/api/v1/tasks/medical-coding", json={"input": {NAME: NOTE}})
    yield http.post("/api/v1/tasks/document-classification", json={"input": {"section": NOTE}})
    yield http.post(f"/api/v1/tasks/{NAME}", json={"input": {}})
    yield http.get(f"/api/v1/exchanges/{NAME}")
    yield http.get(f"/{NAME}")
    yield http.post("/v1/chat/completions", json=_chat(), headers={"Appliance-Purpose": NAME})
    yield http.post("/v1/chat/completions", json=_chat(), headers={"X-Request-Id": NAME, "traceparent": NAME})
    yield http.post("/v1/chat/completions", content=NOTE.encode(), headers={"Content-Type": "text/plain"})


def _chat(**more: object) -> dict[str, object]:
    return {"model": TASKS[0], "messages": [{"role": "user", "content": NOTE}], **more}


def test_the_search_itself_finds_a_leak(tmp_path: Path) -> None:
    (tmp_path / "leak.log").write_text(json.dumps({"event": "oops", "patient": PATIENT}))

    assert canaries.found_in_files([tmp_path]) == {str(tmp_path / "leak.log"): {PATIENT}}
