"""The managed route with every program in its own process: what opens it, what closes it, and what is kept of it.

The managed API is a stand-in on loopback; everything between a caller's request and it is the production code.
"""

import hashlib
import json
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from appliance.cli.supervisor_state import ProcessState, read_running
from appliance.config import load_config
from appliance.policy.load import load_bundle
from appliance.policy.register import Ceilings, Service
from tests.support.approvals import approve
from tests.support.canaries import NAME, NOTE, PATIENT, PHONE, SSN
from tests.support.escalating_appliance import TASK, draft, escalating_appliance, until
from tests.support.registers import write_register
from tests.support.running_appliance import IssuedClient, RunningAppliance, kill
from tests.support.stand_ins import Behaviour, StandIn
from tests.support.threaded_stand_in import threaded_stand_in

CANARIES = (NAME, *NAME.split(), PATIENT, PHONE, SSN)
HARMLESS = {"agreement_ending", "agreement_ended"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A running appliance, what stands at the far end, and a client."""

    appliance: RunningAppliance
    stand_in: StandIn
    client: IssuedClient
    policies: Path

    def http(self) -> httpx.Client:
        """Return a caller."""
        return self.appliance.http(self.client.key)

    def ask(self, notes: str = NOTE, **more: object) -> httpx.Response:
        """Ask for a discharge summary."""
        with self.http() as http:
            return draft(http, notes, **more)

    def events(self, answer: httpx.Response) -> list[dict[str, Any]]:
        """Return the records of an exchange, once its outcome is there."""
        exchange = answer.headers.get("appliance-exchange") or answer.json()["exchange"]
        shown: list[dict[str, Any]] = []

        def is_over() -> bool:
            shown[:] = json.loads(self.appliance.audit("show", exchange, "--json").stdout)["events"]
            return shown[-1]["kind"] == "outcome"

        until(is_over)
        return shown

    def is_open(self) -> bool:
        """Say whether the way out is open, as /readyz tells it."""
        _, body = self.appliance.readiness()
        return not {warning["code"] for warning in body["warnings"]} - HARMLESS


@pytest.fixture(scope="module")
def route(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Route]:
    folder = tmp_path_factory.mktemp("route")
    with threaded_stand_in(Service.ANTHROPIC_MESSAGES, silence_s=5.0) as stand_in:
        provider = stand_in.provider(ceilings=Ceilings(first_byte_s=2.0, requests_per_minute=600))
        credentials = {provider.credential: stand_in.credential}
        with escalating_appliance(folder, provider, credentials=credentials) as appliance:
            client = appliance.add_client("ehr", tasks=[TASK, "scheduling-message"])
            made = Route(appliance=appliance, stand_in=stand_in, client=client, policies=folder / "policies")
            until(made.is_open)
            yield made


@pytest.fixture(autouse=True)
def _fresh(route: Route) -> None:
    route.stand_in.behaviour = Behaviour.OK
    route.stand_in.received.clear()


def test_an_answer_from_outside_is_marked_restored_and_recorded_before_it_left(route: Route) -> None:
    answer = route.ask()
    events = route.events(answer)

    [received] = route.stand_in.received
    told = {name: answer.headers[f"appliance-{name}"] for name in ("route", "sandbox", "agreement")}
    disclosure = next(event["facts"] for event in events if event["kind"] == "disclosure")
    assert answer.status_code == 200
    assert told == {"route": "managed:stand-in", "sandbox": "SANDBOX", "agreement": "BAA-2026-014"}
    assert NAME in answer.json()["output"]["summary"]
    assert [canary for canary in CANARIES if canary.encode() in received.body] == []
    assert disclosure["digest"] == f"sha256:{hashlib.sha256(received.body).hexdigest()}"
    assert disclosure["sandbox"] is True
    kinds = [event["kind"] for event in events if event["kind"] != "decision"]
    assert kinds == ["intent", "disclosure", "release", "outcome"]
    assert events[-1]["outcome"] == "answered"


def test_a_streamed_answer_is_restored_as_it_comes(route: Route) -> None:
    body = {"model": TASK, "messages": [{"role": "user", "content": NOTE}], "stream": True}

    with route.http() as http:
        answer = http.post("/v1/chat/completions", json=body, headers={"Appliance-Patient": PATIENT})

    *events, last = [line.removeprefix("data: ") for line in answer.text.splitlines() if line.startswith("data: ")]
    chunks = [json.loads(event) for event in events]
    text = "".join(c["delta"].get("content") or "" for chunk in chunks for c in chunk.get("choices", []))
    assert last == "[DONE]"
    assert NAME in text
    assert len(chunks) > 3
    assert chunks[0]["appliance"]["managed"]["sandbox"] == "SANDBOX"
    assert [canary for canary in CANARIES if canary.encode() in route.stand_in.received[0].body] == []


def test_an_answer_that_breaks_off_ends_as_an_error_and_nobody_continues_it(route: Route) -> None:
    route.stand_in.behaviour = Behaviour.RESET_MIDWAY
    body = {"model": TASK, "messages": [{"role": "user", "content": NOTE}], "stream": True}

    with route.http() as http:
        answer = http.post("/v1/chat/completions", json=body, headers={"Appliance-Patient": PATIENT})
    events = route.events(answer)

    assert "provider_stream_broken" in answer.text
    assert "[DONE]" not in answer.text
    assert events[-1]["outcome"] == "incomplete"
    assert len(route.stand_in.received) == 1


def test_a_model_that_declines_is_not_asked_twice_and_nobody_else_is_asked(route: Route) -> None:
    route.stand_in.behaviour = Behaviour.REFUSAL

    answer = route.ask()

    assert answer.json()["code"] == "model_refused"
    assert len(route.stand_in.received) == 1


def test_an_answer_that_calls_what_nobody_offered_is_no_answer(route: Route) -> None:
    route.stand_in.behaviour = Behaviour.PROMPT_INJECTION

    answer = route.ask()

    assert answer.json()["code"] == "provider_stream_broken"
    assert answer.status_code >= 500
    assert NAME not in answer.text


@pytest.mark.parametrize(
    "headers",
    [
        {"Appliance-Patient": PATIENT, "Appliance-Data-Class": "restricted"},
        {"Appliance-Patient": PATIENT, "Appliance-Restriction": "psychotherapy-notes"},
        {},
    ],
    ids=["class", "restriction", "nobody named"],
)
def test_what_a_caller_says_only_closes(route: Route, headers: dict[str, str]) -> None:
    with route.http() as http:
        answer = http.post(f"/api/v1/tasks/{TASK}", json={"input": {"notes": NOTE}}, headers=headers)

    assert answer.json()["code"] == "route_refused"
    assert route.stand_in.received == []


def test_a_patient_who_objected_stays(route: Route, tmp_path: Path) -> None:
    patient, key = tmp_path / "patient", tmp_path / "officer.key"
    patient.write_text("MRN-11112222\n")
    key.write_text(route.appliance.audit("officer", "add", "p.first", "--role", "privacy-officer").stdout)
    key.chmod(0o600)
    words = ("--kind", "opt-out", "--case", "C-1", "--patient-file", str(patient), "--officer-key-file", str(key))
    done = route.appliance.command("exclusion", "add", *words)

    with route.http() as http:
        headers = {"Appliance-Patient": "mrn 11112222"}
        answer = http.post(f"/api/v1/tasks/{TASK}", json={"input": {"notes": NOTE}}, headers=headers)

    assert done.returncode == 0, done.stderr
    assert answer.json()["code"] == "route_refused"
    assert route.stand_in.received == []


def test_without_its_broker_nothing_leaves_and_local_work_goes_on(route: Route) -> None:
    broker = _broker(route).pid
    kill(broker)

    refused, local = route.ask(), _message(route)
    until(lambda: _is_again_there(route, broker))
    until(route.is_open)
    answered = route.ask()

    assert refused.json()["code"] in {"route_refused", "escalation_unavailable", "provider_unavailable"}
    assert local.status_code == 200
    assert answered.status_code == 200
    assert len(route.stand_in.received) == 1


def test_an_agreement_ends_by_itself_and_a_new_one_needs_its_own_approval(route: Route) -> None:
    provider, ends = route.stand_in.provider(), datetime.now(UTC) + timedelta(seconds=10)
    [agreement] = provider.agreements
    write_register(route.policies, replace(provider, agreements=(replace(agreement, expires=ends),)))
    digest = load_bundle(route.policies).digest
    os.kill(route.appliance.pid, signal.SIGHUP)
    until(lambda: route.appliance.readiness()[1]["policy_digest"] == digest)
    unapproved = route.ask()
    approve(route.appliance.home, digest, sequence=9)
    os.kill(route.appliance.pid, signal.SIGHUP)
    until(route.is_open)

    before = route.ask()
    until(lambda: datetime.now(UTC) > ends)
    after = route.ask()

    assert unapproved.json()["code"] == "route_refused"
    assert before.status_code == 200
    assert after.json()["code"] == "route_refused"
    assert "expired" in after.json()["detail"]
    assert len(route.stand_in.received) == 1


def _broker(route: Route) -> ProcessState:
    running = read_running(load_config(route.appliance.home))
    assert running is not None
    return running.processes["broker"]


def _is_again_there(route: Route, before: int) -> bool:
    broker = _broker(route)
    return broker.state == "running" and broker.pid != before


def _message(route: Route) -> httpx.Response:
    with route.http() as http:
        return http.post("/api/v1/tasks/scheduling-message", json={"input": {"request": "Visit on Friday at 2 pm."}})
