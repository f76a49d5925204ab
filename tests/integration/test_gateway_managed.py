"""What callers see of the managed route over real HTTPS: marks, refusals, breaks, and words that only protect more."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from openai import AsyncOpenAI, DefaultAsyncHttpxClient

from appliance.config import CHECKOUT
from appliance.errors import ProviderUnavailableError
from audit.record import Kind
from tests.support.departures import NotingBroker, finished, says
from tests.support.gateway_client import Gateway, running_gateway
from tests.support.registers import a_sandbox_provider, write_register

TASK = "discharge-summary"
"""Its illustrative evidence fails locally and meets on the managed route, in the sandbox."""

PATIENT = {"Appliance-Patient": "MRN-77001"}
NOTE = "MRN 7345501: admitted with pain, given 40 mg of furosemide."


@asynccontextmanager
async def sandbox(folder: Path, *parts: Any, **broker: Any) -> AsyncIterator[Gateway]:
    """Start a gateway whose broker answers like this."""
    policies = write_register(shutil.copytree(CHECKOUT / "policies", folder / "policies"), a_sandbox_provider())
    door = NotingBroker(**{"answer": None, "parts": list(parts), **broker})
    async with running_gateway(folder, policies, broker=door) as gateway:
        yield gateway


def chat(**changes: Any) -> dict[str, Any]:
    """Return a chat body for the task that escalates."""
    return {"model": TASK, "messages": [{"role": "user", "content": NOTE}], **changes}


def events(text: str) -> list[Any]:
    """Return the data of OpenAI's events."""
    return [json.loads(line[6:]) for line in text.split("\n\n") if line.startswith("data: {")]


def openai_client(gateway: Gateway) -> AsyncOpenAI:
    """Return the SDK, unmodified."""
    http = DefaultAsyncHttpxClient(verify=gateway.trust(), trust_env=False)
    return AsyncOpenAI(
        base_url=f"{gateway.url}/v1", api_key=gateway.key, default_headers=PATIENT, max_retries=0, http_client=http
    )


def asked(gateway: Gateway) -> list[Any]:
    """Return what the local engine was asked, beside whether it can generate."""
    return [body for body in gateway.engine.bodies if "Say OK." not in json.dumps(body)]


async def test_an_answer_of_the_sandbox_says_so_in_head_and_body(tmp_path: Path) -> None:
    async with sandbox(tmp_path, says("Take 40 mg."), finished()) as gateway, gateway.http() as http:
        answer = await http.post("/v1/chat/completions", json=chat(), headers=PATIENT)

    assert answer.status_code == 200, answer.text
    assert answer.headers["Appliance-Route"] == "managed:stand-in"
    assert answer.headers["Appliance-Agreement"] == "BAA-2026-014"
    assert answer.headers["Appliance-Sandbox"] == "SANDBOX"
    assert answer.headers["Appliance-Model"].startswith("SANDBOX-")
    member = answer.json()["appliance"]
    assert member["managed"]["sandbox"] == "SANDBOX"
    assert "SANDBOX" in member["warnings"][0]
    assert b"7345501" not in gateway.broker.bodies[0]


async def test_a_stream_of_the_sandbox_says_so_before_its_first_word(tmp_path: Path) -> None:
    async with sandbox(tmp_path, says("Take "), says("40 mg."), finished()) as gateway, gateway.http() as http:
        answer = await http.post("/v1/chat/completions", json=chat(stream=True), headers=PATIENT)

    assert answer.headers["Appliance-Sandbox"] == "SANDBOX"
    assert events(answer.text)[0]["appliance"]["managed"]["sandbox"] == "SANDBOX"
    assert answer.text.endswith("data: [DONE]\n\n")


async def test_a_model_that_declines_has_answered_and_nobody_else_is_asked(tmp_path: Path) -> None:
    declined = (says("I cannot."), finished(finish_reason="refusal"))
    async with sandbox(tmp_path, *declined) as gateway, openai_client(gateway) as client:
        answer = await client.chat.completions.create(**chat())

    (choice,) = answer.choices
    assert (choice.message.content, choice.message.refusal, choice.finish_reason) == (None, "I cannot.", "stop")
    assert (len(gateway.broker.bodies), asked(gateway)) == (1, [])


async def test_a_stream_that_breaks_off_ends_with_an_error_and_an_incomplete_record(tmp_path: Path) -> None:
    long = "Furosemide was given every morning. " * 20
    broken = ProviderUnavailableError(provider="stand-in")
    async with sandbox(tmp_path, says(long), says(long), failure=broken) as gateway, gateway.http() as http:
        answer = await http.post("/v1/chat/completions", json=chat(stream=True), headers=PATIENT)
        await _settled(gateway)

    assert "[DONE]" not in answer.text
    assert "error" in events(answer.text)[-1]
    outcome = [event for event in gateway.log.events if event.kind is Kind.OUTCOME][-1]
    assert (outcome.outcome, len(gateway.broker.bodies)) == ("incomplete", 1)


async def test_a_provider_that_cannot_be_asked_is_told_with_when_to_come_back(tmp_path: Path) -> None:
    closed = ProviderUnavailableError(provider="stand-in", retry_s=17)
    async with sandbox(tmp_path, answer=closed) as gateway, gateway.http() as http:
        answer = await http.post("/v1/chat/completions", json=chat(), headers=PATIENT)

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "17")
    assert answer.json()["error"]["code"] == "provider_unavailable"
    assert answer.json()["appliance"]["downtime_text"]
    assert asked(gateway) == []


RAISING: list[tuple[dict[str, str], dict[str, Any]]] = [
    ({"Appliance-Data-Class": "restricted"}, {}),
    ({"Appliance-Restriction": "vip"}, {}),
    ({}, {"metadata": {"data_class": "restricted"}}),
    ({}, {"metadata": {"restrictions": "hiv, vip"}}),
    ({"Appliance-Data-Class": "restricted"}, {"metadata": {"data_class": "phi"}}),
    ({"Appliance-Data-Class": "phi"}, {"metadata": {"data_class": "restricted"}}),
]
"""Every way to say that a request must stay, also beside a word that says less."""

UNKNOWN = [
    ({"Appliance-Restriction": "no-such-restriction"}, "restrictions"),
    ({"Appliance-Data-Class": "x"}, "data_class"),
]
"""Words that nobody knows, and the field that the refusal names."""


async def test_a_caller_can_keep_a_request_in_the_building(tmp_path: Path) -> None:
    async with sandbox(tmp_path, says("Never."), finished()) as gateway, gateway.http() as http:
        answers = [
            await http.post("/v1/chat/completions", json=chat(**body), headers={**PATIENT, **headers})
            for headers, body in RAISING
        ]

    assert gateway.broker.bodies == []
    assert {(answer.status_code, answer.json()["error"]["code"]) for answer in answers} == {(403, "route_refused")}


async def test_a_caller_never_learns_which_restriction_holds_for_a_patient(tmp_path: Path) -> None:
    """42 CFR 2.13(c): nothing may tell that somebody is one of these patients."""
    marked = chat(messages=[{"role": "user", "content": f"Substance use disorder program. {NOTE}"}])
    async with sandbox(tmp_path, says("Never."), finished()) as gateway, gateway.http() as http:
        answer = await http.post("/v1/chat/completions", json=marked, headers=PATIENT)
        await _settled(gateway)
        own = f"/api/v1/exchanges/{answer.headers['Appliance-Exchange']}"
        told = [answer, await http.get(own), await http.get(f"{own}/receipt")]

    assert [each.status_code for each in told] == [403, 200, 200]
    assert not [each.url for each in told if "substance" in f"{each.text}{each.headers}"]
    (route,) = [event for event in gateway.log.events if event.code == "route"]
    assert b"substance-use-treatment" in (route.body or b"")


async def test_the_same_words_do_it_on_the_tasks_surface(tmp_path: Path) -> None:
    words: list[dict[str, Any]] = [{"data_class": "restricted"}, {"restrictions": ["vip"]}]
    typed = {"input": {"notes": NOTE}}
    async with sandbox(tmp_path, says("Never."), finished()) as gateway, gateway.http() as http:
        answers = [await http.post(f"/api/v1/tasks/{TASK}", json={**typed, **word}, headers=PATIENT) for word in words]

    assert gateway.broker.bodies == []
    assert [answer.json()["code"] for answer in answers] == ["route_refused"] * 2


async def test_a_word_that_nobody_knows_is_refused_and_never_ignored(tmp_path: Path) -> None:
    async with sandbox(tmp_path, says("Never."), finished()) as gateway, gateway.http() as http:
        for headers, field in UNKNOWN:
            answer = await http.post("/v1/chat/completions", json=chat(), headers={**PATIENT, **headers})
            assert (answer.status_code, answer.json()["error"]["param"]) == (400, field)

    assert gateway.broker.bodies == []


async def _settled(gateway: Gateway) -> None:
    async with asyncio.timeout(5):
        while gateway.appliance.trail.owed:
            await asyncio.sleep(0.01)
