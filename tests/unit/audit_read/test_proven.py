"""The proof of an act is made of what a recorder says is durable and signed, and of nothing else."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from audit.checkpoint import sign_checkpoint
from audit.cli.proven import record_and_prove
from audit.errors import AppendError
from audit.merkle import EMPTY_ROOT
from audit.places import find_places, verifier_keys_in
from audit.record import Event, Kind
from audit.recorder.wire import FrameReader, decode_header, encode_frame
from tests.support.trails import new_trail


@contextmanager
def _recorder_that_signs_late(home: Path, note: str) -> Iterator[None]:
    """Answer as a recorder does, but with a checkpoint that does not hold the new record."""
    receipt = {"origin": "hospital.example/a1", "sequence": 4, "leaf_hash": "00" * 32, "compact": "audit1.x.y"}
    answers = {"append": [receipt], "receipt": {"checkpoint": note}}

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        frames = FrameReader()
        while data := await reader.read(65536):
            for head, _ in frames.feed(data):
                request = decode_header(head)
                writer.write(encode_frame({"call": request["call"], "result": answers[str(request["op"])]}))
        writer.close()

    loop, ready = asyncio.new_event_loop(), threading.Event()

    async def run() -> None:
        (home / "run").mkdir()
        server = await asyncio.start_unix_server(serve, home / "run" / "recorder.sock")
        ready.set()
        async with server:
            await stopped.wait()

    stopped = asyncio.Event()
    thread = threading.Thread(target=loop.run_until_complete, args=(run(),))
    thread.start()
    assert ready.wait(10)
    try:
        yield
    finally:
        loop.call_soon_threadsafe(stopped.set)
        thread.join()
        loop.close()


def test_a_checkpoint_without_the_record_proves_nothing(tmp_path: Path) -> None:
    trail = new_trail(tmp_path)
    note = sign_checkpoint(trail.signing_key(), size=0, root=EMPTY_ROOT, time_s=1_795_000_000)

    with (
        _recorder_that_signs_late(tmp_path, note),
        pytest.raises(AppendError, match="signed no checkpoint over the record"),
    ):
        record_and_prove(find_places(tmp_path), Event(kind=Kind.OPERATION, code="register_approved"))


def test_whoever_checks_receipts_gets_the_trails_public_keys(tmp_path: Path) -> None:
    trail = new_trail(tmp_path)

    assert verifier_keys_in(tmp_path / "audit") == trail.verifier_keys()
