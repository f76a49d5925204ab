"""Speaks Anthropic's Messages by the vendor's SDK.

Instructions of the system stand apart, results of tools are the user's, and consecutive turns of one side are one.
Neither ``temperature`` nor ``top_p`` is sent: the API refuses both from its version 2026-10-21 on, and the SDK no
longer knows them.  There is no format "any JSON object"; a request for one is refused before it leaves.
"""

from collections.abc import Awaitable, Iterator, Mapping
from typing import Any

import httpx2
from anthropic import AsyncAnthropic, transform_schema

from appliance.broker.outgoing import ProviderFaultError
from appliance.broker.providers.adapter import Secret
from appliance.broker.providers.anthropic_answer import AnthropicAnswer
from appliance.broker.providers.ask import AnswerFormat, Ask, Tool, ToolChoice, Turn
from appliance.broker.providers.checked import CheckedAnswer
from appliance.broker.providers.strict import fits_strict, object_of
from appliance.policy.register import ManagedModel, Provider

HEADERS = frozenset({"accept", "content-type", "authorization", "x-api-key", "anthropic-version"})
"""What leaves of the SDK's headers."""

Json = Mapping[str, object]


class MessagesSpeech:
    """Anthropic's Messages."""

    headers = HEADERS

    def request(self, ask: Ask, model: ManagedModel, *, stream: bool) -> Mapping[str, object]:
        """Return the SDK's arguments.  Raises ProviderFaultError for what this wire format cannot say."""
        return {**to_request(ask, model), "stream": stream}

    def create(
        self, request: Mapping[str, Any], *, provider: Provider, secret: Secret, http: httpx2.AsyncClient
    ) -> Awaitable[object]:
        """Return the SDK's call."""
        sdk = AsyncAnthropic(
            api_key=secret.hand_over(),
            base_url=f"https://{provider.endpoint.host}:{provider.endpoint.port}",
            default_headers={"anthropic-version": provider.api_version} if provider.api_version else None,
            http_client=http,
            max_retries=0,
            timeout=None,
            open_telemetry=False,
        )
        return sdk.messages.create(**request)

    def reader(self, checked: CheckedAnswer) -> AnthropicAnswer:
        """Return what reads one answer."""
        return AnthropicAnswer(checked)


def to_request(ask: Ask, model: ManagedModel) -> dict[str, object]:
    """Return the SDK's arguments.  Raises ProviderFaultError for what this wire format cannot say."""
    request: dict[str, object] = {
        "model": model.name,
        "max_tokens": ask.max_tokens,
        "messages": _merged([turn for turn in ask.turns if turn.role != "system"]),
    }
    system = [turn.content.reveal() for turn in ask.turns if turn.role == "system"]
    if system:
        request["system"] = "\n\n".join(system)
    if ask.stop:
        request["stop_sequences"] = list(ask.stop)
    if ask.tools:
        request["tools"] = [_tool(tool) for tool in ask.tools]
        request["tool_choice"] = _choice(ask.choice, parallel=ask.parallel_calls)
    if ask.format.kind != "text":
        request["output_config"] = {"format": _format(ask.format)}
    return request


def _merged(turns: list[Turn]) -> list[Json]:
    """Return the turns with consecutive ones of one side as one, as the API itself would."""
    messages: list[tuple[str, list[Json]]] = []
    for turn in turns:
        role = "assistant" if turn.role == "assistant" else "user"
        if not messages or messages[-1][0] != role:
            messages.append((role, []))
        messages[-1][1].extend(_blocks(turn))
    return [{"role": role, "content": blocks} for role, blocks in messages]


def _blocks(turn: Turn) -> Iterator[Json]:
    content = turn.content.reveal()
    if turn.role == "tool":
        yield {"type": "tool_result", "tool_use_id": turn.answers, "content": content}
    elif content or not turn.calls:
        yield {"type": "text", "text": content}
    for call in turn.calls:
        yield {"type": "tool_use", "id": call.id, "name": call.name, "input": object_of(call.arguments)}


def _tool(tool: Tool) -> Json:
    stated: dict[str, object] = {"name": tool.name, "input_schema": tool.parameters}
    if tool.description:
        stated["description"] = tool.description
    if tool.strict and fits_strict(tool.parameters):
        stated["strict"] = True
    return stated


def _choice(choice: ToolChoice, *, parallel: bool | None) -> Json:
    if choice.mode == "none":
        return {"type": "none"}
    kind = {"auto": "auto", "required": "any", "named": "tool"}[choice.mode]
    stated: dict[str, object] = {"type": kind}
    if choice.mode == "named":
        stated["name"] = choice.name
    if parallel is False:
        stated["disable_parallel_tool_use"] = True
    return stated


def _format(wanted: AnswerFormat) -> Json:
    if wanted.schema is None:
        raise ProviderFaultError(
            "rejected", "Messages knows no format 'json_object'; state a json_schema instead.", sent=False
        )
    try:
        return {"type": "json_schema", "schema": transform_schema(dict(wanted.schema))}
    except (ValueError, TypeError, LookupError, AttributeError, AssertionError, RecursionError):
        pass
    raise ProviderFaultError("rejected", "The schema of the answer cannot be put in Messages' form.", sent=False)
