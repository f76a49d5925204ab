import asyncio
import ssl
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from appliance.api import protocol
from appliance.api.protocol import HardenedProtocol, bounded, make_protocol
from appliance.config import Limits


class Wire(asyncio.Transport):
    """A connection that remembers what became of it."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.ended = ""

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Say that it is encrypted."""
        return ssl.create_default_context() if name == "sslcontext" else default

    def write(self, data: Any) -> None:
        """Keep what is sent."""
        self.written += bytes(data)

    def close(self) -> None:
        """End in order."""
        self.ended = self.ended or "closed"

    def abort(self) -> None:
        """End at once."""
        self.ended = "aborted"

    def is_closing(self) -> bool:
        """Say whether it has ended."""
        return bool(self.ended)

    def pause_reading(self) -> None:
        """Do nothing."""

    def resume_reading(self) -> None:
        """Do nothing."""


async def answer_at_once(_scope: Any, _receive: Any, send: Any) -> None:
    """Answer without reading the body."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


async def never_answer(_scope: Any, receive: Any, _send: Any) -> None:
    """Wait for the caller to go."""
    while (await receive())["type"] != "http.disconnect":
        pass


def connect(app: Any, **limits: float) -> tuple[HardenedProtocol, Wire]:
    """Return one new connection."""
    config = uvicorn.Config(app, ws="none", lifespan="off", interface="asgi3", log_config=None, proxy_headers=False)
    config.load()
    made, wire = make_protocol(bounded(Limits(**limits)), config, ServerState()), Wire()
    made.connection_made(wire)
    return made, wire


async def test_a_caller_that_does_not_read_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "STALL_S", 0.05)
    made, wire = connect(never_answer)

    made.pause_writing()
    made.pause_writing()
    await asyncio.sleep(0.1)

    assert wire.ended == "aborted"
    made.connection_lost(None)


async def test_a_caller_that_reads_again_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "STALL_S", 0.05)
    made, wire = connect(never_answer)

    made.pause_writing()
    made.resume_writing()
    await asyncio.sleep(0.1)

    assert wire.ended == ""
    made.connection_lost(None)


async def test_what_follows_an_answer_is_dropped_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "MAX_DROPPED_BYTES", 1000)
    made, wire = connect(answer_at_once)

    made.data_received(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n")
    await asyncio.sleep(0.01)
    made.data_received(b"a" * 900)
    first = wire.ended
    made.data_received(b"a" * 900)

    assert wire.written.startswith(b"HTTP/1.1 200")
    assert (first, wire.ended) == ("", "aborted")
    made.data_received(b"a")
    made.connection_lost(None)


async def test_a_body_that_never_ends_is_cut_when_nobody_waits_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "BODY_GRACE_S", 0.05)
    made, wire = connect(answer_at_once, body_timeout_s=0.05)

    made.data_received(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\na")
    await asyncio.sleep(0.3)

    assert wire.ended == "aborted"
    made.connection_lost(None)


async def test_a_refusal_is_never_mixed_into_an_answer_that_is_on_its_way() -> None:
    made, wire = connect(never_answer)

    made.data_received(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    made.data_received(b"\x00\x01nonsense\r\n\r\n")

    assert (wire.written, wire.ended) == (b"", "aborted")
    made.connection_lost(None)
    await asyncio.sleep(0.01)


async def test_a_connection_serves_many_requests_with_one_clock() -> None:
    made, wire = connect(answer_at_once, body_timeout_s=0.1)

    for _ in range(3):
        made.data_received(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await asyncio.sleep(0.08)

    assert wire.written.count(b"HTTP/1.1 200") == 3
    assert wire.ended == ""
    made.connection_lost(None)
    await asyncio.sleep(0.01)
