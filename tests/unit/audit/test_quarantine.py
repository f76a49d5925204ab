"""What a recorder does when a witness contradicts its trail, at the reserve of its disk, and with its head."""

import asyncio
import json
import shutil
from contextlib import closing
from pathlib import Path
from sqlite3 import connect

import pytest

from audit.checkpoint import read_checkpoint, verify_consistency
from audit.errors import (
    AppendError,
    ConsistencyError,
    DiskReservedError,
    QuarantinedError,
    StoreError,
    WitnessError,
)
from audit.keyring import Trail, VerifierKey
from audit.log import Log, stored_prover
from audit.log.reserve import MIB, Reserve
from audit.record import Kind
from audit.recorder.__main__ import main
from audit.recorder.client import RecorderClient
from audit.store.address import sqlite_address
from audit.witness import Publisher
from tests.support.served import served
from tests.support.trails import Fault, TurnedClock, example_event, faulty, new_trail, open_writer
from tests.support.witnesses import MemoryWitness

EXCHANGE = example_event().exchange_id


async def test_a_witness_that_contradicts_makes_a_running_recorder_read_only_and_reads_go_on(tmp_path: Path) -> None:
    witness = MemoryWitness(name="second")
    async with served(tmp_path, publisher=Publisher([witness])) as running:
        await running.client.append(example_event())
        witness.error = ConsistencyError("the witness second remembers another tree")
        await until_state(running.client, "quarantined")

        with pytest.raises(QuarantinedError, match="the witness second remembers another tree"):
            await running.client.append(example_event())
        health = await running.client.health()
        shown = await running.client.exchange(EXCHANGE)

    assert health["reason"] == "the witness second remembers another tree"
    assert health["size"] == 2
    assert [record["sequence"] for record in shown] == [1]


async def test_the_newest_checkpoint_is_told_with_what_a_witness_has_cosigned(tmp_path: Path) -> None:
    witness = MemoryWitness(cosigned="hospital.example/a1\n1\nroot\n\nlines\n")
    async with served(tmp_path, publisher=Publisher([witness, MemoryWitness()])) as running:
        await running.client.append(example_event())
        await running.client.receipt(EXCHANGE)
        told = await running.client.checkpoint()

    assert read_checkpoint(str(told["note"]), new_keys(tmp_path)).size == told["size"] == 2
    assert told["cosigned_note"] == witness.cosigned


async def test_a_head_is_signed_for_who_asks_before_the_first_was_due(tmp_path: Path) -> None:
    async with served(tmp_path) as running:
        told = await running.client.checkpoint()

    assert (told["size"], told["cosigned_note"]) == (1, "")


async def test_a_lost_witness_is_named_in_health_and_stops_nothing(tmp_path: Path) -> None:
    witness = MemoryWitness(name="second")
    async with served(tmp_path, publisher=Publisher([witness])) as running:
        witness.error = WitnessError("the witness second is away")
        await running.client.append(example_event())
        async with asyncio.timeout(10):
            while (health := await running.client.health())["witness"] == "ok":
                await asyncio.sleep(0.02)

    assert (health["state"], health["witness"]) == ("open", "the witness second is away")
    (row,) = health["witnesses"]  # type: ignore[misc]  # a list of one
    assert (row["name"], row["state"]) == ("second", "witness_unreachable")


async def test_a_disk_down_to_its_reserve_refuses_what_begins_and_takes_what_ends(tmp_path: Path) -> None:
    free = [10_000 * MIB]
    reserve = Reserve(tmp_path, reserve_mib=100, read=lambda _: free[0])
    async with served(tmp_path, reserve=reserve) as running:
        await running.client.append(example_event())
        free[0] = 50 * MIB
        await until_state(running.client, "reserved")

        with pytest.raises(DiskReservedError, match="50 MiB left"):
            await running.client.append(example_event())
        await running.client.append(example_event(kind=Kind.OUTCOME, body=None))
        health = await running.client.health()
        free[0] = 10_000 * MIB
        await until_state(running.client, "open")
        await running.client.append(example_event())

    assert (health["state"], health["disk_free_mib"]) == ("reserved", 50)
    assert "free space" in str(health["reason"])


def test_a_quarantined_trail_is_read_as_it_is_and_never_signed_or_written(tmp_path: Path) -> None:
    trail, clock = new_trail(tmp_path), TurnedClock()
    writer = open_writer(trail, clock)
    writer.add(example_event())
    writer.log.close()
    before = trail.database.read_bytes()

    log = Log.open_quarantined(trail, clocks=clock.clocks(), reason="a person must look")

    with pytest.raises(QuarantinedError, match="a person must look"):
        log.ensure_open()
    with pytest.raises(QuarantinedError):
        log.append([writer.submission(example_event())])
    for act in (log.sign_head, log.keep_signed):
        clock.turn(100)
        with pytest.raises(QuarantinedError):
            act()
    log.ensure_readable()
    assert (log.size, len(log.exchange(EXCHANGE))) == (2, 1)
    receipt = log.receipt(EXCHANGE)
    assert len(receipt["records"]) == 1  # type: ignore[arg-type]  # a list
    assert log.checkpoint()["note"] == receipt["checkpoint"]
    log.close()
    assert trail.database.read_bytes() == before


def test_a_quarantined_trail_without_a_checkpoint_gives_no_receipt(tmp_path: Path) -> None:
    trail, clock = new_trail(tmp_path), TurnedClock()
    writer = open_writer(trail, clock)
    writer.add(example_event())
    writer.log.close()
    with closing(connect(trail.database)) as connection:
        for (trigger,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {trigger}")
        connection.execute("DELETE FROM checkpoint")
        connection.commit()

    log = Log.open_quarantined(trail, clocks=clock.clocks(), reason="a person must look")

    with pytest.raises(QuarantinedError, match="a person must look"):
        log.receipt(EXCHANGE)
    log.close()


def test_a_quarantined_trail_that_cannot_even_be_read_is_refused(tmp_path: Path) -> None:
    trail, clock = new_trail(tmp_path), TurnedClock()
    trail.database.write_bytes(b"no database" * 1000)

    with pytest.raises(StoreError):
        Log.open_quarantined(trail, clocks=clock.clocks(), reason="x")
    open_after = new_trail(tmp_path / "other")
    open_writer(open_after, clock).log.close()


def test_a_database_put_back_under_a_running_recorder_is_found_at_the_reopening(tmp_path: Path) -> None:
    trail, clock, fault = new_trail(tmp_path), TurnedClock(), Fault()
    writer = open_writer(trail, clock, factory=faulty(fault), publisher=Publisher([MemoryWitness()]))
    writer.add(example_event())
    shutil.copy(trail.database, tmp_path / "old")
    clock.turn(2)
    writer.add(example_event())
    fault.point = "COMMIT"
    with pytest.raises(AppendError):
        writer.add(example_event())
    fault.point = ""

    shutil.copy(tmp_path / "old", trail.database)

    with pytest.raises(QuarantinedError, match="the 3 records that were signed before the write failed"):
        writer.log.ensure_open()
    assert writer.log.quarantine
    writer.log.ensure_readable()
    assert writer.log.size == 2
    writer.log.close()


def test_no_witness_no_start(tmp_path: Path) -> None:
    trail, clock = new_trail(tmp_path), TurnedClock()
    away = Publisher([MemoryWitness(error=WitnessError("the witness memory is away"))])

    with pytest.raises(StoreError, match="the witness memory is away"):
        Log.open(trail, clocks=clock.clocks(), publisher=away)

    open_writer(trail, clock).log.close()


def test_witnesses_get_each_checkpoint_and_the_database_keeps_one_an_hour(tmp_path: Path) -> None:
    trail, clock, witness = new_trail(tmp_path), TurnedClock(), MemoryWitness()
    writer = open_writer(trail, clock, publisher=Publisher([witness]))
    assert writer.log.publisher.flush(10)
    for _ in range(61):
        clock.turn(60)
        writer.add(example_event(body=None))
        assert writer.log.publisher.flush(10)

    assert len(witness.notes) == 62
    assert stored_sizes(trail.database) == [1, 61]
    clock.turn(1)
    writer.add(example_event(body=None))
    writer.log.close()
    assert stored_sizes(trail.database) == [1, 61, 63]
    assert read_checkpoint(witness.notes[-1], trail.verifier_keys()).size == 63
    assert witness.closed


def stored_sizes(database: Path) -> list[int]:
    with closing(connect(database)) as connection:
        return [row[0] for row in connection.execute("SELECT size FROM checkpoint ORDER BY size")]


def new_keys(folder: Path) -> tuple[VerifierKey, ...]:
    return Trail(folder=folder / "audit").verifier_keys()


async def until_state(client: RecorderClient, state: str) -> None:
    async with asyncio.timeout(10):
        while (await client.health())["state"] != state:
            await asyncio.sleep(0.02)


def test_a_quarantined_trail_whose_records_are_gone_is_refused(tmp_path: Path) -> None:
    trail, clock = new_trail(tmp_path), TurnedClock()
    open_writer(trail, clock).log.close()
    with closing(connect(trail.database)) as connection:
        connection.execute("DROP TABLE record")

    with pytest.raises(StoreError):
        Log.open_quarantined(trail, clocks=clock.clocks(), reason="x")


def test_the_stored_tree_proves_that_it_has_only_grown(tmp_path: Path) -> None:
    trail, clock = new_trail(tmp_path), TurnedClock()
    writer = open_writer(trail, clock)
    notes = []
    for _ in range(6):
        writer.add(example_event(body=None))
        notes.append(read_checkpoint(writer.log.sign_head(), trail.verifier_keys()))
    prove = stored_prover(sqlite_address(trail.database))

    for older in notes:
        for newer in notes[notes.index(older) :]:
            verify_consistency(prove(older.size, newer.size), older, newer)
    assert prove(0, 5) == ()
    writer.log.close()


def test_settings_or_keys_that_are_wrong_are_said_and_nothing_is_started(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    new_trail(tmp_path)
    (tmp_path / "trail.yaml").write_text("witnesses: []\n")
    settings = main(["--home", str(tmp_path)])
    (tmp_path / "trail.yaml").write_text("witnesses: [{kind: syslog, host: h, ca: /none}]\n")
    ca = main(["--home", str(tmp_path)])
    keys = main(["--home", str(tmp_path / "other")])

    reasons = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    assert (settings, ca, keys) == (2, 2, 2)
    assert [reason["code"] for reason in reasons] == ["settings_invalid", "settings_invalid", "store_unusable"]
    assert "witnesses" in reasons[0]["reason"]
    assert "/none holds no CA certificate" in reasons[1]["reason"]
