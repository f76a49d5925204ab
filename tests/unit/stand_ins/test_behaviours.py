import asyncio
import contextlib
import json
import ssl
from pathlib import Path

import httpx2
import pytest

from appliance.policy.load import load_bundle
from appliance.policy.register import Service
from tests.support.policy_folder import copy_policies
from tests.support.registers import write_register
from tests.support.stand_ins import Behaviour, StandIn
from tests.support.stand_ins.asked import PROVIDER_WORDS
from tests.support.stand_ins.sdk_clients import http_of

TURN = {"role": "user", "content": "<source>\nMs. Ida Crane was seen on 3 May.\n</source>"}
OK = Behaviour.OK


async def post(stand_in: StandIn, client: httpx2.AsyncClient, *, stream: bool = False) -> httpx2.Response:
    chat = {"model": stand_in.model, "messages": [TURN], "stream": stream}
    headers = {"authorization": f"Bearer {stand_in.credential}", "accept-encoding": "identity"}
    return await client.post(f"{stand_in.base_url}/v1/chat/completions", json=chat, headers=headers, timeout=5)


async def answered(behaviour: Behaviour, *, stream: bool = False) -> tuple[StandIn, httpx2.Response]:
    async with (
        StandIn.running(Service.OPENAI_CHAT, behaviour=behaviour, oversized_bytes=200_000) as stand_in,
        http_of(stand_in) as client,
    ):
        return stand_in, await post(stand_in, client, stream=stream)


@pytest.mark.parametrize(
    ("behaviour", "status"),
    [
        (Behaviour.UNAUTHORIZED, 401),
        (Behaviour.FORBIDDEN, 403),
        (Behaviour.RATE_LIMITED, 429),
        (Behaviour.SERVER_ERROR, 500),
        (Behaviour.OVERLOADED, 503),
        (Behaviour.REDIRECT, 307),
    ],
)
async def test_a_no_has_the_vendors_status_and_words(behaviour: Behaviour, status: int) -> None:
    stand_in, response = await answered(behaviour)

    assert response.status_code == status
    assert behaviour is Behaviour.REDIRECT or PROVIDER_WORDS in response.text
    assert stand_in.lured == 0


async def test_the_trap_counts_who_follows_a_redirect() -> None:
    async with (
        StandIn.running(Service.OPENAI_CHAT, behaviour=Behaviour.REDIRECT) as stand_in,
        http_of(stand_in) as client,
    ):
        to = httpx2.URL((await post(stand_in, client)).headers["location"])
        with pytest.raises(httpx2.TransportError):
            await client.get(to.copy_with(host="localhost"))

    assert stand_in.lured == 1


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("behaviour", [Behaviour.RESET, Behaviour.RESET_MIDWAY])
async def test_a_reset_breaks_the_connection(behaviour: Behaviour, *, stream: bool) -> None:
    with pytest.raises((httpx2.ReadError, httpx2.RemoteProtocolError)):
        await answered(behaviour, stream=stream)


@pytest.mark.parametrize("stream", [False, True])
async def test_a_truncated_answer_ends_as_if_it_were_whole(*, stream: bool) -> None:
    _, whole = await answered(OK, stream=stream)

    _, cut = await answered(Behaviour.TRUNCATED, stream=stream)

    assert cut.status_code == 200
    assert whole.content.startswith(cut.content)
    assert 0 < len(cut.content) < len(whole.content)


@pytest.mark.parametrize("behaviour", [Behaviour.MALFORMED_EVENT, Behaviour.DUPLICATE_EVENT])
async def test_a_spoilt_whole_answer_is_no_json(behaviour: Behaviour) -> None:
    _, response = await answered(behaviour)

    with pytest.raises(ValueError, match=r"Extra data|Invalid"):
        json.loads(response.content)


async def test_a_duplicate_event_is_the_last_word_twice() -> None:
    _, response = await answered(Behaviour.DUPLICATE_EVENT, stream=True)

    assert response.text.count('"finish_reason":"stop"') == 2


async def test_an_error_inside_a_stream_is_the_vendors() -> None:
    _, response = await answered(Behaviour.ERROR_MIDWAY, stream=True)

    assert PROVIDER_WORDS in response.text
    assert "[DONE]" not in response.text


@pytest.mark.parametrize("stream", [False, True])
async def test_a_compressed_answer_was_not_asked_for(*, stream: bool) -> None:
    _, response = await answered(Behaviour.COMPRESSED, stream=stream)

    assert response.headers["content-encoding"] == "gzip"
    assert "Ida" in response.text


async def test_the_wrong_content_type_goes_with_the_right_bytes() -> None:
    _, response = await answered(Behaviour.WRONG_CONTENT_TYPE)

    assert response.headers["content-type"].startswith("text/html")
    assert response.json()["choices"]


@pytest.mark.parametrize("stream", [False, True])
async def test_an_oversized_answer_is_as_large_as_told(*, stream: bool) -> None:
    _, response = await answered(Behaviour.OVERSIZED, stream=stream)

    assert len(response.content) > 200_000


@pytest.mark.parametrize("stream", [False, True])
async def test_an_endless_answer_goes_on_until_the_caller_hangs_up(*, stream: bool) -> None:
    chat = {"messages": [TURN], "stream": stream}
    async with (
        StandIn.running(Service.OPENAI_CHAT, behaviour=Behaviour.ENDLESS) as stand_in,
        http_of(stand_in) as client,
        client.stream(
            "POST", f"{stand_in.base_url}/v1/chat/completions", json={**chat, "model": stand_in.model},
            headers={"authorization": f"Bearer {stand_in.credential}"},
        ) as response,
    ):  # fmt: skip
        size = 0
        async for chunk in response.aiter_bytes():
            size += len(chunk)
            if size > 300_000:
                break

    assert size > 300_000


@pytest.mark.parametrize(
    ("behaviour", "mark"),
    [
        (Behaviour.HTML, "<script>"),
        (Behaviour.ANSI, "\x1b[2J"),
        (Behaviour.FOREIGN_IDENTIFIERS, "078-05-1120"),
        (Behaviour.PROMPT_INJECTION, "run_shell_command"),
    ],
)
async def test_a_hostile_answer_holds_what_it_is_named_for(behaviour: Behaviour, mark: str) -> None:
    _, response = await answered(behaviour)

    message = response.json()["choices"][0]["message"]
    assert mark in f"{message['content']}{message.get('tool_calls')}"


async def test_a_lookalike_is_not_the_name() -> None:
    _, response = await answered(Behaviour.LOOKALIKE_SURROGATES)

    text = response.json()["choices"][0]["message"]["content"]
    assert "Ida Crane" not in text
    assert text.replace("\u200b", "").startswith("Ms.")


async def test_the_certificate_of_another_host_fails_the_handshake() -> None:
    with pytest.raises(httpx2.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        await answered(Behaviour.WRONG_HOST_CERTIFICATE)


async def test_enqueued_behaviours_come_first_on_a_kept_connection() -> None:
    async with StandIn.running(Service.OPENAI_CHAT) as stand_in, http_of(stand_in) as client:
        stand_in.enqueue(Behaviour.OVERLOADED)
        statuses = [(await post(stand_in, client)).status_code for _ in range(2)]

    assert statuses == [503, 200]
    assert stand_in.names == ["localhost"]


async def test_a_silent_stand_in_stops_at_once_with_its_block() -> None:
    async with (
        StandIn.running(Service.OPENAI_CHAT, behaviour=Behaviour.SLOW_FIRST_BYTE) as stand_in,
        http_of(stand_in) as client,
    ):
        waiting = asyncio.ensure_future(post(stand_in, client))
        while not stand_in.received:
            await asyncio.sleep(0.001)
        waiting.cancel()

    assert len(stand_in.received) == 1


@pytest.mark.parametrize("stream", [False, True])
async def test_a_slow_answer_is_whole(*, stream: bool) -> None:
    _, response = await answered(Behaviour.SLOW, stream=stream)

    assert response.status_code == 200


@pytest.mark.parametrize(
    "change",
    [{"max_tokens": 5}, {"model": "another"}, {"messages": []}, {"surprise": 1}, {"temperature": 9}, {"seed": None}],
)
async def test_what_the_vendor_refuses_is_refused(change: dict[str, object]) -> None:
    async with StandIn.running(Service.OPENAI_CHAT) as stand_in, http_of(stand_in) as client:
        body = {"model": stand_in.model, "messages": [TURN], **change}
        headers = {"authorization": f"Bearer {stand_in.credential}"}
        response = await client.post(f"{stand_in.base_url}/v1/chat/completions", json=body, headers=headers)

    assert response.status_code in (400, 404)


@pytest.mark.parametrize("service", list(Service))
async def test_nonsense_ends_the_connection_and_nothing_else(service: Service) -> None:
    async with StandIn.running(service) as stand_in:
        tls = ssl.create_default_context(cadata=stand_in.ca_pem)
        for nonsense in (b"\x16\x03", b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n"):
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", stand_in.port, ssl=tls, server_hostname="localhost"
            )
            writer.write(nonsense)
            await writer.drain()
            writer.close()
            with contextlib.suppress(ConnectionError):
                await asyncio.wait_for(reader.read(), 5)

    assert stand_in.received == []


@pytest.mark.parametrize("service", list(Service))
async def test_a_stand_in_can_stand_in_the_register(service: Service, tmp_path: Path) -> None:
    policies = copy_policies(tmp_path / "policies")

    async with StandIn.running(service) as stand_in:
        provider = stand_in.provider()
        loaded = load_bundle(write_register(policies, provider)).providers["stand-in"]

    assert loaded == provider


async def test_a_stand_in_has_the_name_that_it_is_given() -> None:
    async with StandIn.running(Service.OPENAI_CHAT, host="second.stand-in.test") as stand_in:
        tls = ssl.create_default_context(cadata=stand_in.ca_pem)
        _, writer = await asyncio.open_connection(
            "127.0.0.1", stand_in.port, ssl=tls, server_hostname="second.stand-in.test"
        )
        writer.close()

    assert stand_in.provider(name="second").endpoint.host == "second.stand-in.test"
