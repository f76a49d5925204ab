"""The recorder's socket: who may speak, and how calls and answers travel.

Only this user, root and the programs that `Peers` names may connect, and each call is held against what its program
may do before anything of it is sealed.  Reading stops while too much waits for the disk, so memory is bounded whatever
the peers do.  A frame that is no frame ends its connection; a request that is no request is answered with an error.
"""

import asyncio
import os
import socket
import struct
from functools import partial
from pathlib import Path
from typing import Any, cast

from structlog.typing import FilteringBoundLogger
from typing_extensions import override

from audit.errors import AuditError, FormatError, PeerRefusedError
from audit.recorder.committer import Committer
from audit.recorder.messages import Request, read_request
from audit.recorder.peers import NOBODY, Peers, Rights
from audit.recorder.service import Render, Service
from audit.recorder.wire import FrameReader, decode_header, encode_frame

HIGH_WATER_BYTES = 64 * 1024 * 1024
"""Above this much waiting for the disk, no peer is read from: what several full batches of long bodies take."""

MAX_CONNECTIONS = 64
"""Gateway, broker, console and commands need a handful."""

CLOSE_TIMEOUT_S = 2.0
"""A peer that does not take its last answers by then loses them."""

OWN_UMASK = 0o177
"""The socket is for this user alone."""

SHARED_UMASK = 0o117
"""The socket is for this user and its group, in which a site's other programs are."""

_CREDENTIALS = struct.Struct("3i")
"""``struct ucred``: process, user, group (unix(7))."""


class Server:
    """The open socket and its connections.  Owned by the event loop."""

    def __init__(
        self, service: Service, *, committer: Committer, logger: FilteringBoundLogger, peers: Peers | None = None
    ) -> None:
        """Take what answers the calls, and who may make which; without `peers` this user and root alone."""
        self.service = service
        self.peers = peers or Peers()
        self.logger = logger
        self.committer = committer
        self._connections: dict[Connection, Rights] = {}
        self._draining = False
        self._listener: asyncio.Server | None = None

    async def listen(self, path: Path) -> None:
        """Open the socket, for this user alone unless there are peers; a stale one is replaced."""
        loop = asyncio.get_running_loop()
        mask = os.umask(SHARED_UMASK if self.peers.are_others else OWN_UMASK)
        try:
            self._listener = await loop.create_unix_server(partial(Connection, self), str(path))
        finally:
            os.umask(mask)

    async def drain(self) -> None:
        """Take no more, write and answer all that was read, and close the log."""
        self._draining = True
        if self._listener is not None:
            self._listener.close()
        self.regulate()
        await self.committer.drain()
        gone = [connection.close() for connection in self._connections]
        if gone:
            await asyncio.wait(gone, timeout=CLOSE_TIMEOUT_S)

    def join(self, connection: "Connection", rights: Rights) -> bool:
        """Take a connection; False if it may not stay, because there are enough, of all or of its program."""
        of_program = sum(held is rights for held in self._connections.values())
        limit = MAX_CONNECTIONS if rights.connections is None else rights.connections
        if self._draining or len(self._connections) >= MAX_CONNECTIONS or of_program >= limit:
            return False
        self._connections[connection] = rights
        return True

    def leave(self, connection: "Connection") -> None:
        """Forget a connection."""
        self._connections.pop(connection, None)

    def regulate(self) -> None:
        """Stop or resume reading, by how much waits."""
        full = self._draining or self.committer.waiting_bytes > HIGH_WATER_BYTES
        for connection in self._connections:
            connection.set_reading(on=not full)


class Connection(asyncio.Protocol):
    """One peer."""

    def __init__(self, server: Server) -> None:
        """Take the server that it belongs to."""
        self._server = server
        self._rights = NOBODY
        self._reader = FrameReader()
        self._transport: asyncio.Transport | None = None
        self._gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def set_reading(self, *, on: bool) -> None:
        """Stop or resume reading from the peer."""
        if self._transport is None or self._transport.is_closing() or self._transport.is_reading() == on:
            return
        if on:
            self._transport.resume_reading()
        else:
            self._transport.pause_reading()

    def close(self) -> asyncio.Future[None]:
        """Send what is left, close, and return the future of being closed."""
        if self._transport is not None:
            self._transport.close()
        return self._gone

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports speak the interface without being subclasses, so this is a cast and no check.
        stream = cast("asyncio.Transport", transport)
        user = _peer_user(stream)
        rights = self._server.peers.of(user)
        if rights is None:
            self._server.logger.warning("recorder.peer_refused", peer_user=user)
            transport.close()
        elif not self._server.join(self, rights):
            self._server.logger.warning("recorder.connection_refused", peer=rights.program)
            transport.close()
        else:
            self._transport, self._rights = stream, rights

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._server.leave(self)
        self._transport = None
        if not self._gone.done():
            self._gone.set_result(None)

    @override
    def data_received(self, data: bytes) -> None:
        try:
            for head, bodies in self._reader.feed(data):
                self._start(head, bodies)
        except FormatError as error:
            self._server.logger.warning("recorder.frame_refused", reason=str(error))
            if self._transport is not None:
                self._transport.close()
        self._server.regulate()

    def _start(self, head: bytes, bodies: bytes) -> None:
        """Start one call; its answer follows when its future is done."""
        try:
            request = read_request(head)
        except FormatError as error:
            # Without a call number there is nobody to answer: `_refuse` then ends the connection.
            self._refuse(decode_header(head).get("call"), error)
            return
        try:
            self._check(request)
            future, render = self._server.service.call(request, bodies)
        except AuditError as error:
            self._refuse(request.call, error)
            return
        future.add_done_callback(partial(self._answer, request.call, render))

    def _check(self, request: Request) -> None:
        """Raise PeerRefusedError, once it is logged, if the peer has no right to this call."""
        try:
            self._rights.check(request)
        except PeerRefusedError as error:
            kinds = sorted({event.kind.value for event in request.events})
            program, op = self._rights.program, request.op
            self._server.logger.warning("recorder.call_refused", peer=program, op=op, kinds=kinds, reason=str(error))
            raise

    def _answer(self, call: int, render: Render, future: asyncio.Future[Any]) -> None:
        error = future.exception()
        if isinstance(error, AuditError):
            self._refuse(call, error)
            return
        try:
            self._send({"call": call, "result": render(future.result())})
        except FormatError as too_large:
            self._refuse(call, too_large)

    def _refuse(self, call: object, error: AuditError) -> None:
        if not isinstance(call, int):
            raise FormatError(str(error)) from error
        self._send({"call": call, "error": error.code, "message": str(error)})

    def _send(self, answer: dict[str, object]) -> None:
        frame = encode_frame(answer)
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(frame)


def _peer_user(transport: asyncio.Transport) -> int:
    """Return the user of the process at the other end, as the kernel knows it."""
    descriptor = os.dup(transport.get_extra_info("socket").fileno())
    with socket.socket(fileno=descriptor) as peer:
        credentials = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return int(_CREDENTIALS.unpack(credentials)[1])
