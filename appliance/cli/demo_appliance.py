"""The appliance that the demo talks to: the one that runs, or one that it starts and stops again.

Whatever it started it stops, also when the demo fails or is interrupted; if the demo is killed outright, the
appliance gets SIGTERM from the kernel (`supervisor_launch`) and stops by itself.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

from appliance.cli import supervisor_launch
from appliance.cli.supervisor_probes import read_readiness
from appliance.cli.supervisor_state import Running, read_running
from appliance.cli.up import READY_WITHIN_S
from appliance.config import CHECKOUT, Config, make_private
from appliance.errors import UnavailableError

STOP_WITHIN_S = 180.0
"""Longer than every program may take to finish what is in flight."""

LOOK_EVERY_S = 0.5
"""How often the progress is looked at."""


class DemoFailedError(UnavailableError):
    """Say why the demo could not get an appliance to talk to."""


@contextmanager
def appliance(config: Config, out: Console) -> Iterator[Running]:
    """Yield an appliance that is ready.  Raises DemoFailedError if none can be had."""
    running = read_running(config)
    if running is not None:
        out.print(f"Using the appliance that runs on {config.home} (process {running.pid}).\n")
        yield _ready(config, None, out)
        return
    out.print(f"Starting an appliance on {config.home}; the engine takes longest.\n")
    make_private(config.home)
    make_private(config.log)
    with (config.log / "up.log").open("w") as log:
        process = _start(config, log.fileno())
    try:
        yield _ready(config, process, out)
    finally:
        out.print("\nStopping the appliance; what is in flight finishes first.")
        _stop(process)


def _start(config: Config, log: int) -> subprocess.Popen[bytes]:
    launch = (sys.executable, "-I", "-S", supervisor_launch.__file__, str(os.getpid()), str(int(signal.SIGTERM)))
    up = (sys.executable, "-m", "appliance", "up", "--home", str(config.home), "--port", "0")
    return subprocess.Popen(  # noqa: S603  # our own command, no shell
        (*launch, *up), cwd=CHECKOUT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
    )


def _ready(config: Config, process: subprocess.Popen[bytes] | None, out: Console) -> Running:
    """Wait until the appliance can answer, and tell how it comes up."""
    limit_s = time.monotonic() + READY_WITHIN_S
    told = ""
    with out.status("starting") as spinner:
        while time.monotonic() < limit_s:
            running = read_running(config)
            if running is None and (process is None or process.poll() is not None):
                raise DemoFailedError(f"The appliance did not start; {_last_words(config)}")
            awaited = _awaited(running)
            if running is not None and not awaited:
                return running
            if awaited != told and not out.is_terminal:
                out.print(f"  {awaited}")
            told = awaited
            spinner.update(awaited)
            time.sleep(LOOK_EVERY_S)
    raise DemoFailedError(f"The appliance did not become ready: {told}; see {config.log}")


def _awaited(running: Running | None) -> str:
    """Return in words what keeps the appliance from answering; nothing when it can."""
    if running is None or not running.ca.exists():
        return "preparing"
    readiness = read_readiness(running.url, running.ca)
    return "" if running.ready and readiness.ready else ", ".join((*_states(running), *readiness.reasons))


def _states(running: Running) -> tuple[str, ...]:
    begun = {name: process for name, process in running.processes.items() if process.since}
    return tuple(f"{name} {process.state.replace('_', ' ')}" for name, process in begun.items())


def _last_words(config: Config) -> str:
    log = config.log / "up.log"
    lines = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
    return "\n".join(lines[-20:]) if lines else f"see {config.log}"


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
