"""The supervisor starts in order, says what keeps it from becoming ready, and stops in order."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from appliance.cli import supervisor_state
from appliance.cli.supervisor import StartFailedError, Supervisor, engine_state
from appliance.cli.supervisor_claims import with_ports
from appliance.cli.supervisor_leftovers import end_leftovers
from appliance.cli.supervisor_state import ProcessState, Running
from appliance.config import Config
from appliance.engine.condition import UNHEALTHY_FILE
from appliance.errors import ManifestMismatchError
from tests.support.running_appliance import is_alive, wait_until_gone
from tests.support.small_programs import events, running_of, small_programs

STOP_ORDER = ["gateway stopped", "engine stopped", "console stopped", "broker stopped", "recorder stopped"]


@pytest.fixture
def config(tmp_path: Path) -> Config:
    config = with_ports(Config(home=tmp_path, port=0))
    for folder in (config.run, config.log):
        folder.mkdir()
    return config


@asynccontextmanager
async def _ready(config: Config, told: list[str]) -> AsyncIterator[Running]:
    """Run small programs until they are ready, and stop them as SIGTERM does."""
    supervisor = Supervisor(config, small_programs(config), running=running_of(config), announce=told.append)
    ready: asyncio.Future[Running] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(supervisor.run(on_ready=ready.set_result, within_s=20))
    await asyncio.wait([ready, task], return_when=asyncio.FIRST_COMPLETED)
    yield ready.result()
    os.kill(os.getpid(), signal.SIGTERM)
    await task


async def _until(config: Config, event: str) -> None:
    async with asyncio.timeout(10):
        while event not in events(config):
            await asyncio.sleep(0.02)


async def test_the_recorder_listens_before_the_gateway_starts(config: Config) -> None:
    async with _ready(config, []) as running:
        began = events(config)

    assert began.index("recorder started") < began.index("gateway started")
    assert running.ready


async def test_the_gateway_stops_first_and_the_recorder_last(config: Config) -> None:
    async with _ready(config, []):
        pass

    assert [event for event in events(config) if event.endswith("stopped")] == STOP_ORDER


async def test_every_state_is_published(config: Config) -> None:
    async with _ready(config, []):
        left = supervisor_state.read_left(config)
        engine = json.loads(config.engine_state.read_text())

    assert left is not None
    assert {process.state for process in left.processes.values()} == {"running"}
    assert engine["state"] == "running"
    assert engine["pid"] == left.processes["engine"].pid
    assert json.loads(config.engine_state.read_text())["state"] == "stopped"


async def test_progress_is_told_once_a_change(config: Config) -> None:
    told: list[str] = []
    async with _ready(config, told):
        pass

    assert any(line.startswith("engine") and "running" in line for line in told)
    assert len(told) == len(set(told))


async def test_hang_up_reloads_gateway_and_broker(config: Config) -> None:
    async with _ready(config, []):
        os.kill(os.getpid(), signal.SIGHUP)
        await _until(config, "gateway reloaded")
        await _until(config, "broker reloaded")


async def test_an_engine_that_answers_nobody_is_replaced(config: Config) -> None:
    async with _ready(config, []) as running:
        old = running.processes["engine"].pid
        (config.run / UNHEALTHY_FILE).write_text(f"{old}\n")
        async with asyncio.timeout(10):
            while (now := supervisor_state.read_left(config)) is None or now.processes["engine"].pid in (0, old):
                await asyncio.sleep(0.02)

        assert not is_alive(old)
        assert not (config.run / UNHEALTHY_FILE).exists()


async def test_a_second_signal_kills(config: Config) -> None:
    told: list[str] = []
    async with _ready(config, told):
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.sleep(0)

    assert "killing     now" in told


async def test_a_program_that_dies_at_once_fails_the_start_with_the_end_of_its_log(config: Config) -> None:
    programs = small_programs(config, broken="broker")
    supervisor = Supervisor(config, programs, running=running_of(config), announce=lambda _line: None)

    with pytest.raises(StartFailedError, match=r"(?s)The broker does not start.*no such luck"):
        async with asyncio.timeout(30):
            await supervisor.run(on_ready=lambda _running: None, within_s=20)
    assert "recorder stopped" in events(config)


async def test_refused_weights_fail_the_start_by_name(config: Config) -> None:
    programs = small_programs(config, refused=ManifestMismatchError("model.safetensors has changed."))
    supervisor = Supervisor(config, programs, running=running_of(config), announce=lambda _line: None)

    with pytest.raises(StartFailedError, match=r"model\.safetensors has changed"):
        async with asyncio.timeout(30):
            await supervisor.run(on_ready=lambda _running: None, within_s=20)
    assert json.loads(config.engine_state.read_text())["state"] in {"manifest_mismatch", "stopped"}


async def test_not_ready_in_time_says_what_was_waited_for(config: Config) -> None:
    programs = small_programs(config, ready=False)
    supervisor = Supervisor(config, programs, running=running_of(config), announce=lambda _line: None)

    with pytest.raises(StartFailedError, match="not ready in time: engine_down"):
        async with asyncio.timeout(30):
            await supervisor.run(on_ready=lambda _running: None, within_s=3)


def test_refused_weights_are_told_to_the_gateway_as_a_mismatch() -> None:
    told = engine_state(ProcessState(state="refused", detail="model.safetensors has changed."))

    assert told["state"] == "manifest_mismatch"
    assert "model.safetensors" in str(told["detail"])


def test_what_a_killed_supervisor_left_is_ended(config: Config) -> None:
    command = [sys.executable, "-c", "import time; time.sleep(60)"]
    with subprocess.Popen(command, cwd=config.home, start_new_session=True) as left:
        state = {"engine": ProcessState(pid=left.pid, state="running")}
        supervisor_state.write(config, running_of(config).model_copy(update={"processes": state}))

        ended = end_leftovers(config, [config.home])

        assert ended == 1
        assert wait_until_gone([left.pid]) == []


@pytest.mark.parametrize("change", [{"boot": "another"}, {"processes": {}}])
def test_strangers_are_left_alone(config: Config, change: dict[str, object]) -> None:
    command = [sys.executable, "-c", "import time; time.sleep(60)"]
    with subprocess.Popen(command, cwd=config.home, start_new_session=True) as stranger:
        state = {"engine": ProcessState(pid=stranger.pid, state="running")}
        left = running_of(config).model_copy(update={"processes": state} | change)
        supervisor_state.write(config, left)

        assert end_leftovers(config, [config.home]) == 0
        assert is_alive(stranger.pid)
        stranger.kill()


def test_nothing_is_ended_where_nothing_ran(config: Config) -> None:
    assert end_leftovers(config, [config.home]) == 0
