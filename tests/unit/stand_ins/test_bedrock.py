import asyncio
import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, EventStreamError

from appliance.policy.register import Service
from tests.support.stand_ins import Behaviour, StandIn

SOURCE = "Draft.\n<source>\nMs. Ida Crane was seen on 3 May.\nShe is stable.\n</source>"
TURN = {"role": "user", "content": [{"text": SOURCE}]}
TOOLS = {
    "tools": [
        {
            "toolSpec": {
                "name": "file_note",
                "inputSchema": {"json": {"type": "object", "properties": {"note": {"type": "string"}}}},
            }
        }
    ]
}


async def asked(stand_in: StandIn, ca: Path, **more: Any) -> Mapping[str, Any]:
    def ask() -> Mapping[str, Any]:
        with contextlib.closing(bedrock_of(stand_in, ca)) as client:
            return client.converse(**request_to(stand_in), **more)

    return await asyncio.to_thread(ask)


async def streamed(stand_in: StandIn, ca: Path, **more: Any) -> list[Mapping[str, Any]]:
    def read() -> list[Mapping[str, Any]]:
        with contextlib.closing(bedrock_of(stand_in, ca)) as client:
            answer = client.converse_stream(**request_to(stand_in), **more)
            with contextlib.closing(answer["stream"]) as stream:
                return list(stream)

    return await asyncio.to_thread(read)


def request_to(stand_in: StandIn) -> dict[str, Any]:
    return {"modelId": stand_in.model, "messages": [TURN], "inferenceConfig": {"maxTokens": 100}}


def bedrock_of(stand_in: StandIn, ca: Path, **secrets: str) -> Any:
    ca.write_text(stand_in.ca_pem)
    credential = {**json.loads(stand_in.credential), **secrets}
    return boto3.client(
        "bedrock-runtime",
        region_name="us-east-1",
        endpoint_url=stand_in.base_url,
        verify=str(ca),
        aws_access_key_id=credential["access_key_id"],
        aws_secret_access_key=credential["secret_access_key"],
        aws_session_token=credential["session_token"],
        config=Config(retries={"total_max_attempts": 1}),
    )


async def test_the_sdk_signs_and_reads_an_answer_made_of_the_source(tmp_path: Path) -> None:
    async with StandIn.running(Service.BEDROCK_CONVERSE) as stand_in:
        answer = await asked(stand_in, tmp_path / "ca.pem")

    assert answer["output"]["message"]["content"] == [{"text": "Ms. Ida Crane was seen on 3 May.\nShe is stable."}]
    assert answer["stopReason"] == "end_turn"


async def test_a_wrong_secret_does_not_sign(tmp_path: Path) -> None:
    async with StandIn.running(Service.BEDROCK_CONVERSE) as stand_in:
        with (
            contextlib.closing(bedrock_of(stand_in, tmp_path / "ca.pem", secret_access_key="another")) as client,
            pytest.raises(ClientError) as raised,
        ):
            await asyncio.to_thread(client.converse, **request_to(stand_in))

    assert raised.value.response["Error"]["Code"] == "UnrecognizedClientException"


async def test_the_sdk_reads_the_binary_stream(tmp_path: Path) -> None:
    async with StandIn.running(Service.BEDROCK_CONVERSE) as stand_in:
        events = await streamed(stand_in, tmp_path / "ca.pem")

    text = "".join(each["contentBlockDelta"]["delta"]["text"] for each in events if "contentBlockDelta" in each)
    assert text == "Ms. Ida Crane was seen on 3 May.\nShe is stable."
    assert [next(iter(each)) for each in events[-2:]] == ["messageStop", "metadata"]


async def test_the_sdk_gathers_a_streamed_tool_call(tmp_path: Path) -> None:
    async with StandIn.running(Service.BEDROCK_CONVERSE) as stand_in:
        events = await streamed(stand_in, tmp_path / "ca.pem", toolConfig=TOOLS)

    deltas = [each["contentBlockDelta"]["delta"]["toolUse"]["input"] for each in events if "contentBlockDelta" in each]
    assert "Ida Crane" in json.loads("".join(deltas))["note"]


async def test_an_exception_inside_the_stream_is_the_sdks_own(tmp_path: Path) -> None:
    async with StandIn.running(Service.BEDROCK_CONVERSE, behaviour=Behaviour.ERROR_MIDWAY) as stand_in:
        with pytest.raises(EventStreamError, match="modelStreamErrorException"):
            await streamed(stand_in, tmp_path / "ca.pem")


async def test_a_throttled_request_is_the_sdks_own_error(tmp_path: Path) -> None:
    async with StandIn.running(Service.BEDROCK_CONVERSE, behaviour=Behaviour.RATE_LIMITED) as stand_in:
        with pytest.raises(ClientError) as raised:
            await asked(stand_in, tmp_path / "ca.pem")

    assert raised.value.response["Error"]["Code"] == "ThrottlingException"
