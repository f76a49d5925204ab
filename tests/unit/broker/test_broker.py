"""The broker lets nothing leave, says why, and hears nobody whom it does not know."""

import asyncio
import os
import struct
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from appliance.broker.disclosure import check_outgoing, fault_of, refuse
from appliance.broker.server import MAX_CONNECTIONS, Broker
from appliance.broker.tripwire import MAX_BYTES, TripwireError, TripwireFaultError
from appliance.clinical_text import SafeText
from appliance.errors import EscalationError, PhiBlockedError, PhiGuardUnavailableError
from appliance.escalation.client import BrokerClient
from appliance.escalation.wire import DiscloseRequest, HelloRequest, to_frame
from appliance.policy.current import CurrentPolicy
from tests.support.tripwires import PATIENT, keyed

REQUEST = DiscloseRequest(exchange_id="ex_1", task="discharge-summary", provider="acme", policy_digest="0" * 64)


@asynccontextmanager
async def _broker(
    policies: Path,
    *,
    peers: frozenset[int] = frozenset({os.getuid()}),
    idle_s: float = 5.0,
    check: Callable[[object, bytes], None] = check_outgoing,
) -> AsyncIterator[tuple[Broker, Path]]:
    broker = Broker(CurrentPolicy(policies), peers=peers, idle_s=idle_s, check=check)
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
            await BrokerClient(path).disclose(REQUEST, SafeText("text"), identifiers=keyed(PATIENT))

    assert refused.value.detail == "no_agreement_in_force"


def test_a_bundle_with_a_provider_is_refused_too_because_nothing_here_can_send() -> None:
    refusal = refuse(REQUEST, None, providers=1, policy_digest="a" * 64)

    assert refusal.code == "no_agreement_in_force"
    assert "serves no provider" in refusal.reason


async def test_an_identifier_that_is_left_is_refused_before_agreements_are_looked_at(policies: Path) -> None:
    body = SafeText("Dr. Vanterpool, phone 312-867-5309")

    async with _broker(policies) as (_, path):
        with pytest.raises(PhiBlockedError, match=r"\(1 name, 1 phone\)") as refused:
            await BrokerClient(path).disclose(REQUEST, body, identifiers=keyed())

    assert refused.value.detail == "identifiers_left"
    assert "Vanterpool" not in refused.value.public


async def test_a_known_name_that_is_left_is_refused(policies: Path) -> None:
    async with _broker(policies) as (_, path):
        with pytest.raises(PhiBlockedError):
            await BrokerClient(path).disclose(REQUEST, SafeText("then Vanterpool slept"), identifiers=keyed(PATIENT))


async def test_a_surrogate_of_the_exchange_is_no_identifier(policies: Path) -> None:
    async with _broker(policies) as (_, path):
        with pytest.raises(EscalationError, match="provider register"):
            await BrokerClient(path).disclose(
                REQUEST, SafeText("Dr. Ellis slept"), identifiers=keyed(PATIENT, issued=("Mark Ellis",))
            )


@pytest.mark.parametrize("identifiers", [None, [], {}, {"secret": "x"}, "text", 7, {"version": 99}], ids=repr)
async def test_without_well_formed_identifiers_nothing_is_sent(policies: Path, identifiers: object) -> None:
    request = REQUEST.model_copy(update={"identifiers": identifiers})

    async with _broker(policies) as (_, path):
        answer = await _first_bytes(path, to_frame(request, b"harmless"))

    assert b"phi_guard_unavailable" in answer


@pytest.mark.parametrize(
    "fault",
    [TripwireFaultError("out_of_time"), ValueError("x"), MemoryError(), RecursionError(), SystemExit(3)],
    ids=repr,
)
async def test_a_check_that_fails_in_whatever_way_refuses_and_the_broker_goes_on(
    policies: Path, fault: BaseException
) -> None:
    reached = []

    def check(_: object, body: bytes) -> None:
        reached.append(body)
        raise fault

    async with _broker(policies, check=check) as (_, path):
        for _ in range(2):
            with pytest.raises(PhiGuardUnavailableError):
                await BrokerClient(path).disclose(REQUEST, SafeText("harmless"), identifiers=keyed())
        assert (await BrokerClient(path).hello()).state == "ready"

    assert reached == [b"harmless", b"harmless"]


async def test_a_body_longer_than_the_check_reads_is_refused(policies: Path) -> None:
    body = SafeText("x " * (MAX_BYTES // 2 + 1))

    async with _broker(policies) as (_, path):
        with pytest.raises(PhiGuardUnavailableError):
            await BrokerClient(path).disclose(REQUEST, body, identifiers=keyed())


async def test_the_broker_answers_others_while_it_reads_a_long_body(policies: Path) -> None:
    body = SafeText("The patient takes metoprolol 25 mg twice a day. " * 2_000)
    waits = []

    async with _broker(policies) as (_, path):
        disclosure = asyncio.ensure_future(BrokerClient(path).disclose(REQUEST, body, identifiers=keyed(PATIENT)))
        while not disclosure.done():
            before = time.monotonic()
            await BrokerClient(path).hello()
            waits.append(time.monotonic() - before)
        with pytest.raises(EscalationError):
            await disclosure

    assert len(waits) > 3, "nobody was answered in between"


@pytest.mark.parametrize(
    ("checked", "code"),
    [
        (None, "no_agreement_in_force"),
        (TripwireError({"NAME": 1}), "identifiers_left"),
        (TripwireFaultError("x"), "phi_guard_unavailable"),
        (KeyboardInterrupt(), "phi_guard_unavailable"),
    ],
)
def test_nothing_but_a_complete_and_clean_look_reaches_the_agreements(checked: BaseException | None, code: str) -> None:
    assert refuse(REQUEST, checked, providers=1, policy_digest="a" * 64).code == code


@pytest.mark.parametrize(
    ("checked", "word"),
    [
        (None, ""),
        (TripwireError({"NAME": 1}), ""),
        (TripwireFaultError("out_of_time"), "out_of_time"),
        (ValueError("Vanterpool"), "ValueError"),
    ],
)
def test_the_log_says_why_a_look_was_not_completed_and_quotes_nobody(checked: BaseException | None, word: str) -> None:
    assert fault_of(checked) == word


async def test_a_refusal_is_logged_with_counts_and_without_the_text(
    policies: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with _broker(policies) as (_, path):
        with pytest.raises(PhiBlockedError):
            await BrokerClient(path).disclose(REQUEST, SafeText("Dr. Marker, MRN: MARKER-7731"), identifiers=keyed())

    logged = "".join(capsys.readouterr())
    assert "disclosure_refused" in logged
    assert "'MRN': 1" in logged
    assert "7731" not in logged
    assert "Marker" not in logged


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
