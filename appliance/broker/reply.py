"""A provider's answer on its way in: its head checked, its bytes counted and timed.

A good answer has status 200 and the expected content type; an error's body is read to a bound and only if it is JSON;
everything else, a redirect above all, is no answer.  An answer that breaks off raises: it is never handed on as whole.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass

import httpcore2

from appliance.broker.caps import EVENT_STREAM, MAX_ERROR_BYTES, Meter, content_type, kept_headers
from appliance.broker.outgoing import ProviderFaultError

OK = 200
FIRST_ERROR = 400
JSON = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """When the bytes of an answer must have come, by the event loop's clock."""

    first_by: float
    stall_s: float
    """Longest silence after the first byte."""

    end: float


class Reply:
    """One answer with its head read; owned by its call.  Read `pieces` once, or close it."""

    def __init__(self, response: httpcore2.Response, expected: str, *, times: Times, most: int) -> None:
        """Take the response, the content type of a good one, its times and its most bytes.

        Raises ProviderFaultError if its head is not that of an answer.
        """
        self._response = response
        self._times = times
        self._silent_until = times.first_by
        self.status = response.status
        self.headers = kept_headers(response.headers)
        """Those of `caps.KEPT_HEADERS`, lower case."""

        self.failure: ProviderFaultError | None = None
        """What ended its bytes, before an SDK wrapped it in its own words."""

        self._is_good = self.status == OK
        self._meter = Meter(most=most, events=expected == EVENT_STREAM and self._is_good)
        self._check(expected)

    async def pieces(self) -> AsyncGenerator[bytes]:
        """Yield the body's bytes as they come.  Raises ProviderFaultError when they end early or break a bound."""
        try:
            async with aclosing(self._bodies()) as bodies:
                async for piece in bodies:
                    yield piece
        except ProviderFaultError as fault:
            self.failure = fault
            raise
        finally:
            await self.aclose()

    async def aclose(self) -> None:
        """Give the connection back, or drop it if the answer was not read to its end."""
        await self._response.aclose()

    def _check(self, expected: str) -> None:
        stated = content_type(self.headers)
        if not self._is_good and self.status < FIRST_ERROR:
            raise ProviderFaultError(
                "broken", f"The provider answered with status {self.status}, which is neither an answer nor an error."
            )
        if self._is_good and stated != expected:
            raise ProviderFaultError("broken", f"The provider's answer is not of the content type {expected}.")

    async def _bodies(self) -> AsyncGenerator[bytes]:
        if not self._is_good and content_type(self.headers) != JSON:
            return
        left = MAX_ERROR_BYTES
        async with aclosing(self._response.aiter_stream()) as stream:
            while (piece := await self._next(stream)) is not None:
                if self._is_good:
                    self._meter.count(piece)
                    yield piece
                    continue
                yield piece[:left]
                left -= len(piece)
                if left <= 0:
                    return

    async def _next(self, stream: AsyncIterator[bytes]) -> bytes | None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout_at(min(self._silent_until, self._times.end)):
                piece = await anext(stream, None)
        except (httpcore2.NetworkError, httpcore2.ProtocolError, httpcore2.TimeoutException):
            fault = ProviderFaultError("broken", "The provider's answer broke off.")
        except TimeoutError:
            fault = ProviderFaultError("timeout", self._late_words(loop.time()))
        else:
            self._silent_until = loop.time() + self._times.stall_s
            return piece
        raise fault

    def _late_words(self, now: float) -> str:
        if now >= self._times.end:
            return "The provider's answer was not whole before the deadline."
        return "The provider fell silent before its answer was whole."
