"""What a recorder in a process of its own does when its disk, its clock or its witness fails, and that it recovers.

In each case nothing acknowledged is lost, nothing half-written is shown, the reason is said, and nobody has to start
anything again.
"""

import asyncio
import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from audit.errors import AppendError, DiskReservedError
from audit.record import Event, Kind
from audit.recorder.client import RecorderClient
from tests.support.faults import Action, Call, Effect, Fault
from tests.support.faults.live import LiveDisk, LiveRecorder, wait_for_state
from tests.support.small_disk import small_disk
from tests.support.trails import example_event, new_trail
from tests.support.whole_trail import check_whole

FAILURES = {
    "disk full": (Fault(action=Action.ERROR, error=errno.ENOSPC, suffix="trail.db-journal"), "disk is full"),
    "disk full, half way": (Fault(action=Action.ERROR, error=errno.ENOSPC, suffix="trail.db"), "disk is full"),
    "read-only file system": (Fault(action=Action.ERROR, error=errno.EROFS), "trail.db"),
    "I/O error": (Fault(action=Action.ERROR, error=errno.EIO, calls=Call.WRITE), "SQLITE_IOERR"),
    "I/O error, bytes kept": (
        Fault(action=Action.ERROR, error=errno.EIO, calls=Call.WRITE, effect=Effect.KEPT), "SQLITE_IOERR"
    ),
    "a sync fails": (Fault(action=Action.ERROR, error=errno.EIO, calls=Call.SYNC), "SQLITE_IOERR"),
    "a sync fails and takes back what was written": (
        Fault(action=Action.ERROR, error=errno.EIO, calls=Call.SYNC, effect=Effect.REVERTED), "SQLITE_IOERR"
    ),
}  # fmt: skip
"""What the disk does, and words of the reason that the health gives."""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[LiveDisk]:
    home = tmp_path / "home"
    new_trail(home, now=datetime.now(UTC))
    with LiveDisk(home) as made:
        yield made


@contextmanager
def connected(recorder: LiveRecorder) -> Iterator[RecorderClient]:
    yield RecorderClient(recorder.socket)


@pytest.mark.parametrize("failure", FAILURES)
async def test_a_disk_that_fails_is_said_and_the_recorder_recovers_by_itself(disk: LiveDisk, failure: str) -> None:
    fault, words = FAILURES[failure]
    with disk.recorder() as recorder, connected(recorder) as client:
        acknowledged = [await client.append(example_event())]
        disk.fail(fault)
        with pytest.raises(AppendError):
            await client.append_all([example_event(), example_event(body=None)])
        failing = await wait_for_state(client, "failing")
        assert words in str(failing["reason"])

        disk.heal()
        await wait_for_state(client, "open")

        acknowledged.append(await client.append(example_event()))
        await client.aclose()
    check_whole(disk.home, acknowledged)


async def test_callers_are_answered_while_the_disk_fails_and_none_waits_for_it(disk: LiveDisk) -> None:
    with disk.recorder() as recorder, connected(recorder) as client:
        disk.fail(Fault(action=Action.ERROR, error=errno.EIO))

        calls = [client.append(example_event()) for _ in range(50)]
        answers = await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), 20)

        assert all(isinstance(answer, AppendError) for answer in answers)
        disk.heal()
        await wait_for_state(client, "open")
        await client.aclose()
    check_whole(disk.home, [])


async def test_a_witness_that_is_down_is_said_and_delays_nobody(disk: LiveDisk) -> None:
    with disk.recorder() as recorder, connected(recorder) as client:
        acknowledged = [await client.append(example_event())]
        disk.fail(Fault(action=Action.ERROR, error=errno.EIO, suffix="checkpoints.log"))

        acknowledged.append(await client.append(example_event()))
        health = await _until_witness(client, is_ok=False)

        assert (health["state"], health["reason"]) == ("open", "")
        assert "witness" in str(health["witness"])
        acknowledged.append(await client.append(example_event()))
        disk.heal()
        await _until_witness(client, is_ok=True)
        await client.aclose()
    check_whole(disk.home, acknowledged)


async def _until_witness(client: RecorderClient, *, is_ok: bool) -> dict[str, object]:
    async with asyncio.timeout(40):
        while ((health := await client.health())["witness"] == "ok") is not is_ok:
            await client.append(example_event())
            await asyncio.sleep(0.2)
    return health


@pytest.mark.parametrize("hours", [-2, -48, 2])
async def test_a_clock_that_is_set_leaves_a_trail_in_order_and_says_by_how_much(disk: LiveDisk, hours: int) -> None:
    with disk.recorder() as recorder, connected(recorder) as client:
        acknowledged = [await client.append(example_event())]
        disk.turn_clock(hours * 3600)
        acknowledged.append(await client.append(example_event()))
        disk.turn_clock(0)
        acknowledged.append(await client.append(example_event()))
        await client.aclose()

    first, second, third = (leaf for leaf in check_whole(disk.home, acknowledged) if leaf.kind is Kind.INTENT)
    assert first.time_ms <= second.time_ms <= third.time_ms
    behind = second if hours < 0 else third
    assert behind.skew_ms == pytest.approx(abs(hours) * 3_600_000, abs=60_000)


async def test_a_clock_set_months_ahead_is_refused_with_the_remedy_and_forgotten(disk: LiveDisk) -> None:
    with disk.recorder() as recorder, connected(recorder) as client:
        acknowledged = [await client.append(example_event())]
        disk.turn_clock(400 * 24 * 3600)
        with pytest.raises(AppendError, match="audit keys"):
            await client.append(example_event())

        disk.turn_clock(0)

        acknowledged.append(await client.append(example_event()))
        await client.aclose()
    check_whole(disk.home, acknowledged)


async def test_a_second_recorder_does_not_start_and_the_first_goes_on(disk: LiveDisk) -> None:
    with disk.recorder() as recorder, connected(recorder) as client:
        acknowledged = [await client.append(example_event())]

        second = LiveRecorder(disk)
        second.socket = disk.home / "other.sock"
        process = second.launch()

        assert process.wait(60) == 2
        assert "another recorder already writes" in recorder.log.read_text()
        acknowledged.append(await client.append(example_event()))
        await client.aclose()
    check_whole(disk.home, acknowledged)


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root; the shim's full disk runs everywhere")
async def test_a_real_disk_that_runs_full_first_refuses_what_begins_and_then_says_that_it_is_full(
    tmp_path: Path,
) -> None:
    home = tmp_path / "home"
    new_trail(home, now=datetime.now(UTC))
    (home / "trail.yaml").write_text("reserve_mib: 4\n")
    outcome = Event(kind=Kind.OUTCOME, exchange_id="ex_" + "0" * 32, outcome="answered")
    with small_disk(home / "audit", mib=12), LiveDisk(home) as disk:
        filler = home / "audit" / "filler"
        with disk.recorder() as recorder, connected(recorder) as client:
            acknowledged = [await client.append(example_event())]
            filler.write_bytes(bytes(9 << 20))
            reserved = await wait_for_state(client, "reserved")
            assert "keeps 4 MiB" in str(reserved["reason"])
            with pytest.raises(DiskReservedError):
                await client.append(example_event())
            acknowledged.append(await client.append(outcome))

            with filler.open("ab") as file, pytest.raises(OSError, match="No space"):
                file.write(bytes(9 << 20))
            with pytest.raises(AppendError):
                await client.append_all([outcome] * 500)
            failing = await wait_for_state(client, "failing")
            assert "disk is full" in str(failing["reason"])

            filler.unlink()
            await wait_for_state(client, "open")
            acknowledged.append(await client.append(example_event()))
            await client.aclose()
        check_whole(home, acknowledged)
