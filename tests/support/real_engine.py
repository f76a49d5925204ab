"""The real vLLM with the real model, started once for all tests that need it, from the exact shipped command.

It uses `.venv-engine` and the default model of the checkout, or what APPLIANCE_ENGINE_PYTHON and APPLIANCE_ENGINE_MODEL
name; without them the tests that need it are skipped with the reason.
"""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from appliance.config import CHECKOUT, Config, EngineConfig
from appliance.engine import process
from appliance.engine.client import EngineClient
from appliance.errors import EngineError

BOOT_WITHIN_S = 600.0
"""About 40 s on two idle cores; much longer when they are busy."""

DRAIN_WITHIN_S = 120.0
"""vLLM's own 60 s and what its processes take to end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RealEngine:
    """A running vLLM."""

    config: Config
    process: subprocess.Popen[bytes]
    boot_s: float
    """From start to the first canary."""

    log: Path

    def client(self) -> EngineClient:
        """Return a client of its socket."""
        return EngineClient.from_config(self.config)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the main process, as the supervisor and systemd's KillMode=mixed do."""
        self.process.send_signal(number)

    def kill_all(self) -> None:
        """Kill every process of it at once."""
        os.killpg(self.process.pid, signal.SIGKILL)


def engine_config() -> EngineConfig:
    """Return the engine's settings for tests."""
    settings = {
        name: Path(value)
        for name, key in (("python", "APPLIANCE_ENGINE_PYTHON"), ("model", "APPLIANCE_ENGINE_MODEL"))
        if (value := os.environ.get(key))
    }
    return EngineConfig(**settings)  # type: ignore[arg-type]


def reason_to_skip() -> str:
    """Return why the real engine cannot be started here; empty if it can."""
    config = engine_config()
    if not config.python.exists():
        return f"no engine environment at {config.python}; 'make run' builds it"
    if not (config.model / "config.json").exists():
        return f"no model in {config.model}; 'make run' builds it"
    return ""


@contextlib.contextmanager
def real_engine(*, by_sentinel: bool = False) -> Iterator[RealEngine]:
    """Start vLLM, wait for its first token, and stop it at the end; by the sentinel as a site does, or by itself."""
    with tempfile.TemporaryDirectory(prefix="appliance-engine-") as folder:
        config = Config(home=Path(folder), engine=engine_config())
        config.run.mkdir(mode=0o700)
        log = Path(folder) / "engine.log"
        began = time.monotonic()
        with log.open("wb") as output:
            child = subprocess.Popen(
                _sentinel(config) if by_sentinel else process.command(config.engine, config.engine_socket),
                env=dict(os.environ) if by_sentinel else process.environment(config),
                cwd=CHECKOUT if by_sentinel else folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                umask=process.UMASK,
                start_new_session=True,
            )
        try:
            with ThreadPoolExecutor(1) as thread:  # the caller may be a coroutine with a loop of its own
                thread.submit(lambda: asyncio.run(_first_token(config, child, log))).result()
            yield RealEngine(config=config, process=child, boot_s=time.monotonic() - began, log=log)
        finally:
            if by_sentinel:  # killed, it would leave vLLM to nobody, as systemd does not
                child.terminate()
                child.wait(DRAIN_WITHIN_S)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait(30)


def _sentinel(config: Config) -> list[str]:
    settings = {"engine": {"python": str(config.engine.python), "model": str(config.engine.model)}}
    (config.home / "appliance.yaml").write_text(json.dumps(settings))
    return [sys.executable, "-m", "appliance.engine.sentinel", "--home", str(config.home)]


async def _first_token(config: Config, child: subprocess.Popen[bytes], log: Path) -> None:
    client = EngineClient.from_config(config)
    async with asyncio.timeout(BOOT_WITHIN_S):
        while True:
            assert child.poll() is None, log.read_text(errors="replace")[-4000:]
            try:
                await client.canary()
            except EngineError:
                await asyncio.sleep(0.5)
            else:
                return await client.aclose()
