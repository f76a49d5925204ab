"""A real broker sends to a stand-in over TLS what a real recorder holds the record of, and nothing else."""

import asyncio
import hashlib
import json
import signal
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
import pytest_asyncio

from appliance.escalation.client import BrokerClient
from appliance.escalation.wire import Answer, Failed, Finished, Piece, Refusal
from appliance.policy.register import Ceilings, Service
from audit.record import Kind
from tests.support.broker_process import BrokerProcess, ManagedHome, a_managed_home, running_broker
from tests.support.brokers import intent_of
from tests.support.stand_ins import Behaviour, StandIn

SOURCE = "Mark Ellis was seen with knee pain and takes metoprolol 25 mg twice a day."
BODY = json.dumps(
    {
        "messages": [
            {"role": "system", "content": "Summarise."},
            {"role": "user", "content": f"<source>{SOURCE}</source>"},
        ],
        "max_tokens": 200,
    }
).encode()


pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass(frozen=True)
class Site:
    """A broker at work."""

    home: ManagedHome
    broker: BrokerProcess
    stand_in: StandIn
    numbers: Iterator[int]
    """Of exchanges and of approvals: each only once."""

    async def hold(self, **lies: object) -> tuple[list[Answer], str]:
        """Hold a whole conversation."""
        return await _conversation(self.home, next(self.numbers), **lies)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    async with StandIn.running(Service.ANTHROPIC_MESSAGES, pause_s=0.3) as stand_in:
        with a_managed_home(folder, stand_in.provider(), stand_in.credential) as home, running_broker(folder) as broker:
            yield Site(home, broker, stand_in, count(10))


async def _conversation(home: ManagedHome, number: int, **lies: object) -> tuple[list[Answer], str]:
    """Hold a whole conversation; return what the broker said and the text of the answer."""
    heard: list[Answer] = []
    text = ""
    async with home.peer() as peer:
        request = await home.opened(number)
        await peer.ask(request, BODY)
        while (answer := await peer.hear_all()) is not None:
            heard.append(answer[0])
            text += answer[1]
            if answer[0].type == "ready":
                told = {"facts": {**answer[0].facts, **lies}}
                await peer.go(await home.recorded(request, answer[0], **told))
    return heard, text


async def test_what_leaves_is_what_was_recorded_before(site: Site) -> None:
    seen = len(site.stand_in.received)

    heard, text = await site.hold()

    assert [answer.type for answer in heard] == ["ready", *["piece"] * (len(heard) - 2), "finished"]
    assert "Mark Ellis" in text
    [received] = site.stand_in.received[seen:]
    assert heard[0].facts["digest"] == f"sha256:{hashlib.sha256(received.body).hexdigest()}"
    assert heard[0].facts["bytes"] == len(received.body)
    assert heard[0].facts["sandbox"] is True
    assert heard[0].model.startswith("SANDBOX-")


async def test_a_gateway_that_lies_in_the_record_lets_nothing_leave(site: Site) -> None:
    seen = len(site.stand_in.received)

    heard, _ = await site.hold(digest="sha256:" + "0" * 64)

    assert [answer.type for answer in heard] == ["ready", "refusal"]
    assert len(site.stand_in.received) == seen


async def test_nobody_can_read_from_outside_what_the_broker_holds(site: Site) -> None:
    await site.hold()

    told = site.broker.told()
    assert "disclosure_finished" in told
    assert [word for word in (SOURCE, "Ellis", "metoprolol", site.stand_in.credential) if word in told] == []


async def test_the_broker_tells_the_gateway_how_the_provider_stands(site: Site) -> None:
    await site.hold()

    [condition] = (await BrokerClient(site.broker.socket).hello()).conditions
    assert (condition.state, condition.sandbox, condition.agreement) == ("open", True, "BAA-2026-014")
    assert condition.spent_usd > 0


async def test_a_gateway_that_hangs_up_ends_the_call_outside_too(site: Site) -> None:
    site.stand_in.enqueue(Behaviour.SLOW)
    async with site.home.peer() as peer:
        request = await site.home.opened(next(site.numbers))
        await peer.ask(request, BODY)
        await peer.go(await site.home.recorded(request, await peer.ready()))
        assert isinstance(await peer.hear(), Piece)
    async with asyncio.timeout(10):
        while site.stand_in.connections:
            await asyncio.sleep(0.02)

    [condition] = (await BrokerClient(site.broker.socket).hello()).conditions
    assert condition.in_flight == 0


async def test_an_exchange_that_has_ended_discloses_nothing_more(site: Site) -> None:
    request = await site.home.opened(next(site.numbers))
    async with site.home.recorder() as recorder:
        await recorder.append(intent_of(request, kind=Kind.OUTCOME, outcome="cancelled"))
    async with site.home.peer() as peer:
        await peer.ask(request, BODY)
        ended = await peer.hear()

    assert isinstance(ended, Refusal)
    assert ended.code == "no_record"


async def test_a_provider_that_fails_is_told_as_a_failure(site: Site) -> None:
    site.stand_in.enqueue(Behaviour.SERVER_ERROR)

    heard, _ = await site.hold()

    assert isinstance(heard[-1], Failed)
    assert heard[-1].fault == "unavailable"


async def test_an_agreement_that_ends_closes_the_way_by_itself_and_warns_before(site: Site) -> None:
    seen = len(site.stand_in.received)
    [agreement] = site.stand_in.provider().agreements
    ends = datetime.now(UTC) + timedelta(seconds=4)
    ending = site.stand_in.provider(agreements=(replace(agreement, expires=ends),))
    site.home.registers(ending, approval=next(site.numbers))
    site.broker.process.send_signal(signal.SIGHUP)
    await _until_digest(site.broker, site.home.digest)

    before, _ = await site.hold()
    await asyncio.sleep(max(0.0, (ends - datetime.now(UTC)).total_seconds()) + 0.05)
    after, _ = await site.hold()

    site.home.registers(site.stand_in.provider(), approval=next(site.numbers))
    site.broker.process.send_signal(signal.SIGHUP)
    await _until_digest(site.broker, site.home.digest)
    again, _ = await site.hold()
    assert isinstance(before[-1], Finished)
    [refusal] = after
    assert isinstance(refusal, Refusal)
    assert refusal.code == "no_agreement_in_force"
    assert isinstance(again[-1], Finished)
    assert len(site.stand_in.received) == seen + 2


async def test_a_register_needs_two_people_and_what_was_spent_before_a_restart_counts(tmp_path: Path) -> None:
    async with StandIn.running(Service.ANTHROPIC_MESSAGES) as stand_in:
        provider = stand_in.provider(ceilings=Ceilings(usd_per_day=5.0))
        with a_managed_home(tmp_path, provider, stand_in.credential, approved=False) as home:
            spent = {"format": 1, "day": datetime.now(UTC).date().isoformat(), "micro_usd": {"stand-in": 4_999_999}}
            (tmp_path / "broker" / "spend.json").write_text(json.dumps(spent))
            with running_broker(tmp_path):
                [unapproved], _ = await _conversation(home, 1)
                home.registers(provider, approval=4)
                [above], _ = await _conversation(home, 2)

    assert isinstance(unapproved, Refusal)
    assert unapproved.code == "policy_not_approved"
    assert isinstance(above, Refusal)
    assert above.code == "ceiling_reached"
    assert stand_in.received == []


async def _until_digest(broker: BrokerProcess, digest: str) -> None:
    async with asyncio.timeout(10):
        while (await BrokerClient(broker.socket).hello()).policy_digest != digest:
            await asyncio.sleep(0.02)
