"""However the broker fails, the client says that the managed route is not available and never that it is."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from appliance.clinical_text import SafeText
from appliance.errors import ApplianceError, EscalationError, PhiBlockedError, PhiGuardUnavailableError
from appliance.escalation.client import BrokerClient, Facts
from appliance.escalation.wire import (
    MAX_BODY_BYTES,
    MAX_HEADER_BYTES,
    DiscloseRequest,
    Frame,
    FrameError,
    HelloAnswer,
    HelloRequest,
    ProviderCondition,
    Refusal,
    read_frame,
    to_frame,
    to_request,
)
from tests.support.tripwires import PATIENT, keyed

REQUEST = DiscloseRequest(exchange_id="ex_1", task="t", provider="p", policy_digest="0" * 64)
HELLO = HelloAnswer(call=1, policy_digest="0" * 64, state="ready")
REFUSAL = Refusal(call=1, code="no_agreement_in_force", reason="No agreement.")


async def unrecorded(_: Facts, __: str) -> str:
    """Fail: nothing may be recorded that the broker is not ready for."""
    raise AssertionError("recorded although the broker is not ready")


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
        yield BrokerClient(path, timeout_s=0.5, check_timeout_s=0.5)
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


async def test_the_broker_says_how_its_providers_stand(tmp_path: Path) -> None:
    told = HELLO.model_copy(update={"conditions": (ProviderCondition(name="example", state="closed", reason="full"),)})

    async with _broker(tmp_path, _saying(to_frame(told))) as client:
        assert await client.hello() == told


async def test_a_hello_never_reads_as_consent_to_a_disclosure(tmp_path: Path) -> None:
    async with _broker(tmp_path, _saying(to_frame(HELLO))) as client:
        with pytest.raises(EscalationError):
            await anext(client.disclose(REQUEST, SafeText("text"), identifiers=keyed(), record=unrecorded))


async def test_the_brokers_reason_reaches_the_caller(tmp_path: Path) -> None:
    async with _broker(tmp_path, _saying(to_frame(REFUSAL))) as client:
        with pytest.raises(EscalationError, match=r"No agreement\."):
            await anext(client.disclose(REQUEST, SafeText("text"), identifiers=keyed(), record=unrecorded))


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("identifiers_left", PhiBlockedError),
        ("phi_guard_unavailable", PhiGuardUnavailableError),
        ("no_agreement_in_force", EscalationError),
        ("invalid_request", EscalationError),
    ],
)
async def test_each_refusal_is_told_as_what_it_is(tmp_path: Path, code: str, expected: type[ApplianceError]) -> None:
    refusal = REFUSAL.model_copy(update={"code": code, "reason": "Nothing was sent."})

    async with _broker(tmp_path, _saying(to_frame(refusal))) as client:
        with pytest.raises(ApplianceError, match=r"[Nn]othing was sent") as raised:
            await anext(client.disclose(REQUEST, SafeText("text"), identifiers=keyed(), record=unrecorded))

    assert type(raised.value) is expected


async def test_the_identifiers_of_the_exchange_go_with_the_body_and_never_in_clear(tmp_path: Path) -> None:
    heard: list[Frame] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        frame = await read_frame(reader)
        assert frame is not None
        heard.append(frame)
        writer.write(to_frame(REFUSAL))
        writer.close()

    async with _broker(tmp_path, listen) as client:
        with pytest.raises(EscalationError):
            await anext(
                client.disclose(
                    REQUEST, SafeText("text"), identifiers=keyed(PATIENT, issued=("Mark Ellis",)), record=unrecorded
                )
            )

    told = to_request(heard[0].header)
    assert isinstance(told, DiscloseRequest)
    assert told.identifiers == keyed(PATIENT, issued=("Mark Ellis",)).to_wire()
    written = json.dumps(heard[0].header).casefold()
    assert [word for word in ("vanterpool", "wilhelmina", "9999", "20771", "ellis") if word in written] == []
    assert "secret" not in repr(told)


async def test_a_broker_that_hangs_is_given_up(tmp_path: Path) -> None:
    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with _broker(tmp_path, hang) as client:
        with pytest.raises(EscalationError):
            await client.hello()
        with pytest.raises(EscalationError):
            await anext(client.disclose(REQUEST, SafeText("text"), identifiers=keyed(), record=unrecorded))


async def test_a_frame_above_the_limit_is_not_sent_and_the_sender_is_told_what_to_do(tmp_path: Path) -> None:
    async with _broker(tmp_path, _saying(to_frame(REFUSAL))) as client:
        with pytest.raises(EscalationError, match="send less at a time"):
            await anext(
                client.disclose(REQUEST, SafeText("x" * (MAX_BODY_BYTES + 1)), identifiers=keyed(), record=unrecorded)
            )


async def test_the_body_of_a_frame_does_not_print() -> None:
    reader = asyncio.StreamReader()
    reader.feed_data(to_frame(HelloRequest(), b"MARKER-7731"))

    frame = await read_frame(reader)

    assert "MARKER-7731" not in repr(frame)


async def test_a_header_above_the_limit_is_not_sent() -> None:
    with pytest.raises(FrameError):
        to_frame(Refusal(call=1, code="invalid_request", reason="x" * (MAX_HEADER_BYTES + 1)))
