"""A whole appliance as a user starts it: `appliance up` in a process of its own, on free ports, in a folder of its own.

    with running_appliance(tmp_path) as appliance:
        client = appliance.add_client("test", tasks=["medical-coding"])
        with appliance.http(client.key) as http:
            assert http.get("/v1/models").status_code == 200

Without `upstream` a replay engine stands in the engine's place; ``upstream="engine"`` starts the real one with
the weights and the environment of the checkout, and ``upstream="unix:PATH"`` takes a server that already runs.
"""

import contextlib
import json
import os
import select
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from appliance.config import CHECKOUT

READY_WITHIN_S = 120.0
"""Four Python programs on a machine that runs other things too."""

ENGINE_WITHIN_S = 600.0
"""vLLM may compile for minutes on two cores."""

STOP_WITHIN_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedClient:
    """A client with its key."""

    client_id: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningAppliance:
    """Where the appliance is and how to talk to it."""

    url: str
    console_url: str
    metrics_url: str
    """Prometheus scrapes ``/metrics`` there."""

    ca: Path
    home: Path
    pid: int
    """The supervisor's."""

    process: subprocess.Popen[str]
    engine_url: str
    """What was given as the upstream; empty with the real engine."""

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run ``appliance ARGUMENTS --home HOME`` to its end."""
        return run_command(*arguments, home=self.home)

    def audit(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run ``audit ARGUMENTS --home HOME`` to its end."""
        return run_command(*arguments, home=self.home, module="audit")

    def add_client(
        self, name: str = "test", tasks: Sequence[str] = ("medical-coding",), options: Sequence[str] = ()
    ) -> IssuedClient:
        """Register a client as the operator would."""
        grants = [word for task in tasks for word in ("--task", task)]
        done = self.command("client", "add", name, *grants, *options, "--json")
        assert done.returncode == 0, done.stderr
        issued = json.loads(done.stdout)
        return IssuedClient(client_id=issued["client_id"], key=issued["key"])

    def http(self, key: str = "", timeout_s: float = 60.0) -> httpx.Client:
        """Return an HTTP client that trusts the appliance's CA and sends the key."""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        trust = ssl.create_default_context(cafile=str(self.ca))
        return httpx.Client(base_url=self.url, headers=headers, verify=trust, timeout=timeout_s, trust_env=False)

    def processes(self) -> dict[str, dict[str, Any]]:
        """Return the supervisor's view of its processes: pid, state, restarts, ..."""
        return json.loads(self.command("status", "--json").stdout)["processes"]

    def readiness(self) -> tuple[int, dict[str, Any]]:
        """Return status and body of /readyz."""
        with self.http() as http:
            answer = http.get("/readyz")
        return answer.status_code, answer.json()

    def wait_until_ready(self, within_s: float = READY_WITHIN_S) -> None:
        """Return once /readyz says 200; fail after the time."""
        limit_s = time.monotonic() + within_s
        while time.monotonic() < limit_s:
            with contextlib.suppress(httpx.HTTPError):
                if self.readiness()[0] == 200:
                    return
            time.sleep(0.2)
        raise AssertionError(f"not ready in {within_s} s: {self.readiness()}")

    def stop(self) -> int:
        """Stop it as Ctrl-C does and return its exit code."""
        return stop_process(self.process)


def run_command(*arguments: str, home: Path, module: str = "appliance") -> subprocess.CompletedProcess[str]:
    """Run ``appliance ARGUMENTS --home HOME`` to its end."""
    command = [sys.executable, "-m", module, *arguments, "--home", str(home)]
    return subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=READY_WITHIN_S, check=False)


def start_up(home: Path, *options: str) -> subprocess.Popen[str]:
    """Start ``appliance up --json`` and return at once."""
    home.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "appliance", "up", "--home", str(home), "--json", *options]
    errors = (home / "up.stderr").open("w")
    with errors:
        return subprocess.Popen(
            command,
            cwd=CHECKOUT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            start_new_session=True,
        )


def read_ready(process: subprocess.Popen[str], home: Path, *, within_s: float = READY_WITHIN_S) -> dict[str, Any]:
    """Wait for the one JSON line that says that the appliance is ready."""
    assert process.stdout is not None
    readable, _, _ = select.select([process.stdout], [], [], within_s)
    line = process.stdout.readline() if readable else ""
    if not line:
        stop_process(process)
        raise AssertionError(f"appliance up did not become ready:\n{_tails(home)}")
    return json.loads(line)


def stop_process(process: subprocess.Popen[str]) -> int:
    """Ask a process to stop, kill it if it does not, and return its exit code."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        code = process.wait(STOP_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        code = process.wait()
    if process.stdout is not None:
        process.stdout.close()
    return code


@contextmanager
def replay_engine_process(folder: Path) -> Iterator[str]:
    """Run the replay engine beside the test and yield its ``unix:PATH``."""
    path = folder / "replay.sock"
    command = [sys.executable, "-m", "tests.support.replay_engine", "--uds", str(path)]
    process = subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline(), "the replay engine did not start"
        yield f"unix:{path}"
    finally:
        stop_process(process)


@contextmanager
def running_appliance(
    tmp_path: Path, *, upstream: str | None = None, options: Sequence[str] = (), settings: str = ""
) -> Iterator[RunningAppliance]:
    """Start an appliance in ``tmp_path/home`` and stop it at the end; `settings` becomes its appliance.yaml."""
    home = tmp_path / "home"
    home.mkdir(mode=0o700, exist_ok=True)
    if settings:
        (home / "appliance.yaml").write_text(settings)
    with contextlib.ExitStack() as stack:
        if upstream is None:
            upstream = stack.enter_context(replay_engine_process(tmp_path))
        engine = () if upstream == "engine" else ("--upstream", upstream)
        within_s = ENGINE_WITHIN_S if upstream == "engine" else READY_WITHIN_S
        process = start_up(home, "--port", "0", *engine, *options)
        stack.callback(stop_process, process)
        ready = read_ready(process, home, within_s=within_s)
        yield RunningAppliance(
            url=ready["url"],
            console_url=ready["console_url"],
            metrics_url=ready["metrics_url"],
            ca=Path(ready["ca"]),
            home=home,
            pid=ready["pid"],
            process=process,
            engine_url="" if upstream == "engine" else upstream,
        )


def is_alive(pid: int) -> bool:
    """Say whether a process exists and is no zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def wait_until_gone(pids: Sequence[int], within_s: float = 10.0) -> list[int]:
    """Return those processes that are still there after the time."""
    limit_s = time.monotonic() + within_s
    while any(is_alive(pid) for pid in pids) and time.monotonic() < limit_s:
        time.sleep(0.05)
    return [pid for pid in pids if is_alive(pid)]


def kill(pid: int) -> None:
    """Kill a process that this test started, outright."""
    os.kill(pid, signal.SIGKILL)


def _tails(home: Path) -> str:
    logs = [home / "up.stderr", *sorted((home / "log").glob("*.log"))]
    return "\n".join(f"--- {log}\n{log.read_text(errors='replace')[-2000:]}" for log in logs if log.exists())
