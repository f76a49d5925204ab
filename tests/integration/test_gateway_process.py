"""The gateway as a process of a whole appliance: what it says, what it measures, how it stops."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from appliance.config import CHECKOUT
from tests.support.gateway_client import NOTE, TASK, chat
from tests.support.running_appliance import IssuedClient, RunningAppliance, running_appliance, stop_process


@pytest.fixture(scope="module")
def appliance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAppliance]:
    """Return one appliance for the tests of this module."""
    with running_appliance(tmp_path_factory.mktemp("appliance")) as running:
        yield running


@pytest.fixture(scope="module")
def client(appliance: RunningAppliance) -> IssuedClient:
    """Return a client of the task that is used here."""
    return appliance.add_client("process-test", tasks=[TASK])


def state(appliance: RunningAppliance) -> dict[str, object]:
    """Return what the gateway says of itself."""
    return json.loads((appliance.home / "run" / "gateway.json").read_text())


def test_the_gateway_says_where_it_listens(appliance: RunningAppliance) -> None:
    told = state(appliance)

    assert told["url"] == appliance.url
    assert told["pid"] == appliance.processes()["gateway"]["pid"]


def test_the_log_is_json_with_constant_events_and_no_text_of_a_patient(
    appliance: RunningAppliance, client: IssuedClient
) -> None:
    with appliance.http(client.key) as http:
        http.post("/v1/chat/completions", json=chat())
        http.post("/v1/chat/completions", json=chat(temperature=NOTE))
        http.post("/v1/chat/completions", content=NOTE)

    lines = (appliance.home / "log" / "gateway.log").read_text().splitlines()
    constant = {"broker_lost", "broker_reachable", "gateway_listening", "library_message", "request"}
    assert {json.loads(line)["event"] for line in lines} <= constant
    assert "Jane" not in "".join(lines)
    assert client.key not in "".join(lines)


def test_metrics_are_served_on_loopback_without_proof(appliance: RunningAppliance) -> None:
    port = state(appliance)["metrics_port"]

    text = httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False).text

    assert 'appliance_engine_condition{state="ready"} 1.0' in text
    assert "appliance_queue_depth 0.0" in text
    assert "Jane" not in text


def test_a_stop_lets_what_is_in_flight_finish(tmp_path: Path) -> None:
    with slow_engine(tmp_path / "slow.sock") as upstream, running_appliance(tmp_path, upstream=upstream) as running:
        key = running.add_client("drain", tasks=[TASK]).key
        answers: list[str] = []

        def ask() -> None:
            with running.http(key) as http:
                answers.append(http.post("/v1/chat/completions", json=chat(stream=True)).text)

        asking = threading.Thread(target=ask)
        asking.start()
        time.sleep(1)
        os.kill(running.processes()["gateway"]["pid"], signal.SIGTERM)
        asking.join(30)

    assert [answer.endswith("data: [DONE]\n\n") for answer in answers] == [True]


@contextmanager
def slow_engine(path: Path) -> Iterator[str]:
    """Run a replay engine that takes seconds for an answer, and yield its ``unix:PATH``."""
    command = [sys.executable, "-m", "tests.support.replay_engine", "--uds", str(path), "--delay", "0.3"]
    process = subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline()
        yield f"unix:{path}"
    finally:
        stop_process(process)
