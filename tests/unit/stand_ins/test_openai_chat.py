import json

import openai
import pytest

from appliance.policy.register import Service
from tests.support.stand_ins import Behaviour, StandIn
from tests.support.stand_ins.sdk_clients import openai_of

TURN = {"role": "user", "content": "Draft.\n<source>\nMs. Ida Crane was seen on 3 May.\nShe is stable.\n</source>"}
TOOLS = [
    {"type": "function", "function": {"name": name, "parameters": {"type": "object", "properties": properties}}}
    for name, properties in (("file_note", {"note": {"type": "string"}}), ("count", {"n": {"type": "integer"}}))
]


async def test_the_sdk_reads_an_answer_made_of_the_source() -> None:
    async with StandIn.running(Service.OPENAI_CHAT) as stand_in, openai_of(stand_in) as client:
        completion = await client.chat.completions.create(model=stand_in.model, messages=[TURN])

    assert completion.choices[0].message.content == "Ms. Ida Crane was seen on 3 May.\nShe is stable."
    assert completion.choices[0].finish_reason == "stop"
    assert completion.usage.total_tokens == completion.usage.prompt_tokens + completion.usage.completion_tokens


async def test_the_sdk_gathers_streamed_tool_calls() -> None:
    async with (
        StandIn.running(Service.OPENAI_CHAT) as stand_in,
        openai_of(stand_in) as client,
        client.chat.completions.stream(model=stand_in.model, messages=[TURN], tools=TOOLS) as stream,
    ):
        completion = await stream.get_final_completion()

    calls = completion.choices[0].message.tool_calls
    assert [call.function.name for call in calls] == ["file_note", "count"]
    assert "Ida Crane" in json.loads(calls[0].function.arguments)["note"]
    assert completion.choices[0].finish_reason == "tool_calls"


async def test_a_streamed_refusal_stands_beside_the_content() -> None:
    async with (
        StandIn.running(Service.OPENAI_CHAT, behaviour=Behaviour.REFUSAL) as stand_in,
        openai_of(stand_in) as client,
        client.chat.completions.stream(model=stand_in.model, messages=[TURN]) as stream,
    ):
        completion = await stream.get_final_completion()

    assert completion.choices[0].message.refusal == "I can't help with that request."
    assert completion.choices[0].message.content is None


@pytest.mark.parametrize(("behaviour", "hint"), [("rate_limited", "1"), ("rate_limited_no_hint", None)])
async def test_a_rate_limit_names_its_pause_or_does_not(behaviour: str, hint: str | None) -> None:
    async with (
        StandIn.running(Service.OPENAI_CHAT, behaviour=Behaviour(behaviour)) as stand_in,
        openai_of(stand_in) as client,
    ):
        with pytest.raises(openai.RateLimitError) as raised:
            await client.chat.completions.create(model=stand_in.model, messages=[TURN])

    assert raised.value.response.headers.get("retry-after") == hint
