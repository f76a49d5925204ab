"""Streams and answers through the whole gateway: honest ends, hang-ups that reach the engine, what answers tell."""

import asyncio
import dataclasses
import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from appliance.api.app import create_app
from audit.errors import RecorderUnavailableError
from audit.record import Kind, Outcome
from audit.tlog_proof import verify_proof
from tests.support.gateway_client import NOTE, TASK, Gateway, chat, running_gateway
from tests.support.memory_log import MemoryLog
from tests.support.replay_engine import Fault, Reply

TOLD = ("appliance-exchange", "appliance-route", "appliance-model", "appliance-evidence", "appliance-receipt")


@pytest.fixture
async def gateway(tmp_path: Path, policies: Path) -> AsyncIterator[Gateway]:
    """Return a gateway."""
    async with running_gateway(tmp_path, policies) as running:
        yield running


async def events_of(gateway: Gateway, path: str, body: object) -> list[str]:
    """Return the events of a stream, as they came."""
    async with gateway.http() as http:
        answer = await http.post(path, json=body)
    assert answer.status_code == 200
    return [event for event in answer.text.split("\n\n") if event]


async def outcome(gateway: Gateway) -> str:
    """Return the outcome of the one exchange, once it is recorded."""
    async with asyncio.timeout(5):
        while not (found := [event for event in gateway.log.events if event.kind is Kind.OUTCOME]):
            await asyncio.sleep(0.01)
    return found[0].outcome


async def until_aborted(gateway: Gateway) -> None:
    """Wait until the engine has seen its caller hang up."""
    async with asyncio.timeout(5):
        while not gateway.engine.aborted:
            await asyncio.sleep(0.01)


async def test_every_answer_tells_its_route_model_evidence_and_receipt(gateway: Gateway) -> None:
    async with gateway.http() as http:
        whole = await http.post("/v1/chat/completions", json=chat())
        stream = await http.post("/v1/chat/completions", json=chat(stream=True))
        task = await http.post(f"/api/v1/tasks/{TASK}", json={"input": {"notes": NOTE}})

    first = json.loads(stream.text.split("\n\n")[0].removeprefix("data: "))
    for answer, told in ((whole, whole.json()["appliance"]), (stream, first["appliance"]), (task, task.json())):
        assert all(answer.headers[name] for name in TOLD)
        assert told["exchange"] == answer.headers["appliance-exchange"]
        assert told["receipt"] == answer.headers["appliance-receipt"]
        assert told["reasons"]


async def test_a_stream_ends_with_its_finish_reason_and_the_end_mark(gateway: Gateway) -> None:
    events = await events_of(gateway, "/v1/chat/completions", chat(stream=True))

    assert events[-1] == "data: [DONE]"
    assert json.loads(events[-2].removeprefix("data: "))["choices"][0]["finish_reason"] == "stop"
    assert await outcome(gateway) == Outcome.ANSWERED


@pytest.mark.parametrize("fault", [Fault.RESET, Fault.TRUNCATED, Fault.MALFORMED, Fault.ERROR_EVENT, Fault.NO_FINISH])
async def test_a_stream_that_breaks_off_ends_with_an_error_and_nothing_that_looks_like_success(
    gateway: Gateway, fault: Fault
) -> None:
    gateway.engine.enqueue(Reply(text="one two three four five six", fault=fault, after=3, message=NOTE))

    events = await events_of(gateway, "/v1/chat/completions", chat(stream=True))

    last = json.loads(events[-1].removeprefix("data: "))
    assert last["error"]["code"] == "engine_stream_broken"
    assert last["appliance"]["exchange"].startswith("ex_")
    assert "[DONE]" not in "".join(events)
    assert '"finish_reason":"' not in "".join(events)
    assert "Jane" not in "".join(events)
    assert await outcome(gateway) in {Outcome.INCOMPLETE, Outcome.FAILED}


async def test_a_task_stream_that_breaks_off_ends_with_a_problem(gateway: Gateway) -> None:
    gateway.engine.enqueue(Reply(text="one two three four five six", fault=Fault.RESET, after=3))

    events = await events_of(gateway, f"/api/v1/tasks/{TASK}", {"input": {"notes": NOTE}, "stream": True})

    name, data = events[-1].split("\n")
    assert name == "event: error"
    assert json.loads(data.removeprefix("data: "))["code"] == "engine_stream_broken"


async def test_a_task_stream_has_named_events_in_order(gateway: Gateway) -> None:
    async with gateway.http() as http:
        body = {"input": {"notes": NOTE}}
        answer = await http.post(f"/api/v1/tasks/{TASK}", json=body, headers={"Accept": "text/event-stream"})

    names = [event.split("\n")[0].removeprefix("event: ") for event in answer.text.split("\n\n") if event]
    assert (names[0], set(names[1:-2]), names[-2:]) == ("exchange", {"delta"}, ["output", "done"])


async def test_a_refusal_before_the_first_byte_has_a_real_status_also_for_a_stream(gateway: Gateway) -> None:
    async with gateway.http() as http:
        answer = await http.post("/v1/chat/completions", json=chat(model="discharge-summary", stream=True))

    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "route_refused"
    assert answer.json()["appliance"]["reasons"]
    assert answer.headers["appliance-route"] == "refused"


@pytest.mark.parametrize("is_stream", [True, False])
async def test_a_caller_that_hangs_up_stops_the_engine_and_the_record_says_so(
    gateway: Gateway, *, is_stream: bool
) -> None:
    gateway.engine.enqueue(Reply(text="word " * 2000, token_delay_s=0.01, delay_s=0.0 if is_stream else 5.0))
    body = json.dumps(chat(stream=is_stream)).encode()
    reader, writer = await gateway.raw()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {gateway.key}\r\n"
    writer.write(head.encode() + f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode())
    writer.write(body)
    if is_stream:
        await reader.readuntil(b"content")
    else:
        async with asyncio.timeout(5):
            while not gateway.engine.running:
                await asyncio.sleep(0.01)

    writer.transport.abort()

    await until_aborted(gateway)
    assert await outcome(gateway) == Outcome.CANCELLED


async def test_a_missing_recorder_means_no_answer_and_readiness_says_so(gateway: Gateway) -> None:
    gateway.log.before = unavailable

    async with gateway.http() as http:
        answer = await http.post("/v1/chat/completions", json=chat())

    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "audit_unavailable"
    assert answer.headers["retry-after"]
    assert gateway.engine.bodies == [] or "Jane" not in json.dumps(gateway.engine.bodies)


async def test_request_and_trace_ids_come_back_or_are_made(gateway: Gateway) -> None:
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    async with gateway.http() as http:
        sent = await http.get("/healthz", headers={"X-Request-Id": "abc-1", "traceparent": parent})
        bad = await http.get("/healthz", headers={"X-Request-Id": "a b", "traceparent": "00-0-0-00"})

    assert sent.headers["x-request-id"] == "abc-1"
    assert sent.headers["traceparent"].split("-")[1] == "0af7651916cd43dd8448eb211c80319c"
    assert sent.headers["traceparent"] != parent
    assert bad.headers["x-request-id"].startswith("req_")
    assert len(bad.headers["traceparent"]) == 55


async def test_headers_say_whom_a_request_is_about(gateway: Gateway) -> None:
    headers = [
        ("Appliance-Patient", "P-1, P-2"),
        ("Appliance-Patient", "P-3"),
        ("Appliance-User", "dr.müller".encode()),
    ]
    async with gateway.http() as http:
        await http.post("/v1/chat/completions", json=chat(), headers=[*headers, ("Appliance-Purpose", "HPAYMT")])

    intent = next(event for event in gateway.log.events if event.kind is Kind.INTENT)
    assert (intent.patients, intent.user, intent.purpose) == (("P-1", "P-2", "P-3"), "dr.müller", "HPAYMT")


async def test_an_exchange_is_shown_to_its_own_client_only(gateway: Gateway) -> None:
    _, other = gateway.appliance.registry.add(name="other", tenant="sandbox", tasks=[TASK], roles=["integration"])
    async with gateway.http() as http, gateway.http(other) as stranger:
        exchange = (await http.post("/v1/chat/completions", json=chat())).headers["appliance-exchange"]
        path = f"/api/v1/exchanges/{exchange}"
        own, receipt = await http.get(path), await http.get(f"{path}/receipt")
        foreign, foreign_receipt = await stranger.get(path), await stranger.get(f"{path}/receipt")
        unknown = await stranger.get(f"/api/v1/exchanges/ex_{'0' * 32}")

    assert own.json()["events"][0]["kind"] == "intent"
    assert receipt.json()["records"]
    assert foreign.status_code == foreign_receipt.status_code == unknown.status_code == 404
    assert foreign.json() == unknown.json()
    assert "Jane" not in own.text


async def test_a_receipt_is_exchanged_for_a_proof_that_holds_by_itself(gateway: Gateway) -> None:
    async with gateway.http() as http:
        answer = await http.post("/v1/chat/completions", json=chat())
        exchange, receipt = answer.headers["appliance-exchange"], answer.headers["appliance-receipt"]
        path = f"/api/v1/exchanges/{exchange}/proof"
        proof, plain = await http.get(path, params={"receipt": receipt}), await http.get(path)

    keys = gateway.log.verifier_keys()
    proven, same = verify_proof(proof.text, keys, receipt=receipt), verify_proof(plain.text, keys)
    assert proof.status_code == 200
    assert proven.leaf is not None
    assert proven.leaf == same.leaf
    assert (proven.leaf.exchange_id, proven.leaf.kind) == (exchange, Kind.RELEASE)


@pytest.mark.parametrize("receipt", ["audit1.x.y", "audit1..", "{}", "\u0000"])
async def test_what_is_no_receipt_of_the_exchange_is_named_as_such(gateway: Gateway, receipt: str) -> None:
    async with gateway.http() as http:
        answer = await http.post("/v1/chat/completions", json=chat())
        path = f"/api/v1/exchanges/{answer.headers['appliance-exchange']}/proof"
        refused = await http.get(path, params={"receipt": receipt})

    assert (refused.status_code, refused.json()["field"]) == (400, "receipt")


def unavailable(_event: object) -> None:
    """Fail as a recorder does that is not there."""
    raise RecorderUnavailableError("no recorder")


async def test_tasks_are_listed_and_shown_to_those_who_may_use_them(gateway: Gateway) -> None:
    _, other = gateway.appliance.registry.add(
        name="b", tenant="sandbox", tasks=["medical-coding"], roles=["integration"]
    )
    async with gateway.http() as http, gateway.http(other) as stranger:
        names = [task["task"] for task in (await http.get("/api/v1/tasks")).json()["tasks"]]
        shown = await http.get(f"/api/v1/tasks/{TASK}")
        hidden, unknown = await stranger.get(f"/api/v1/tasks/{TASK}"), await stranger.get("/api/v1/tasks/none")

    assert TASK in names
    assert shown.json()["threshold"]["edit_rate"] == 0.3
    assert hidden.status_code == unknown.status_code == 404
    assert hidden.json() == unknown.json()


async def test_a_recorder_that_does_not_answer_is_named_by_readiness_and_by_lookups(gateway: Gateway) -> None:
    lost = SilentRecorder()
    appliance = dataclasses.replace(gateway.appliance, recorder=lost)
    transport = httpx.ASGITransport(create_app(appliance))
    headers = {"Authorization": f"Bearer {gateway.key}"}

    async with httpx.AsyncClient(transport=transport, base_url="https://gateway", headers=headers) as http:
        ready = await http.get("/readyz")
        shown = await http.get(f"/api/v1/exchanges/ex_{'0' * 32}")

    assert (ready.status_code, [reason["code"] for reason in ready.json()["reasons"]]) == (503, ["audit_unavailable"])
    assert (shown.status_code, shown.json()["code"]) == (503, "audit_unavailable")


class SilentRecorder(MemoryLog):
    """A recorder whose socket nobody answers."""

    async def health(self) -> dict[str, object]:
        """Fail as a recorder does that is not there."""
        raise RecorderUnavailableError("no recorder")

    async def exchange(self, exchange_id: str) -> list[dict[str, object]]:
        """Fail as a recorder does that is not there."""
        raise RecorderUnavailableError(f"no recorder for {len(exchange_id)} characters")
