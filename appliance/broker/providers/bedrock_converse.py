"""Speaks Amazon Bedrock's Converse and ConverseStream, by Amazon's own serialiser, signer and parsers.

The signed bytes go out through `broker.egress` and nothing else; there is no AWS client in this process.  Signing needs
no network: the credential is an access key of the hospital's account, never one that a metadata service hands out.
"""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import replace

from appliance.broker.egress import HTTPS_PORT, Egress, Prepared, Terms
from appliance.broker.outgoing import BeforeSend, ProviderFaultError
from appliance.broker.providers.adapter import Ended, Secret, Text
from appliance.broker.providers.ask import Ask
from appliance.broker.providers.bedrock_answer import AnswerReader, events_of
from appliance.broker.providers.bedrock_ask import to_converse
from appliance.broker.providers.bedrock_codec import (
    EVENT_STREAM,
    JSON,
    Codec,
    Event,
    MalformedError,
    Operation,
    SecretError,
    UnfitError,
    sign,
)
from appliance.broker.providers.checked import CheckedAnswer
from appliance.broker.providers.faults import broken, from_status
from appliance.broker.reply import OK, Reply
from appliance.escalation.wire import Fault
from appliance.policy.register import ManagedModel, Provider

HEADERS = frozenset({"authorization", "content-type", "x-amz-date", "x-amz-security-token"})
"""Every header that the signature makes or covers, beside the host; nothing else of botocore's leaves."""

_OF_EXCEPTION: dict[str, tuple[Fault, str]] = {
    "throttlingException": ("busy", "The provider has no room for more requests now."),
    "serviceUnavailableException": ("unavailable", "The provider is not available."),
    "internalServerException": ("unavailable", "The provider failed while it answered."),
    "validationException": ("rejected", "The provider would not process the request."),
}
"""Exceptions in a stream that began without a piece; after one, each of them breaks the answer."""


class BedrockConverse:
    """One provider of this service; owned by the broker's core."""

    def __init__(self, provider: Provider, egress: Egress) -> None:
        """Take the register's entry and the way to its endpoint."""
        self._region = provider.region
        endpoint = provider.endpoint
        port = "" if endpoint.port == HTTPS_PORT else f":{endpoint.port}"
        self._origin = f"https://{endpoint.host}{port}"
        self._egress = egress
        self._codec = Codec.open()

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
        """Yield the answer's pieces and one `Ended` last; closing the generator stops the call.

        Raises ProviderFaultError, and whatever `before_send` raises.
        """
        prepared = self._prepared(ask, model, secret, operation="ConverseStream" if stream else "Converse")
        expects = EVENT_STREAM if stream else JSON
        terms = Terms(before_send=before_send, deadline_s=deadline_s, content_type=expects, headers=HEADERS)
        call = self._egress.call(terms)
        reply = await call.send(prepared)
        reader = AnswerReader(CheckedAnswer(ask, model), model=model.name)
        has_answered = False
        try:
            async with aclosing(self._events(reply, stream=stream)) as events:
                async for event in events:
                    _check(event, has_answered=has_answered)
                    for piece in reader.read(event):
                        has_answered = True
                        yield piece
            yield replace(reader.end(), attempts=call.attempts)
        except ProviderFaultError as fault:
            fault.answered = has_answered
            raise
        finally:
            await reply.aclose()

    async def aclose(self) -> None:
        """Close the kept connections."""
        await self._egress.aclose()

    def _prepared(self, ask: Ask, model: ManagedModel, secret: Secret, *, operation: Operation) -> Prepared:
        try:
            path, body = self._codec.to_request(operation, to_converse(ask, model))
            headers = sign(url=f"{self._origin}{path}", body=body, region=self._region, secret=secret)
        except UnfitError as error:
            reason = "Bedrock's Converse operations have no words for a part of the request."
            raise ProviderFaultError("rejected", reason, sent=False) from error
        except SecretError as error:
            reason = "The credential is no JSON object with access_key_id and secret_access_key."
            raise ProviderFaultError("unauthorized", reason, sent=False) from error
        return Prepared(path=path, headers=tuple(headers.items()), body=body)

    async def _events(self, reply: Reply, *, stream: bool) -> AsyncGenerator[Event]:
        """Yield the answer's events.  Raises ProviderFaultError."""
        if reply.status != OK:
            raise from_status(reply.status, reply.headers)
        try:
            async with aclosing(reply.pieces()) as pieces, aclosing(self._read(pieces, stream=stream)) as events:
                async for event in events:
                    yield event
        except MalformedError as error:
            raise broken("cannot be read") from error

    async def _read(self, pieces: AsyncIterator[bytes], *, stream: bool) -> AsyncGenerator[Event]:
        """Yield the events of these bytes.  Raises ProviderFaultError or MalformedError."""
        if not stream:
            for event in events_of(self._codec.from_whole(b"".join([piece async for piece in pieces]))):
                yield event
            return
        reader = self._codec.stream()
        async for piece in pieces:
            for event in reader.feed(piece):
                yield event
        if not reader.is_between_events():
            raise MalformedError


def _check(event: Event, *, has_answered: bool) -> None:
    if not event.is_exception:
        return
    if has_answered:
        raise ProviderFaultError("broken", "The provider ended its answer with an error.")
    raise ProviderFaultError(*_OF_EXCEPTION.get(event.name, ("broken", "The provider ended its answer with an error.")))
