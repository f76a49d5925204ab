"""Answers the gateway on `broker.sock`: who am I, and may this leave.

Only processes of the allowed users are heard (SO_PEERCRED), the socket's mode is 0600 or at a site 0660 for the
broker's group, which the gateway is in.  Connections and waiting are bounded, and anything that is no request of
`escalation.wire` ends its connection.  A disclosure is held by a `Conversation` and is the last thing on its
connection.  The log has constant events, and never a header or a body.  A policy reload that fails keeps the bundle
before it and says so.
"""

import asyncio
import os
import socket
import struct
from collections.abc import AsyncIterator
from collections.abc import Set as AbstractSet
from contextlib import asynccontextmanager
from pathlib import Path

import structlog

from appliance.broker.condition import hello
from appliance.broker.conversation import Conversation
from appliance.broker.line import PATIENCE, Line, Patience, PeerGoneError
from appliance.broker.office import Office
from appliance.errors import PolicyInvalidError
from appliance.escalation.wire import DiscloseRequest, FrameError, HelloRequest, read_frame, to_frame, to_request

MAX_CONNECTIONS = 64
"""Eight times the gateway's default concurrency; above it a newcomer is closed at once."""

IDLE_S = 10.0
"""A peer on the same machine that says nothing for ten seconds is stuck."""

CLOSE_S = 1.0
"""The last answer is in the socket's buffer by then, or its peer hangs."""

PRIVATE, FOR_GROUP = 0o600, 0o660
"""Modes of the socket: the broker's user alone, or its group too, at a site."""

_PEER = struct.Struct("3i")
"""``struct ucred``: process, user and group id (unix(7), SO_PEERCRED)."""

_log = structlog.get_logger("broker")


class Broker:
    """Serve one office on one socket; owned by `__main__`, used on one event loop."""

    def __init__(
        self, office: Office, *, peers: AbstractSet[int], idle_s: float = IDLE_S, patience: Patience = PATIENCE
    ) -> None:
        """Take the parts of the broker, the user ids that may speak to it, and how long one is waited for."""
        self._office = office
        self._peers = peers
        self._idle_s = idle_s
        self._patience = patience
        self._connections: set[asyncio.Task[None]] = set()
        self._closing: set[asyncio.Task[None]] = set()
        """Connections to providers that are being closed because the register changed."""

    @asynccontextmanager
    async def listening(self, path: Path, *, mode: int = PRIVATE) -> AsyncIterator[None]:
        """Listen on `path`, made with this mode; an old socket file there is removed first."""
        server = await asyncio.start_unix_server(self._accept, sock=_bind(path, mode))
        try:
            yield
        finally:
            server.close()
            await self._hang_up()

    def reload(self) -> None:
        """Read the bundle again; a bad one is logged and the one before it stays in force."""
        policy = self._office.policy
        try:
            bundle = policy.reload(self._office.moments().latest)
        except PolicyInvalidError as error:
            _log.error("policy_reload_refused", reason=error.public)
            return
        _log.info("policy_reloaded", policy_digest=bundle.digest)
        closing = asyncio.get_running_loop().create_task(self._office.adapters.keep(bundle.providers))
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)
        # Also for a task that was cancelled before it began.
        task.add_done_callback(lambda _: writer.close())

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if self._is_welcome(writer):
                await self._converse(reader, writer)
        except (FrameError, PeerGoneError, OSError, TimeoutError) as error:
            _log.warning("connection_ended", reason=type(error).__name__)
        finally:
            await _close(writer)

    def _is_welcome(self, writer: asyncio.StreamWriter) -> bool:
        if len(self._connections) > MAX_CONNECTIONS:
            _log.warning("connection_refused", reason="too_many_connections")
            return False
        peer: socket.socket = writer.get_extra_info("socket")
        _, user, _ = _PEER.unpack(peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size))
        if user not in self._peers:
            _log.warning("connection_refused", reason="foreign_user", user=user)
            return False
        return True

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            async with asyncio.timeout(self._idle_s):
                frame = await read_frame(reader)
            if frame is None:
                return
            request = to_request(frame.header)
            if isinstance(request, DiscloseRequest):
                line = Line(reader, writer, patience=self._patience)
                await Conversation(self._office, line, request, frame.body).hold()
                return
            if not isinstance(request, HelloRequest):
                raise FrameError("the peer answered a question that was not asked")
            async with asyncio.timeout(self._idle_s):
                writer.write(to_frame(hello(self._office, call=request.call)))
                await writer.drain()

    async def _hang_up(self) -> None:
        tasks = tuple(self._connections)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, *self._closing, return_exceptions=True)


async def _close(writer: asyncio.StreamWriter) -> None:
    """Close and wait until it is closed; who does not take the last bytes in time does not get them."""
    writer.close()
    try:
        async with asyncio.timeout(CLOSE_S):
            await writer.wait_closed()
    except (OSError, TimeoutError):
        writer.transport.abort()


def _bind(path: Path, mode: int) -> socket.socket:
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o777 & ~mode)
    try:
        listener.bind(str(path))
    finally:
        os.umask(mask)
    return listener
