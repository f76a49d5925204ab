"""The broker lets nothing leave, says why, and hears nobody whom it does not know."""

import asyncio
import json
import os
import struct
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from appliance.broker.disclosure import fault_of, tripped
from appliance.broker.line import Patience
from appliance.broker.outgoing import ProviderFaultError
from appliance.broker.server import MAX_CONNECTIONS
from appliance.broker.tripwire import MAX_BYTES, TripwireError, TripwireFaultError
from appliance.errors import EscalationError
from appliance.escalation.client import BrokerClient
from appliance.escalation.wire import Go, HelloAnswer, HelloRequest, Ready, Refusal, to_frame
from appliance.policy.current import CurrentPolicy
from appliance.policy.register import Ceilings
from tests.support.brokers import BODY, ENDED, NOW, Desk, a_desk, fails, text, write_secret
from tests.support.registers import a_model, a_provider, an_agreement, write_register
from tests.support.tripwires import keyed


async def _hello(desk: Desk) -> HelloAnswer:
    return await BrokerClient(desk.socket).hello()


async def _refusal(desk: Desk, body: bytes = BODY, **changes: Any) -> Refusal:
    async with desk.peer() as peer:
        await peer.ask(await desk.opened(**changes), body)
        answer = await peer.hear()
    assert isinstance(answer, Refusal), answer
    return answer


def _body(content: str) -> bytes:
    return json.dumps({"messages": [{"role": "user", "content": content}]}).encode()


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
    async with a_desk(policies) as desk:
        hello = await _hello(desk)

        assert hello.policy_digest == CurrentPolicy(policies).bundle.digest
        assert (hello.state, hello.providers, hello.approval) == ("ready", ("example-cloud",), "")


async def test_an_empty_register_refuses_with_the_reason(policies: Path) -> None:
    async with a_desk(policies, providers=()) as desk:
        desk.unapproved[desk.office.policy.bundle.digest] = "nobody approved it"
        refusal = await _refusal(desk)
        hello = await _hello(desk)

    assert refusal.code == "no_agreement_in_force"
    assert "provider register is empty" in refusal.reason
    assert (hello.approval, hello.conditions) == ("", ())


async def test_the_broker_tells_how_each_provider_stands(policies: Path) -> None:
    provider = a_provider(agreements=(an_agreement(expires=NOW + timedelta(days=45, hours=1)),))
    async with a_desk(policies, provider) as desk:
        await desk.disclose()
        [condition] = (await _hello(desk)).conditions

    assert (condition.name, condition.state, condition.reason) == ("example-cloud", "open", "")
    assert (condition.agreement, condition.days_left) == ("BAA-2026-014", 45)
    assert condition.expires == "2027-01-07T13:00:00+00:00"
    assert (condition.in_flight, condition.ceiling_usd, condition.sandbox) == (0, 50.0, False)
    assert condition.spent_usd == pytest.approx(0.0045)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("approval", "one person"),
        ("hand", "closed by hand by it.operator"),
        ("agreement", "expired at 2026-11-23T13:00:00+00:00"),
        ("future", "no agreement with Example Cloud Inc. is in force"),
        ("credential", "can be read by others"),
        ("money", "USD are spent"),
    ],
)
async def test_a_provider_that_may_not_be_asked_is_closed_with_the_reason(
    policies: Path, fault: str, reason: str
) -> None:
    later = NOW + timedelta(hours=1)
    agreement = {
        "agreement": an_agreement(expires=later),
        "future": an_agreement(effective=later),
    }.get(fault, an_agreement())
    provider = a_provider(agreements=(agreement,), ceilings=Ceilings(usd_per_day=0.01))
    async with a_desk(policies, provider) as desk:
        if fault == "approval":
            desk.unapproved[desk.office.policy.bundle.digest] = "one person is not two"
        if fault == "hand":
            desk.closed["example-cloud"] = "closed by hand by it.operator: breach"
        if fault == "agreement":
            desk.clock.pass_time(3600)
        if fault == "credential":
            write_secret(desk.home / "credentials" / "example-cloud.key", mode=0o644)
        if fault == "money":
            desk.spend.reserve(provider, 10_000)
        [condition] = (await _hello(desk)).conditions

    assert condition.state == "closed"
    assert reason in condition.reason
    assert (condition.agreement == "") is (fault in {"agreement", "future"})


async def test_a_provider_that_failed_is_shown_as_closed_and_then_as_probing(policies: Path) -> None:
    script = fails(ProviderFaultError("unauthorized", "It does not know us."))
    async with a_desk(policies, script=script) as desk:
        await desk.disclose()
        [during] = (await _hello(desk)).conditions
        refusal = await _refusal(desk)
        desk.clock.pass_time(10)
        [after] = (await _hello(desk)).conditions

    assert (during.state, after.state) == ("closed", "probing")
    assert "left alone for 10 s" in during.reason
    assert (refusal.code, refusal.retry_after_s) == ("provider_closed", 10)


async def test_an_identifier_that_is_left_is_refused_by_kind_and_count(policies: Path) -> None:
    async with a_desk(policies) as desk:
        refusal = await _refusal(desk, _body("Dr. Vanterpool, phone 312-867-5309"), identifiers=keyed().to_wire())

    assert refusal.code == "identifiers_left"
    assert "(2 name, 2 phone)" in refusal.reason, "the bytes are read as they are and as the JSON that they hold"
    assert refusal.counts == {"NAME": 2, "PHONE": 2}
    assert "Vanterpool" not in refusal.reason


async def test_a_known_name_that_is_left_is_refused(policies: Path) -> None:
    async with a_desk(policies) as desk:
        assert (await _refusal(desk, _body("then Vanterpool slept"))).code == "identifiers_left"


@pytest.mark.parametrize("identifiers", [None, [], {}, {"secret": "x"}, "text", 7, {"version": 99}], ids=repr)
async def test_without_well_formed_identifiers_nothing_is_sent(policies: Path, identifiers: object) -> None:
    async with a_desk(policies) as desk:
        refusal = await _refusal(desk, identifiers=identifiers)

    assert (refusal.code, desk.sent) == ("phi_guard_unavailable", [])


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

    async with a_desk(policies, check=check) as desk:
        for _ in range(2):
            assert (await _refusal(desk)).code == "phi_guard_unavailable"
        assert (await _hello(desk)).state == "ready"

    assert len(reached) == 2
    assert desk.sent == []


async def test_a_body_longer_than_the_check_reads_is_refused(policies: Path) -> None:
    model = a_model(context_tokens=2_000_000)
    async with a_desk(policies, a_provider(models=(model,))) as desk:
        refusal = await _refusal(desk, _body("x " * (MAX_BYTES // 2 + 1)))

    assert refusal.code == "phi_guard_unavailable"


async def test_the_broker_answers_others_while_it_reads_a_long_body(policies: Path) -> None:
    body = _body("The patient takes metoprolol 25 mg twice a day. " * 2_000)
    waits = []

    async with a_desk(policies) as desk, desk.peer() as peer:
        await peer.ask(await desk.opened(), body)
        disclosure = asyncio.ensure_future(peer.hear())
        while not disclosure.done():
            before = time.monotonic()
            await _hello(desk)
            waits.append(time.monotonic() - before)
        assert isinstance(await disclosure, Ready)

    assert len(waits) > 3, "nobody was answered in between"


@pytest.mark.parametrize(
    ("checked", "code"),
    [
        (TripwireError({"NAME": 1}), "identifiers_left"),
        (TripwireFaultError("x"), "phi_guard_unavailable"),
        (KeyboardInterrupt(), "phi_guard_unavailable"),
    ],
)
def test_whatever_the_look_raises_refuses(checked: BaseException, code: str) -> None:
    assert tripped(checked).refusal(3).code == code


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
    async with a_desk(policies) as desk:
        await _refusal(desk, _body("Dr. Marker, MRN: MARKER-7731"), identifiers=keyed().to_wire())

    logged = "".join(capsys.readouterr())
    assert "disclosure_refused" in logged
    assert "'MRN': 2" in logged
    assert "7731" not in logged
    assert "Marker" not in logged


async def test_only_the_owner_may_open_the_socket(policies: Path) -> None:
    async with a_desk(policies) as desk:
        assert desk.socket.stat().st_mode & 0o777 == 0o600


async def test_a_process_of_another_user_is_not_heard(policies: Path) -> None:
    async with a_desk(policies, peers=frozenset({os.getuid() + 1})) as desk:
        with pytest.raises(EscalationError):
            await _hello(desk)


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
    async with a_desk(policies) as desk:
        assert await _first_bytes(desk.socket, sent) == b""
        assert (await _hello(desk)).state == "ready"


async def test_a_peer_that_answers_where_nothing_was_asked_is_hung_up_on(policies: Path) -> None:
    async with a_desk(policies) as desk:
        assert await _first_bytes(desk.socket, to_frame(Go(receipt="audit1.x.y"))) == b""


async def test_a_peer_that_takes_nothing_does_not_keep_its_connection(policies: Path) -> None:
    async def much(before_send: Any, outgoing: Any) -> Any:
        await before_send(outgoing)
        for _ in range(40):
            yield text("x" * 60_000)
        yield ENDED

    async with a_desk(policies, script=much, patience=Patience(say_s=0.1)) as desk, desk.peer() as peer:
        await peer.ask(await desk.opened())
        await peer.go(await desk.recorded(await peer.ready()))
        peer.writer.transport.pause_reading()
        async with asyncio.timeout(10):
            while not desk.adapters or not desk.adapters[0].ended:
                await asyncio.sleep(0.02)
        await asyncio.sleep(1.2)

        assert desk.office.ceilings.in_flight(a_provider()) == 0


async def test_a_silent_peer_is_hung_up_on(policies: Path) -> None:
    async with a_desk(policies, idle_s=0.05) as desk:
        assert await _first_bytes(desk.socket, b"") == b""


async def test_a_peer_that_goes_inside_a_frame_does_no_harm(policies: Path) -> None:
    async with a_desk(policies) as desk:
        for part in (b"\0\0", struct.pack(">II", 10, 0) + b"{"):
            _, writer = await asyncio.open_unix_connection(str(desk.socket))
            writer.write(part)
            writer.close()
            await writer.wait_closed()

        assert (await _hello(desk)).state == "ready"


async def test_one_connection_may_ask_several_times(policies: Path) -> None:
    async with a_desk(policies) as desk:
        answers = await _first_bytes(desk.socket, to_frame(HelloRequest(call=1)) + to_frame(HelloRequest(call=2)))

    assert b'"call":1' in answers


async def test_connections_are_bounded(policies: Path) -> None:
    async with a_desk(policies) as desk:
        open_ones = [await asyncio.open_unix_connection(str(desk.socket)) for _ in range(MAX_CONNECTIONS)]
        await asyncio.sleep(0.05)
        with pytest.raises(EscalationError):
            await _hello(desk)
        for _, writer in open_ones:
            writer.close()
        await asyncio.sleep(0.05)

        assert (await _hello(desk)).state == "ready"


async def test_a_bad_bundle_keeps_the_old_one_and_says_so(policies: Path) -> None:
    async with a_desk(policies) as desk:
        before = await _hello(desk)
        register = (policies / "providers.yaml").read_text()
        (policies / "providers.yaml").write_text("providers: [acme]\n")
        desk.broker.reload()
        during = await _hello(desk)
        (policies / "providers.yaml").write_text(register)
        desk.broker.reload()
        after = await _hello(desk)

    assert (during.policy_digest, during.state) == (before.policy_digest, "policy_invalid")
    assert (after.policy_digest, after.state) == (before.policy_digest, "ready")


async def test_a_register_with_an_ended_agreement_is_not_put_in_force(policies: Path) -> None:
    async with a_desk(policies) as desk:
        write_register(policies, a_provider(agreements=(an_agreement(expires=NOW),)))
        desk.broker.reload()

        assert (await _hello(desk)).state == "policy_invalid"


async def test_a_provider_that_left_the_register_keeps_no_connection(policies: Path) -> None:
    second = a_provider(name="second-cloud", credential="second.key")
    async with a_desk(policies, a_provider(), second) as desk:
        await desk.disclose()
        await desk.disclose(provider="second-cloud")
        write_register(policies, second)
        desk.broker.reload()
        await _hello(desk)
        closed = {adapter.provider.name: adapter.is_closed for adapter in desk.adapters}

    assert closed == {"example-cloud": True, "second-cloud": False}


async def test_an_old_socket_file_is_no_obstacle(policies: Path) -> None:
    (policies.parent / "broker.sock").touch()

    async with a_desk(policies) as desk:
        assert (await _hello(desk)).state == "ready"
