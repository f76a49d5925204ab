"""What a recorder on PostgreSQL does when the server goes, comes back, or is killed, and when two recorders meet.

In each case nothing acknowledged is lost, the reason is said, and nobody has to start the recorder again.
"""

import asyncio
import shutil
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from audit.errors import AppendError
from audit.record import Receipt
from audit.recorder.client import RecorderClient
from tests.support.faults.live import LiveDisk, LiveRecorder, wait_for_state
from tests.support.postgres import READER, RECORDER, PostgresServer, postgres_server
from tests.support.trails import example_event, new_trail
from tests.support.whole_trail import check_whole

CALLERS = 6
"""Calls in flight at once, so that a kill hits batches of several."""

GONE_S = 3.0
"""How long the server is away: several of the recorder's attempts; a minute is no other."""


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """Return a server that these tests may stop and kill."""
    with postgres_server() as running:
        yield running


@pytest.fixture
def disk(server: PostgresServer, tmp_path: Path) -> Iterator[LiveDisk]:
    database = server.database()
    home = tmp_path / "home"
    new_trail(home, now=datetime.now(UTC))
    (home / "trail.yaml").write_text(f"database: {database.text(RECORDER)}\nreaders: {database.text(READER)}\n")
    with LiveDisk(home) as made:
        yield made


async def test_a_database_that_is_gone_for_a_while_is_said_and_found_again(
    disk: LiveDisk, server: PostgresServer
) -> None:
    with disk.recorder() as recorder:
        client = RecorderClient(recorder.socket)
        acknowledged = [await client.append(example_event())]
        server.stop()
        try:
            with pytest.raises(AppendError):
                await client.append(example_event())
            failing = await wait_for_state(client, "failing")
            assert "server" in str(failing["reason"])
            await asyncio.sleep(GONE_S)
        finally:
            server.start()

        await wait_for_state(client, "open", within_s=60)

        acknowledged.append(await client.append(example_event()))
        await client.aclose()
    check_whole(disk.home, acknowledged)


async def test_no_acknowledged_record_is_lost_when_the_server_is_killed(disk: LiveDisk, server: PostgresServer) -> None:
    acknowledged: dict[int, Receipt] = {}
    with disk.recorder() as recorder:
        for _ in range(2):
            callers = [asyncio.create_task(call_until_lost(recorder, acknowledged)) for _ in range(CALLERS)]
            await asyncio.sleep(0.5)
            server.kill()
            await asyncio.gather(*callers)
            server.start()
            client = RecorderClient(recorder.socket)
            await wait_for_state(client, "open", within_s=60)
            await client.aclose()

    assert acknowledged
    check_whole(disk.home, acknowledged.values())


async def test_no_acknowledged_record_is_lost_when_the_recorder_is_killed(disk: LiveDisk) -> None:
    acknowledged: dict[int, Receipt] = {}
    recorder = LiveRecorder(disk)
    for _ in range(3):
        recorder.start()
        callers = [asyncio.create_task(call_until_lost(recorder, acknowledged)) for _ in range(CALLERS)]
        await asyncio.sleep(0.5)
        recorder.kill()
        await asyncio.gather(*callers)
    recorder.start()
    recorder.stop()

    assert acknowledged
    check_whole(disk.home, acknowledged.values())


async def call_until_lost(recorder: LiveRecorder, acknowledged: dict[int, Receipt]) -> None:
    """Append pairs of events until that fails, and remember what was acknowledged."""
    client = RecorderClient(recorder.socket)
    with suppress(AppendError):
        while True:
            for receipt in await client.append_all([example_event(), example_event(body=None)]):
                assert receipt.sequence not in acknowledged
                acknowledged[receipt.sequence] = receipt
    await client.aclose()


async def test_a_second_recorder_of_another_machine_does_not_start_and_the_first_goes_on(
    disk: LiveDisk, tmp_path: Path
) -> None:
    with disk.recorder() as recorder:
        client = RecorderClient(recorder.socket)
        acknowledged = [await client.append(example_event())]
        elsewhere = tmp_path / "elsewhere"
        shutil.copytree(disk.home, elsewhere, ignore=shutil.ignore_patterns("run", "*.log"))
        with LiveDisk(elsewhere) as other_disk:
            other = LiveRecorder(other_disk)

            assert other.launch().wait(60) == 2

        assert "another recorder already writes" in other.log.read_text()
        acknowledged.append(await client.append(example_event()))
        await client.aclose()
    check_whole(disk.home, acknowledged)
