"""However the broker fails, the client says that the managed route is not available and never that it is."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from appliance.clinical_text import ClinicalText
from appliance.errors import EscalationError
from appliance.escalation.client import BrokerClient
from appliance.escalation.wire import (
    MAX_BODY_BYTES,
    DiscloseRequest,
    FrameError,
    HelloAnswer,
    HelloRequest,
    Refusal,
    read_frame,
    to_frame,
)

REQUEST = DiscloseRequest(exchange_id="ex_1", task="t", provider="p", policy_digest="0" * 64)
HELLO = HelloAnswer(call=1, policy_digest="0" * 64, state="ready")
REFUSAL = Refusal(call=1, code="no_agreement_in_force", reason="No agreement.")

Peer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def _saying(answer: bytes) -> Peer:
    """Return a broker that reads one frame and says this."""

    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_frame(reader)
        writer.write(answer)
        writer.close()

    return peer


@asynccontextmanager
async def _broker(folder: Path, peer: Peer) -> AsyncIterator[BrokerClient]:
    path = folder / "broker.sock"
    peers: list[asyncio.Task[None]] = []

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peers.append(asyncio.ensure_future(peer(reader, writer)))

    async with await asyncio.start_unix_server(accept, str(path)):
        yield BrokerClient(path, timeout_s=0.5)
        await asyncio.gather(*peers, return_exceptions=True)


async def test_no_broker_means_no_managed_route(tmp_path: Path) -> None:
    with pytest.raises(EscalationError, match="no broker answers"):
        await BrokerClient(tmp_path / "none.sock").hello()


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\0",
        b"HTTP/1.1 200 OK\r\n",
        b"\0\0\0\2\0\0\0\0{}",
        to_frame(REFUSAL),
        to_frame(HELLO.model_copy(update={"call": 9})),
    ],
    ids=["closed", "cut", "foreign", "empty", "a refusal", "another call's"],
)
async def test_an_answer_that_is_no_hello_raises(tmp_path: Path, answer: bytes) -> None:
    async with _broker(tmp_path, _saying(answer)) as client:
        with pytest.raises(EscalationError):
            await client.hello()


async def test_a_hello_never_reads_as_consent_to_a_disclosure(tmp_path: Path) -> None:
    async with _broker(tmp_path, _saying(to_frame(HELLO))) as client:
        with pytest.raises(EscalationError):
            await client.disclose(REQUEST, ClinicalText("text"))


async def test_the_brokers_reason_reaches_the_caller(tmp_path: Path) -> None:
    async with _broker(tmp_path, _saying(to_frame(REFUSAL))) as client:
        with pytest.raises(EscalationError, match=r"No agreement\."):
            await client.disclose(REQUEST, ClinicalText("text"))


async def test_a_broker_that_hangs_is_given_up(tmp_path: Path) -> None:
    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with _broker(tmp_path, hang) as client:
        with pytest.raises(EscalationError):
            await client.hello()


async def test_a_frame_above_the_limit_is_not_sent(tmp_path: Path) -> None:
    async with _broker(tmp_path, _saying(to_frame(REFUSAL))) as client:
        with pytest.raises(EscalationError):
            await client.disclose(REQUEST, ClinicalText("x" * (MAX_BODY_BYTES + 1)))


async def test_the_body_of_a_frame_does_not_print() -> None:
    reader = asyncio.StreamReader()
    reader.feed_data(to_frame(HelloRequest(), b"MARKER-7731"))

    frame = await read_frame(reader)

    assert "MARKER-7731" not in repr(frame)


async def test_a_header_above_the_limit_is_not_sent() -> None:
    with pytest.raises(FrameError):
        to_frame(Refusal(call=1, code="invalid_request", reason="x" * 70_000))
