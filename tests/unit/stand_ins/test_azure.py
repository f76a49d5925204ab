import openai
import pytest

from appliance.policy.register import Service
from tests.support.stand_ins import Behaviour, StandIn
from tests.support.stand_ins.sdk_clients import azure_of

TURN = {"role": "user", "content": "Draft.\n<source>\nMs. Ida Crane was seen on 3 May.\nShe is stable.\n</source>"}


async def test_the_sdk_asks_a_deployment_and_reads_the_answer() -> None:
    async with StandIn.running(Service.AZURE_OPENAI) as stand_in, azure_of(stand_in) as client:
        completion = await client.chat.completions.create(model=stand_in.model, messages=[TURN])

    assert completion.choices[0].message.content == "Ms. Ida Crane was seen on 3 May.\nShe is stable."
    assert stand_in.received[0].target.startswith("/openai/deployments/summaries-east/chat/completions?api-version=")


async def test_a_stream_begins_with_a_chunk_without_choices() -> None:
    async with StandIn.running(Service.AZURE_OPENAI) as stand_in, azure_of(stand_in) as client:
        chunks = [
            chunk
            async for chunk in await client.chat.completions.create(
                model=stand_in.model, messages=[TURN], stream=True, stream_options={"include_usage": True}
            )
        ]

    text = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
    assert chunks[0].choices == []
    assert text == "Ms. Ida Crane was seen on 3 May.\nShe is stable."
    assert chunks[-1].usage.completion_tokens > 5


async def test_a_filtered_answer_says_so() -> None:
    async with (
        StandIn.running(Service.AZURE_OPENAI, behaviour=Behaviour.FILTERED) as stand_in,
        azure_of(stand_in) as client,
    ):
        completion = await client.chat.completions.create(model=stand_in.model, messages=[TURN])

    assert completion.choices[0].finish_reason == "content_filter"


async def test_an_unknown_deployment_is_not_found() -> None:
    async with StandIn.running(Service.AZURE_OPENAI) as stand_in, azure_of(stand_in) as client:
        with pytest.raises(openai.NotFoundError):
            await client.chat.completions.create(model="another", messages=[TURN])
