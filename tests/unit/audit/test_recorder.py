import asyncio
import contextlib
import json
import stat
import struct
from datetime import UTC, datetime
from pathlib import Path

import pytest

from audit.checkpoint import read_checkpoint, read_receipt
from audit.errors import AppendError, FormatError, RecorderUnavailableError
from audit.keyring import Trail
from audit.record import Kind
from audit.recorder.client import RecorderClient
from audit.recorder.server import MAX_CONNECTIONS
from audit.recorder.wire import FrameReader, encode_frame
from tests.support.served import served
from tests.support.trails import (
    ORIGIN,
    Fault,
    RecorderProcess,
    example_event,
    faulty,
    new_trail,
    read_whole,
)

EXCHANGE = example_event().exchange_id


async def test_an_acknowledged_event_is_in_the_trail_with_its_body(tmp_path: Path) -> None:
    async with served(tmp_path) as running:
        receipt = await running.client.append(example_event())

    whole = read_whole(tmp_path)
    assert whole.leaf_hashes()[receipt.sequence] == receipt.leaf_hash
    assert whole.bodies == {1: b"the note of the example patient"}


async def test_a_receipt_is_signed_printable_and_small(tmp_path: Path) -> None:
    async with served(tmp_path) as running:
        receipt = await running.client.append(example_event())

    keys = Trail(folder=tmp_path / "audit").verifier_keys()
    assert read_receipt(receipt.compact, keys) == receipt
    assert receipt.compact.isascii()
    assert receipt.compact.isprintable()
    assert len(receipt.compact) < 1024


async def test_events_of_one_call_stand_together_and_in_order(tmp_path: Path) -> None:
    async with served(tmp_path) as running:
        pair = [example_event(kind=Kind.DECISION, body=None), example_event(kind=Kind.RELEASE, body=b"answer")]
        answers = await asyncio.gather(*(running.client.append_all(pair) for _ in range(20)))

    for first, second in answers:
        assert second.sequence == first.sequence + 1
    assert len(read_whole(tmp_path).leaves) == 41


async def test_a_caller_gets_the_receipts_it_asked_for_and_every_event_is_durable_all_the_same(tmp_path: Path) -> None:
    pair = [example_event(kind=Kind.DECISION, body=None), example_event(kind=Kind.RELEASE, body=b"answer")]
    async with served(tmp_path) as running:
        none = await running.client.append_all(pair, receipts="none")
        last = await running.client.append_all(pair, receipts="last")
        every = await running.client.append_all(pair, receipts="all")
        nothing = await running.client.append_all([], receipts="last")

    hashes = read_whole(tmp_path).leaf_hashes()
    assert none == nothing == []
    assert [(receipt.sequence, receipt.leaf_hash) for receipt in last] == [(4, hashes[4])]
    assert [receipt.sequence for receipt in every] == [5, 6]
    assert len(hashes) == 7


async def test_an_empty_call_records_nothing(tmp_path: Path) -> None:
    async with served(tmp_path) as running:
        assert await running.client.append_all([]) == []


async def test_an_exchange_shows_what_is_readable_and_no_people(tmp_path: Path) -> None:
    async with served(tmp_path) as running:
        await running.client.append(example_event())
        shown = await running.client.exchange(EXCHANGE)
        nothing = await running.client.exchange("ex_unknown")

    assert [record["client"] for record in shown] == ["client_1"]
    assert "ito" not in json.dumps(shown)
    assert "4711" not in json.dumps(shown)
    assert nothing == []


async def test_a_full_receipt_is_under_a_checkpoint_of_this_moment(tmp_path: Path) -> None:
    async with served(tmp_path) as running:
        await running.client.append(example_event())
        receipt = await running.client.receipt(EXCHANGE)
        nothing = await running.client.receipt("ex_unknown")

    assert read_checkpoint(str(receipt["checkpoint"]), Trail(folder=tmp_path / "audit").verifier_keys()).size == 2
    assert len(receipt["records"]) == 1
    assert nothing["records"] == []


async def test_health_says_that_all_is_well(tmp_path: Path) -> None:
    async with served(tmp_path) as running:
        health = await running.client.health()

    assert (health["state"], health["reason"], health["witness"], health["keys"]) == ("open", "", "ok", "ok")
    assert (health["origin"], health["size"]) == (ORIGIN, 1)


async def test_a_failing_disk_is_answered_and_said_and_ends_by_itself(tmp_path: Path) -> None:
    fault = Fault()
    async with served(tmp_path, factory=faulty(fault)) as running:
        fault.point = "COMMIT"
        with pytest.raises(AppendError):
            await running.client.append(example_event())
        failing = await running.client.health()
        fault.point = ""
        while (await running.client.health())["state"] != "open":
            await asyncio.sleep(0.02)
        await running.client.append(example_event())

    assert failing["state"] == "failing"
    assert "check the disk" in str(failing["reason"])
    assert len(read_whole(tmp_path).bodies) == 1


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
async def test_a_fault_of_ours_in_the_writer_leaves_nobody_waiting(tmp_path: Path) -> None:
    def stumble() -> None:
        message = "a fault of ours"
        raise RuntimeError(message)

    fault = Fault(act=stumble)
    async with served(tmp_path, factory=faulty(fault)) as running:
        fault.point = "INSERT INTO record"
        calls = [asyncio.create_task(running.client.append(example_event())) for _ in range(3)]
        results = await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), 10)
        with pytest.raises(AppendError, match="stopping"):
            await running.client.append(example_event())
        with pytest.raises(AppendError, match="stopping"):
            await running.client.exchange(EXCHANGE)

    assert all(isinstance(result, AppendError) for result in results)
    assert running.deaths == ["writer"]


async def test_one_wrong_event_fails_its_own_call_only(tmp_path: Path) -> None:
    async with served(tmp_path) as running:
        wrong = running.client.append(example_event(facts={"count": 2**60}))
        right = running.client.append(example_event())
        results = await asyncio.gather(wrong, right, return_exceptions=True)

    assert isinstance(results[0], AppendError)
    assert len(read_whole(tmp_path).bodies) == 1


async def test_an_event_with_an_overlong_name_is_refused_without_showing_it(tmp_path: Path) -> None:
    async with served(tmp_path) as running:
        with pytest.raises(AppendError, match=r"events.0.user") as caught:
            await running.client.append(example_event(user="x" * 2000))

    assert "xxx" not in str(caught.value)


async def test_the_turn_of_the_month_takes_new_keys_and_forgets_the_old(tmp_path: Path) -> None:
    async with served(tmp_path) as running:
        await running.client.append(example_event())
        running.clock.time_ms = int(datetime(2026, 12, 1, tzinfo=UTC).timestamp() * 1000)
        await running.client.append(example_event())
        await running.client.append(example_event())

    leaves = read_whole(tmp_path).leaves
    assert [leaf.month for leaf in leaves] == ["2026-11", "2026-11", "2026-12", "2026-12"]
    assert leaves[1].user != leaves[2].user
    assert Trail(folder=tmp_path / "audit").prepared_months() == ("2026-12", "2027-01")


async def test_a_clock_set_back_over_the_month_keeps_the_newer_keys(tmp_path: Path) -> None:
    async with served(tmp_path) as running:
        running.clock.time_ms = int(datetime(2026, 12, 1, tzinfo=UTC).timestamp() * 1000)
        await running.client.append(example_event())
        running.clock.time_ms -= 5_000
        await running.client.append(example_event())

    assert [leaf.month for leaf in read_whole(tmp_path).leaves[1:]] == ["2026-12", "2026-12"]


async def test_a_month_without_keys_refuses_and_warns_a_week_before(tmp_path: Path) -> None:
    async with served(tmp_path) as running:
        running.clock.time_ms = int(datetime(2027, 1, 26, tzinfo=UTC).timestamp() * 1000)
        await running.client.append(example_event())
        warned = await running.client.health()
        running.clock.time_ms = int(datetime(2027, 2, 1, tzinfo=UTC).timestamp() * 1000)
        with pytest.raises(AppendError, match="audit keys prepare"):
            await running.client.append(example_event())

    assert "2027-02" in str(warned["keys"])


async def test_the_socket_is_for_this_user_alone(tmp_path: Path) -> None:
    async with served(tmp_path) as running:
        assert stat.S_IMODE(running.socket.stat().st_mode) == 0o600


async def exchange_bytes(socket: Path, data: bytes) -> bytes:
    """Send bytes to the recorder and return what comes back until it closes or pauses."""
    reader, writer = await asyncio.open_unix_connection(socket)
    writer.write(data)
    answer = b""
    # A reset means that it was closed before it read what was sent.
    with contextlib.suppress(ConnectionResetError):
        try:
            while piece := await asyncio.wait_for(reader.read(65536), 0.3):
                answer += piece
        except TimeoutError:
            answer += b"(open)"
    writer.close()
    with contextlib.suppress(ConnectionResetError):
        await writer.wait_closed()
    return answer


@pytest.mark.parametrize(
    "data",
    [
        struct.pack(">II", 2**31, 0),
        struct.pack(">II", 0, 2**31),
        struct.pack(">II", 2, 0) + b"[]",
        struct.pack(">II", 1, 0) + b"{",
        struct.pack(">II", 2, 0) + b"{}",
        encode_frame({"op": "health"}),
    ],
)
async def test_what_is_no_request_ends_its_connection_and_nothing_else(tmp_path: Path, data: bytes) -> None:
    async with served(tmp_path) as running:
        assert await exchange_bytes(running.socket, data) == b""
        assert (await running.client.health())["state"] == "open"


@pytest.mark.parametrize(
    ("header", "bodies"),
    [
        ({"call": 1, "op": "erase"}, b""),
        ({"call": 1, "op": "append", "events": [{"kind": "intent", "body": 5}]}, b"four"),
        ({"call": 1, "op": "append", "events": [{"kind": "intent", "body": 3}]}, b"four"),
        ({"call": 1, "op": "append", "events": [{"kind": "gossip"}]}, b""),
        ({"call": 1, "op": "append", "events": [{"kind": "intent", "facts": {"a": 1.5}}]}, b""),
        ({"call": 1, "op": "append", "events": [{"kind": "intent", "why": 1}]}, b""),
    ],
)
async def test_a_wrong_request_is_answered_and_records_nothing(tmp_path: Path, header: dict, bodies: bytes) -> None:
    async with served(tmp_path) as running:
        answer = await exchange_bytes(running.socket, encode_frame(header, bodies))

    ((head, _),) = FrameReader().feed(answer.removesuffix(b"(open)"))
    assert json.loads(head)["error"] == "format_invalid"
    assert len(read_whole(tmp_path).leaves) == 1


async def test_connections_are_bounded(tmp_path: Path) -> None:
    async with served(tmp_path) as running:
        held = [await asyncio.open_unix_connection(running.socket) for _ in range(MAX_CONNECTIONS)]
        await asyncio.sleep(0.05)

        assert await exchange_bytes(running.socket, encode_frame({"call": 1, "op": "health"})) == b""

        for _, writer in held:
            writer.close()
            await writer.wait_closed()
    assert [line["event"] for line in running.lines.entries] == ["recorder.connection_refused"]


async def test_a_cancelled_call_disturbs_no_other(tmp_path: Path) -> None:
    async with served(tmp_path) as running:
        cancelled = asyncio.create_task(running.client.append(example_event()))
        await asyncio.sleep(0)
        cancelled.cancel()
        await asyncio.gather(cancelled, return_exceptions=True)

        receipts = await asyncio.gather(*(running.client.append(example_event()) for _ in range(5)))

    assert len({receipt.sequence for receipt in receipts}) == 5


async def test_a_recorder_that_is_not_there_is_said_at_once(tmp_path: Path) -> None:
    client = RecorderClient(tmp_path / "recorder.sock")

    for _ in range(2):
        with pytest.raises(RecorderUnavailableError, match="appliance status"):
            await client.append(example_event())
    await client.aclose()


async def test_calls_in_flight_fail_when_the_connection_drops_and_the_next_one_connects_anew(tmp_path: Path) -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(10)
        writer.close()
        await writer.wait_closed()

    socket = tmp_path / "recorder.sock"
    server = await asyncio.start_unix_server(hang_up, socket)
    client = RecorderClient(socket)

    with pytest.raises(RecorderUnavailableError, match="may or may not"):
        await client.append(example_event())

    server.close()
    await server.wait_closed()
    async with served(tmp_path) as running:
        assert running.socket == socket
        assert (await client.health())["state"] == "open"
        await client.aclose()


@pytest.mark.parametrize(
    "answer",
    [
        encode_frame({"call": 1, "result": [{"origin": ORIGIN}]}),
        encode_frame({"call": 1, "result": {}}),
        encode_frame({"call": 1, "error": "append_failed"}),
        encode_frame({"call": 1, "error": "recorder_unavailable", "message": "stopping"}),
        encode_frame({"call": 2, "result": []}) + encode_frame({"call": 1, "error": "x"}),
        struct.pack(">II", 2**31, 0),
    ],
)
async def test_an_answer_that_is_none_raises_our_error(tmp_path: Path, answer: bytes) -> None:
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(answer)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_unix_server(speak, tmp_path / "recorder.sock")
    client = RecorderClient(tmp_path / "recorder.sock")

    with pytest.raises(AppendError):
        await client.append(example_event())

    await client.aclose()
    server.close()
    await server.wait_closed()


def test_a_frame_may_arrive_in_any_pieces() -> None:
    frames = encode_frame({"call": 1}, b"ab", b"c") + encode_frame({"call": 2})
    for step in (1, 3, 7, len(frames)):
        reader, found = FrameReader(), []
        for begin in range(0, len(frames), step):
            found.extend(reader.feed(frames[begin : begin + step]))

        assert found == [(b'{"call":1}', b"abc"), (b'{"call":2}', b"")]


def test_a_frame_that_the_other_end_would_refuse_is_not_sent() -> None:
    with pytest.raises(FormatError):
        encode_frame({"text": "x" * (5 * 1024 * 1024)})


async def test_a_real_recorder_stops_cleanly_and_leaves_everything_signed(tmp_path: Path) -> None:
    trail = new_trail(tmp_path, now=datetime.now(UTC))
    recorder = RecorderProcess(tmp_path)
    await recorder.start()
    client = RecorderClient(recorder.socket)
    await client.append(example_event(body=b"marker-7531"))
    await client.aclose()

    code, log = await recorder.stop()

    events = [json.loads(line)["event"] for line in log.splitlines()]
    assert (code, events) == (0, ["recorder.opened", "recorder.ready", "recorder.stopped"])
    assert "marker-7531" not in log
    assert (tmp_path / "witness" / "checkpoints.log").exists()
    assert b"marker-7531" not in trail.database.read_bytes()
    assert b"4711" not in trail.database.read_bytes()


async def test_a_second_recorder_exits_and_says_why(tmp_path: Path) -> None:
    new_trail(tmp_path, now=datetime.now(UTC))
    first, second = RecorderProcess(tmp_path), RecorderProcess(tmp_path)
    await first.start()
    kept = first.socket.rename(tmp_path / "moved")
    await second.start()

    code, log = await second.stop()

    assert code == 2
    assert "another recorder" in log
    kept.rename(first.socket)
    await first.stop()
