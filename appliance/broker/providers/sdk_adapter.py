"""The one course of a call through a vendor's SDK; what differs between the vendors is a `Speech`.

1. The speech says the ask in the vendor's words, or refuses what those cannot say; nothing has left.
2. A call of the pinned way out begins, and an SDK client is made on it for this call alone: the credential is held no
   longer than the call, while the connections are the way out's own and are kept.
3. The SDK makes the request, the way out sends it, the SDK reads the answer, and the speech's reader checks it.
"""

from collections.abc import AsyncGenerator, Awaitable, Mapping
from contextlib import aclosing
from functools import partial
from typing import Protocol

import httpx2

from appliance.broker.caps import EVENT_STREAM
from appliance.broker.egress import Egress, Terms
from appliance.broker.outgoing import BeforeSend
from appliance.broker.providers.adapter import Ended, Secret, Text
from appliance.broker.providers.ask import Ask
from appliance.broker.providers.checked import CheckedAnswer
from appliance.broker.providers.sdk import Reader, SdkTransport, answer_of, client_of
from appliance.broker.reply import JSON
from appliance.policy.register import ManagedModel, Provider


class Speech(Protocol):
    """One vendor's wire format."""

    headers: frozenset[str]
    """What leaves of the SDK's headers, lower case."""

    def request(self, ask: Ask, model: ManagedModel, *, stream: bool) -> Mapping[str, object]:
        """Return the SDK's arguments.  Raises ProviderFaultError for what this wire format cannot say."""
        ...

    def create(
        self, request: Mapping[str, object], *, provider: Provider, secret: Secret, http: httpx2.AsyncClient
    ) -> Awaitable[object]:
        """Return the SDK's call."""
        ...

    def reader(self, checked: CheckedAnswer) -> Reader:
        """Return what reads one answer."""
        ...


class SdkAdapter:
    """One provider that is spoken to by an SDK, with its kept connections; an `adapter.Adapter`."""

    def __init__(self, provider: Provider, speech: Speech) -> None:
        """Take the register's entry and its vendor's wire format."""
        self._provider = provider
        self._speech = speech
        self._egress = Egress(provider.endpoint, provider.ceilings)

    async def answer(
        self,
        ask: Ask,
        *,
        model: ManagedModel,
        secret: Secret,
        stream: bool,
        deadline_s: float,
        before_send: BeforeSend,
    ) -> AsyncGenerator[Text | Ended]:
        """Yield the answer's pieces and its end.  Raises as `adapter.Adapter.answer` does."""
        provider, speech = self._provider, self._speech
        request = speech.request(ask, model, stream=stream)
        terms = Terms(
            before_send=before_send,
            deadline_s=deadline_s,
            content_type=EVENT_STREAM if stream else JSON,
            headers=speech.headers,
        )
        transport = SdkTransport(self._egress.call(terms), provider.endpoint, secret)
        reader = speech.reader(CheckedAnswer(ask, model))
        async with client_of(transport) as http:
            create = partial(speech.create, request, provider=provider, secret=secret, http=http)
            async with aclosing(answer_of(create, reader, transport, stream=stream)) as pieces:
                async for piece in pieces:
                    yield piece

    async def aclose(self) -> None:
        """Close the kept connections."""
        await self._egress.aclose()
