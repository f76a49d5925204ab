"""A whole appliance with its trail in PostgreSQL: recorded, asked, verified, and honest while the server is away."""

import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.postgres import READER, RECORDER, PostgresServer, postgres_server
from tests.support.running_appliance import RunningAppliance, running_appliance


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    """Return a server that the test may stop."""
    with postgres_server() as server:
        yield server


def ask(http: httpx.Client) -> httpx.Response:
    return http.post(
        "/v1/chat/completions",
        json={"model": "medical-coding", "messages": [{"role": "user", "content": "Cough for two weeks."}]},
    )


def wait_for(http: httpx.Client, status: int, within_s: float = 60.0) -> httpx.Response:
    """Return the first answer with a status."""
    limit_s = time.monotonic() + within_s
    while (answer := ask(http)).status_code != status:
        assert time.monotonic() < limit_s, answer.text
        time.sleep(0.2)
    return answer


def test_an_appliance_keeps_its_trail_in_postgresql(tmp_path: Path, server: PostgresServer) -> None:
    trail = server.database()
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    (home / "trail.yaml").write_text(f"database: {trail.text(RECORDER)}\nreaders: {trail.text(READER)}\n")

    with running_appliance(tmp_path) as appliance:
        key = appliance.add_client().key
        with appliance.http(key) as http:
            first = ask(http)
            server.kill()
            refused = wait_for(http, 503)
            server.start()
            wait_for(http, 200)
        check_answers(appliance, first.headers["Appliance-Exchange"])

    assert first.status_code == 200
    assert refused.json()["error"]["code"] == "audit_unavailable"
    assert not (home / "audit" / "trail.db").exists()
    rows = trail.sql("SELECT count(*), max(sequence) + 1 FROM record")
    assert rows[0][0] == rows[0][1]


def check_answers(appliance: RunningAppliance, exchange: str) -> None:
    """Ask everything that an officer asks, while the appliance runs."""
    for arguments in (
        ("query", "--since", "1h"),
        ("show", exchange),
        ("receipt", exchange),
        ("checkpoint",),
        ("verify",),
        ("store", "status"),
    ):
        done = appliance.audit(*arguments)
        assert done.returncode == 0, (arguments, done.stdout, done.stderr)
    assert "VERIFIED" in appliance.audit("verify").stdout
