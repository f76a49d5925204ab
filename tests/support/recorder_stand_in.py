"""A recorder's socket with somebody behind it who answers as a test says, for faults that a real one never shows."""

import asyncio
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from audit.recorder.wire import FrameReader, decode_header, encode_frame

Answers = Mapping[str, Mapping[str, object]]
"""By operation: the members of the answer beside its call."""


@contextmanager
def recorder_that_refuses(home: Path) -> Iterator[None]:
    """Refuse every record, as a quarantined trail does."""
    with recorder_that_answers(home, {"append": {"error": "trail_quarantined", "message": "read-only"}}):
        yield


@contextmanager
def recorder_that_answers(home: Path, answers: Answers) -> Iterator[None]:
    """Answer each operation in one way, from a thread of its own, on the socket of a home."""
    loop, ready, stopped = asyncio.new_event_loop(), threading.Event(), asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        frames = FrameReader()
        while data := await reader.read(65536):
            for head, _ in frames.feed(data):
                request = decode_header(head)
                writer.write(encode_frame({"call": request["call"], **answers[str(request["op"])]}))
        writer.close()

    async def run() -> None:
        (home / "run").mkdir(exist_ok=True)
        server = await asyncio.start_unix_server(serve, home / "run" / "recorder.sock")
        ready.set()
        async with server:
            await stopped.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(run(),))
    thread.start()
    assert ready.wait(10)
    try:
        yield
    finally:
        loop.call_soon_threadsafe(stopped.set)
        thread.join()
        loop.close()
