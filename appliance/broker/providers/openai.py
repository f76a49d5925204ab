"""Speaks OpenAI's Chat Completions and Responses, and Azure's chat, by the vendor's SDK.

The vendor is asked to keep nothing: ``store`` is false.  Azure keeps no completion unless told to, and its older
versions do not know the field, so it is not sent there.  An SDK client reads environment variables; what they could
change (organisation, project, headers, another credential) ends in `sdk` and `egress`.
"""

from collections.abc import Awaitable, Mapping
from typing import Any

import httpx2
from openai import AsyncAzureOpenAI, AsyncOpenAI

from appliance.broker.providers.adapter import Secret
from appliance.broker.providers.ask import Ask
from appliance.broker.providers.checked import CheckedAnswer
from appliance.broker.providers.openai_chat_answer import ChatAnswer
from appliance.broker.providers.openai_request import chat_request, responses_request
from appliance.broker.providers.openai_responses_answer import ResponsesAnswer
from appliance.policy.register import ManagedModel, Provider

STANDARD_HEADERS = frozenset({"accept", "content-type"})


class ChatSpeech:
    """Chat Completions."""

    headers = STANDARD_HEADERS | {"authorization"}

    def request(self, ask: Ask, model: ManagedModel, *, stream: bool) -> Mapping[str, object]:
        """Return the SDK's arguments."""
        return {**chat_request(ask, model=model.name), "store": False, **_streamed(stream=stream)}

    def create(
        self, request: Mapping[str, Any], *, provider: Provider, secret: Secret, http: httpx2.AsyncClient
    ) -> Awaitable[object]:
        """Return the SDK's call."""
        return _openai(provider, secret=secret, http=http).chat.completions.create(**request)

    def reader(self, checked: CheckedAnswer) -> ChatAnswer:
        """Return what reads one answer."""
        return ChatAnswer(checked)


class AzureSpeech:
    """Azure's chat: by deployment and dated version."""

    headers = STANDARD_HEADERS | {"api-key"}

    def request(self, ask: Ask, model: ManagedModel, *, stream: bool) -> Mapping[str, object]:
        """Return the SDK's arguments."""
        return {**chat_request(ask, model=model.deployment or model.name), **_streamed(stream=stream)}

    def create(
        self, request: Mapping[str, Any], *, provider: Provider, secret: Secret, http: httpx2.AsyncClient
    ) -> Awaitable[object]:
        """Return the SDK's call."""
        sdk = AsyncAzureOpenAI(
            api_key=secret.hand_over(),
            azure_endpoint=f"https://{provider.endpoint.host}:{provider.endpoint.port}",
            api_version=provider.api_version,
            http_client=http,
            max_retries=0,
            timeout=None,
        )
        return sdk.chat.completions.create(**request)

    def reader(self, checked: CheckedAnswer) -> ChatAnswer:
        """Return what reads one answer."""
        return ChatAnswer(checked)


class ResponsesSpeech:
    """Responses, without the vendor's state: nothing is kept and nothing is continued."""

    headers = STANDARD_HEADERS | {"authorization"}

    def request(self, ask: Ask, model: ManagedModel, *, stream: bool) -> Mapping[str, object]:
        """Return the SDK's arguments.  Raises ProviderFaultError for what this wire format cannot say."""
        return {**responses_request(ask, model=model.name), "stream": stream}

    def create(
        self, request: Mapping[str, Any], *, provider: Provider, secret: Secret, http: httpx2.AsyncClient
    ) -> Awaitable[object]:
        """Return the SDK's call."""
        return _openai(provider, secret=secret, http=http).responses.create(**request)

    def reader(self, checked: CheckedAnswer) -> ResponsesAnswer:
        """Return what reads one answer."""
        return ResponsesAnswer(checked)


def _openai(provider: Provider, *, secret: Secret, http: httpx2.AsyncClient) -> AsyncOpenAI:
    return AsyncOpenAI(
        api_key=secret.hand_over(),
        base_url=f"https://{provider.endpoint.host}:{provider.endpoint.port}/v1",
        http_client=http,
        max_retries=0,
        timeout=None,
    )


def _streamed(*, stream: bool) -> dict[str, object]:
    return {"stream": True, "stream_options": {"include_usage": True}} if stream else {"stream": False}
