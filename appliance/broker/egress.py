"""The one way by which bytes leave: where to, how much and how long is settled here, whatever an SDK would do.

One request goes so:

1. Only the named headers go along; the rest, an SDK's telemetry among it, is dropped.
2. `Terms.before_send` is asked with the exact bytes; what it raises ends the call.
3. A kept or a new connection to the pinned endpoint takes them (`pinned`); no proxy, redirect, cookie or compression.
4. The head of the answer must come in time, within its bounds and of the expected content type.
5. Where the provider asks for it before any answer, steps 2 to 4 are repeated with the same bytes (`retry`).
6. The answer's bytes are handed on as they come, counted and timed (`caps`).

Everything that goes wrong is one ProviderFaultError in our own words.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

import httpcore2

from appliance.broker.outgoing import BeforeSend, Outgoing, ProviderFaultError
from appliance.broker.pinned import PinnedBackend, UntrustedHostError
from appliance.broker.reply import Reply, Times
from appliance.broker.resolve import Addresses, Lookup
from appliance.broker.retry import MAX_REPEATS, repeat_after_s
from appliance.escalation.wire import Fault
from appliance.policy.register import Ceilings, Endpoint

KEEP_ALIVE_S = 45.0
"""An idle connection is kept this long: under the 60 seconds after which the vendors' load balancers drop one."""

RECONNECT_AFTER_S = 0.25
"""Before a refused connection is tried again."""

USER_AGENT = "clinical-inference-appliance"

HTTPS_PORT = 443
"""Left out of the ``Host`` header (RFC 9110 7.2), which some vendors sign."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """One POST as an SDK made it."""

    path: str
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What holds for one call."""

    before_send: BeforeSend
    deadline_s: float
    """Seconds from now for everything, beside the register's own limit."""

    content_type: str
    """Of a good answer."""

    headers: frozenset[str]
    """Names of the SDK's headers that may leave, lower case."""


class Egress:
    """The way to one endpoint, with its kept connections; owned by its adapter, used on one event loop."""

    def __init__(self, endpoint: Endpoint, ceilings: Ceilings, *, lookup: Lookup | None = None) -> None:
        """Take the endpoint, its bounds and, for tests, who asks DNS."""
        self.endpoint = endpoint
        self._ceilings = ceilings
        backend = PinnedBackend(endpoint, Addresses(endpoint, lookup=lookup))
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=backend.context,  # without one, each connection loads the machine's list of authorities: 40 ms
            max_connections=ceilings.concurrent,
            keepalive_expiry=KEEP_ALIVE_S,
            network_backend=backend,
        )

    def call(self, terms: Terms) -> "Call":
        """Begin one call; its time runs from now."""
        return Call(self._pool, endpoint=self.endpoint, ceilings=self._ceilings, terms=terms)

    async def aclose(self) -> None:
        """Close every connection."""
        await self._pool.aclose()


class Call:
    """One request and its repetitions; used once."""

    def __init__(
        self, pool: httpcore2.AsyncConnectionPool, *, endpoint: Endpoint, ceilings: Ceilings, terms: Terms
    ) -> None:
        """Take where it goes and what holds for it."""
        self._pool = pool
        self._endpoint = endpoint
        self._ceilings = ceilings
        self._terms = terms
        self._loop = asyncio.get_running_loop()
        self._end = self._loop.time() + min(terms.deadline_s, ceilings.total_s)
        self.attempts = 0
        """How often bytes were sent."""

        self.failure: BaseException | None = None
        """What kept it from a reply, before an SDK wrapped it in its own words."""

    async def send(self, prepared: Prepared) -> Reply:
        """Send, repeat where asked to, and return the reply with its head read.

        Raises ProviderFaultError, and whatever `Terms.before_send` raises.
        """
        try:
            return await self._in_time(prepared)
        except BaseException as error:
            self.failure = error
            raise

    async def _in_time(self, prepared: Prepared) -> Reply:
        late = asyncio.timeout_at(self._end)
        try:
            async with late:
                return await self._repeated(prepared)
        except TimeoutError:
            if not late.expired():
                raise
        raise self._fault("timeout", "The provider did not answer before the deadline.")

    async def _repeated(self, prepared: Prepared) -> Reply:
        left = MAX_REPEATS
        while True:
            reply = await self._attempt(prepared)
            wait = repeat_after_s(reply.status, reply.headers) if isinstance(reply, Reply) else RECONNECT_AFTER_S
            if wait is None or not left or self._loop.time() + wait >= self._end:
                break
            if isinstance(reply, Reply):
                await reply.aclose()
            left -= 1
            await asyncio.sleep(wait)
        if isinstance(reply, ProviderFaultError):
            raise reply
        return reply

    async def _attempt(self, prepared: Prepared) -> Reply | ProviderFaultError:
        """Return the reply; or the fault, where no connection could be made and so another try does no harm."""
        await self._terms.before_send(Outgoing(host=self._endpoint.host, path=prepared.path, body=prepared.body))
        first_by = self._loop.time() + self._ceilings.first_byte_s
        try:
            response = await self._exchange(prepared, first_by=first_by)
        except httpcore2.ConnectError:
            return self._fault("unavailable", "No connection to the provider's host could be made.")
        times = Times(first_by=first_by, stall_s=self._ceilings.first_byte_s, end=self._end)
        try:
            return Reply(response, self._terms.content_type, times=times, most=self._ceilings.answer_bytes)
        except ProviderFaultError:
            await response.aclose()
            raise

    async def _exchange(self, prepared: Prepared, *, first_by: float) -> httpcore2.Response:
        """Send one attempt and read the head of its answer.  Raises httpcore2.ConnectError if nothing was sent."""
        try:
            async with asyncio.timeout_at(first_by):
                return await self._pool.handle_async_request(self._request(prepared))
        except UntrustedHostError:
            fault = self._fault("unavailable", "The provider's host did not prove itself by what the register pins.")
        except httpcore2.ConnectError:
            raise
        except (httpcore2.NetworkError, httpcore2.ProtocolError, httpcore2.TimeoutException):
            fault = self._fault("unavailable", "The provider broke the connection off before it answered.")
        except TimeoutError:
            fault = self._fault("timeout", "The provider did not begin to answer in time.")
        raise fault

    def _request(self, prepared: Prepared) -> httpcore2.Request:
        endpoint = self._endpoint
        kept = [(name, value) for name, value in prepared.headers if name.lower() in self._terms.headers]
        ours = [("Host", host_of(endpoint)), ("User-Agent", USER_AGENT), ("Accept-Encoding", "identity")]
        length = [("Content-Length", str(len(prepared.body)))]
        return httpcore2.Request(
            "POST",
            httpcore2.URL(
                scheme=b"https", host=endpoint.host.encode(), port=endpoint.port, target=prepared.path.encode()
            ),
            headers=[(name.encode(), value.encode()) for name, value in [*ours, *kept, *length]],
            content=prepared.body,
            extensions={"trace": self._trace},
        )

    async def _trace(self, event: str, _about: Mapping[str, object]) -> None:
        if event == "http11.send_request_headers.started":
            self.attempts += 1

    def _fault(self, fault: Fault, reason: str) -> ProviderFaultError:
        return ProviderFaultError(fault, reason, sent=self.attempts > 0)


def host_of(endpoint: Endpoint) -> str:
    """Return what the ``Host`` header says of an endpoint."""
    return endpoint.host if endpoint.port == HTTPS_PORT else f"{endpoint.host}:{endpoint.port}"
