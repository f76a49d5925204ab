"""Another OpenAI-compatible server in the engine's place by configuration alone: llama-cpp-python's, same model.

llama-cpp-python is compiled from source for minutes, so no environment of ours holds it.  Name an interpreter that has
``llama_cpp.server`` and a GGUF file, and the proof runs (see tests/README.md).
"""

import asyncio
import contextlib
import json
import os
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.clinical_text import ClinicalText
from appliance.config import Config, EngineConfig
from appliance.engine.client import EngineClient
from appliance.engine.condition import Engine
from appliance.errors import ContextTooLongError, EngineError
from appliance.exchange import Delta, Sampling, Tools
from tests.support.calls import engine_call

PYTHON = os.environ.get("APPLIANCE_SECOND_SERVER_PYTHON", "")
MODEL = os.environ.get("APPLIANCE_SECOND_SERVER_MODEL", "")
CONTEXT = 2048

pytestmark = [
    pytest.mark.engine,
    pytest.mark.skipif(
        not (PYTHON and MODEL),
        reason="APPLIANCE_SECOND_SERVER_PYTHON (llama-cpp-python[server]) and ..._MODEL (GGUF) are not set",
    ),
]

SCHEMA = {
    "type": "object",
    "properties": {"urgent": {"type": "boolean"}},
    "required": ["urgent"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("second")
    port = free_port()
    with (folder / "server.log").open("wb") as log:
        child = subprocess.Popen(
            [
                *(PYTHON, "-m", "llama_cpp.server", "--model", MODEL, "--n_ctx", str(CONTEXT)),
                *("--host", "127.0.0.1", "--port", str(port), "--chat_format", "chatml", "--n_threads", "2"),
                *("--interrupt_requests", "false"),  # else our canary would cut the stream that runs
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=folder,
        )
    try:
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        child.kill()
        child.wait(30)


def free_port() -> int:
    """Return a port that was free a moment ago."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture
async def config(upstream: str, tmp_path: Path) -> Config:
    return Config(home=tmp_path, engine=EngineConfig(upstream=upstream))


@pytest.fixture
async def client(config: Config) -> AsyncIterator[EngineClient]:
    client = EngineClient.from_config(config)
    async with Engine.from_config(client, config) as engine:
        assert (await engine.wait_ready(120)).is_ready
        yield client
    await client.aclose()


async def collect(client: EngineClient, **parts: object) -> list[Delta]:
    async with contextlib.aclosing(client.stream(engine_call("Say hello.", **parts))) as deltas:
        return [delta async for delta in deltas]


async def test_it_answers_whole_and_in_a_stream(client: EngineClient) -> None:
    whole = await client.complete(engine_call("Say hello."))
    deltas = await collect(client)

    assert whole.text.reveal()
    assert whole.usage.prompt_tokens > 0
    assert "".join(delta.text.reveal() for delta in deltas) == whole.text.reveal()
    assert deltas[-1].finish_reason in {"stop", "length"}


async def test_a_tasks_schema_is_enforced_there_too(client: EngineClient) -> None:
    completion = await client.complete(replace(engine_call("Is it urgent?"), response_schema=SCHEMA))

    assert json.loads(completion.text.reveal()).keys() == {"urgent"}


async def test_a_forced_tool_call_comes_back(client: EngineClient) -> None:
    function = {"type": "function", "function": {"name": "book", "parameters": SCHEMA}}
    choice = {"type": "function", "function": {"name": "book"}}
    tools = Tools(tools=ClinicalText(json.dumps([function])), tool_choice=ClinicalText(json.dumps(choice)))

    completion = await client.complete(engine_call("Book it.", tools=tools))

    assert completion.tool_calls[0].name == "book"
    assert json.loads(completion.tool_calls[0].arguments.reveal()).keys() == {"urgent"}


async def test_what_is_too_long_is_told_apart(client: EngineClient) -> None:
    with pytest.raises(ContextTooLongError):
        await client.complete(engine_call("word " * 3000))


async def test_a_caller_that_hangs_up_frees_the_server(client: EngineClient) -> None:
    sampling = Sampling(max_tokens=1500, temperature=0.0)
    async with contextlib.aclosing(client.stream(engine_call("Write a long story.", sampling=sampling))) as deltas:
        await anext(deltas)

    async with asyncio.timeout(20):
        await client.canary()


async def test_without_the_server_it_is_down_and_says_so(tmp_path: Path) -> None:
    config = Config(home=tmp_path, engine=EngineConfig(upstream="http://127.0.0.1:9"))
    client = EngineClient.from_config(config)

    with pytest.raises(EngineError):
        await client.canary()
