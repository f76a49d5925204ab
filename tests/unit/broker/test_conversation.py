"""Bytes leave once everything holds and is recorded, and not before; a doubt at any step keeps them here."""

import asyncio
import contextlib
import hashlib
import json
import threading
from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from appliance.broker.line import Patience
from appliance.broker.outgoing import BeforeSend, Outgoing, ProviderFaultError
from appliance.broker.providers.adapter import Ended, Text
from appliance.escalation.wire import (
    Answer,
    Caller,
    DiscloseRequest,
    Failed,
    Finished,
    Go,
    HelloRequest,
    Piece,
    Refusal,
    to_frame,
)
from appliance.phi.demographics import Demographics
from audit.errors import AppendError, RecorderUnavailableError
from audit.record import Kind
from tests.support.brokers import (
    BODY,
    ENDED,
    EXCHANGE,
    NOW,
    SECRET,
    SOURCE,
    Desk,
    a_desk,
    a_request,
    answers,
    fails,
    intent_of,
    text,
    write_secret,
)
from tests.support.memory_log import MemoryLog
from tests.support.registers import a_model, a_provider, an_agreement, write_register
from tests.support.tripwires import keyed

LEFT = keyed(Demographics(names=("Mark Ellis",))).to_wire()
"""Identifiers of an exchange whose guard has left one in the text."""


def _refusal(answers: list[Answer]) -> Refusal:
    [refusal] = answers
    assert isinstance(refusal, Refusal), refusal
    return refusal


async def _until(condition: Any) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.005)


async def test_an_answer_comes_back_piece_by_piece(policies: Path) -> None:
    async with a_desk(policies) as desk, desk.peer() as peer:
        await peer.ask(await desk.opened())
        ready = await peer.ready()
        assert desk.sent == []
        await peer.go(await desk.recorded(ready))
        heard = [await peer.hear_all() for _ in range(3)]

    assert [body for _, body in heard if body] == ["Knee pain; ", "metoprolol."]
    finished = heard[-1][0]
    assert isinstance(finished, Finished)
    assert (finished.finish_reason, finished.prompt_tokens, finished.completion_tokens) == ("stop", 1000, 100)
    assert finished.cost_usd == pytest.approx(1000 * 3e-6 + 100 * 15e-6)


async def test_what_is_told_before_is_what_leaves(policies: Path) -> None:
    async with a_desk(policies) as desk, desk.peer() as peer:
        await peer.ask(await desk.opened())
        ready = await peer.ready()
        await peer.go(await desk.recorded(ready))
        await peer.hear()

    [outgoing] = desk.sent
    assert ready.facts["digest"] == f"sha256:{hashlib.sha256(outgoing.body).hexdigest()}"
    assert ready.facts["bytes"] == len(outgoing.body)
    assert ready.facts["host"] == outgoing.host == "api.cloud.example"
    assert ready.facts["agreement"] == "BAA-2026-014"
    assert ready.facts["recipient"] == "Example Cloud Inc."
    assert ready.facts["counts"] == ["DATE=2", "NAME=1"]
    assert SOURCE not in json.dumps(ready.facts)
    assert SOURCE in outgoing.body.decode()


async def test_the_adapter_gets_the_credential_and_what_is_left_of_the_deadline(policies: Path) -> None:
    async with a_desk(policies) as desk:
        await desk.disclose(deadline_s=120.0)

    assert [secret.hand_over() for secret in desk.adapters[0].secrets] == [SECRET]
    assert desk.adapters[0].deadlines == [120.0]


async def test_a_rotated_credential_counts_with_the_next_request(policies: Path) -> None:
    async with a_desk(policies) as desk:
        await desk.disclose()
        write_secret(desk.home / "credentials" / "example-cloud.key", "sk-test-new")
        await desk.disclose()

    assert [secret.hand_over() for secret in desk.adapters[0].secrets] == [SECRET, "sk-test-new"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"policy_digest": "0" * 64}, "policy_differs"),
        ({"provider": "nobody"}, "no_agreement_in_force"),
        ({"model": "another"}, "unknown_model"),
        ({"model": ""}, "unknown_model"),
        ({"task": "no-such-task"}, "not_permitted"),
        ({"restrictions": ("opt-out",)}, "restricted"),
        ({"data_class": "restricted"}, "restricted"),
        ({"data_class": "sensitive"}, "no_agreement_in_force"),
        ({"data_class": "harmless"}, "invalid_request"),
        ({"purpose": "MARKETING"}, "invalid_request"),
        ({"purpose": "HPAYMT"}, "no_agreement_in_force"),
        ({"failover": True}, "not_permitted"),
        ({"patients_named": False}, "not_permitted"),
        ({"kinds_left": ("DATE", "NAME")}, "not_permitted"),
        ({"caller": Caller(client_id="client_x", tenant="site")}, "not_permitted"),
        ({"caller": Caller(client_id="client_x", tenant="sandbox", tasks=("discharge-summary",))}, "not_permitted"),
        ({"task": "medical-coding"}, "not_permitted"),
        ({"exchange_id": ""}, "no_record"),
        ({"intent_receipt": ""}, "no_record"),
        ({"intent_receipt": "audit1.e30.AAAA"}, "no_record"),
        ({"identifiers": None}, "phi_guard_unavailable"),
        ({"identifiers": LEFT}, "identifiers_left"),
    ],
    ids=lambda value: str(value)[:60],
)
async def test_one_thing_that_is_not_right_keeps_the_request_here(
    policies: Path, changes: dict[str, Any], code: str
) -> None:
    async with a_desk(policies) as desk:
        refusal = _refusal(await desk.disclose(**changes))

        assert refusal.code == code, refusal.reason
        assert refusal.reason.startswith("Nothing was sent: ")
        assert refusal.reason.endswith(".")
        assert SOURCE not in refusal.reason
        assert desk.sent == []
        assert Kind.DISCLOSURE not in desk.log.kinds()


@pytest.mark.parametrize("edited", ["none", "too many", "illustrative"])
async def test_the_broker_reads_the_evidence_of_its_own_policy(policies: Path, edited: str) -> None:
    async with a_desk(policies) as desk:
        path = desk.policies / "evidence.yaml"
        rows = yaml.safe_load(path.read_text())["evidence"]
        kept = [row for row in rows if row.get("illustrative")] if edited == "illustrative" else []
        worse = [{**row, "edited": row["cases"]} for row in rows if "model_digest" in row and edited == "too many"]
        path.write_text(yaml.safe_dump({"evidence": [*kept, *worse]}))
        desk.broker.reload()

        [refusal] = await desk.disclose()

    assert isinstance(refusal, Refusal)
    assert refusal.code == "not_permitted"
    assert desk.sent == []


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"[]", b'{"messages": []}', b'{"messages": [{"role": "user"}]}', b'{"a": 1, "a": 2}', BODY[:-1]],
    ids=repr,
)
async def test_a_body_that_means_nothing_is_refused(policies: Path, body: bytes) -> None:
    async with a_desk(policies) as desk, desk.peer() as peer:
        await peer.ask(await desk.opened(), body)
        refusal = await peer.hear()

    assert isinstance(refusal, Refusal)
    assert refusal.code == "invalid_request"


async def test_a_policy_that_two_people_did_not_approve_opens_nothing(policies: Path) -> None:
    async with a_desk(policies) as desk:
        desk.unapproved[desk.office.policy.bundle.digest] = "the same person proposed and approved it"
        refusal = _refusal(await desk.disclose())

    assert refusal.code == "policy_not_approved"
    assert "the same person" in refusal.reason


async def test_a_provider_that_is_closed_by_hand_gets_nothing(policies: Path) -> None:
    async with a_desk(policies) as desk:
        desk.closed["example-cloud"] = "closed by hand by it.operator: breach"
        refusal = _refusal(await desk.disclose())

    assert refusal.code == "provider_closed"
    assert "breach" not in refusal.reason


async def test_an_agreement_that_ended_this_minute_closes_the_way(policies: Path) -> None:
    provider = a_provider(agreements=(an_agreement(expires=NOW + timedelta(minutes=1)),))
    async with a_desk(policies, provider) as desk:
        assert isinstance((await desk.disclose())[-1], Finished)
        desk.clock.pass_time(60)
        refusal = _refusal(await desk.disclose())

    assert refusal.code == "no_agreement_in_force"
    assert "expired at 2026-11-23T12:01:00+00:00" in refusal.reason


@pytest.mark.parametrize("jump", [timedelta(hours=2), timedelta(days=4000)])
async def test_a_clock_that_jumps_over_the_expiry_while_it_is_recorded_stops_the_bytes(
    policies: Path, jump: timedelta
) -> None:
    provider = a_provider(agreements=(an_agreement(expires=NOW + timedelta(hours=1)),))
    async with a_desk(policies, provider) as desk, desk.peer() as peer:
        await peer.ask(await desk.opened())
        receipt = await desk.recorded(await peer.ready())
        desk.clock.set(NOW + jump)
        await peer.go(receipt)
        refusal = await peer.hear()

        assert isinstance(refusal, Refusal)
        assert refusal.code == "no_agreement_in_force"
        desk.clock.set(NOW)
        assert _refusal(await desk.disclose()).code == "no_agreement_in_force", "the clock was set back"
        assert desk.sent == []


async def test_an_agreement_that_follows_needs_a_record_of_its_own(policies: Path) -> None:
    turn = NOW + timedelta(minutes=1)
    agreements = (
        an_agreement(id="BAA-OLD", expires=turn),
        an_agreement(id="BAA-NEW", effective=turn, document_sha256="6" * 64),
    )
    async with a_desk(policies, a_provider(agreements=agreements)) as desk, desk.peer() as peer:
        await peer.ask(await desk.opened())
        ready = await peer.ready()
        receipt = await desk.recorded(ready)
        desk.clock.pass_time(60)
        await peer.go(receipt)
        refusal = await peer.hear()

        assert ready.facts["agreement"] == "BAA-OLD"
        assert isinstance(refusal, Refusal)
        assert (refusal.code, desk.sent) == ("no_agreement_in_force", [])
        assert isinstance((await desk.disclose())[-1], Finished)


async def test_the_register_edited_while_in_use_counts_only_once_it_is_approved_and_loaded(policies: Path) -> None:
    ended = a_provider(agreements=(an_agreement(id="BAA-OTHER"),))
    async with a_desk(policies) as desk, desk.peer() as peer:
        await peer.ask(await desk.opened())
        ready = await peer.ready()
        write_register(policies, ended)
        receipt = await desk.recorded(ready)
        assert ready.facts["agreement"] == "BAA-2026-014"
        desk.broker.reload()
        await peer.go(receipt)
        refusal = await peer.hear()

        assert isinstance(refusal, Refusal)
        assert refusal.code == "policy_differs"
        assert desk.sent == []


async def test_a_reload_of_the_same_register_disturbs_nobody(policies: Path) -> None:
    async with a_desk(policies) as desk, desk.peer() as peer:
        await peer.ask(await desk.opened())
        receipt = await desk.recorded(await peer.ready())
        desk.broker.reload()
        await peer.go(receipt)

        assert isinstance(await peer.hear(), Piece)


async def test_a_provider_closed_by_hand_while_it_is_recorded_gets_nothing(policies: Path) -> None:
    async with a_desk(policies) as desk, desk.peer() as peer:
        await peer.ask(await desk.opened())
        receipt = await desk.recorded(await peer.ready())
        desk.closed["example-cloud"] = "closed by hand"
        await peer.go(receipt)
        refusal = await peer.hear()

    assert isinstance(refusal, Refusal)
    assert refusal.code == "provider_closed"
    assert desk.sent == []


@pytest.mark.parametrize(
    "changes",
    [
        {"client": "client_other"},
        {"tenant": "sandbox"},
        {"task": "medical-coding"},
        {"purpose": "HPAYMT"},
        {"kind": Kind.DECISION},
        {"exchange_id": "ex_" + "2" * 32},
    ],
    ids=str,
)
async def test_an_intent_that_says_something_else_is_none(policies: Path, changes: dict[str, Any]) -> None:
    async with a_desk(policies) as desk, desk.peer() as peer:
        request = a_request(desk.office.policy.bundle.digest)
        receipt = await desk.log.append(intent_of(request, **changes))
        await peer.ask(request.model_copy(update={"intent_receipt": receipt.compact}))
        refusal = await peer.hear()

    assert isinstance(refusal, Refusal)
    assert refusal.code == "no_record"


async def test_a_receipt_of_another_exchange_is_no_intent_of_this_one(policies: Path) -> None:
    async with a_desk(policies) as desk:
        other = await desk.opened(exchange_id="ex_" + "2" * 32)
        refusal = _refusal(await desk.disclose(intent_receipt=other.intent_receipt))

    assert refusal.code == "no_record"
    assert "of this exchange" in refusal.reason


async def test_an_exchange_that_has_ended_discloses_nothing_more(policies: Path) -> None:
    async with a_desk(policies) as desk, desk.peer() as peer:
        request = await desk.opened()
        await desk.log.append(intent_of(request, kind=Kind.OUTCOME, outcome="answered"))
        await peer.ask(request)
        refusal = await peer.hear()

    assert isinstance(refusal, Refusal)
    assert "ended already" in refusal.reason


class _DownLog(MemoryLog):
    """A recorder that cannot be asked."""

    is_down = False

    async def exchange(self, exchange_id: str) -> list[dict[str, object]]:
        """Answer unless down."""
        if self.is_down:
            raise RecorderUnavailableError("no recorder answers")
        return await super().exchange(exchange_id)


@pytest.mark.parametrize("falls_at", ["request", "go"])
async def test_without_the_recorder_nothing_leaves(policies: Path, falls_at: str) -> None:
    log = _DownLog()
    async with a_desk(policies, log=log) as desk, desk.peer() as peer:
        log.is_down = falls_at == "request"
        await peer.ask(await desk.opened())
        if falls_at == "go":
            receipt = await desk.recorded(await peer.ready())
            log.is_down = True
            await peer.go(receipt)
        refusal = await peer.hear()

    assert isinstance(refusal, Refusal)
    assert (refusal.code, desk.sent) == ("no_record", [])


@pytest.mark.parametrize(
    "changes",
    [
        {"route": "managed:another"},
        {"route": "local"},
        {"model": "another@sha256:" + "0" * 64},
        {"policy_digest": "0" * 64},
        {"task": "medical-coding"},
        {"purpose": "HOPERAT"},
        {"kind": Kind.DECISION},
        {"exchange_id": "ex_" + "3" * 32},
        {"facts": {}},
    ],
    ids=lambda value: str(value)[:50],
)
async def test_a_record_that_says_something_else_lets_nothing_leave(policies: Path, changes: dict[str, Any]) -> None:
    async with a_desk(policies) as desk, desk.peer() as peer:
        await peer.ask(await desk.opened())
        await peer.go(await desk.recorded(await peer.ready(), **changes))
        refusal = await peer.hear()

    assert isinstance(refusal, Refusal)
    assert (refusal.code, desk.sent) == ("no_record", [])


@pytest.mark.parametrize(
    "fact", ["digest", "bytes", "provider", "agreement", "recipient", "disclosure", "sandbox", "counts"]
)
async def test_a_gateway_that_records_another_fact_lets_nothing_leave(policies: Path, fact: str) -> None:
    async with a_desk(policies) as desk, desk.peer() as peer:
        await peer.ask(await desk.opened())
        ready = await peer.ready()
        lie = {**ready.facts, fact: "sha256:" + "0" * 64}
        await peer.go(await desk.recorded(ready, facts=lie))
        refusal = await peer.hear()

    assert isinstance(refusal, Refusal)
    assert (refusal.code, desk.sent) == ("no_record", [])
    assert fact in refusal.reason


async def test_a_record_is_good_for_one_disclosure(policies: Path) -> None:
    async with a_desk(policies) as desk:
        request = await desk.opened()
        async with desk.peer() as first:
            await first.ask(request)
            receipt = await desk.recorded(await first.ready())
            await first.go(receipt)
            assert isinstance(await first.hear(), Piece)
        async with desk.peer() as second:
            await second.ask(request)
            await second.ready()
            await second.go(receipt)
            refusal = await second.hear()

    assert isinstance(refusal, Refusal)
    assert refusal.code == "no_record"
    assert len(desk.sent) == 1


@pytest.mark.parametrize("receipt", ["", "audit1.x.y", "hello"])
async def test_a_receipt_that_is_none_lets_nothing_leave(policies: Path, receipt: str) -> None:
    async with a_desk(policies) as desk, desk.peer() as peer:
        await peer.ask(await desk.opened())
        await peer.ready()
        await peer.go(receipt)
        refusal = await peer.hear()

    assert isinstance(refusal, Refusal)
    assert (refusal.code, desk.sent) == ("no_record", [])


async def test_the_receipt_of_the_intent_is_no_record_of_the_disclosure(policies: Path) -> None:
    async with a_desk(policies) as desk, desk.peer() as peer:
        request = await desk.opened()
        await peer.ask(request)
        await desk.recorded(await peer.ready())
        await peer.go(request.intent_receipt)
        refusal = await peer.hear()

    assert isinstance(refusal, Refusal)
    assert (refusal.code, desk.sent) == ("no_record", [])


async def test_a_gateway_that_never_says_go_is_not_waited_for_for_ever(policies: Path) -> None:
    async with a_desk(policies, patience=Patience(go_s=0.05)) as desk, desk.peer() as peer:
        await peer.ask(await desk.opened())
        await peer.ready()
        refusal = await peer.hear()

        assert isinstance(refusal, Refusal)
        assert (refusal.code, desk.sent) == ("no_record", [])
        assert desk.office.ceilings.in_flight(a_provider()) == 0


@pytest.mark.parametrize("step", ["request", "ready", "sending", "piece"])
async def test_a_gateway_that_goes_away_ends_the_call(policies: Path, step: str) -> None:
    async def slow(before_send: BeforeSend, outgoing: Outgoing) -> AsyncGenerator[Text | Ended]:
        await before_send(outgoing)
        if step == "piece":
            yield text("Knee")
        await asyncio.sleep(60)
        yield ENDED

    async with a_desk(policies, script=slow) as desk:
        async with desk.peer() as peer:
            await peer.ask(await desk.opened())
            await _until(lambda: desk.adapters)
            if step != "request":
                ready = await peer.ready()
            if step in {"sending", "piece"}:
                await peer.go(await desk.recorded(ready))
                await _until(lambda: desk.sent)
            if step == "piece":
                await peer.hear()
        await _until(lambda: desk.office.ceilings.in_flight(a_provider()) == 0)
        await _until(lambda: sum(adapter.ended for adapter in desk.adapters) == len(desk.adapters))

        assert len(desk.sent) == (1 if step in {"sending", "piece"} else 0)


async def test_a_broker_that_stops_ends_its_calls(policies: Path) -> None:
    async def slow(before_send: BeforeSend, outgoing: Outgoing) -> AsyncGenerator[Text | Ended]:
        await before_send(outgoing)
        await asyncio.sleep(60)
        yield ENDED

    async with a_desk(policies, script=slow) as desk:
        connection = desk.peer()
        peer = await connection.__aenter__()
        await peer.ask(await desk.opened())
        await peer.go(await desk.recorded(await peer.ready()))
        await _until(lambda: desk.sent)

    assert await peer.hear() is None
    assert desk.adapters[0].ended == 1
    await connection.__aexit__(None, None, None)


@pytest.mark.parametrize(
    "frame",
    [
        to_frame(HelloRequest()),
        to_frame(Go(receipt="x")),
        to_frame(Go(receipt="x"), b"more"),
        b"GET / HTTP/1.1\r\n\r\n",
    ],
    ids=["hello", "go too early", "go with a body", "http"],
)
async def test_a_gateway_that_speaks_out_of_turn_is_hung_up_on(policies: Path, frame: bytes) -> None:
    def slowly(_: object, __: bytes) -> None:
        over.wait(5)

    over = threading.Event()
    async with a_desk(policies, check=slowly) as desk, desk.peer() as peer:
        await peer.ask(await desk.opened())
        peer.writer.write(frame)
        assert await peer.hear() is None
        over.set()

    assert desk.sent == []


async def test_a_second_go_is_out_of_turn(policies: Path) -> None:
    async def slow(before_send: BeforeSend, outgoing: Outgoing) -> AsyncGenerator[Text | Ended]:
        await before_send(outgoing)
        await asyncio.sleep(60)
        yield ENDED

    async with a_desk(policies, script=slow) as desk, desk.peer() as peer:
        await peer.ask(await desk.opened())
        receipt = await desk.recorded(await peer.ready())
        await peer.go(receipt)
        await peer.go(receipt)

        assert await peer.hear() is None


async def test_a_go_that_carries_anything_is_out_of_turn(policies: Path) -> None:
    async with a_desk(policies) as desk, desk.peer() as peer:
        await peer.ask(await desk.opened())
        receipt = await desk.recorded(await peer.ready())
        peer.writer.write(to_frame(Go(receipt=receipt), b"more"))

        assert await peer.hear() is None
        assert desk.sent == []


async def test_one_connection_carries_one_disclosure(policies: Path) -> None:
    async with a_desk(policies) as desk, desk.peer() as peer:
        await peer.ask(await desk.opened(provider="nobody"))
        assert isinstance(await peer.hear(), Refusal)
        assert await peer.hear() is None


async def test_a_deadline_that_passes_is_told_and_ends_the_call(policies: Path) -> None:
    async def slow(before_send: BeforeSend, outgoing: Outgoing) -> AsyncGenerator[Text | Ended]:
        await before_send(outgoing)
        await asyncio.sleep(60)
        yield ENDED

    async with a_desk(policies, script=slow, patience=Patience(grace_s=0.0)) as desk:
        [failed] = await desk.disclose(deadline_s=0.3)

        assert isinstance(failed, Failed)
        assert (failed.fault, failed.answered) == ("timeout", False)
        assert desk.adapters[0].ended == 1


@pytest.mark.parametrize("fault", ["unavailable", "busy", "rejected", "unauthorized", "timeout", "broken"])
async def test_what_goes_wrong_outside_is_told_in_the_same_words(policies: Path, fault: Any) -> None:
    error = ProviderFaultError(fault, "The provider is on fire.", retry_after_s=7)
    async with a_desk(policies, script=fails(error)) as desk:
        [failed] = await desk.disclose()

    assert isinstance(failed, Failed)
    assert (failed.fault, failed.reason, failed.retry_after_s) == (fault, "The provider is on fire.", 7)
    assert not failed.answered


async def test_an_answer_that_breaks_off_says_that_a_part_was_handed_on(policies: Path) -> None:
    script = fails(ProviderFaultError("broken", "It broke."), after=(text("Knee"),))
    async with a_desk(policies, script=script) as desk:
        piece, failed = await desk.disclose()

    assert isinstance(piece, Piece)
    assert isinstance(failed, Failed)
    assert failed.answered


async def test_a_provider_that_cannot_be_reached_before_anything_was_built_is_a_refusal(policies: Path) -> None:
    script = fails(ProviderFaultError("unavailable", "No address is left.", sent=False), sends=False)
    async with a_desk(policies, script=script) as desk:
        refusal = _refusal(await desk.disclose())

    assert refusal.code == "provider_closed"
    assert refusal.reason == "Nothing was sent: No address is left."


async def test_an_answer_without_an_end_is_broken(policies: Path) -> None:
    async def endless(before_send: BeforeSend, outgoing: Outgoing) -> AsyncGenerator[Text | Ended]:
        await before_send(outgoing)
        yield text("Knee")

    async with a_desk(policies, script=endless) as desk:
        failed = (await desk.disclose())[-1]

    assert isinstance(failed, Failed)
    assert failed.fault == "broken"


async def test_an_adapter_that_answers_without_having_asked_is_not_believed(policies: Path) -> None:
    async def unasked(_: BeforeSend, __: Outgoing) -> AsyncGenerator[Text | Ended]:
        yield text("I sent it anyway")
        yield ENDED

    async with a_desk(policies, script=unasked) as desk:
        assert _refusal(await desk.disclose()).code == "provider_closed"


async def test_an_sdk_that_swallows_the_refusal_cannot_send(policies: Path) -> None:
    async def swallowing(before_send: BeforeSend, outgoing: Outgoing) -> AsyncGenerator[Text | Ended]:
        for _ in range(2):
            with contextlib.suppress(Exception):  # as an SDK might
                await before_send(outgoing)
        yield text("It went well.")
        yield ENDED

    async with a_desk(policies, script=swallowing) as desk:
        refusal = _refusal(await desk.disclose(identifiers=LEFT))

    assert (refusal.code, desk.sent) == ("identifiers_left", [])


async def test_what_was_refused_once_stays_refused_even_if_it_would_be_granted_now(policies: Path) -> None:
    desks: list[Desk] = []

    async def insisting(before_send: BeforeSend, outgoing: Outgoing) -> AsyncGenerator[Text | Ended]:
        desks[0].closed["example-cloud"] = "closed by hand"
        with contextlib.suppress(Exception):
            await before_send(outgoing)
        desks[0].closed.clear()
        await before_send(outgoing)
        yield ENDED

    async with a_desk(policies, script=insisting) as desk:
        desks.append(desk)
        assert _refusal(await desk.disclose()).code == "provider_closed"
        assert desk.sent == []


async def test_an_sdk_that_renames_the_refusal_changes_nothing(policies: Path) -> None:
    async def renaming(before_send: BeforeSend, outgoing: Outgoing) -> AsyncGenerator[Text | Ended]:
        try:
            await before_send(outgoing)
        except Exception as error:
            raise ProviderFaultError("unavailable", "Connection error.") from error
        yield ENDED

    async with a_desk(policies, script=renaming) as desk:
        assert _refusal(await desk.disclose(identifiers=LEFT)).code == "identifiers_left"


async def test_bytes_for_another_host_are_refused(policies: Path) -> None:
    async def elsewhere(before_send: BeforeSend, outgoing: Outgoing) -> AsyncGenerator[Text | Ended]:
        await before_send(replace(outgoing, host="evil.example"))
        yield ENDED

    async with a_desk(policies, script=elsewhere) as desk:
        assert _refusal(await desk.disclose()).code == "not_permitted"
        assert desk.sent == []


def _repeating(change: dict[str, Any], pause: Any = None) -> Any:
    async def script(before_send: BeforeSend, outgoing: Outgoing) -> AsyncGenerator[Text | Ended]:
        await before_send(outgoing)
        if pause:
            pause()
        await before_send(replace(outgoing, **change))
        yield text("Knee")
        yield replace(ENDED, attempts=2)

    return script


async def test_the_same_bytes_may_be_repeated_under_the_same_record(policies: Path) -> None:
    async with a_desk(policies, script=_repeating({})) as desk:
        finished = (await desk.disclose())[-1]

    assert isinstance(finished, Finished)
    assert finished.attempts == 2
    assert len(desk.sent) == 2
    assert desk.log.kinds().count(Kind.DISCLOSURE) == 1


@pytest.mark.parametrize("change", [{"body": b"{}"}, {"path": "/v1/files"}, {"host": "other.example"}], ids=str)
async def test_other_bytes_may_not_be_sent_under_the_same_record(policies: Path, change: dict[str, Any]) -> None:
    async with a_desk(policies, script=_repeating(change)) as desk:
        [failed] = await desk.disclose()

    assert isinstance(failed, Failed)
    assert failed.fault == "unavailable"
    assert len(desk.sent) == 1


async def test_the_agreement_is_looked_at_before_a_repetition_too(policies: Path) -> None:
    provider = a_provider(agreements=(an_agreement(expires=NOW + timedelta(minutes=1)),))
    clocks: list[Any] = []
    script = _repeating({}, pause=lambda: clocks[0].pass_time(60))
    async with a_desk(policies, provider, script=script) as desk:
        clocks.append(desk.clock)
        [failed] = await desk.disclose()

    assert isinstance(failed, Failed)
    assert len(desk.sent) == 1


async def test_the_task_s_own_data_class_counts_whatever_the_gateway_says(policies: Path) -> None:
    path = policies / "tasks" / "discharge-summary.yaml"
    path.write_text(path.read_text().replace("data_class: phi", "data_class: sensitive"))
    async with a_desk(policies) as desk:
        refusal = _refusal(await desk.disclose(data_class="phi"))

    assert refusal.code == "no_agreement_in_force"


@pytest.mark.parametrize(
    ("piece", "expected"),
    [
        (text("x" * 200_000), [65536, 65536, 65536, 3392]),
        (text(""), [0]),
        (text("{}", tool_index=0, tool_id="call_1", tool_name="lookup"), [2]),
    ],
    ids=["long", "empty", "tool"],
)
async def test_pieces_always_fit_into_a_frame(policies: Path, piece: Text, expected: list[int]) -> None:
    async def script(before_send: BeforeSend, outgoing: Outgoing) -> AsyncGenerator[Text | Ended]:
        await before_send(outgoing)
        yield piece
        yield ENDED

    async with a_desk(policies, script=script) as desk, desk.peer() as peer:
        await peer.ask(await desk.opened())
        await peer.go(await desk.recorded(await peer.ready()))
        heard = [await peer.hear_all() for _ in expected]

    assert [len(body) for _, body in heard] == expected
    first = heard[0][0]
    assert isinstance(first, Piece)
    assert (first.tool_index, first.tool_id, first.tool_name) == (piece.tool_index, piece.tool_id, piece.tool_name)


@pytest.mark.parametrize(
    "piece",
    [
        text("lone \ud800 surrogate"),
        text("{}", tool_index=0, tool_id="x" * 257),
        text("{}", tool_index=0, tool_id="\x1b[31m"),
        text("{}", tool_index=0, tool_name="l\u00f6schen"),
    ],
    ids=["surrogate", "long id", "escape", "letters"],
)
async def test_what_no_frame_can_hold_breaks_the_answer(policies: Path, piece: Text) -> None:
    async def script(before_send: BeforeSend, outgoing: Outgoing) -> AsyncGenerator[Text | Ended]:
        await before_send(outgoing)
        yield piece
        yield ENDED

    async with a_desk(policies, script=script) as desk:
        [failed] = await desk.disclose()

    assert isinstance(failed, Failed)
    assert failed.fault == "broken"


async def test_the_log_says_what_happened_and_quotes_nobody(policies: Path, capsys: pytest.CaptureFixture[str]) -> None:
    error = ProviderFaultError("broken", "It broke.")
    async with a_desk(policies, script=fails(error, after=(text("Vanterpool answered"),))) as desk:
        await desk.disclose()
        await desk.disclose(identifiers=LEFT)

    logged = "".join(capsys.readouterr())
    assert [word in logged for word in ("disclosure_sent", "disclosure_failed", "disclosure_refused", EXCHANGE)] == (
        [True] * 4
    )
    assert [canary for canary in ("Ellis", "Vanterpool", "metoprolol", SECRET) if canary in logged] == []


async def test_a_gateway_that_goes_once_it_has_heard_the_end_has_abandoned_nothing(
    policies: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with a_desk(policies) as desk:
        async with desk.peer() as peer:
            await peer.ask(await desk.opened())
            await peer.go(await desk.recorded(await peer.ready()))
            while not isinstance(await peer.hear(), Finished):
                pass
            peer.writer.transport.abort()
        assert isinstance((await desk.disclose())[-1], Finished)

    logged = "".join(capsys.readouterr())
    assert "disclosure_finished" in logged
    assert [word for word in ("disclosure_abandoned", "connection_ended") if word in logged] == []


async def test_two_providers_do_not_share_a_ceiling(policies: Path) -> None:
    model = a_model(name="other-2026")
    second = a_provider(name="second-cloud", models=(model,), credential="second.key")
    async with a_desk(policies, a_provider(), second) as desk:
        assert isinstance((await desk.disclose())[-1], Finished)
        answers_ = await desk.disclose(provider="second-cloud", model="other-2026")

    assert isinstance(answers_[-1], Finished)
    assert {adapter.provider.name for adapter in desk.adapters} == {"example-cloud", "second-cloud"}


def test_a_request_prints_no_identifiers() -> None:
    request = a_request("0" * 64)

    assert "identifiers" not in repr(request)
    assert isinstance(request, DiscloseRequest)


async def test_an_answer_that_needs_no_record_does_not_exist(policies: Path) -> None:
    """A recorder that refuses the disclosure leaves the gateway without a receipt, and so nothing leaves."""

    def refuse(event: Any) -> None:
        if event.kind is Kind.DISCLOSURE:
            raise AppendError("disk full")

    async with a_desk(policies, log=MemoryLog(before=refuse), script=answers) as desk, desk.peer() as peer:
        await peer.ask(await desk.opened())
        ready = await peer.ready()
        with pytest.raises(AppendError):
            await desk.recorded(ready)
        peer.writer.close()
        await _until(lambda: desk.office.ceilings.in_flight(a_provider()) == 0)

    assert desk.sent == []
