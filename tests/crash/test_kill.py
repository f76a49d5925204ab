"""Kill -9 of the recorder at random moments under load: no acknowledged record is lost, none is half-written."""

import asyncio
import random
from datetime import UTC, datetime
from pathlib import Path

from audit.errors import AppendError
from audit.record import Receipt
from audit.recorder.client import RecorderClient
from tests.support.trails import RecorderProcess, example_event, new_trail, read_whole

KILLS = 6
"""Each takes a second or so; a night's run may take hundreds."""

CALLERS = 8
"""Calls in flight at once, so that a kill hits batches of several."""


async def test_no_acknowledged_record_is_lost_when_the_recorder_is_killed(tmp_path: Path) -> None:
    new_trail(tmp_path, now=datetime.now(UTC))
    recorder, chance = RecorderProcess(tmp_path), random.Random(20261123)  # noqa: S311 -- moments, not secrets
    acknowledged: dict[int, Receipt] = {}
    for _ in range(KILLS):
        await recorder.start()
        callers = [asyncio.create_task(call_until_lost(recorder.socket, acknowledged)) for _ in range(CALLERS)]
        await asyncio.sleep(chance.uniform(0.05, 0.5))
        await recorder.kill()
        await asyncio.gather(*callers)

    hashes = read_whole(tmp_path).leaf_hashes()
    assert len(acknowledged) > KILLS
    for sequence, receipt in acknowledged.items():
        assert hashes[sequence] == receipt.leaf_hash


async def call_until_lost(socket: Path, acknowledged: dict[int, Receipt]) -> None:
    """Append pairs of events until the recorder is gone, and remember what it acknowledged."""
    client = RecorderClient(socket)
    try:
        while True:
            for receipt in await client.append_all([example_event(), example_event(body=None)]):
                assert receipt.sequence not in acknowledged
                acknowledged[receipt.sequence] = receipt
    except AppendError:
        await client.aclose()
