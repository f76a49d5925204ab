"""Send one answer as one behaviour wants it: the vendor's bytes, with the fault in the place where it hurts."""

import asyncio
import gzip
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.support.stand_ins.answer import compose
from tests.support.stand_ins.asked import PROVIDER_WORDS, Asked, Problem, RefusedError
from tests.support.stand_ins.behaviour import Behaviour
from tests.support.stand_ins.connection import Connection, Received
from tests.support.stand_ins.format import Event, Format, Rules

JSON = "application/json"
HTML = "text/html; charset=utf-8"
_ENDS_MIDWAY = (Behaviour.TRUNCATED, Behaviour.RESET_MIDWAY)
_SLOW_PIECES = 10
_PROBLEMS = {
    Behaviour.UNAUTHORIZED: Problem.UNAUTHORIZED,
    Behaviour.FORBIDDEN: Problem.FORBIDDEN,
    Behaviour.RATE_LIMITED: Problem.RATE_LIMITED,
    Behaviour.RATE_LIMITED_NO_HINT: Problem.RATE_LIMITED,
    Behaviour.SERVER_ERROR: Problem.SERVER_ERROR,
    Behaviour.OVERLOADED: Problem.OVERLOADED,
    Behaviour.PROMPT_FILTERED: Problem.FILTERED,
}
_PADDING = b" " * 65536


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How long, how much and where to."""

    pause_s: float
    """Before each piece of a slow answer."""

    silence_s: float
    """Before the first byte of one that comes too late."""

    retry_after_s: int
    oversized_bytes: int
    cut_after: int | None
    """How many events of a stream come before it is truncated; None: about half."""

    trap: str
    """Where a redirect points to."""


class Player:
    """Answers the requests of one connection after the other in one vendor's form."""

    def __init__(self, form: Format, rules: Rules, pace: Pace) -> None:
        self._form = form
        self._rules = rules
        self._pace = pace

    async def answer(self, connection: Connection, received: Received, behaviour: Behaviour) -> None:
        """Answer one request."""
        try:
            asked = self._form.asked(received, self._rules)
        except RefusedError as refused:
            await self._error(connection, refused.problem, refused.message)
            return
        match behaviour:
            case Behaviour.RESET:
                await connection.reset()
            case Behaviour.REDIRECT:
                await connection.send(307, b"", {"location": self._pace.trap + received.target})
            case Behaviour.SLOW_FIRST_BYTE:
                await asyncio.sleep(self._pace.silence_s)
                await self._play(connection, asked, behaviour)
            case _ if behaviour in _PROBLEMS:
                await self._problem(connection, behaviour)
            case _:
                await self._play(connection, asked, behaviour)

    async def _problem(self, connection: Connection, behaviour: Behaviour) -> None:
        hint = {"retry-after": str(self._pace.retry_after_s)} if behaviour is Behaviour.RATE_LIMITED else {}
        await self._error(connection, _PROBLEMS[behaviour], f"{behaviour}: {PROVIDER_WORDS}", **hint)

    async def _error(self, connection: Connection, problem: Problem, message: str, **headers: str) -> None:
        error = self._form.error(problem, message)
        await connection.send(error.status, error.body, {"content-type": JSON, **error.headers, **headers})

    async def _play(self, connection: Connection, asked: Asked, behaviour: Behaviour) -> None:
        answer = compose(asked, behaviour, oversized_bytes=self._pace.oversized_bytes)
        if asked.stream:
            await self._stream(connection, self._form.events(asked, answer), behaviour)
        elif behaviour is Behaviour.ERROR_MIDWAY:
            await self._error(connection, Problem.SERVER_ERROR, PROVIDER_WORDS)
        else:
            await self._whole(connection, self._form.whole(asked, answer), behaviour)

    async def _stream(self, connection: Connection, events: Iterator[Event], behaviour: Behaviour) -> None:
        chunks: Iterator[bytes] = (event.data for event in events)
        headers = {"content-type": self._form.stream_kind}
        if behaviour is Behaviour.COMPRESSED:
            chunks, headers = iter([gzip.compress(b"".join(chunks))]), {**headers, "content-encoding": "gzip"}
        elif behaviour is Behaviour.WRONG_CONTENT_TYPE:
            headers = {"content-type": HTML}
        elif behaviour is not Behaviour.ENDLESS:
            chunks = self._broken(list(events), behaviour)
        await connection.start(headers)
        for chunk in chunks:
            await self._pause(behaviour)
            await connection.chunk(chunk)
        await (connection.reset() if behaviour is Behaviour.RESET_MIDWAY else connection.end())

    def _broken(self, events: Sequence[Event], behaviour: Behaviour) -> Iterator[bytes]:
        """Yield the bytes of a stream with its fault, if the behaviour has one."""
        middle = self._middle(events, behaviour)
        first, rest = events[:middle], events[middle:]
        for event in first:
            yield from self._once_or_twice(event, behaviour)
        if behaviour in _ENDS_MIDWAY:
            return
        if behaviour is Behaviour.ERROR_MIDWAY:
            yield self._form.broken_off()
            return
        if behaviour is Behaviour.MALFORMED_EVENT:
            yield self._form.malformed()
        for event in rest:
            if event is events[-1] and behaviour is Behaviour.LATE_EVENT:
                yield rest[0].data
            yield from self._once_or_twice(event, behaviour)

    def _middle(self, events: Sequence[Event], behaviour: Behaviour) -> int:
        if behaviour is Behaviour.TRUNCATED and self._pace.cut_after is not None:
            return self._pace.cut_after
        return next(at for at, event in enumerate(events) if event.is_end) // 2 + 1

    @staticmethod
    def _once_or_twice(event: Event, behaviour: Behaviour) -> Iterator[bytes]:
        yield event.data
        if event.comes_once and behaviour is Behaviour.DUPLICATE_EVENT:
            yield event.data

    async def _whole(self, connection: Connection, body: bytes, behaviour: Behaviour) -> None:
        headers = {"content-type": JSON}
        half = body[: len(body) // 2]
        match behaviour:
            case Behaviour.SLOW | Behaviour.RESET_MIDWAY | Behaviour.ENDLESS:
                await self._piecemeal(connection, body, behaviour)
            case Behaviour.TRUNCATED:
                await connection.send(200, half, headers)
            case Behaviour.MALFORMED_EVENT:
                await connection.send(200, half + b"\x00" + body[len(half) :], headers)
            case Behaviour.DUPLICATE_EVENT | Behaviour.LATE_EVENT:
                await connection.send(200, body + body, headers)
            case Behaviour.COMPRESSED:
                await connection.send(200, gzip.compress(body), {**headers, "content-encoding": "gzip"})
            case Behaviour.WRONG_CONTENT_TYPE:
                await connection.send(200, body, {"content-type": HTML})
            case _:
                await connection.send(200, body, headers)

    async def _piecemeal(self, connection: Connection, body: bytes, behaviour: Behaviour) -> None:
        await connection.start({"content-type": JSON})
        size = len(body) // _SLOW_PIECES + 1
        pieces = [body[at : at + size] for at in range(0, len(body), size)]
        for piece in pieces[: None if behaviour is Behaviour.SLOW else _SLOW_PIECES // 2]:
            await self._pause(behaviour)
            await connection.chunk(piece)
        while behaviour is Behaviour.ENDLESS:
            await connection.chunk(_PADDING)
        await (connection.reset() if behaviour is Behaviour.RESET_MIDWAY else connection.end())

    async def _pause(self, behaviour: Behaviour) -> None:
        if behaviour is Behaviour.SLOW:
            await asyncio.sleep(self._pace.pause_s)
