"""The broker lets nothing leave, says why, and hears nobody whom it does not know."""

import asyncio
import os
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from appliance.broker.disclosure import refuse
from appliance.broker.server import MAX_CONNECTIONS, Broker
from appliance.clinical_text import ClinicalText
from appliance.errors import EscalationError
from appliance.escalation.client import BrokerClient
from appliance.escalation.wire import DiscloseRequest, HelloRequest, to_frame
from appliance.policy.current import CurrentPolicy

REQUEST = DiscloseRequest(exchange_id="ex_1", task="discharge-summary", provider="acme", policy_digest="0" * 64)


@asynccontextmanager
async def _broker(
    policies: Path, *, peers: frozenset[int] = frozenset({os.getuid()}), idle_s: float = 5.0
) -> AsyncIterator[tuple[Broker, Path]]:
    broker = Broker(CurrentPolicy(policies), peers=peers, idle_s=idle_s)
    path = policies.parent / "broker.sock"
    async with broker.listening(path):
        yield broker, path


async def _first_bytes(path: Path, sent: bytes) -> bytes:
    """Send bytes and return what comes back before the broker closes."""
    reader, writer = await asyncio.open_unix_connection(str(path))
    writer.write(sent)
    try:
        return await reader.read(65536)
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


async def test_the_broker_tells_which_policy_it_decides_by(policies: Path) -> None:
    async with _broker(policies) as (_, path):
        hello = await BrokerClient(path).hello()

    assert hello.policy_digest == CurrentPolicy(policies).bundle.digest
    assert (hello.state, hello.providers) == ("ready", ())


async def test_every_disclosure_is_refused_with_the_reason(policies: Path) -> None:
    async with _broker(policies) as (_, path):
        with pytest.raises(EscalationError, match="provider register is empty") as refused:
            await BrokerClient(path).disclose(REQUEST, ClinicalText("text"))

    assert refused.value.detail == "no_agreement_in_force"


def test_a_bundle_with_a_provider_is_refused_too_because_nothing_here_can_send() -> None:
    refusal = refuse(REQUEST, providers=1, policy_digest="a" * 64)

    assert refusal.code == "no_agreement_in_force"
    assert "serves no provider" in refusal.reason


async def test_a_refusal_is_logged_without_the_text(policies: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with _broker(policies) as (_, path):
        with pytest.raises(EscalationError):
            await BrokerClient(path).disclose(REQUEST, ClinicalText("MARKER-7731"))

    logged = capsys.readouterr()
    assert "disclosure_refused" in logged.out + logged.err
    assert "MARKER-7731" not in logged.out + logged.err


async def test_only_the_owner_may_open_the_socket(policies: Path) -> None:
    async with _broker(policies) as (_, path):
        assert path.stat().st_mode & 0o777 == 0o600


async def test_a_process_of_another_user_is_not_heard(policies: Path) -> None:
    async with _broker(policies, peers=frozenset({os.getuid() + 1})) as (_, path):
        with pytest.raises(EscalationError):
            await BrokerClient(path).hello()


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        struct.pack(">II", 2**31, 0),
        struct.pack(">II", 2, 2**31),
        struct.pack(">II", 2, 0) + b"{}",
        struct.pack(">II", 4, 0) + b"nope",
        struct.pack(">II", 2, 1) + b"{}\xff",
        struct.pack(">II", 16, 0) + b'{"type": "send"}',
        struct.pack(">II", 40, 0) + b'{"type": "hello", "call": 1, "more": 22}',
        struct.pack(">II", 5000, 0) + b"[" * 5000,
    ],
)
async def test_anything_that_is_no_request_ends_its_connection(policies: Path, sent: bytes) -> None:
    async with _broker(policies) as (_, path):
        assert await _first_bytes(path, sent) == b""
        assert (await BrokerClient(path).hello()).state == "ready"


async def test_a_silent_peer_is_hung_up_on(policies: Path) -> None:
    async with _broker(policies, idle_s=0.05) as (_, path):
        assert await _first_bytes(path, b"") == b""


async def test_a_peer_that_goes_inside_a_frame_does_no_harm(policies: Path) -> None:
    async with _broker(policies) as (_, path):
        for part in (b"\0\0", struct.pack(">II", 10, 0) + b"{"):
            _, writer = await asyncio.open_unix_connection(str(path))
            writer.write(part)
            writer.close()
            await writer.wait_closed()

        assert (await BrokerClient(path).hello()).state == "ready"


async def test_one_connection_may_ask_several_times(policies: Path) -> None:
    async with _broker(policies) as (_, path):
        answers = await _first_bytes(path, to_frame(HelloRequest(call=1)) + to_frame(HelloRequest(call=2)))

    assert b'"call":1' in answers


async def test_connections_are_bounded(policies: Path) -> None:
    async with _broker(policies) as (_, path):
        open_ones = [await asyncio.open_unix_connection(str(path)) for _ in range(MAX_CONNECTIONS)]
        await asyncio.sleep(0.05)
        with pytest.raises(EscalationError):
            await BrokerClient(path).hello()
        for _, writer in open_ones:
            writer.close()
        await asyncio.sleep(0.05)

        assert (await BrokerClient(path).hello()).state == "ready"


async def test_a_bad_bundle_keeps_the_old_one_and_says_so(policies: Path) -> None:
    async with _broker(policies) as (broker, path):
        before = await BrokerClient(path).hello()
        register = (policies / "providers.yaml").read_text()
        (policies / "providers.yaml").write_text("providers: [acme]\n")
        broker.reload()
        during = await BrokerClient(path).hello()
        (policies / "providers.yaml").write_text(register)
        broker.reload()
        after = await BrokerClient(path).hello()

    assert (during.policy_digest, during.state) == (before.policy_digest, "policy_invalid")
    assert (after.policy_digest, after.state) == (before.policy_digest, "ready")


async def test_an_old_socket_file_is_no_obstacle(policies: Path) -> None:
    (policies.parent / "broker.sock").touch()

    async with _broker(policies) as (_, path):
        assert (await BrokerClient(path).hello()).state == "ready"
