"""What strangers, broken clients and attackers send, over real HTTPS: each gets its own clear answer; nothing leaks.

Every body here holds `NOTE`; no answer to a bad request may hold a part of it.
"""

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.support.gateway_client import NOTE, TASK, Gateway, chat, running_gateway
from tests.support.policy_folder import copy_policies

LIMITS = {"body_bytes": 64 * 1024, "header_bytes": 4096, "json_depth": 16, "body_timeout_s": 0.4}


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    """Return a gateway with small limits, one for all tests here: none of them changes it for good."""
    folder = tmp_path_factory.mktemp("gateway")
    async with running_gateway(folder, copy_policies(folder / "policies"), limits=LIMITS) as running:
        yield running


async def send(gateway: Gateway, body: Any, *, path: str = "/v1/chat/completions", **options: Any) -> httpx.Response:
    """Post a body, bytes or JSON, and check that the answer tells nothing of it."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"} | options.pop("headers", {})
    async with gateway.http(options.pop("key", None)) as http:
        answer = await http.post(path, content=content, headers=headers, **options)
    for word in ("Jane", "4711-0815"):
        assert word not in answer.text
        assert word not in str(answer.headers)
    return answer


def code_of(answer: httpx.Response) -> str:
    """Return the stable code of either form of error."""
    body = answer.json()
    return body["error"]["code"] if "error" in body else body["code"]


@pytest.mark.parametrize("path", ["/v1/chat/completions", f"/api/v1/tasks/{TASK}"])
@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "empty"),
        (b"{", "not valid JSON"),
        (b'{"a":1}x', "not valid JSON"),
        (b"\xef\xbb\xbf{}", "not valid JSON"),
        (b'"Jane"', "must be a JSON object"),
        (b'{"Jane": "\xff"}', "not UTF-8"),
        (b'{"Jane": "4711\\ud800"}', "surrogate"),
        (b'{"Jane": NaN}', "NaN"),
        (b'{"Jane": -Infinity}', "NaN"),
        (b'{"Jane": 1e999}', "too large"),
        (b'{"Jane": 99999999999999999999}', "64 bits"),
        (b'{"Jane": ' + b"9" * 9000 + b"}", "64 bits"),
        (b'{"Jane": 1, "Jane": 2}', "same key twice"),
        (b'{"a":' + b"[" * 30000 + b"]" * 30000 + b"}", "nested deeper"),
        (b'{"a":"' + b"\\" * 30000, "not valid JSON"),
    ],
)
async def test_what_is_not_strict_json_is_refused_by_name(
    gateway: Gateway, path: str, body: bytes, sentence: str
) -> None:
    answer = await send(gateway, body, path=path)

    assert answer.status_code == 400
    assert sentence in answer.text


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/json; charset=latin-1"}, 415),
        ({"Content-Encoding": "gzip"}, 415),
        ({"Appliance-Purpose": "CURIOSITY"}, 400),
        ({"Appliance-Deadline": "soon"}, 400),
        ({"Appliance-Deadline": "0"}, 400),
        ({"Appliance-Patient": "x" * 200}, 400),
    ],
)
async def test_headers_that_do_not_fit_are_refused(gateway: Gateway, headers: dict[str, str], status: int) -> None:
    answer = await send(gateway, chat(), headers=headers)

    assert answer.status_code == status


@pytest.mark.parametrize(
    ("changes", "code", "param"),
    [
        ({"messages": []}, "invalid_request", "messages"),
        ({"messages": [{"role": "user", "content": ""}]}, "invalid_request", "messages[0].content"),
        ({"messages": [{"role": "user", "content": " \n"}]}, "invalid_request", "messages[0].content"),
        ({"messages": [{"role": "nurse", "content": NOTE}]}, "invalid_request", "messages[0].role"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": NOTE}}]}]},
         "unsupported_parameter", "messages[0].content[0].type"),
        ({"messages": [{"role": "user", "content": NOTE, "name": "Jane"}]}, "unsupported_parameter",
         "messages[0].name"),
        ({"messages": [{"role": "tool", "content": NOTE}]}, "invalid_request", "messages[0].tool_call_id"),
        ({"messages": NOTE}, "invalid_request", "messages"),
        ({"temperature": -1}, "invalid_request", "temperature"),
        ({"temperature": "hot"}, "invalid_request", "temperature"),
        ({"temperature": True}, "invalid_request", "temperature"),
        ({"top_p": 0}, "invalid_request", "top_p"),
        ({"max_tokens": 0}, "invalid_request", "max_tokens"),
        ({"max_tokens": -5}, "invalid_request", "max_tokens"),
        ({"max_tokens": 10**9}, "invalid_request", "max_tokens"),
        ({"max_tokens": 5, "max_completion_tokens": 6}, "invalid_request", "max_tokens"),
        ({"presence_penalty": 3}, "invalid_request", "presence_penalty"),
        ({"stop": ["a"] * 5}, "invalid_request", "stop"),
        ({"n": 2}, "unsupported_parameter", "n"),
        ({"n": 2**40}, "unsupported_parameter", "n"),
        ({"logprobs": True}, "unsupported_parameter", "logprobs"),
        ({"logit_bias": {"1": 5}}, "unsupported_parameter", "logit_bias"),
        ({"functions": []}, "unsupported_parameter", "functions"),
        ({"audio": {}}, "unsupported_parameter", "audio"),
        ({"store": True}, "unsupported_parameter", "store"),
        ({"priority": -100}, "unknown_parameter", "priority"),
        ({"cache_salt": "x"}, "unknown_parameter", "cache_salt"),
        ({"Jane 4711": 1}, "unknown_parameter", "?"),
        ({"tool_choice": "required"}, "invalid_request", "tool_choice"),
        ({"tools": [{"type": "custom", "custom": {"name": "x"}}]}, "unknown_parameter", "tools[0].custom"),
        ({"response_format": {"type": "json_schema"}}, "invalid_request", "response_format.json_schema"),
        ({"stream_options": {"include_usage": True}}, "invalid_request", "stream_options"),
        ({"metadata": {"ward": "3"}}, "unknown_parameter", "metadata.ward"),
        ({"user": "x" * 600}, "invalid_request", "user"),
    ],
)  # fmt: skip
async def test_a_wrong_parameter_is_named(gateway: Gateway, changes: dict[str, Any], code: str, param: str) -> None:
    recorded = len(gateway.log.events)

    answer = await send(gateway, chat(**changes))

    assert answer.status_code == 400
    assert (answer.json()["error"]["code"], answer.json()["error"]["param"]) == (code, param)
    assert len(gateway.log.events) == recorded


async def test_a_body_above_the_cap_is_refused_whether_it_says_so_or_not(gateway: Gateway) -> None:
    large = json.dumps(chat(messages=[{"role": "user", "content": NOTE * 2000}])).encode()

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(large), 8192):
            yield large[start : start + 8192]

    announced = await send(gateway, large)
    async with gateway.http() as http:
        chunked = await http.post(
            "/v1/chat/completions", content=chunks(), headers={"Content-Type": "application/json"}
        )

    assert [announced.status_code, chunked.status_code] == [413, 413]
    assert {code_of(announced), code_of(chunked)} == {"request_too_large"}


async def test_a_head_above_the_cap_is_refused(gateway: Gateway) -> None:
    answer = await send(gateway, chat(), headers={"X-Large": "a" * 5000})

    assert answer.status_code == 431
    assert code_of(answer) == "headers_too_large"


async def test_a_head_without_end_is_refused_while_it_arrives(gateway: Gateway) -> None:
    reader, writer = await gateway.raw()
    writer.write(b"GET /healthz HTTP/1.1\r\nX-Endless: " + b"a" * 6000)

    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()

    assert answer.startswith(b"HTTP/1.1 431 ")


async def test_a_head_that_trickles_in_ends_with_408(gateway: Gateway) -> None:
    reader, writer = await gateway.raw()
    writer.write(b"GET /healthz HTTP/1.1\r\n")

    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()

    assert answer.startswith(b"HTTP/1.1 408 ")


async def test_a_connection_that_says_nothing_is_closed(gateway: Gateway) -> None:
    reader, writer = await gateway.raw()

    with contextlib.suppress(ConnectionResetError):  # as good as a clean end
        assert await asyncio.wait_for(reader.read(), 5) == b""
    writer.close()


async def test_a_body_that_trickles_in_ends_with_408(gateway: Gateway) -> None:
    reader, writer = await gateway.raw()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {gateway.key}\r\n"
    writer.write(head.encode() + b"Content-Type: application/json\r\nContent-Length: 500\r\n\r\n{")

    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"body_too_slow" in answer


async def test_what_is_not_http_is_told_so(gateway: Gateway) -> None:
    reader, writer = await gateway.raw()
    writer.write(b"Jane Canary 4711\r\n\r\n")

    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"Jane" not in answer


async def test_connections_above_the_cap_are_refused(tmp_path: Path, policies: Path) -> None:
    async with running_gateway(tmp_path, policies, limits={"connections": 8}) as gateway:
        held = [await gateway.raw() for _ in range(8)]

        reader, writer = await gateway.raw()
        answer = await asyncio.wait_for(reader.read(), 5)

        assert answer.startswith(b"HTTP/1.1 503 ")
        for _, other in [*held, (reader, writer)]:
            other.close()


async def test_old_tls_is_refused(gateway: Gateway) -> None:
    context = gateway.trust()
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED

    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1

    with pytest.raises((ssl.SSLError, ConnectionResetError)):
        await asyncio.open_connection("127.0.0.1", gateway.port, ssl=context, server_hostname="127.0.0.1")


async def test_no_wrong_and_revoked_keys_get_the_same_answer(gateway: Gateway) -> None:
    _, ended = gateway.appliance.registry.add(name="ended", tenant="sandbox", tasks=[TASK], roles=["integration"])
    assert (await send(gateway, chat(), key=ended)).status_code == 200
    gateway.appliance.registry.revoke("ended")
    recorded = len(gateway.log.events)

    answers = [await send(gateway, chat(), key=key) for key in ("", "x", gateway.key[:-1] + "!", ended)]

    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.text for answer in answers}) == 1
    assert answers[0].headers["www-authenticate"].startswith("Bearer")
    assert len(gateway.log.events) == recorded


async def test_two_proofs_in_one_request_are_none(gateway: Gateway) -> None:
    async with gateway.http("") as http:
        headers = [("Authorization", f"Bearer {gateway.key}"), ("Authorization", "Bearer x")]
        answer = await http.get("/v1/models", headers=headers)

    assert answer.status_code == 401


async def test_an_unknown_task_and_a_key_for_another_task_are_refused_and_recorded(gateway: Gateway) -> None:
    _, key = gateway.appliance.registry.add(name="b", tenant="sandbox", tasks=["medical-coding"], roles=["integration"])

    unknown = await send(gateway, chat(model="jane-4711"), key=key)
    foreign = await send(gateway, chat(), key=key)

    assert (unknown.status_code, code_of(unknown)) == (404, "unknown_task")
    assert (foreign.status_code, code_of(foreign)) == (403, "not_permitted")
    assert all(answer.headers["appliance-exchange"].startswith("ex_") for answer in (unknown, foreign))


async def test_a_damaged_registry_closes_the_door_and_readiness_says_why(gateway: Gateway) -> None:
    clients = gateway.appliance.config.clients
    good = clients.read_bytes()
    clients.write_text("{")

    answer = await send(gateway, chat())
    async with gateway.http("") as http:
        ready = await http.get("/readyz")
    clients.write_bytes(good)

    assert (answer.status_code, code_of(answer)) == (503, "registry_invalid")
    assert ready.status_code == 503
    assert [reason["code"] for reason in ready.json()["reasons"]] == ["registry_invalid"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404), ("GET", "/docs", 404), ("GET", "/v1/Jane", 404), ("DELETE", "/v1/models", 405),
        ("GET", "/v1/models/", 404), ("GET", "/healthz/%00", 404), ("POST", "/readyz", 405),
    ],
)  # fmt: skip
async def test_other_paths_and_methods_do_not_exist(gateway: Gateway, method: str, path: str, status: int) -> None:
    async with gateway.http() as http:
        answer = await http.request(method, path)

    assert answer.status_code == status
    assert "Jane" not in answer.text


async def test_body_and_header_that_disagree_about_the_patient_are_refused(gateway: Gateway) -> None:
    body = chat(metadata={"patient": "P-1"})

    answer = await send(gateway, body, headers={"Appliance-Patient": "P-2"})

    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "patient")
