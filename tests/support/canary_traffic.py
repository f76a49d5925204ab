"""Send patients who do not exist through every door of a running appliance, and through every way to be refused.

`everywhere` yields the answers; what must not hold a canary is for the test to say.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass

import httpx

from tests.support.canaries import PEOPLE, Person
from tests.support.replay_engine import Fault, ReplayEngine, Reply
from tests.support.running_appliance import RunningAppliance

TASKS = ("scheduling-message", "medical-coding", "discharge-summary", "document-classification")
CHAT = "/v1/chat/completions"

FORECAST = {
    "type": "function",
    "function": {
        "name": "file_note",
        "description": "Files a note.",
        "parameters": {"type": "object", "properties": {"text": {"type": "string"}}},
    },
}
"""A tool that the caller offers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One answer and the door that it came from."""

    door: str
    answer: httpx.Response


def everywhere(appliance: RunningAppliance, engine: ReplayEngine, *, key: str, officer: str) -> Iterator[Asked]:
    """Send every patient through every surface, well and badly formed, with a client's key and an officer's."""
    with appliance.http(key) as http:
        for person in PEOPLE:
            yield from _as("answered", _answered(http, engine, person))
            yield from _as("engine failed", _failed_by_the_engine(http, engine, person))
            yield from _as("bad input", _malformed(http, person))
            yield from _as("refused", _refused(http, person))
    for person in PEOPLE:
        with appliance.http(f"sk-appl-{person.family}".encode("ascii", "replace").decode()) as http:
            yield from _as("unknown key", iter([http.get("/v1/models"), http.post(CHAT, json=chat(person))]))
        yield from _as("console", _console(appliance, officer, person))


def chat(person: Person, **more: object) -> dict[str, object]:
    """Return a chat body about a patient."""
    messages = [{"role": "user", "content": person.note()}]
    return {"model": TASKS[0], "messages": messages, "metadata": {"patient": person.record}, **more}


def _as(door: str, answers: Iterator[httpx.Response]) -> Iterator[Asked]:
    for answer in answers:
        yield Asked(door=door, answer=answer)


def _answered(http: httpx.Client, engine: ReplayEngine, person: Person) -> Iterator[httpx.Response]:
    """Send what is in order; the model repeats what it was told, and what it was not told."""
    stranger = next(other for other in PEOPLE if other != person)
    for stream in (False, True):
        for task in TASKS:
            engine.enqueue(Reply(text=person.note() if stream else stranger.note()))
            yield http.post(CHAT, json=chat(person, model=task, stream=stream))
        arguments = json.dumps({"text": person.note()})
        engine.enqueue(Reply(tool_calls=(("file_note", arguments),)))
        yield http.post(CHAT, json=chat(person, tools=[FORECAST], stream=stream))
    typed = {"patient": person.record, "user": person.name, "people": [person.resource()]}
    yield http.post("/api/v1/tasks/medical-coding", json={**typed, "input": {"note": person.note()}})
    yield http.post("/api/v1/tasks/scheduling-message", json={**typed, "input": {"request": person.note()}})
    answer = http.post(CHAT, json=chat(person))
    yield answer
    exchange = answer.headers["Appliance-Exchange"]
    for what in ("", "/receipt", "/proof"):
        yield http.get(f"/api/v1/exchanges/{exchange}{what}", headers={"Appliance-User": "dr.lee"})


def _failed_by_the_engine(http: httpx.Client, engine: ReplayEngine, person: Person) -> Iterator[httpx.Response]:
    """Let the engine fail in every way, with the patient's text in its words."""
    for status in (400, 429, 500):
        engine.enqueue(Reply(status=status, message=f"cannot read: {person.note()}"))
        yield http.post(CHAT, json=chat(person))
    for fault in (Fault.RESET, Fault.MALFORMED, Fault.WRONG_SHAPE):
        engine.enqueue(Reply(fault=fault))
        yield http.post(CHAT, json=chat(person))
    for fault in (Fault.TRUNCATED, Fault.MALFORMED, Fault.ERROR_EVENT, Fault.NO_FINISH):
        engine.enqueue(Reply(text=person.note(), message=person.note(), fault=fault, after=3))
        yield http.post(CHAT, json=chat(person, stream=True))


def _malformed(http: httpx.Client, person: Person) -> Iterator[httpx.Response]:
    """Send what no parser takes, with the patient in every place that could be repeated."""
    note, name = person.note(), person.name
    yield http.post(CHAT, content=f'{{"model": "{name}'.encode())
    yield http.post(CHAT, content=note.encode("utf-16"), headers={"Content-Type": "application/json"})
    yield http.post(CHAT, content=note.encode(), headers={"Content-Type": "text/plain"})
    yield http.post(CHAT, json={"model": name, "messages": note})
    yield http.post(CHAT, json={name: note, **chat(person)})
    for change in (
        {"temperature": note}, {"tools": [{"type": name}]}, {"messages": [{"role": name, "content": note}]},
        {"stop": [note] * 20}, {"response_format": {"type": name}}, {"metadata": {name: note}}, {"n": note},
        {"tool_choice": {"type": "function", "function": {"name": name}}},
    ):  # fmt: skip
        yield http.post(CHAT, json=chat(person, **change))
    for task, body in (
        ("medical-coding", {"input": {name: note}}),
        ("medical-coding", {"input": note}),
        ("medical-coding", {"input": {"note": note}, "people": [{"resourceType": name, "name": note}]}),
        ("medical-coding", {"input": {"note": note}, "people": [{**person.resource(), "birthDate": note}]}),
        ("medical-coding", {"input": {"note": note}, "people": [{**person.resource(), name: [note]}]}),
        ("document-classification", {"input": {"section": note}}),
        (person.record, {"input": {}}),
    ):
        yield http.post(f"/api/v1/tasks/{task}", json=body)


def _refused(http: httpx.Client, person: Person) -> Iterator[httpx.Response]:
    """Ask for what policy does not permit or nobody has."""
    spelt = "".join(letter if letter.isascii() else "x" for letter in person.name)
    yield http.post(CHAT, json=chat(person, model="prior-authorization-letter"))
    yield http.post(CHAT, json=chat(person, model=person.name))
    yield http.post("/api/v1/tasks/prior-authorization-letter", json={"input": {"note": person.note()}})
    yield http.post(CHAT, json=chat(person), headers={"Appliance-Purpose": spelt})
    yield http.post(CHAT, json=chat(person), headers={"Appliance-Patient": "another", "X-Request-Id": person.record})
    yield http.post(CHAT, json=chat(person), headers={"traceparent": person.record, "Appliance-Deadline": person.ssn})
    yield http.get(f"/api/v1/exchanges/{person.name}/receipt")
    yield http.get(f"/{person.name}", params={"note": person.note()})
    yield http.post(CHAT, json=chat(person, messages=[{"role": "user", "content": person.note() * 8000}]))


def _console(appliance: RunningAppliance, officer: str, person: Person) -> Iterator[httpx.Response]:
    """Ask the console by the patient, with a wrong key and with an officer's."""
    for key in ("sk-wrong", officer):
        with appliance.http(key) as http:
            console = appliance.console_url
            yield http.get(f"{console}/api/v1/exchanges", params={"patient": person.record, "task": person.name})
            yield http.post(f"{console}/api/v1/queries", json={"since": person.name, person.name: 1})
            yield http.post(f"{console}/api/v1/openings", json={"exchange": person.name, "reason": person.note()})
            yield http.post(f"{console}/api/v1/exports", content=person.note().encode())
            yield http.get(f"{console}/api/v1/exchanges/{person.name}")
