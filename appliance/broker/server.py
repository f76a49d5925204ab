"""Answers the gateway on `broker.sock`: who am I, and may this leave.

Only processes of the allowed users are heard (SO_PEERCRED), the socket's mode is 0600, connections and waiting
are bounded, and anything that is no request of `escalation.wire` ends its connection.  The tripwire reads bodies in
threads of its own, in short pieces, so that a long one keeps nobody waiting.  The log has constant events, kinds and
counts, and never a header or a body.  A policy reload that fails keeps the bundle before it and says so.
"""

import asyncio
import contextlib
import os
import socket
import struct
from collections.abc import AsyncIterator, Callable
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path

import structlog

from appliance.broker.disclosure import check_outgoing, fault_of, refuse
from appliance.clinical_text import ClinicalText
from appliance.clock import Clock
from appliance.errors import PolicyInvalidError
from appliance.escalation.wire import (
    Answer,
    DiscloseRequest,
    FrameError,
    HelloAnswer,
    HelloRequest,
    Refusal,
    Request,
    read_frame,
    to_frame,
    to_request,
)
from appliance.policy.current import CurrentPolicy

MAX_CONNECTIONS = 64
"""Eight times the gateway's default concurrency; above it a newcomer is closed at once."""

IDLE_S = 10.0
"""A peer on the same machine that says nothing for ten seconds is stuck."""

CHECKS = 2
"""Bodies that are read at the same time: a short one need not wait for a long one, and two leave the loop its turn."""

_PEER = struct.Struct("3i")
"""``struct ucred``: process, user and group id (unix(7), SO_PEERCRED)."""

_log = structlog.get_logger("broker")


class Broker:
    """Serve one policy bundle on one socket; owned by `__main__`, used on one event loop."""

    def __init__(
        self,
        policy: CurrentPolicy,
        *,
        peers: AbstractSet[int],
        idle_s: float = IDLE_S,
        check: Callable[[object, bytes], None] = check_outgoing,
    ) -> None:
        """Take the bundle in force, the user ids that may speak to the broker, and the last check of a body."""
        self._policy = policy
        self._peers = peers
        self._idle_s = idle_s
        self._check = check
        self._threads = ThreadPoolExecutor(CHECKS, thread_name_prefix="tripwire")
        self._connections: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def listening(self, path: Path) -> AsyncIterator[None]:
        """Listen on `path`, made with mode 0600; an old socket file there is removed first."""
        server = await asyncio.start_unix_server(self._accept, sock=_bind(path))
        try:
            yield
        finally:
            server.close()
            await self._hang_up()
            self._threads.shutdown(wait=False, cancel_futures=True)

    def reload(self) -> None:
        """Read the bundle again; a bad one is logged and the one before it stays in force."""
        try:
            bundle = self._policy.reload(Clock().now())
        except PolicyInvalidError as error:
            _log.error("policy_reload_refused", reason=error.public)
            return
        _log.info("policy_reloaded", policy_digest=bundle.digest)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer):
            if not self._is_welcome(writer):
                return
            try:
                await self._converse(reader, writer)
            except (FrameError, OSError, TimeoutError) as error:
                _log.warning("connection_ended", reason=type(error).__name__)

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
            answer = await self._answer(to_request(frame.header), frame.body)
            async with asyncio.timeout(self._idle_s):
                writer.write(to_frame(answer))
                await writer.drain()

    async def _answer(self, request: Request, body: ClinicalText) -> Answer:
        bundle = self._policy.bundle
        if isinstance(request, HelloRequest):
            return HelloAnswer(
                call=request.call,
                policy_digest=bundle.digest,
                state="policy_invalid" if self._policy.last_error else "ready",
                providers=tuple(bundle.providers),
            )
        if not isinstance(request, DiscloseRequest):
            raise FrameError("the peer answered a question that was not asked")
        return await self._disclose(request, body)

    async def _disclose(self, request: DiscloseRequest, body: ClinicalText) -> Refusal:
        """Check first and look at agreements after; whatever goes wrong in the check refuses."""
        started = asyncio.get_running_loop().run_in_executor(
            self._threads, self._check, request.identifiers, body.reveal_bytes()
        )
        [checked] = await asyncio.gather(started, return_exceptions=True)
        bundle = self._policy.bundle
        refusal = refuse(request, checked, providers=len(bundle.providers), policy_digest=bundle.digest)
        write = _log.info if checked is None else _log.warning
        write(
            "disclosure_refused",
            exchange_id=request.exchange_id,
            task=request.task,
            code=refusal.code,
            counts=refusal.counts,
            fault=fault_of(checked),
            characters=len(body),
            policy_digest=bundle.digest,
        )
        return refusal

    async def _hang_up(self) -> None:
        tasks = tuple(self._connections)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _bind(path: Path) -> socket.socket:
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o177)
    try:
        listener.bind(str(path))
    finally:
        os.umask(mask)
    return listener
