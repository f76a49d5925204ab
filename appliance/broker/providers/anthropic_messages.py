"""Speaks Anthropic's Messages by the vendor's SDK.

Instructions of the system stand apart, results of tools are the user's, and consecutive turns of one side are one.
Neither ``temperature`` nor ``top_p`` is sent: the API refuses both from its version 2026-10-21 on, and the SDK no
longer knows them.  There is no format "any JSON object"; a request for one is refused before it leaves.
"""

from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import aclosing
from functools import partial

from anthropic import AsyncAnthropic, transform_schema

from appliance.broker.caps import EVENT_STREAM
from appliance.broker.egress import Egress, Terms
from appliance.broker.outgoing import BeforeSend, ProviderFaultError
from appliance.broker.providers.adapter import Ended, Secret, Text
from appliance.broker.providers.anthropic_answer import AnthropicAnswer
from appliance.broker.providers.ask import AnswerFormat, Ask, Tool, ToolChoice, Turn
from appliance.broker.providers.checked import CheckedAnswer
from appliance.broker.providers.sdk import SdkTransport, answer_of, client_of
from appliance.broker.providers.strict import fits_strict, object_of
from appliance.broker.reply import JSON
from appliance.policy.register import ManagedModel, Provider

HEADERS = frozenset({"accept", "content-type", "authorization", "x-api-key", "anthropic-version"})
"""What leaves of the SDK's headers."""

Json = Mapping[str, object]


class AnthropicMessages:
    """One provider that speaks Messages, with its kept connections."""

    def __init__(self, provider: Provider) -> None:
        """Take the register's entry."""
        self._provider = provider
        self._egress = Egress(provider.endpoint, provider.ceilings)

    async def answer(  # the interface of `adapter.Adapter`
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
        request = to_request(ask, model)
        content_type = EVENT_STREAM if stream else JSON
        call = self._egress.call(
            Terms(before_send=before_send, deadline_s=deadline_s, content_type=content_type, headers=HEADERS)
        )
        endpoint = self._provider.endpoint
        transport = SdkTransport(call, endpoint, secret)
        version = self._provider.api_version
        async with client_of(transport) as http:
            sdk = AsyncAnthropic(
                api_key=secret.hand_over(),
                base_url=f"https://{endpoint.host}:{endpoint.port}",
                default_headers={"anthropic-version": version} if version else None,
                http_client=http,
                max_retries=0,
                timeout=None,
                open_telemetry=False,
            )
            create = partial(sdk.messages.create, **request, stream=stream)
            reader = AnthropicAnswer(CheckedAnswer(ask, model))
            async with aclosing(answer_of(create, reader, transport, stream=stream)) as pieces:
                async for piece in pieces:
                    yield piece

    async def aclose(self) -> None:
        """Close the kept connections."""
        await self._egress.aclose()


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
