"""Speak to the recorder: many calls in flight on one Unix socket, each answered when its events are durable.

A call that fails with RecorderUnavailableError after it was sent may or may not have been recorded: the trail is
*at least once*, and the caller MUST NOT release anything.  A call never waits for a recorder that is not there: it
fails at once, and a later call connects anew, not more often than the backoff allows.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from typing_extensions import override

from audit.errors import (
    AppendError,
    AuditError,
    DiskReservedError,
    FormatError,
    PeerRefusedError,
    QuarantinedError,
    RecorderUnavailableError,
)
from audit.record import Event, Receipt, Receipts
from audit.recorder.messages import bodies_of, write_event
from audit.recorder.wire import FrameReader, decode_header, encode_frame

CALL_TIMEOUT_S = 15.0
"""A recorder that has not answered by then hangs; a commit takes milliseconds, on a failing disk seconds."""

FIRST_BACKOFF_S = 0.05
"""Wait after the first failed connection: a restarting recorder is back within a quarter of a second."""

LAST_BACKOFF_S = 1.0
"""Longest wait between attempts; an operator should see recovery at once."""

_CLASSES = {
    error.code: error for error in (RecorderUnavailableError, QuarantinedError, DiskReservedError, PeerRefusedError)
}
"""Codes on the wire that stand for a class of their own; every other is an AppendError."""

_LOST = "the recorder closed the connection; the record may or may not exist, so nothing may be released"


class RecorderClient:
    """One connection to the recorder, made when first needed.  Owned by one event loop."""

    def __init__(self, socket: Path) -> None:
        """Take the path of the recorder's socket; nothing is opened yet."""
        self._socket = socket
        self._connection: _Connection | None = None
        self._connecting = asyncio.Lock()
        self._backoff_s = 0.0
        self._not_before = 0.0

    async def append(self, event: Event) -> Receipt:
        """Record one event and return once it is durable.  Raises AppendError if it is not."""
        return (await self.append_all((event,)))[0]

    async def append_all(self, events: Sequence[Event], *, receipts: Receipts = "all") -> list[Receipt]:
        """Record events as one batch, in order, all or none, and return once they are durable.  Raises AppendError.

        The list holds the receipts that were asked for: one an event, that of the last, or none.
        """
        message: dict[str, object] = {
            "op": "append",
            "events": [write_event(event) for event in events],
            "receipts": receipts,
        }
        answer = await self._call(message, *bodies_of(events))
        try:
            return [_read_receipt(fields) for fields in _list(answer)]
        except (KeyError, TypeError, ValueError) as error:
            raise AppendError(
                "the recorder's answer is not understood; gateway and recorder differ in version"
            ) from error

    async def exchange(self, exchange_id: str) -> list[dict[str, object]]:
        """Return what is readable of the events of one exchange, in order; empty if there are none."""
        return _list(await self._call({"op": "exchange", "exchange_id": exchange_id}))

    async def receipt(self, exchange_id: str) -> dict[str, object]:
        """Return the full receipt of an exchange: leaves, proofs and a signed checkpoint (FORMAT.md section 9)."""
        return _dict(await self._call({"op": "receipt", "exchange_id": exchange_id}))

    async def checkpoint(self) -> dict[str, object]:
        """Return the newest signed checkpoint: its ``note`` and ``size``, and ``cosigned_note``, empty without one."""
        return _dict(await self._call({"op": "checkpoint"}))

    async def health(self) -> dict[str, object]:
        """Return what the recorder says of itself."""
        return _dict(await self._call({"op": "health"}))

    async def aclose(self) -> None:
        """Close the connection; calls in flight fail."""
        if self._connection is not None:
            await self._connection.aclose()
            self._connection = None

    async def _call(self, message: dict[str, object], *bodies: bytes) -> object:
        connection = self._connection
        if connection is None or connection.closed:
            connection = await self._connect()
        try:
            async with asyncio.timeout(CALL_TIMEOUT_S):
                return await connection.call(message, bodies)
        except TimeoutError as error:
            raise RecorderUnavailableError(
                f"the recorder did not answer within {CALL_TIMEOUT_S:.0f} seconds; see its log"
            ) from error

    async def _connect(self) -> "_Connection":
        async with self._connecting:
            if self._connection is not None and not self._connection.closed:
                return self._connection
            loop = asyncio.get_running_loop()
            if loop.time() < self._not_before:
                raise RecorderUnavailableError(f"no recorder answers on {self._socket}; 'appliance status' says why")
            try:
                _, connection = await loop.create_unix_connection(_Connection, str(self._socket))
            except OSError as error:
                self._backoff_s = min(LAST_BACKOFF_S, max(FIRST_BACKOFF_S, 2 * self._backoff_s))
                self._not_before = loop.time() + self._backoff_s
                raise RecorderUnavailableError(
                    f"no recorder answers on {self._socket}; 'appliance status' says why"
                ) from error
            self._backoff_s = 0.0
            self._connection = connection
            return connection


class _Connection(asyncio.Protocol):
    """Match answers to calls on one socket."""

    def __init__(self) -> None:
        self.closed = False
        self._reader = FrameReader()
        self._pending: dict[int, asyncio.Future[object]] = {}
        self._next_call = 0
        self._transport: asyncio.Transport | None = None
        self._gone = asyncio.get_running_loop().create_future()
        self._writable = asyncio.Event()
        self._writable.set()

    async def call(self, message: dict[str, object], bodies: tuple[bytes, ...]) -> object:
        """Send a request and return the result of its answer."""
        self._next_call += 1
        number = self._next_call
        try:
            frame = encode_frame({"call": number, **message}, *bodies)
        except FormatError as error:
            raise AppendError("the event is larger than a record can be; send less") from error
        await self._writable.wait()
        if self._transport is None or self.closed:
            raise RecorderUnavailableError(_LOST)
        future: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        self._pending[number] = future
        self._transport.write(frame)
        try:
            return await future
        finally:
            # A cancelled call leaves no trace here; its answer is then ignored.
            self._pending.pop(number, None)

    async def aclose(self) -> None:
        """Close the socket and wait until it is closed."""
        if self._transport is not None:
            self._transport.close()
            with contextlib.suppress(asyncio.CancelledError):
                await self._gone

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Not by isinstance: uvloop's transports speak the interface without being subclasses.
        self._transport = cast("asyncio.Transport", transport)

    @override
    def data_received(self, data: bytes) -> None:
        try:
            for head, _ in self._reader.feed(data):
                self._answer(decode_header(head))
        except FormatError:
            self._drop()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._drop()
        if not self._gone.done():
            self._gone.set_result(None)

    @override
    def pause_writing(self) -> None:
        self._writable.clear()

    @override
    def resume_writing(self) -> None:
        self._writable.set()

    def _answer(self, header: dict[str, object]) -> None:
        number = header.get("call")
        future = self._pending.get(number) if isinstance(number, int) else None
        if future is None or future.done():
            return
        if "error" in header:
            future.set_exception(_error(header))
        else:
            future.set_result(header.get("result"))

    def _drop(self) -> None:
        self.closed = True
        self._writable.set()
        if self._transport is not None:
            self._transport.close()
        for future in self._pending.values():
            if not future.done():
                future.set_exception(RecorderUnavailableError(_LOST))


def _error(header: dict[str, object]) -> AuditError:
    """Return the error that an answer stands for; the class is part of the contract, the message is for people."""
    message = str(header.get("message", "the recorder gave no reason"))
    return _CLASSES.get(str(header.get("error")), AppendError)(message)


def _read_receipt(fields: dict[str, object]) -> Receipt:
    return Receipt(
        origin=str(fields["origin"]),
        sequence=int(str(fields["sequence"])),
        leaf_hash=bytes.fromhex(str(fields["leaf_hash"])),
        compact=str(fields["compact"]),
    )


def _list(answer: object) -> list[dict[str, object]]:
    if not isinstance(answer, list):
        raise AppendError("the recorder's answer is not understood; gateway and recorder differ in version")
    return answer


def _dict(answer: object) -> dict[str, object]:
    if not isinstance(answer, dict):
        raise AppendError("the recorder's answer is not understood; gateway and recorder differ in version")
    return answer
