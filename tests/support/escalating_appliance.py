"""A whole appliance with a stand-in of a managed API in its register, approved by two officers.

    with threaded_stand_in(Service.ANTHROPIC_MESSAGES) as stand_in:
        provider = stand_in.provider()
        credentials = {provider.credential: stand_in.credential}
        with escalating_appliance(tmp_path, provider, credentials=credentials) as appliance:
            client = appliance.add_client(tasks=["discharge-summary"])

Everything is the production code in its own processes, but the engine and the managed API.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx

from appliance.config import CHECKOUT
from appliance.policy.register import Provider
from tests.support.approvals import approve_policies
from tests.support.registers import write_evidence, write_register
from tests.support.running_appliance import RunningAppliance, read_ready, replay_engine_process, stop_process

TASK = "discharge-summary"
"""The shipped task that escalates: its local drafts do not meet the threshold, the managed ones do."""

SEEN_WITHIN_S = 15.0
"""The gateway looks after its broker every five seconds."""


@contextmanager
def escalating_appliance(
    tmp_path: Path,
    *providers: Provider,
    credentials: Mapping[str, str],
    prefix: Callable[..., list[str]] | None = None,
    upstream: str | None = None,
) -> Iterator[RunningAppliance]:
    """Start an appliance with these providers, approve its policy, and stop it at the end.

    `credentials` are texts by file name; `prefix` makes a command of the words that start it, as
    `NetNamespace.command` does.
    """
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    policies = managed_policies(tmp_path / "policies", *providers)
    for settings in ("appliance.yaml", "trail.yaml"):
        (home / settings).write_text(f"policies: {policies}\n")
    for name, text in credentials.items():
        put_credential(home, name, text)
    with contextlib.ExitStack() as stack:
        engine = upstream or stack.enter_context(replay_engine_process(tmp_path))
        process = _start(home, ("--upstream", engine), prefix)
        stack.callback(stop_process, process)
        ready = read_ready(process, home)
        approve_policies(home)
        os.kill(ready["pid"], signal.SIGHUP)  # so that the gateway asks its broker now and not within five seconds
        yield RunningAppliance(
            url=ready["url"],
            console_url=ready["console_url"],
            metrics_url=ready["metrics_url"],
            ca=Path(ready["ca"]),
            home=home,
            pid=ready["pid"],
            process=process,
            engine_url=engine,
        )


def managed_policies(to: Path, *providers: Provider) -> Path:
    """Copy the shipped policy with these providers, and measured evidence for those that are no stand-in."""
    shutil.copytree(CHECKOUT / "policies", to)
    write_register(to, *providers)
    write_evidence(to, *(provider for provider in providers if not provider.sandbox), task=TASK)
    return to


def put_credential(home: Path, name: str, text: str) -> None:
    """Put a credential where the broker reads it."""
    folder = home / "broker" / "credentials"
    for each in (folder.parent, folder):
        each.mkdir(mode=0o700, exist_ok=True)
    (folder / name).write_text(text)
    (folder / name).chmod(0o600)


def until(holds: Callable[[], bool], *, within_s: float = SEEN_WITHIN_S, every_s: float = 0.2) -> None:
    """Return once this holds; fail after the time."""
    limit_s = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < limit_s, f"not within {within_s} s"
        time.sleep(every_s)


def draft(http: httpx.Client, notes: str, **more: object) -> httpx.Response:
    """Ask for a discharge summary of a patient."""
    headers = {"Appliance-Patient": "MRN-90417733", "Appliance-User": "dr.weiss"}
    return http.post(f"/api/v1/tasks/{TASK}", json={"input": {"notes": notes}, **more}, headers=headers)


def _start(home: Path, options: Sequence[str], prefix: Callable[..., list[str]] | None) -> subprocess.Popen[str]:
    words = [sys.executable, "-m", "appliance", "up", "--home", str(home), "--json", "--port", "0", *options]
    with (home / "up.stderr").open("w") as errors:
        return subprocess.Popen(
            prefix(*words) if prefix else words,
            cwd=CHECKOUT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            start_new_session=True,
        )
