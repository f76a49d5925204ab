import anthropic
import pytest

from appliance.policy.register import Service
from tests.support.stand_ins import Behaviour, StandIn
from tests.support.stand_ins.sdk_clients import anthropic_of

TURN = {"role": "user", "content": "Draft.\n<source>\nMs. Ida Crane was seen on 3 May.\nShe is stable.\n</source>"}


async def test_the_sdk_reads_an_answer_made_of_the_source() -> None:
    async with StandIn.running(Service.ANTHROPIC_MESSAGES) as stand_in, anthropic_of(stand_in) as client:
        message = await client.messages.create(model=stand_in.model, max_tokens=100, messages=[TURN])

    assert message.content[0].text == "Ms. Ida Crane was seen on 3 May.\nShe is stable."
    assert (message.stop_reason, message.model) == ("end_turn", stand_in.model)
    assert b"Ida Crane" in stand_in.received[0].body


async def test_the_sdk_reads_a_stream() -> None:
    async with (
        StandIn.running(Service.ANTHROPIC_MESSAGES) as stand_in,
        anthropic_of(stand_in) as client,
        client.messages.stream(model=stand_in.model, max_tokens=100, messages=[TURN]) as stream,
    ):
        pieces = [piece async for piece in stream.text_stream]
        message = await stream.get_final_message()

    assert "".join(pieces) == "Ms. Ida Crane was seen on 3 May.\nShe is stable."
    assert len(pieces) > 3
    assert message.stop_reason == "end_turn"
    assert message.usage.output_tokens > 5


async def test_a_refusal_is_a_stop_reason() -> None:
    async with (
        StandIn.running(Service.ANTHROPIC_MESSAGES, behaviour=Behaviour.REFUSAL) as stand_in,
        anthropic_of(stand_in) as client,
    ):
        message = await client.messages.create(model=stand_in.model, max_tokens=100, messages=[TURN])

    assert message.stop_reason == "refusal"


async def test_a_rate_limit_names_its_pause() -> None:
    async with (
        StandIn.running(Service.ANTHROPIC_MESSAGES, behaviour=Behaviour.RATE_LIMITED) as stand_in,
        anthropic_of(stand_in) as client,
    ):
        with pytest.raises(anthropic.RateLimitError) as raised:
            await client.messages.create(model=stand_in.model, max_tokens=100, messages=[TURN])

    assert raised.value.response.headers["retry-after"] == "1"
    assert raised.value.body["error"]["type"] == "rate_limit_error"
