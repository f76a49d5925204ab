"""A real broker process reads what is handed to it and refuses what still names somebody, and tells nobody whom."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from itertools import count

import pytest
import pytest_asyncio

from appliance.escalation.client import BrokerClient
from appliance.escalation.wire import Answer, Ready, Refusal
from tests.support.broker_process import BrokerProcess, ManagedHome, a_managed_home, running_broker
from tests.support.registers import a_sandbox_provider
from tests.support.tripwires import PATIENT, keyed

SAFE = "Mark Ellis (MRN ZQ-10442) was seen on March 4, 2019 with knee pain; metoprolol 25 mg twice a day."
ISSUED = ("Mark Ellis", "ZQ-10442", "March 4, 2019")

CANARIES = ("Vanterpool", "Wilhelmina", "219-09-9999", "KX-20771", "867-5309")

pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass(frozen=True)
class Site:
    """A broker whose provider does not even exist: what is asked about here never gets that far."""

    home: ManagedHome
    broker: BrokerProcess
    numbers: Iterator[int]

    async def ask(self, *contents: str, **changes: object) -> Answer | None:
        """Return what the broker says to a request with these turns."""
        told = {"identifiers": keyed(PATIENT, issued=ISSUED).to_wire(), **changes}
        body = json.dumps({"messages": [{"role": "user", "content": content} for content in contents]}).encode()
        async with self.home.peer() as peer:
            await peer.ask(await self.home.opened(next(self.numbers), **told), body)
            return await peer.hear()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    folder = tmp_path_factory.mktemp("tripwire")
    with (
        a_managed_home(folder, a_sandbox_provider(), "stand-in-key-of-no-worth") as home,
        running_broker(folder) as broker,
    ):
        yield Site(home, broker, count(1))


async def test_what_the_guard_replaced_may_go_on_to_be_recorded(site: Site) -> None:
    assert isinstance(await site.ask(SAFE), Ready)


@pytest.mark.parametrize(
    "left",
    ["Vanterpool", "WILHELMINA", "KX-20771", "219-09-9999", "(312) 867-5309", "Dr. Vanterpool", "MjE5LTA5LTk5OTk="],
)
async def test_one_identifier_left_anywhere_stops_the_request_and_is_told_nowhere(site: Site, left: str) -> None:
    refused = await site.ask(SAFE, f"also {left} here")

    assert isinstance(refused, Refusal)
    assert refused.code == "identifiers_left"
    told = site.broker.told() + refused.model_dump_json()
    assert "identifiers_left" in told
    assert [canary for canary in CANARIES if canary.casefold() in told.casefold()] == []


async def test_a_request_without_identifiers_to_look_for_is_refused(site: Site) -> None:
    refused = await site.ask(SAFE, identifiers=None)

    assert isinstance(refused, Refusal)
    assert refused.code == "phi_guard_unavailable"


async def test_a_body_that_cannot_be_read_whole_is_refused_and_the_broker_goes_on(site: Site) -> None:
    refused = await site.ask("x " * 600_000)

    assert isinstance(refused, Refusal)
    assert refused.code == "phi_guard_unavailable"
    assert (await BrokerClient(site.broker.socket).hello()).state == "ready"


async def test_a_broker_that_dies_while_it_reads_is_no_consent(site: Site) -> None:
    body = json.dumps({"messages": [{"role": "user", "content": SAFE * 8_000}]}).encode()
    async with site.home.peer() as peer:
        await peer.ask(
            await site.home.opened(next(site.numbers), identifiers=keyed(PATIENT, issued=ISSUED).to_wire()), body
        )
        await asyncio.sleep(0.3)
        site.broker.process.kill()

        assert await peer.hear() is None
