"""The `openai` Python SDK, unmodified and with strict response validation, against the gateway over real HTTPS."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI, DefaultAsyncHttpxClient, DefaultHttpxClient, OpenAI
from pydantic import BaseModel

from tests.support.gateway_client import NOTE, TASK, Gateway, running_gateway
from tests.support.replay_engine import Fault, Reply

MESSAGES: Any = [{"role": "user", "content": NOTE}]
TOOL: Any = {
    "type": "function",
    "function": {
        "name": "find_slot",
        "description": "Find a free slot.",
        "parameters": {"type": "object", "properties": {"clinic": {"type": "string"}}, "required": ["clinic"]},
    },
}


class Slot(BaseModel):
    """What a caller wants back."""

    clinic: str
    days: int


@pytest.fixture
async def gateway(tmp_path: Path, policies: Path) -> AsyncIterator[Gateway]:
    """Return a gateway."""
    async with running_gateway(tmp_path, policies) as running:
        yield running


@pytest.fixture
async def sdk(gateway: Gateway) -> AsyncIterator[AsyncOpenAI]:
    """Return the SDK's client, as its own documentation makes it."""
    http = DefaultAsyncHttpxClient(verify=gateway.trust(), trust_env=False)
    options: Any = {"max_retries": 0, "_strict_response_validation": True}
    async with AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.key, http_client=http, **options) as client:
        yield client


async def test_models_are_the_tasks_of_this_caller(sdk: AsyncOpenAI) -> None:
    names = [model.id async for model in sdk.models.list()]

    assert TASK in names
    assert (await sdk.models.retrieve(TASK)).id == TASK
    with pytest.raises(openai.NotFoundError):
        await sdk.models.retrieve("gpt-4o")


async def test_a_completion_with_usage_and_the_appliances_own_member(sdk: AsyncOpenAI) -> None:
    done = await sdk.chat.completions.create(
        model=TASK, messages=MESSAGES, temperature=0.1, top_p=0.9, seed=7, stop=["\n\n"], max_completion_tokens=64,
        user="dr.lee", metadata={"patient": "P-1"}, n=1, logprobs=False, frequency_penalty=0.1, presence_penalty=0.1,
    )  # fmt: skip

    assert done.choices[0].message.content
    assert done.choices[0].finish_reason == "stop"
    assert done.usage is not None
    assert done.usage.total_tokens == done.usage.prompt_tokens + done.usage.completion_tokens
    assert done.model_extra is not None
    assert done.model_extra["appliance"]["route"] == "local"


async def test_a_stream_with_usage(sdk: AsyncOpenAI) -> None:
    stream = await sdk.chat.completions.create(
        model=TASK, messages=MESSAGES, stream=True, stream_options={"include_usage": True}
    )
    chunks = [chunk async for chunk in stream]

    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text.startswith("The patient")
    assert chunks[0].model_extra is not None
    assert chunks[0].model_extra["appliance"]["exchange"].startswith("ex_")
    assert [chunk.usage is not None for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
    assert chunks[-2].choices[0].finish_reason == "stop"


async def test_the_streaming_helper(sdk: AsyncOpenAI) -> None:
    async with sdk.chat.completions.stream(model=TASK, messages=MESSAGES) as stream:
        kinds = {event.type async for event in stream}
        final = await stream.get_final_completion()

    assert {"chunk", "content.delta", "content.done"} <= kinds
    assert final.choices[0].message.content


async def test_structured_output_is_parsed(sdk: AsyncOpenAI, gateway: Gateway) -> None:
    gateway.engine.enqueue(Reply(text='{"clinic": "cardiology", "days": 7}'))

    done = await sdk.chat.completions.parse(model=TASK, messages=MESSAGES, response_format=Slot)

    assert done.choices[0].message.parsed == Slot(clinic="cardiology", days=7)
    assert gateway.engine.bodies[-1]["response_format"]["json_schema"]["schema"]["properties"]


async def test_tools_are_called_and_their_results_sent_back(sdk: AsyncOpenAI, gateway: Gateway) -> None:
    gateway.engine.enqueue(Reply(text="", tool_calls=(("find_slot", '{"clinic": "cardiology"}'),)))

    first = await sdk.chat.completions.create(model=TASK, messages=MESSAGES, tools=[TOOL], tool_choice="auto")
    message = first.choices[0].message

    assert first.choices[0].finish_reason == "tool_calls"
    assert message.tool_calls
    reply = {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "Tuesday"}
    second = await sdk.chat.completions.create(model=TASK, messages=[*MESSAGES, message, reply], tools=[TOOL])
    assert second.choices[0].message.content


async def test_tools_in_a_stream(sdk: AsyncOpenAI, gateway: Gateway) -> None:
    gateway.engine.enqueue(Reply(text="", tool_calls=(("find_slot", '{"clinic": "cardiology"}'),)))

    async with sdk.chat.completions.stream(model=TASK, messages=MESSAGES, tools=[TOOL]) as stream:
        final = await stream.get_final_completion()

    calls = final.choices[0].message.tool_calls
    assert calls
    assert (calls[0].function.name, calls[0].function.arguments) == ("find_slot", '{"clinic": "cardiology"}')


async def test_text_parts_are_read_as_text(sdk: AsyncOpenAI, gateway: Gateway) -> None:
    parts: Any = [{"type": "text", "text": "Reschedule."}, {"type": "text", "text": NOTE}]

    await sdk.chat.completions.create(model=TASK, messages=[{"role": "user", "content": parts}])

    assert "Reschedule." in str(gateway.engine.bodies[-1]["messages"])


@pytest.mark.parametrize(
    ("options", "error", "code"),
    [
        ({"model": "gpt-4o"}, openai.NotFoundError, "unknown_task"),
        ({"temperature": 9.0}, openai.BadRequestError, "invalid_request"),
        ({"n": 3}, openai.BadRequestError, "unsupported_parameter"),
        ({"extra_body": {"best_of": 3}}, openai.BadRequestError, "unknown_parameter"),
        ({"model": "discharge-summary"}, openai.PermissionDeniedError, "route_refused"),
    ],
)
async def test_errors_are_the_sdks_own_classes_with_stable_codes(
    sdk: AsyncOpenAI, options: dict[str, Any], error: type[openai.APIStatusError], code: str
) -> None:
    with pytest.raises(error) as caught:
        await sdk.chat.completions.create(**{"model": TASK, "messages": MESSAGES, **options})

    assert caught.value.code == code
    assert "Jane" not in str(caught.value)


async def test_a_wrong_key_is_the_sdks_authentication_error(sdk: AsyncOpenAI) -> None:
    with pytest.raises(openai.AuthenticationError):
        await sdk.with_options(api_key="sk-wrong").models.list()


async def test_a_stream_that_breaks_off_raises_in_the_sdk(sdk: AsyncOpenAI, gateway: Gateway) -> None:
    gateway.engine.enqueue(Reply(text="one two three four", fault=Fault.RESET, after=2))

    stream = await sdk.chat.completions.create(model=TASK, messages=MESSAGES, stream=True)
    with pytest.raises(openai.APIError, match="discard the part that came"):
        assert [chunk async for chunk in stream]


async def test_the_synchronous_client_works_too(gateway: Gateway) -> None:
    def ask() -> str:
        http = DefaultHttpxClient(verify=gateway.trust(), trust_env=False)
        options: Any = {"_strict_response_validation": True}
        with OpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.key, http_client=http, **options) as client:
            done = client.chat.completions.with_raw_response.create(model=TASK, messages=MESSAGES)
            assert done.headers["appliance-route"] == "local"
            return done.parse().choices[0].message.content or ""

    assert await asyncio.to_thread(ask)
