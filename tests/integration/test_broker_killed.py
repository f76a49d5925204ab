"""The broker is killed (kill -9) in the middle of a disclosure, and nobody is left in the dark.

The caller is told, the trail says what may have left and how it ended, nothing is sent twice, and when the broker is
back, the most that the call can have cost is counted.
"""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from tests.support.killed_broker import Site, a_site
from tests.support.stand_ins import Behaviour

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    async with a_site(tmp_path_factory.mktemp("site")) as running:
        yield running


@pytest.fixture(autouse=True)
def _fresh(site: Site) -> None:
    site.stand_in.behaviour = Behaviour.OK
    site.stand_in.received.clear()


async def test_between_ready_and_go_nothing_leaves(site: Site) -> None:
    whole, before = await _cost_of_an_answer(site)
    site.recorder.on_disclosure = site.kill

    answer = await site.ask()

    await _is_told_as_failed(site, answer)
    await _counts_the_worst_case(site, before=before, whole=whole)
    await _works_again(site, left=0)


async def test_between_go_and_the_first_byte_nothing_leaves(site: Site) -> None:
    whole, before = await _cost_of_an_answer(site)
    site.recorder.on_disclosure = site.stop_and_kill

    answer = await site.ask()

    await _is_told_as_failed(site, answer)
    await _counts_the_worst_case(site, before=before, whole=whole)
    await _works_again(site, left=0)


async def test_before_the_first_byte_of_an_answer_nobody_asks_again(site: Site) -> None:
    whole, before = await _cost_of_an_answer(site)
    site.stand_in.behaviour = Behaviour.SLOW_FIRST_BYTE

    answer, _ = await asyncio.gather(site.ask(), site.kill_once_it_has_left())

    await _is_told_as_failed(site, answer)
    await _counts_the_worst_case(site, before=before, whole=whole)
    await _works_again(site, left=1)


async def test_in_the_middle_of_an_answer_it_ends_as_an_error_and_is_never_continued(site: Site) -> None:
    whole, before = await _cost_of_an_answer(site)
    site.stand_in.behaviour = Behaviour.SLOW

    answer, text = await site.ask_and_kill_midway()

    events = await site.events(answer)
    assert "error" in text
    assert "[DONE]" not in text
    assert [event["kind"] for event in events].count("disclosure") == 1
    assert events[-1]["outcome"] == "incomplete"
    await _counts_the_worst_case(site, before=before, whole=whole)
    await _works_again(site, left=1)


async def _cost_of_an_answer(site: Site) -> tuple[int, int]:
    """Return what a whole answer costs, and what is counted now."""
    before = await site.told_spent()
    answer = await site.ask()
    assert answer.status_code == 200, answer.text
    site.stand_in.received.clear()
    after = await site.told_spent()
    return after - before, after


async def _is_told_as_failed(site: Site, answer: httpx.Response) -> None:
    events = await site.events(answer)
    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "escalation_unavailable"
    assert [event["kind"] for event in events].count("disclosure") == 1
    assert "release" not in [event["kind"] for event in events]
    assert events[-1]["outcome"] == "failed"


async def _counts_the_worst_case(site: Site, *, before: int, whole: int) -> None:
    counted = site.spent()
    site.restart()
    assert await site.told_spent() == counted
    assert counted - before > whole > 0


async def _works_again(site: Site, *, left: int) -> None:
    """See that nothing was sent again, and that the next request is answered."""
    assert len(site.stand_in.received) == left
    site.stand_in.behaviour = Behaviour.OK
    answer = await site.ask()
    assert answer.status_code == 200, answer.text
    assert len(site.stand_in.received) == left + 1
