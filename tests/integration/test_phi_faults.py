"""Whatever happens to the guard's process, nothing leaves: the request is refused, and the process is started again."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from appliance.clock import Clock
from appliance.config import CHECKOUT
from appliance.errors import EscalationError, PhiGuardUnavailableError
from appliance.phi.demographics import Demographics
from appliance.phi.findings import Finding, Kind
from appliance.phi.guard import Guard
from appliance.phi.known_identifiers import KnownIdentifiers
from appliance.phi.settings import GuardSettings, Site
from appliance.phi.worker import GuardWorker, WorkerState
from tests.support import canaries
from tests.support.calls import engine_call
from tests.support.canaries import ADDRESS, NAME, NOTE
from tests.support.departures import NotingBroker, a_departure
from tests.support.faulty_guard import FAULTS, command, lives, was_reached

MODELS = CHECKOUT / "var" / "models" / "guard"
LATE_S = 1.0
"""How long a test waits for a process that does not answer."""

RECOVERED_S = 30.0

LEFT_BY_RULES_ALONE = {ADDRESS, "Zephyrine"}
"""What no rule without models can know, and nobody has named here."""

has_models = pytest.mark.skipif(
    not MODELS.exists(), reason="the guard's models are not here; 'make gateway' fills them"
)


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault != "none"])
async def test_a_process_that_breaks_ends_in_a_refusal_without_the_texts_words(tmp_path: Path, fault: str) -> None:
    async with broken_worker(tmp_path, fault) as worker:
        with pytest.raises(PhiGuardUnavailableError) as refused:
            await worker.find([NOTE, "a second text"], timeout_s=LATE_S)

        assert was_reached(tmp_path)
        assert canaries.found_in(f"{refused.value!r} {refused.value.public} {refused.value.detail}".encode()) == set()


@pytest.mark.parametrize("fault", ["crashes", "is stopped", "raises", "greets wrongly"])
async def test_a_process_that_broke_is_started_again_and_finds(tmp_path: Path, fault: str) -> None:
    async with broken_worker(tmp_path, fault) as worker:
        with pytest.raises(PhiGuardUnavailableError):
            await worker.find([NOTE, "a second text"], timeout_s=LATE_S)

        found = await recovered(worker)

    assert len(found) == 2
    assert lives(tmp_path) == 2


async def test_the_same_process_without_a_fault_finds(tmp_path: Path) -> None:
    async with broken_worker(tmp_path, "none") as worker:
        found = await worker.find([NOTE, "a second text"])

    assert {Kind.SSN, Kind.MRN} <= {each.kind for each in found[0]}
    assert lives(tmp_path) == 1


@pytest.mark.parametrize("fault", ["is killed", "hangs", "raises", "finds outside of the text", "none"])
async def test_nothing_is_handed_over_when_the_guard_fails(tmp_path: Path, fault: str) -> None:
    async with broken_worker(tmp_path, fault, timeout_s=LATE_S) as worker:
        broker = NotingBroker()
        departure = a_departure(
            broker,
            guard=Guard(worker, GuardSettings, clock=Clock()),
            known=KnownIdentifiers.from_demographics(Demographics(names=(NAME,))),
        )
        with pytest.raises(EscalationError if fault == "none" else PhiGuardUnavailableError):
            await departure.complete(engine_call(NOTE))

    assert len(broker.bodies) == (1 if fault == "none" else 0)
    assert canaries.found_in(b"".join(broker.bodies)) <= LEFT_BY_RULES_ALONE


async def test_a_request_that_waits_for_a_process_that_never_starts_is_refused(tmp_path: Path) -> None:
    worker = GuardWorker(tmp_path, site=Site(), command=("/nonexistent/python",))
    async with worker.running():
        with pytest.raises(PhiGuardUnavailableError):
            await worker.find([NOTE], timeout_s=LATE_S)


async def test_a_worker_that_was_never_started_refuses(tmp_path: Path) -> None:
    with pytest.raises(PhiGuardUnavailableError):
        await GuardWorker(tmp_path, site=Site()).find([NOTE], timeout_s=LATE_S)


async def test_a_folder_without_models_is_a_refusal_that_names_the_file(tmp_path: Path) -> None:
    worker = GuardWorker(tmp_path, site=Site())
    async with worker.running():
        with pytest.raises(PhiGuardUnavailableError):
            await worker.find([NOTE])
        assert "model file" in worker.failure


@has_models
async def test_the_real_process_shows_no_text_and_a_request_that_it_does_not_survive_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("APPLIANCE_SECRET", NAME)
    worker = GuardWorker(MODELS, site=Site())
    async with worker.running():
        before = await worker.find([NOTE])
        asking = asyncio.create_task(worker.find([NOTE * 400]))
        await asyncio.sleep(0.05)
        pid = guards_process()
        assert canaries.found_in_processes([pid]) == {}
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(PhiGuardUnavailableError):
            await asking
        await recovered(worker)

        after = await worker.find([NOTE])

    assert NAME in {NOTE[each.start : each.end] for each in before[0]}
    assert after == before


@asynccontextmanager
async def broken_worker(folder: Path, fault: str, *, timeout_s: float | None = None) -> AsyncIterator[GuardWorker]:
    """Run a worker whose process breaks, and let it get ready first if it does."""
    kind = GuardWorker if timeout_s is None else HurriedWorker
    worker = kind(folder, site=Site(), command=command(fault))
    async with worker.running():
        async with asyncio.timeout(RECOVERED_S):
            while worker.state is WorkerState.STARTING and fault != "starts slowly":
                await asyncio.sleep(0.01)
        yield worker


class HurriedWorker(GuardWorker):
    """A worker that waits no longer than the test does."""

    async def find(self, texts: Sequence[str], *, timeout_s: float = LATE_S) -> list[tuple[Finding, ...]]:
        """Find, within the test's patience."""
        return await super().find(texts, timeout_s=timeout_s)


async def recovered(worker: GuardWorker) -> list[object]:
    """Return what the worker finds once it does again."""
    async with asyncio.timeout(RECOVERED_S):
        while True:
            try:
                return list(await worker.find([NOTE, "a second text"]))
            except PhiGuardUnavailableError:
                await asyncio.sleep(0.05)


def guards_process() -> int:
    """Return the guard's process."""
    return max(pid for pid in canaries.descendants(os.getpid()) if "worker_process" in title(pid))


def title(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""
