"""The one way out: where to, how much, how long, and how often."""

import asyncio
from contextlib import aclosing
from dataclasses import replace

import pytest

from appliance.broker.egress import Call, Egress, Prepared, Terms, host_of
from appliance.broker.outgoing import Outgoing, ProviderFaultError
from appliance.broker.reply import Reply
from appliance.policy.register import Ceilings, Endpoint
from tests.support.stand_ins.certificates import HOST, Certificates
from tests.support.tls_server import Saying, ScriptedServer, http_answer, saying

PREPARED = Prepared(
    path="/v1/messages?beta=1",
    headers=(("Authorization", "Bearer key"), ("X-Stainless-OS", "Linux"), ("Cookie", "a=b"), ("Accept", "*/*")),
    body=b'{"a": "b"}',
)
HASTY = Ceilings(first_byte_s=0.3, total_s=5.0, answer_bytes=10_000)


@pytest.fixture(scope="module")
def certificates() -> Certificates:
    return Certificates.make()


class Ways:
    """Calls of one egress, and what was shown before each left."""

    def __init__(self, egress: Egress) -> None:
        self.egress = egress
        self.shown: list[Outgoing] = []

    async def show(self, outgoing: Outgoing) -> None:
        """Let everything leave, and remember it."""
        self.shown.append(outgoing)

    def call(self, *, deadline_s: float = 5.0, kind: str = "application/json") -> Call:
        """Begin a call."""
        headers = frozenset({"authorization", "accept"})
        terms = Terms(before_send=self.show, deadline_s=deadline_s, content_type=kind, headers=headers)
        return self.egress.call(terms)


async def body_of(reply: Reply) -> bytes:
    async with aclosing(reply.pieces()) as pieces:
        return b"".join([piece async for piece in pieces])


async def ask(server: ScriptedServer, *, ceilings: Ceilings = HASTY, kind: str = "application/json") -> bytes:
    """Make one call and read its answer."""
    ways = Ways(Egress(server.endpoint(), ceilings))
    try:
        return await body_of(await ways.call(kind=kind).send(PREPARED))
    finally:
        await ways.egress.aclose()


async def fault_of(
    saying_: Saying, certificates: Certificates, *, ceilings: Ceilings = HASTY, kind: str = "application/json"
) -> ProviderFaultError:
    async with ScriptedServer.running([saying_] * 3, certificates=certificates) as server:
        with pytest.raises(ProviderFaultError) as raised:
            await ask(server, ceilings=ceilings, kind=kind)
    return raised.value


async def test_only_the_named_headers_leave(certificates: Certificates) -> None:
    async with ScriptedServer.running([saying(http_answer())], certificates=certificates) as server:
        await ask(server)

    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    line, *headers = head.decode().split("\r\n")
    assert line == "POST /v1/messages?beta=1 HTTP/1.1"
    assert headers == [
        f"Host: {HOST}:{server.port}",
        "User-Agent: clinical-inference-appliance",
        "Accept-Encoding: identity",
        "Authorization: Bearer key",
        "Accept: */*",
        "Content-Length: 10",
    ]
    assert body == PREPARED.body


def test_the_standard_port_is_left_out_of_the_host_header() -> None:
    endpoint = Endpoint(host=HOST, port=443, addresses=("127.0.0.1",), ca_pem="")

    assert (host_of(endpoint), host_of(replace(endpoint, port=8443))) == (HOST, f"{HOST}:8443")


async def test_what_leaves_is_shown_first_and_the_name_is_the_pinned_one(certificates: Certificates) -> None:
    async with ScriptedServer.running([saying(http_answer(b'{"c": 1}'))], certificates=certificates) as server:
        ways = Ways(Egress(server.endpoint(), HASTY))
        call = ways.call()
        reply = await call.send(PREPARED)

        assert await body_of(reply) == b'{"c": 1}'
        await ways.egress.aclose()

    assert ways.shown == [Outgoing(host=HOST, path=PREPARED.path, body=PREPARED.body)]
    assert (call.attempts, reply.status, server.names) == (1, 200, [HOST])


async def test_a_connection_is_kept_between_calls(certificates: Certificates) -> None:
    async with ScriptedServer.running([saying(http_answer())] * 3, certificates=certificates) as server:
        ways = Ways(Egress(server.endpoint(), HASTY))
        for _ in range(3):
            await body_of(await ways.call().send(PREPARED))
        await ways.egress.aclose()

    assert (server.connections, len(server.requests)) == (1, 3)


async def test_an_answer_that_was_not_read_to_its_end_costs_its_connection(certificates: Certificates) -> None:
    async with ScriptedServer.running([saying(http_answer(b"x" * 5000))] * 2, certificates=certificates) as server:
        ways = Ways(Egress(server.endpoint(), HASTY))
        await (await ways.call().send(PREPARED)).aclose()
        await body_of(await ways.call().send(PREPARED))
        await ways.egress.aclose()

    assert server.connections == 2


async def test_a_kept_connection_that_the_provider_has_closed_is_not_used(certificates: Certificates) -> None:
    script = [saying(http_answer(), then="hang_up"), saying(http_answer())]
    async with ScriptedServer.running(script, certificates=certificates) as server:
        ways = Ways(Egress(server.endpoint(), HASTY))
        for _ in range(2):
            await body_of(await ways.call().send(PREPARED))
            await asyncio.sleep(0.02)
        await ways.egress.aclose()

    assert (server.connections, len(server.requests)) == (2, 2)


async def test_what_the_core_raises_ends_the_call_unchanged(certificates: Certificates) -> None:
    class NoError(Exception):
        pass

    async def refuse(_outgoing: Outgoing) -> None:
        raise NoError

    async with ScriptedServer.running([], certificates=certificates) as server:
        egress = Egress(server.endpoint(), HASTY)
        call = egress.call(Terms(before_send=refuse, deadline_s=1, content_type="", headers=frozenset()))
        with pytest.raises(NoError):
            await call.send(PREPARED)
        await egress.aclose()

    assert (server.connections, call.attempts, type(call.failure)) == (0, 0, NoError)


async def test_a_core_that_takes_too_long_is_not_the_providers_timeout(certificates: Certificates) -> None:
    async def late(_outgoing: Outgoing) -> None:
        raise TimeoutError

    async with ScriptedServer.running([], certificates=certificates) as server:
        egress = Egress(server.endpoint(), HASTY)
        call = egress.call(Terms(before_send=late, deadline_s=1, content_type="", headers=frozenset()))
        with pytest.raises(TimeoutError):
            await call.send(PREPARED)


async def test_the_deadline_holds_while_the_core_is_asked(certificates: Certificates) -> None:
    async def never(_outgoing: Outgoing) -> None:
        await asyncio.Event().wait()

    async with ScriptedServer.running([], certificates=certificates) as server:
        egress = Egress(server.endpoint(), HASTY)
        call = egress.call(Terms(before_send=never, deadline_s=0.05, content_type="", headers=frozenset()))
        with pytest.raises(ProviderFaultError) as raised:
            await call.send(PREPARED)

    assert (raised.value.fault, raised.value.sent, server.connections) == ("timeout", False, 0)


async def test_a_cancelled_call_closes_its_connection(certificates: Certificates) -> None:
    async with ScriptedServer.running([saying(then="silence")], certificates=certificates) as server:
        ways = Ways(Egress(server.endpoint(), HASTY))
        task = asyncio.create_task(ways.call().send(PREPARED))
        while not server.requests:
            await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

        async with asyncio.timeout(5):
            while server.open:
                await asyncio.sleep(0.001)


async def test_a_head_that_trickles_in_is_late(certificates: Certificates) -> None:
    drops = [bytes([byte]) for byte in http_answer()]

    fault = await fault_of(saying(*drops, pause_s=0.02), certificates)

    assert (fault.fault, fault.sent) == ("timeout", True)
    assert fault.reason == "The provider did not begin to answer in time."


async def test_a_first_byte_that_does_not_come_after_its_head_is_late(certificates: Certificates) -> None:
    head = http_answer(b"x" * 100)[:-100]

    fault = await fault_of(saying(head, then="silence"), certificates)

    assert (fault.fault, fault.reason) == ("timeout", "The provider fell silent before its answer was whole.")


async def test_the_whole_answer_must_come_before_the_deadline(certificates: Certificates) -> None:
    ceilings = Ceilings(first_byte_s=0.3, total_s=0.3, answer_bytes=10_000)
    slow = saying(http_answer(b"x" * 100)[:-100], *[b"x"] * 100, pause_s=0.02)

    fault = await fault_of(slow, certificates, ceilings=ceilings)

    assert (fault.fault, fault.reason) == ("timeout", "The provider's answer was not whole before the deadline.")


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        (b"", "unavailable"),
        (b"SSH-2.0-OpenSSH_9.6\r\n\r\n", "unavailable"),
        (b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx: " + b"y" * 200_000, "unavailable"),
        (http_answer(headers="x-a: " + "y" * 40_000 + "\r\n"), "broken"),
        (http_answer(headers="content-encoding: gzip\r\n"), "broken"),
        (http_answer(kind="text/html"), "broken"),
        (http_answer(status="204 No Content", body=b""), "broken"),
        (http_answer(status="302 Found", headers="location: https://elsewhere.test/\r\n"), "broken"),
        (b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n", "unavailable"),
        (http_answer(b"x" * 20_000), "broken"),
        (http_answer(b"x" * 100)[:-50], "broken"),
    ],
    ids=["nothing", "no http", "endless head", "large head", "compressed", "other type", "no content", "redirect",
         "upgrade", "too large", "cut short"],
)  # fmt: skip
async def test_an_answer_that_is_none_is_told_apart(said: bytes, fault: str, certificates: Certificates) -> None:
    raised = await fault_of(saying(said, then="hang_up"), certificates)

    assert (raised.fault, raised.sent) == (fault, True)


async def test_an_event_of_endless_lines_is_refused_before_the_sdk_gathers_it(certificates: Certificates) -> None:
    body = b"data: x\n" * 70

    fault = await fault_of(saying(http_answer(body, kind="text/event-stream")), certificates, kind="text/event-stream")

    assert fault.reason == "An event of the provider's answer is larger than one may be."


async def test_an_errors_body_is_read_to_a_bound_and_only_as_json(certificates: Certificates) -> None:
    script = [
        saying(http_answer(b"[" * 100_000, status="500 Oh")),
        saying(http_answer(b"<html>", status="500 Oh", kind="text/html")),
    ]
    async with ScriptedServer.running(script, certificates=certificates) as server:
        assert len(await ask(server)) == 65_536
        assert await ask(server) == b""


async def test_the_same_bytes_go_again_at_the_providers_word(certificates: Certificates) -> None:
    busy = saying(http_answer(status="503 Busy", headers="retry-after: 0\r\n"))
    async with ScriptedServer.running([busy, busy, saying(http_answer())], certificates=certificates) as server:
        ways = Ways(Egress(server.endpoint(), HASTY))
        call = ways.call()
        reply = await call.send(PREPARED)
        await reply.aclose()
        await ways.egress.aclose()

    assert (reply.status, call.attempts, len(ways.shown)) == (200, 3, 3)
    assert len(set(server.requests)) == 1


async def test_two_repeats_are_the_most(certificates: Certificates) -> None:
    busy = saying(http_answer(status="429 Busy", headers="retry-after: 0\r\n"))
    async with ScriptedServer.running([busy] * 4, certificates=certificates) as server:
        ways = Ways(Egress(server.endpoint(), HASTY))
        reply = await ways.call().send(PREPARED)
        await reply.aclose()
        await ways.egress.aclose()

    assert (reply.status, len(server.requests)) == (429, 3)


async def test_a_wait_beyond_the_deadline_is_not_begun(certificates: Certificates) -> None:
    busy = saying(http_answer(status="429 Busy", headers="retry-after: 60\r\n"))
    async with ScriptedServer.running([busy] * 2, certificates=certificates) as server:
        ways = Ways(Egress(server.endpoint(), HASTY))
        reply = await ways.call().send(PREPARED)
        await reply.aclose()
        await ways.egress.aclose()

    assert (reply.status, reply.headers["retry-after"], len(server.requests)) == (429, "60", 1)


async def test_a_host_that_does_not_prove_itself_is_sent_nothing_and_not_tried_again(
    certificates: Certificates,
) -> None:
    async with ScriptedServer.running([], certificates=certificates, tls=certificates.wrong) as server:
        ways = Ways(Egress(server.endpoint(), HASTY))
        with pytest.raises(ProviderFaultError) as raised:
            await ways.call().send(PREPARED)

    assert raised.value.reason == "The provider's host did not prove itself by what the register pins."
    assert (raised.value.sent, len(ways.shown), server.requests) == (False, 1, [])


async def test_a_refused_connection_is_tried_again_and_nothing_was_sent(certificates: Certificates) -> None:
    async with ScriptedServer.running([], certificates=certificates) as server:
        endpoint = server.endpoint()
    ways = Ways(Egress(endpoint, HASTY))
    call = ways.call()

    with pytest.raises(ProviderFaultError) as raised:
        await call.send(PREPARED)

    assert (raised.value.fault, raised.value.sent, call.attempts) == ("unavailable", False, 0)
    assert raised.value.reason == "No connection to the provider's host could be made."
    assert len(ways.shown) == 3
