import json

import pytest

from appliance.policy.register import Service
from tests.support.stand_ins import Behaviour, StandIn
from tests.support.stand_ins.sdk_clients import openai_of

ASKED = "Draft.\n<source>\nMs. Ida Crane was seen on 3 May.\nShe is stable.\n</source>"
TOOL = {
    "type": "function",
    "name": "file_note",
    "strict": False,
    "parameters": {"type": "object", "properties": {"note": {"type": "string"}}},
}


async def test_the_sdk_reads_an_answer_made_of_the_source() -> None:
    async with StandIn.running(Service.OPENAI_RESPONSES) as stand_in, openai_of(stand_in) as client:
        response = await client.responses.create(model=stand_in.model, input=ASKED, store=False)

    assert response.output_text == "Ms. Ida Crane was seen on 3 May.\nShe is stable."
    assert (response.status, response.usage.output_tokens > 5) == ("completed", True)


async def test_the_sdk_gathers_a_stream() -> None:
    async with (
        StandIn.running(Service.OPENAI_RESPONSES) as stand_in,
        openai_of(stand_in) as client,
        client.responses.stream(model=stand_in.model, input=ASKED) as stream,
    ):
        numbers = [event.sequence_number async for event in stream]
        response = await stream.get_final_response()

    assert response.output_text == "Ms. Ida Crane was seen on 3 May.\nShe is stable."
    assert len(numbers) > 10


async def test_the_sdk_gathers_a_streamed_tool_call() -> None:
    async with (
        StandIn.running(Service.OPENAI_RESPONSES) as stand_in,
        openai_of(stand_in) as client,
        client.responses.stream(model=stand_in.model, input=ASKED, tools=[TOOL]) as stream,
    ):
        response = await stream.get_final_response()

    assert [item.type for item in response.output] == ["function_call"]
    assert "Ida Crane" in json.loads(response.output[0].arguments)["note"]


@pytest.mark.parametrize("behaviour", [Behaviour.REFUSAL, Behaviour.FILTERED])
async def test_a_refusal_is_content_and_a_filter_ends_incomplete(behaviour: Behaviour) -> None:
    async with (
        StandIn.running(Service.OPENAI_RESPONSES, behaviour=behaviour) as stand_in,
        openai_of(stand_in) as client,
        client.responses.stream(model=stand_in.model, input=ASKED) as stream,
    ):
        events = [event async for event in stream]

    response = events[-1].response
    if behaviour is Behaviour.REFUSAL:
        assert response.output[0].content[0].refusal == "I can't help with that request."
    else:
        assert response.incomplete_details.reason == "content_filter"
