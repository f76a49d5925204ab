"""What each call of the recorder does, apart from how it travels.

An append is sealed at once, queued, and answered with signed receipts after its commit.  Nothing here can read a
body back: the recorder holds no private month key.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any, assert_never

from audit.checkpoint import sign_receipt
from audit.errors import QuarantinedError
from audit.log import Clocks, Log, Placed, submit_all
from audit.log.reserve import Reserve
from audit.record import Event, Receipts, metadata
from audit.recorder.committer import Committer
from audit.recorder.messages import Request, read_events
from audit.recorder.months import Months

Render = Callable[[Any], object]
"""Turns what a future gives into the JSON of an answer, in the event loop."""

_SIGNED: dict[Receipts, slice] = {"all": slice(None), "last": slice(-1, None), "none": slice(0)}
"""Which places of a call are signed."""


class Service:
    """The recorder's calls.  Owned by the event loop."""

    def __init__(
        self, log: Log, *, committer: Committer, months: Months, clocks: Clocks, reserve: Reserve | None = None
    ) -> None:
        """Take an open log, the thread that writes to it, and the disk's reserve where one is watched."""
        self._log = log
        self._key = log.key
        self._committer = committer
        self._months = months
        self._clocks = clocks
        self._reserve = reserve or Reserve(None, reserve_mib=0)

    def call(self, request: Request, bodies: bytes) -> tuple[asyncio.Future[Any], Render]:
        """Start a call.  Raises AuditError if it cannot even be started, and then nothing was recorded."""
        match request.op:
            case "append":
                return self._append(read_events(request, bodies)), partial(self._receipts, wanted=request.receipts)
            case "exchange":
                return self._committer.ask(partial(_exchange, exchange_id=request.exchange_id)), _plain
            case "receipt":
                return self._committer.ask(partial(_receipt, exchange_id=request.exchange_id)), _plain
            case "checkpoint":
                return self._committer.ask(Log.checkpoint), _plain
            case "health":
                future = asyncio.get_running_loop().create_future()
                future.set_result(self.health())
                return future, _plain
            case _:
                assert_never(request.op)

    def health(self) -> dict[str, object]:
        """Return state and reasons, at once even while a disk hangs."""
        state, reason = self._state()
        return {
            "state": state,
            "reason": reason,
            "origin": self._key.origin,
            "size": self._log.size,
            "witness": self._log.publisher.failure or "ok",
            "witnesses": [asdict(state) for state in self._log.publisher.states()],
            "keys": self._months.warning_at(self._now_ms()) or "ok",
            "waiting_bytes": self._committer.waiting_bytes,
            "disk_free_mib": self._reserve.free_mib,
        }

    def _state(self) -> tuple[str, str]:
        if self._log.quarantine:
            return "quarantined", self._log.quarantine
        if self._committer.failure:
            return "failing", self._committer.failure
        reserved = self._reserve.reason(waiting_bytes=self._committer.waiting_bytes)
        return ("reserved", reserved) if reserved else ("open", "")

    def _append(self, events: Sequence[Event]) -> asyncio.Future[list[Placed]]:
        if self._log.quarantine:
            raise QuarantinedError(self._log.quarantine)
        self._reserve.check((event.kind for event in events), waiting_bytes=self._committer.waiting_bytes)
        keys = self._months.keys_at(self._now_ms(), durable_ms=self._log.last_time_ms)
        return self._committer.append(submit_all(events, origin=self._key.origin, keys=keys))

    def _receipts(self, placed: Sequence[Placed], *, wanted: Receipts) -> object:
        return [self._receipt(place) for place in placed[_SIGNED[wanted]]]

    def _receipt(self, place: Placed) -> dict[str, object]:
        receipt = sign_receipt(self._key, sequence=place.sequence, leaf_hash=place.leaf_hash, time_ms=place.time_ms)
        return {
            "origin": receipt.origin,
            "sequence": receipt.sequence,
            "leaf_hash": receipt.leaf_hash.hex(),
            "compact": receipt.compact,
        }

    def _now_ms(self) -> int:
        """Return the time that a record made now would get: never before the newest."""
        return max(self._clocks.now_ms(), self._log.last_time_ms)


def _exchange(log: Log, *, exchange_id: str) -> object:
    return [metadata(leaf, facts) for leaf, facts in log.exchange(exchange_id)]


def _receipt(log: Log, *, exchange_id: str) -> object:
    return log.receipt(exchange_id)


def _plain(result: object) -> object:
    return result
