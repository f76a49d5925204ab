import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from appliance.config import Config, EngineConfig
from appliance.engine import condition
from appliance.engine.client import Pulse
from appliance.engine.condition import Engine, EngineCondition
from appliance.errors import EngineError
from tests.support.turned_clock import TurnedClock


class FakeCanary:
    """An engine that generates, or does not."""

    def __init__(self) -> None:
        self.pulse = Pulse(trouble=asyncio.Event())
        self.works = True
        self.count = 0

    async def canary(self) -> None:
        """Generate, or fail."""
        self.count += 1
        if not self.works:
            raise EngineError


class Watched:
    """An engine that is being watched, its process file, and its clock."""

    def __init__(self, folder: Path, *, is_external: bool = False) -> None:
        self.file = folder / "engine.json"
        self.unhealthy = folder / "engine.unhealthy"
        self.canary = FakeCanary()
        self.clock = TurnedClock()
        self.engine = Engine(self.canary, state_file=self.file, is_external=is_external, clock=self.clock)

    def process(self, state: str, detail: str = "", pid: int = 7) -> None:
        """Write what the supervisor would."""
        fresh = self.file.with_suffix(".new")
        fresh.write_text(json.dumps({"state": state, "detail": detail, "pid": pid, "since": ""}))
        fresh.replace(self.file)

    async def becomes(self, state: str) -> EngineCondition:
        """Wait for a condition; time passes."""
        async with asyncio.timeout(5):
            while self.engine.condition.state != state:
                await asyncio.sleep(0.002)
                self.clock.advance(0.2)
        return self.engine.condition


@pytest.fixture
async def watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Watched]:
    monkeypatch.setattr(condition, "LOOK_EVERY_S", 0.002)
    watched = Watched(tmp_path)
    async with watched.engine:
        yield watched


async def test_a_running_process_is_ready_only_after_a_canary(watched: Watched) -> None:
    watched.canary.works = False
    watched.process("running")
    assert (await watched.becomes("engine_starting")).is_ready is False

    watched.canary.works = True

    assert (await watched.becomes("ready")).is_ready
    assert watched.canary.count >= 1


async def test_what_the_process_does_is_told_as_it_is(watched: Watched) -> None:
    assert "appliance status" in (await watched.becomes("engine_down")).detail
    watched.process("starting")
    await watched.becomes("engine_starting")
    watched.process("manifest_mismatch", "model.safetensors has changed")
    assert (await watched.becomes("manifest_mismatch")).detail == "model.safetensors has changed"
    watched.process("stopped", pid=0)
    await watched.becomes("engine_down")
    watched.process("running")
    await watched.becomes("ready")
    watched.file.write_text("{")
    await watched.becomes("engine_starting")
    watched.file.unlink()
    await watched.becomes("engine_down")


async def test_three_misses_are_down_and_ask_for_a_restart_until_it_generates_again(watched: Watched) -> None:
    watched.process("running", pid=4711)
    await watched.becomes("ready")

    watched.canary.works = False
    watched.canary.pulse.trouble.set()
    before = watched.canary.count
    await watched.becomes("engine_down")

    assert watched.canary.count - before == 3
    assert watched.unhealthy.read_text() == "4711\n"
    watched.canary.works = True
    await watched.becomes("ready")
    assert not watched.unhealthy.exists()


async def test_an_engine_that_never_was_ready_is_left_to_start(watched: Watched) -> None:
    watched.canary.works = False
    watched.process("running")

    await watched.becomes("engine_down")

    assert not watched.unhealthy.exists()


async def test_real_answers_make_canaries_needless(watched: Watched) -> None:
    watched.process("running")
    await watched.becomes("ready")
    count = watched.canary.count

    for _ in range(10):
        watched.clock.advance(10)
        watched.canary.pulse.answered_s = watched.clock.monotonic_s()
        await asyncio.sleep(0.01)
    assert watched.canary.count == count

    watched.clock.advance(condition.CANARY_EVERY_S)
    async with asyncio.timeout(5):
        while watched.canary.count == count:
            await asyncio.sleep(0.002)


async def test_a_restarted_process_must_prove_itself_anew(watched: Watched) -> None:
    watched.process("running", pid=1)
    await watched.becomes("ready")

    watched.canary.works = False
    watched.process("running", pid=2)

    await watched.becomes("engine_starting")


async def test_whoever_waits_hears_at_once_or_at_the_end(watched: Watched) -> None:
    assert (await watched.engine.wait_ready(0.01)).is_ready is False
    assert (await watched.engine.wait_ready(-1)).is_ready is False
    waiter = asyncio.create_task(watched.engine.wait_ready(30))

    watched.process("running")

    assert (await asyncio.wait_for(waiter, 5)).is_ready
    watched.process("manifest_mismatch", "x")
    await watched.becomes("manifest_mismatch")
    assert (await watched.engine.wait_ready(30)).state == "manifest_mismatch"


async def test_another_server_needs_no_supervisor_and_is_never_restarted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(condition, "LOOK_EVERY_S", 0.002)
    watched = Watched(tmp_path, is_external=True)
    async with watched.engine:
        await watched.becomes("ready")
        watched.canary.works = False
        watched.canary.pulse.trouble.set()
        await watched.becomes("engine_down")

    assert not watched.unhealthy.exists()


async def test_a_folder_that_cannot_be_written_is_no_crash(watched: Watched, tmp_path: Path) -> None:
    watched.process("running")
    await watched.becomes("ready")
    (tmp_path / "engine.unhealthy").mkdir()
    watched.canary.works = False
    watched.canary.pulse.trouble.set()

    await watched.becomes("engine_down")

    (tmp_path / "engine.unhealthy").rmdir()
    assert [file.name for file in tmp_path.iterdir()] == ["engine.json"]


async def test_it_is_made_from_the_settings_and_need_not_be_entered(tmp_path: Path) -> None:
    config = Config(home=tmp_path, engine=EngineConfig(upstream="http://127.0.0.1:1"))
    engine = Engine.from_config(FakeCanary(), config)

    await engine.__aexit__()

    assert engine.condition.state == "engine_starting"
    assert EngineCondition.ready().is_ready
