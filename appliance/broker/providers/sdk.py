"""Stands between a vendor's SDK and the pinned way out, in both directions.

Downwards it is the HTTP transport that the SDK is handed: it takes the SDK's request apart, refuses another host,
scheme, method or credential than the call's own (environment variables can set each in an SDK), and lets `egress` send
it.  Upwards it runs the SDK's parsing and turns whatever comes out of it into one ProviderFaultError, made afresh: an
SDK's exception quotes what it could not read, so neither its words nor itself goes further.
"""

import re
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import replace
from typing import Final, Protocol, cast

import httpx2
from anthropic import AnthropicError
from openai import APIStatusError, OpenAIError
from typing_extensions import override

from appliance.broker.egress import Call, Prepared
from appliance.broker.outgoing import ProviderFaultError
from appliance.broker.providers.adapter import Ended, Secret, Text
from appliance.broker.providers.checked import CheckedAnswer, is_one_of
from appliance.broker.providers.faults import broken, from_status
from appliance.broker.reply import OK, Reply
from appliance.policy.register import Endpoint

CREDENTIAL_HEADERS: Final = frozenset({"authorization", "x-api-key", "api-key"})
"""Where the vendors' SDKs put a key."""

SDK_FAILURES: Final = (
    AnthropicError,
    OpenAIError,
    httpx2.HTTPError,
    httpx2.InvalidURL,
    httpx2.StreamError,
    ProviderFaultError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    AssertionError,
    RecursionError,
)
"""What the SDKs raise on a hostile answer: they parse without checking types, so these are not only their own."""

FILTER_CODES: Final = frozenset({"content_filter", "content_policy_violation", "invalid_prompt"})
"""Codes of an error 400 by which OpenAI and Azure say that a filter of theirs stopped the request."""

_KEY = re.compile(r"[\x21-\x7e]{8,4096}")
"""What a key may look like: the characters that a header may hold (RFC 9110 5.5), without a space."""

Stream = AbstractAsyncContextManager[AsyncIterator[object]]
"""What the SDKs return for a streamed answer."""


class Reader(Protocol):
    """Reads one vendor's answer; what it raises is a ProviderFaultError."""

    checked: CheckedAnswer
    """What holds the answer to the rules of every answer."""

    def whole(self, answer: object) -> Sequence[Text | Ended]:
        """Return the pieces of a whole answer and its end."""
        ...

    def event(self, event: object) -> Iterable[Text]:
        """Return the pieces that one event of a streamed answer brings."""
        ...

    def end(self) -> Ended:
        """Return the end, once the stream is over."""
        ...


class SdkTransport(httpx2.AsyncBaseTransport):
    """The transport of one call."""

    def __init__(self, call: Call, endpoint: Endpoint, secret: Secret) -> None:
        """Take the call, the endpoint that its requests must name, and the credential that they must carry.

        Raises ProviderFaultError if that is no key.
        """
        self._call = call
        self._endpoint = endpoint
        self._credentials = _carried(secret)
        self._refusal: ProviderFaultError | None = None
        self.reply: Reply | None = None
        """What came back, once something has."""

    @override
    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send what the SDK made.  Raises ProviderFaultError, and whatever the call's `before_send` raises."""
        self._refusal = self._checked(request)
        if self._refusal is not None:
            raise self._refusal
        prepared = Prepared(
            path=request.url.raw_path.decode("ascii"),
            headers=tuple(request.headers.items()),
            body=await request.aread(),
        )
        self.reply = await self._call.send(prepared)
        return httpx2.Response(self.reply.status, headers=dict(self.reply.headers), stream=_Body(self.reply))

    def attempts(self) -> int:
        """Return how often the bytes were sent."""
        return self._call.attempts

    def failure(self) -> BaseException | None:
        """Return what the way out failed with, before the SDK wrapped it."""
        return self._refusal or self._call.failure or (self.reply.failure if self.reply else None)

    def fault(self, *, answered: bool) -> ProviderFaultError:
        """Return the fault of a call in which the SDK failed and the way out did not."""
        if self.reply is None:
            return ProviderFaultError("rejected", "This request cannot be put in the provider's form.", sent=False)
        if self.reply.status != OK:
            return from_status(self.reply.status, self.reply.headers)
        if answered:
            return broken("broke off with an error, or cannot be read")
        return broken("is an error, or cannot be read")

    def _checked(self, request: httpx2.Request) -> ProviderFaultError | None:
        """Return why the SDK's request may not be sent as it is; None if it may."""
        url, endpoint = request.url, self._endpoint
        port = {"https": 443}.get(url.scheme) if url.port is None else url.port
        if (request.method, url.scheme, url.host, port) != ("POST", "https", endpoint.host, endpoint.port):
            return ProviderFaultError("rejected", "The SDK asked for another host than the pinned one.", sent=False)
        carried = [value for name, value in request.headers.items() if name in CREDENTIAL_HEADERS]
        if not carried or not self._credentials.issuperset(carried):
            return ProviderFaultError("rejected", "The SDK would send another credential than this one.", sent=False)
        return None


class _Body(httpx2.AsyncByteStream):
    """The bytes of a reply.  Iterated a second time it goes on where it was: OpenAI's SDK drains what is left so."""

    def __init__(self, reply: Reply) -> None:
        self._reply = reply
        self._pieces = reply.pieces()

    @override
    async def __aiter__(self) -> AsyncIterator[bytes]:
        while (piece := await anext(self._pieces, None)) is not None:
            yield piece

    @override
    async def aclose(self) -> None:
        await self._pieces.aclose()
        await self._reply.aclose()


def client_of(transport: SdkTransport) -> httpx2.AsyncClient:
    """Return the HTTP client for the SDK: nothing of the environment, no redirects, and no time but ours."""
    return httpx2.AsyncClient(transport=transport, trust_env=False, follow_redirects=False, timeout=None)


async def answer_of(
    create: Callable[[], Awaitable[object]], reader: Reader, transport: SdkTransport, *, stream: bool
) -> AsyncGenerator[Text | Ended]:
    """Yield what the SDK's call says, read by `reader`.

    Raises ProviderFaultError, and what the call's `before_send` raised, freed of the SDK's wrapping.
    """
    answered = False
    async with aclosing(_streamed(create, reader) if stream else _whole(create, reader)) as pieces:
        while (piece := await _next(pieces, transport, reader, answered=answered)) is not None:
            if isinstance(piece, Text) and not len(piece.text) and not piece.tool_id:
                continue
            answered = True
            yield replace(piece, attempts=transport.attempts()) if isinstance(piece, Ended) else piece


async def _whole(create: Callable[[], Awaitable[object]], reader: Reader) -> AsyncGenerator[Text | Ended]:
    for piece in reader.whole(await create()):
        yield piece


async def _streamed(create: Callable[[], Awaitable[object]], reader: Reader) -> AsyncGenerator[Text | Ended]:
    async with cast("Stream", await create()) as events:
        async for event in events:
            for piece in reader.event(event):
                yield piece
    yield reader.end()


async def _next(
    pieces: AsyncGenerator[Text | Ended], transport: SdkTransport, reader: Reader, *, answered: bool
) -> Text | Ended | None:
    found: ProviderFaultError | None
    try:
        return await anext(pieces, None)
    except ProviderFaultError as error:
        found = error
    except SDK_FAILURES as error:
        if not answered and isinstance(error, APIStatusError) and is_one_of(error.code, FILTER_CODES):
            return reader.checked.filtered()
        found = None
    failure = transport.failure()
    if failure is not None and not isinstance(failure, ProviderFaultError):
        raise failure
    fault = failure or found or transport.fault(answered=answered)
    raise ProviderFaultError(
        fault.fault, fault.reason, retry_after_s=fault.retry_after_s, sent=fault.sent, answered=answered
    )


def _carried(secret: Secret) -> frozenset[str]:
    key = secret.hand_over()
    if not _KEY.fullmatch(key):
        raise ProviderFaultError(
            "unauthorized", "The credential's file must hold the key alone, in one line; nothing was sent.", sent=False
        )
    return frozenset({key, f"Bearer {key}"})
