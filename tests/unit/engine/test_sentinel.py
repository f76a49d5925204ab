import asyncio
import contextlib
import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
import structlog

from appliance.config import Config, Site
from appliance.engine.client import EngineClient
from appliance.engine.sentinel import DEFAULT_PACE, EXIT_CANNOT_START, EXIT_FAULT, Pace, Sentinel, main, prepare
from appliance.errors import ConfigError, EngineError, ManifestMismatchError
from tests.support.pretend_vllm import PretendEngine, pretend_engine
from tests.support.told_manager import Manager, service_manager

QUICK = Pace(starting_s=0.02, running_s=0.02, missed_s=0.02, drain_s=10.0)
WITHIN_S = 20.0


@pytest.fixture
def notices(monkeypatch: pytest.MonkeyPatch) -> Iterator[Manager]:
    with service_manager() as (manager, address):
        monkeypatch.setenv("NOTIFY_SOCKET", address)
        yield manager


@pytest.fixture(autouse=True)
def journal() -> Iterator[None]:
    """Leave no logger of a test to the next one."""
    yield
    structlog.reset_defaults()


@pytest.fixture
def engine(tmp_path: Path) -> PretendEngine:
    return pretend_engine(tmp_path)


@pytest.fixture
async def client(engine: PretendEngine) -> AsyncIterator[EngineClient]:
    client = EngineClient.from_config(engine.config)
    yield client
    await client.aclose()


@contextlib.asynccontextmanager
async def running(
    engine: PretendEngine, client: EngineClient, *, pace: Pace = QUICK
) -> AsyncIterator[tuple[Sentinel, "asyncio.Task[int]"]]:
    """Run a sentinel over the pretended engine, and leave nothing of it behind."""
    prepare(engine.config)
    sentinel = Sentinel(engine.config, canary=client.canary, pace=pace)
    task = asyncio.create_task(sentinel.run())
    try:
        yield sentinel, task
    finally:
        sentinel.stop()
        await task


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(WITHIN_S):
        while not holds():
            await asyncio.sleep(0.01)


def state(config: Config) -> dict[str, object]:
    return dict(json.loads(config.engine_state.read_bytes()))


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


async def test_ready_is_told_only_after_a_completion_came_back(
    engine: PretendEngine, client: EngineClient, notices: Manager
) -> None:
    engine.put("sick")

    async with running(engine, client):
        await until(lambda: engine.asked > 3)
        assert notices.count("READY=1") == 0
        assert state(engine.config)["state"] == "starting"
        assert mode(engine.config.engine_socket) & 0o077 == 0  # nobody reaches an engine that cannot generate
        engine.take("sick")
        await until(lambda: notices.count("READY=1"))

        assert state(engine.config) | {"pid": 0} == {"state": "running", "detail": "The engine generates.", "pid": 0}
        assert mode(engine.config.engine_socket) == 0o660
        assert mode(engine.config.engine_state) == 0o640


async def test_it_pings_the_watchdog_only_for_canaries_that_came_back(
    engine: PretendEngine, client: EngineClient, notices: Manager
) -> None:
    async with running(engine, client) as (_, task):
        await until(lambda: notices.count("WATCHDOG=1") >= 2)
        engine.put("sick")
        await asyncio.wait_for(task, WITHIN_S)

    ready, missed = 1, 3
    assert notices.count("WATCHDOG=1") == engine.asked - ready - missed


async def test_an_engine_that_generates_no_more_is_ended_so_that_it_starts_anew(
    engine: PretendEngine, client: EngineClient, notices: Manager
) -> None:
    async with running(engine, client) as (_, task):
        await until(lambda: notices.count("READY=1"))
        engine.put("sick")

        assert await asyncio.wait_for(task, WITHIN_S) == EXIT_FAULT

    assert state(engine.config)["state"] == "stopped"
    await until(lambda: not is_alive(engine.child))


async def test_two_misses_are_forgiven(engine: PretendEngine) -> None:
    answers = iter([True, False, False, True, False, False, True, False, False, False])
    asked: list[bool] = []

    async def canary() -> None:
        if not engine.config.engine_socket.exists():
            raise EngineError
        asked.append(next(answers))
        if not asked[-1]:
            raise EngineError

    prepare(engine.config)

    assert await asyncio.wait_for(Sentinel(engine.config, canary=canary, pace=QUICK).run(), WITHIN_S) == EXIT_FAULT
    assert len(asked) == 10


async def test_stopping_waits_for_what_is_in_flight(
    engine: PretendEngine, client: EngineClient, notices: Manager
) -> None:
    async with running(engine, client) as (sentinel, task):
        await until(lambda: notices.count("READY=1"))

        sentinel.stop()

        assert await asyncio.wait_for(task, WITHIN_S) == 0
    assert engine.has("drained")
    assert notices.count("STOPPING=1") == 1
    await until(lambda: not is_alive(engine.child))


async def test_an_engine_that_does_not_end_is_killed_after_its_time(
    engine: PretendEngine, client: EngineClient, notices: Manager
) -> None:
    engine.put("stubborn")
    pace = Pace(starting_s=0.02, running_s=0.02, missed_s=0.02, drain_s=0.2)

    async with running(engine, client, pace=pace) as (sentinel, task):
        await until(lambda: notices.count("READY=1"))
        sentinel.stop()

        assert await asyncio.wait_for(task, WITHIN_S) == EXIT_FAULT
    assert "was killed" in str(state(engine.config)["detail"])
    await until(lambda: not is_alive(engine.child))


async def test_an_engine_that_dies_ends_the_sentinel_with_the_reason(
    engine: PretendEngine, client: EngineClient
) -> None:
    engine.put("broken")

    async with running(engine, client) as (_, task):
        assert await asyncio.wait_for(task, WITHIN_S) == EXIT_FAULT

    assert "exit code 7" in str(state(engine.config)["detail"])


async def test_a_fault_of_ours_is_not_told_as_the_engines(engine: PretendEngine) -> None:
    async def canary() -> None:
        raise RuntimeError

    prepare(engine.config)

    with pytest.raises(RuntimeError):
        await asyncio.wait_for(Sentinel(engine.config, canary=canary, pace=QUICK).run(), WITHIN_S)


def test_changed_weights_are_never_started(engine: PretendEngine) -> None:
    with (engine.config.engine.model / "tokenizer.json").open("a") as changed:
        changed.write(" ")

    with pytest.raises(ManifestMismatchError):
        prepare(engine.config)

    assert state(engine.config)["state"] == "manifest_mismatch"
    assert "tokenizer.json" in str(state(engine.config)["detail"])


def test_an_old_socket_is_removed(engine: PretendEngine) -> None:
    engine.config.run.mkdir(mode=0o700)
    engine.config.engine_socket.touch()

    prepare(engine.config)

    assert not engine.config.engine_socket.exists()


def test_a_missing_program_is_named(engine: PretendEngine) -> None:
    engine.config.engine.python.unlink()

    with pytest.raises(ConfigError, match="install the engine again"):
        prepare(engine.config)


def test_a_missing_folder_of_sockets_is_named(engine: PretendEngine, run_folder: Path) -> None:
    site = engine.config.model_copy(update={"site": Site(run=run_folder)})
    site.engine_home.mkdir(mode=0o700)

    with pytest.raises(ConfigError, match="appliance-engine"):
        prepare(site)


def test_nothing_runs_where_another_server_stands_in_the_engines_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "appliance.yaml").write_text("engine: {upstream: 'http://127.0.0.1:1'}\n")

    assert main(["--home", str(tmp_path)]) == EXIT_CANNOT_START
    assert "engine.upstream" in capsys.readouterr().err


@pytest.mark.parametrize(("limit_s", "every_s"), [(None, 15.0), (120.0, 15.0), (20.0, 5.0)])
def test_canaries_are_as_frequent_as_the_watchdog_asks(limit_s: float | None, every_s: float) -> None:
    assert DEFAULT_PACE.for_watchdog(limit_s) == every_s


def test_the_program_starts_drains_and_ends_as_systemd_asks(engine: PretendEngine, notices: Manager) -> None:
    settings = {"engine": {"python": str(engine.config.engine.python), "model": str(engine.config.engine.model)}}
    (engine.config.home / "appliance.yaml").write_text(json.dumps(settings))
    command = [sys.executable, "-m", "appliance.engine.sentinel", "--home", str(engine.config.home)]
    with subprocess.Popen(command, env=dict(os.environ), stderr=subprocess.PIPE) as program:
        end_s = time.monotonic() + WITHIN_S
        while not notices.count("READY=1"):
            assert program.poll() is None
            assert time.monotonic() < end_s
            time.sleep(0.02)

        program.send_signal(signal.SIGTERM)

        _, said = program.communicate(timeout=WITHIN_S)
    assert program.returncode == 0, said
    assert engine.has("drained")
