"""A broker on a real Unix socket that says what a test wrote for it, whatever order that is.

async with scripted_broker(folder, HEAR, ready(), HEAR, piece("Draft."), end()) as broker:
    parts = await told(broker.client)
    broker.heard          # the frames that the gateway sent
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from appliance.escalation.client import BrokerClient
from appliance.escalation.wire import Answer, Failed, Finished, Frame, FrameError, Piece, Ready, read_frame, to_frame
from tests.support.departures import FACTS, MODEL

HEAR = "hear"
"""Wait for a frame of the gateway."""

HANG = "hang"
"""Say nothing more and keep the connection."""

Step = str | bytes | Answer | Callable[[], Awaitable[None]]
"""HEAR, HANG, bytes as they are, a message, or something to do; after the last step the broker closes."""


@dataclass
class ScriptedBroker:
    """The broker and what it saw."""

    client: BrokerClient
    heard: list[Frame] = field(default_factory=list)
    hung_up: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the gateway has closed the connection before the broker did."""

    async def speak(self, steps: tuple[Step, ...], reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Play the script to one connection."""
        try:
            for step in steps:
                await self._do(step, reader, writer)
        except (OSError, FrameError, EOFError):
            self.hung_up.set()
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _do(self, step: Step, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if step == HEAR:
            frame = await read_frame(reader)
            if frame is None:
                raise EOFError
            self.heard.append(frame)
        elif step == HANG:
            await reader.read()
            raise EOFError
        elif callable(step):
            await step()
        else:
            writer.write(step if isinstance(step, bytes) else to_frame(step))  # type: ignore[arg-type]
            await writer.drain()


@asynccontextmanager
async def scripted_broker(
    folder: Path, *steps: Step, timeout_s: float = 0.5, check_timeout_s: float = 0.5
) -> AsyncIterator[ScriptedBroker]:
    """Run a broker that plays the script to each connection."""
    path = folder / "broker.sock"
    broker = ScriptedBroker(BrokerClient(path, timeout_s=timeout_s, check_timeout_s=check_timeout_s, grace_s=0.1))
    peers: list[asyncio.Task[None]] = []

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peers.append(asyncio.ensure_future(broker.speak(steps, reader, writer)))

    async with await asyncio.start_unix_server(accept, str(path)):
        yield broker
        for peer in peers:
            peer.cancel()
        await asyncio.gather(*peers, return_exceptions=True)


def ready(**changes: Any) -> Ready:
    """Return what a broker says when everything holds."""
    return Ready(**{"call": 1, "model": MODEL, "facts": FACTS, **changes})


def piece(text: str, **changes: Any) -> bytes:
    """Return the frame of a piece of an answer."""
    return to_frame(Piece(**{"call": 1, **changes}), text.encode())


def end(**changes: Any) -> Finished:
    """Return the end of an answer."""
    return Finished(**{"call": 1, "finish_reason": "stop", "prompt_tokens": 20, "completion_tokens": 8, **changes})


def failure(**changes: Any) -> Failed:
    """Return what a broker says when no whole answer came."""
    return Failed(**{"call": 1, "fault": "unavailable", "reason": "The provider cannot be reached.", **changes})
