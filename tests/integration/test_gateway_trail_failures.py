"""What callers of a whole appliance see when the trail fails: 503 with the reason, and nothing else to do but wait.

No answer without a record: every answer that did come has a receipt, and every receipt is in the trail.
"""

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from tests.support.gateway_client import TASK, chat
from tests.support.running_appliance import IssuedClient, RunningAppliance, kill, running_appliance
from tests.support.small_disk import small_disk

WITHIN_S = 120.0
"""The supervisor restarts a program within a second or so; a machine may be busy."""

KILLS = 3


@pytest.fixture
def appliance(tmp_path: Path) -> Iterator[RunningAppliance]:
    """Return an appliance of the test's own."""
    with running_appliance(tmp_path) as running:
        yield running


def ask(appliance: RunningAppliance, client: IssuedClient) -> httpx.Response:
    """Ask for one task."""
    with appliance.http(client.key) as http:
        return http.post("/v1/chat/completions", json=chat())


def code_of(answer: httpx.Response) -> str:
    """Return the stable code of a refusal; empty for an answer."""
    return "" if answer.status_code == 200 else str(answer.json()["error"]["code"])


def wait_until(holds: Callable[[], bool]) -> None:
    """Return once something holds; fail after the time."""
    limit_s = time.monotonic() + WITHIN_S
    while not holds():
        assert time.monotonic() < limit_s
        time.sleep(0.2)


def cut_last_records(appliance: RunningAppliance, count: int) -> None:
    """Cut the tail of the trail, as a thief with the file would."""
    with closing(sqlite3.connect(appliance.home / "audit" / "trail.db", timeout=20)) as connection, connection:
        connection.execute("DELETE FROM record WHERE sequence > (SELECT max(sequence) FROM record) - ?", (count,))


def reasons_of(appliance: RunningAppliance) -> set[str]:
    """Return the codes that readiness gives."""
    return {str(reason["code"]) for reason in appliance.readiness()[1].get("reasons", [])}


def test_every_answer_given_while_the_recorder_is_killed_again_and_again_is_in_the_trail(
    appliance: RunningAppliance,
) -> None:
    client = appliance.add_client("kill", tasks=[TASK])
    receipts: list[str] = []
    refusals: set[tuple[int, str]] = set()
    for _ in range(KILLS):
        for number in range(6):
            answer = ask(appliance, client)
            if answer.status_code == 200:
                receipts.append(answer.headers["appliance-receipt"])
            else:
                refusals.add((answer.status_code, code_of(answer)))
            if number == 2:
                kill(int(appliance.processes()["recorder"]["pid"]))
        wait_until(lambda: ask(appliance, client).status_code == 200)

    assert refusals <= {(503, "audit_unavailable")}
    assert len(receipts) >= KILLS
    kept = [word for receipt in receipts for word in ("--receipt", receipt)]
    verified = appliance.audit("verify", *kept)
    assert verified.returncode == 0, verified.stdout


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
def test_a_full_disk_is_refused_before_it_hurts_and_service_returns_by_itself(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "audit").mkdir(parents=True, mode=0o700)
    (home / "trail.yaml").write_text("reserve_mib: 8\n")
    with small_disk(home / "audit", mib=32), running_appliance(tmp_path) as appliance:
        client = appliance.add_client("full", tasks=[TASK])
        assert ask(appliance, client).status_code == 200
        filler = home / "audit" / "filler"
        filler.write_bytes(bytes(26 << 20))
        wait_until(lambda: "disk_reserved" in reasons_of(appliance))

        answer = ask(appliance, client)

        assert (answer.status_code, code_of(answer)) == (503, "disk_reserved")
        assert appliance.readiness()[0] == 503
        filler.unlink()
        wait_until(lambda: appliance.readiness()[0] == 200)
        assert ask(appliance, client).status_code == 200
        verified = appliance.audit("verify")
        assert verified.returncode == 0, verified.stdout


def test_a_cut_trail_is_quarantined_and_refused_and_still_answers_who_asks(appliance: RunningAppliance) -> None:
    client = appliance.add_client("cut", tasks=[TASK])
    answered = ask(appliance, client)
    assert answered.status_code == 200
    cut_last_records(appliance, 2)
    kill(int(appliance.processes()["recorder"]["pid"]))
    wait_until(lambda: "trail_quarantined" in reasons_of(appliance))

    answer = ask(appliance, client)

    assert (answer.status_code, code_of(answer)) == (503, "trail_quarantined")
    with appliance.http(client.key) as http:
        assert http.get(f"/api/v1/exchanges/{answered.headers['appliance-exchange']}").status_code == 200
    assert appliance.audit("verify").returncode == 3
