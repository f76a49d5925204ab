"""One request means one thing at every vendor: the same tools, limits and forms through each wire format."""

import json
from collections.abc import Mapping
from typing import Any

import jsonschema
import pytest

from appliance.broker.providers.ask import Ask
from appliance.broker.providers.choose import adapter_for
from appliance.policy.register import Service
from tests.support.managed_calls import NOTE, SOURCE, TURNS, Said, an_ask, ask_of
from tests.support.stand_ins import StandIn
from tests.support.stand_ins.certificates import Certificates

STREAMED = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
EVERY_SERVICE = pytest.mark.parametrize("service", list(Service))

COUNT = {
    "type": "function",
    "function": {"name": "count", "parameters": {"type": "object", "properties": {"n": {"type": "integer"}}}},
}
SUMMARY = {
    "type": "object",
    "properties": {"summary": {"type": "string"}},
    "required": ["summary"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module")
def certificates() -> Certificates:
    return Certificates.make()


async def answered(
    service: Service, certificates: Certificates, ask: Ask, *, stream: bool
) -> tuple[Said, Mapping[str, Any]]:
    """Return what came back, and the body that left."""
    async with StandIn.running(service, certificates=certificates) as stand_in:
        said = await ask_of(adapter_for(stand_in.provider()), stand_in, Said(), ask=ask, stream=stream)
    return said, json.loads(stand_in.received[0].body)


@STREAMED
@EVERY_SERVICE
async def test_several_tools_are_called_in_their_order(
    service: Service, certificates: Certificates, *, stream: bool
) -> None:
    said, _ = await answered(service, certificates, an_ask(tools=[NOTE, COUNT]), stream=stream)

    assert [name for name, _ in said.calls] == ["file_note", "count"]
    assert said.calls[0][1] == {"note": SOURCE}
    assert said.ended.finish_reason == "tool_calls"
    assert [each.tool_index for each in said.pieces if each.tool_id] == [0, 1]


@EVERY_SERVICE
async def test_a_forced_tool_is_the_one_called(service: Service, certificates: Certificates) -> None:
    ask = an_ask(tools=[NOTE, COUNT], tool_choice={"type": "function", "function": {"name": "count"}})

    said, _ = await answered(service, certificates, ask, stream=True)

    assert [name for name, _ in said.calls] == ["count"]


@pytest.mark.parametrize("service", [each for each in Service if each is not Service.BEDROCK_CONVERSE])
async def test_one_call_at_a_time_is_asked_for_where_the_vendor_can_be(
    service: Service, certificates: Certificates
) -> None:
    said, _ = await answered(service, certificates, an_ask(tools=[NOTE, COUNT], parallel_tool_calls=False), stream=True)

    assert [name for name, _ in said.calls] == ["file_note"]


@pytest.mark.parametrize("service", [each for each in Service if each is not Service.OPENAI_RESPONSES])
async def test_an_answer_stops_at_a_stop_sequence(service: Service, certificates: Certificates) -> None:
    said, _ = await answered(service, certificates, an_ask(stop=["She takes"]), stream=True)

    assert (said.text, said.ended.finish_reason) == (SOURCE.partition("She takes")[0], "stop")


@EVERY_SERVICE
async def test_forbidden_tools_are_not_called(service: Service, certificates: Certificates) -> None:
    said, _ = await answered(service, certificates, an_ask(tools=[NOTE], tool_choice="none"), stream=True)

    assert (said.calls, said.text) == ([], SOURCE)


@STREAMED
@EVERY_SERVICE
async def test_a_tools_result_goes_back_and_is_answered(
    service: Service, certificates: Certificates, *, stream: bool
) -> None:
    call = {"id": "call_1", "name": "file_note", "arguments": '{"note": "Seen."}'}
    turns = [
        *TURNS,
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "content": "Filed.", "tool_call_id": "call_1"},
    ]

    said, body = await answered(service, certificates, an_ask(messages=turns, tools=[NOTE]), stream=stream)

    assert (said.calls, said.text, said.ended.finish_reason) == ([], SOURCE, "stop")
    assert "Filed." in json.dumps(body)


@STREAMED
@EVERY_SERVICE
async def test_an_answer_in_a_schema_fits_it(service: Service, certificates: Certificates, *, stream: bool) -> None:
    wanted = {"type": "json_schema", "json_schema": {"name": "answer", "schema": SUMMARY, "strict": True}}

    said, _ = await answered(service, certificates, an_ask(response_format=wanted), stream=stream)

    jsonschema.validate(json.loads(said.text), SUMMARY)
    assert json.loads(said.text) == {"summary": SOURCE}


@STREAMED
@EVERY_SERVICE
async def test_an_answer_that_reached_its_bound_says_so(
    service: Service, certificates: Certificates, *, stream: bool
) -> None:
    long = "All is well today. " * 40
    turns = [{"role": "user", "content": f"<source>{long}</source>"}]

    said, _ = await answered(service, certificates, an_ask(messages=turns, max_tokens=16), stream=stream)

    assert said.ended.finish_reason == "length"
    assert 0 < len(said.text) < 100


@EVERY_SERVICE
async def test_no_vendor_is_asked_to_keep_anything(service: Service, certificates: Certificates) -> None:
    _, body = await answered(service, certificates, an_ask(), stream=False)

    if service is Service.OPENAI_RESPONSES:
        assert body["store"] is False  # kept for 30 days unless told otherwise
    assert not body.get("store")
    assert not {"metadata", "user", "safety_identifier", "user_profile_id", "requestMetadata"} & body.keys()
