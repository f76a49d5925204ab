import asyncio
import contextlib
import gc
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.config import Config, EngineConfig
from appliance.engine.address import Address
from appliance.engine.client import EngineClient
from appliance.engine.connection import Connection
from appliance.errors import (
    ConfigError,
    ContextTooLongError,
    EngineBrokenStreamError,
    EngineError,
    EngineOverloadedError,
    EngineRejectedError,
    EngineTimeoutError,
)
from appliance.exchange import Completion, Delta, Usage
from tests.support.calls import engine_call
from tests.support.replay_engine import DEFAULT_TEXT, Fault, ReplayEngine, Reply

MARKER = "MARKER-7d1c"
"""Stands in every scripted error; must never come back."""


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[ReplayEngine]:
    async with ReplayEngine(uds=tmp_path / "engine.sock", model="local") as engine:
        yield engine


@pytest.fixture
async def client(engine: ReplayEngine) -> AsyncIterator[EngineClient]:
    client = EngineClient(Address(socket=engine.uds), model="local", concurrency=4)
    yield client
    await client.aclose()


async def collect(client: EngineClient, seen: list[Delta] | None = None) -> list[Delta]:
    seen = [] if seen is None else seen
    async with contextlib.aclosing(client.stream(engine_call())) as deltas:
        async for delta in deltas:
            seen.append(delta)  # what came before an error is kept too
    return seen


async def until(condition: object) -> None:
    async with asyncio.timeout(5):
        while not condition():  # type: ignore[operator]
            await asyncio.sleep(0.005)


async def test_a_whole_answer_comes_back_with_its_usage(engine: ReplayEngine, client: EngineClient) -> None:
    engine.enqueue(Reply(text="No fever.", prompt_tokens=11))

    completion = await client.complete(engine_call())

    assert isinstance(completion, Completion)
    assert completion.text.reveal() == "No fever."
    assert completion.usage == Usage(prompt_tokens=11, completion_tokens=2)
    assert engine.bodies[0]["model"] == "local"


async def test_a_stream_yields_tokens_and_ends_with_the_finish_and_the_usage(client: EngineClient) -> None:
    deltas = await collect(client)

    assert "".join(delta.text.reveal() for delta in deltas) == DEFAULT_TEXT
    assert [delta.finish_reason for delta in deltas[-2:]] == [None, "stop"]
    assert deltas[-1].usage is not None


async def test_one_connection_serves_one_request_after_the_other(engine: ReplayEngine, client: EngineClient) -> None:
    for _ in range(5):
        await client.complete(engine_call())
        await collect(client)

    assert engine.connections == 1


async def test_a_connection_that_the_engine_closed_when_idle_is_replaced(
    engine: ReplayEngine, client: EngineClient
) -> None:
    await client.complete(engine_call())
    await engine.stop()
    engine.uds.unlink(missing_ok=True)  # type: ignore[union-attr]
    await engine.start()

    await client.complete(engine_call())

    assert engine.connections == 2


async def test_closing_a_stream_aborts_the_generation(engine: ReplayEngine, client: EngineClient) -> None:
    engine.enqueue(Reply(text="word " * 1000, token_delay_s=0.01))
    async with contextlib.aclosing(client.stream(engine_call())) as deltas:
        await anext(deltas)

    await until(lambda: engine.running == 0)
    assert (engine.aborted, engine.completed) == (1, 0)


async def test_cancelling_a_whole_answer_aborts_the_generation(engine: ReplayEngine, client: EngineClient) -> None:
    engine.enqueue(Reply(delay_s=30))
    task = asyncio.create_task(client.complete(engine_call()))
    await until(lambda: engine.running == 1)

    task.cancel()

    await until(lambda: engine.running == 0)
    assert engine.aborted == 1


@pytest.mark.parametrize(
    ("fault", "after"),
    [
        (Fault.RESET, 2),
        (Fault.TRUNCATED, 2),
        (Fault.NO_DONE, 0),
        (Fault.NO_FINISH, 0),
        (Fault.MALFORMED, 2),
        (Fault.WRONG_SHAPE, 2),
        (Fault.ERROR_EVENT, 2),
        (Fault.OVERSIZED, 2),
        (Fault.ENDLESS, 0),
        (Fault.RESET, 0),
    ],
)
async def test_a_stream_that_breaks_never_finishes(
    engine: ReplayEngine, client: EngineClient, fault: Fault, after: int
) -> None:
    engine.enqueue(Reply(fault=fault, after=after, message=MARKER))
    seen: list[Delta] = []

    with pytest.raises(EngineBrokenStreamError) as caught:
        await collect(client, seen)

    assert not any(delta.finish_reason for delta in seen)
    assert MARKER not in f"{caught.value} {caught.value.detail}"
    assert client.pulse.trouble.is_set()


@pytest.mark.parametrize("fault", [Fault.RESET, Fault.MALFORMED, Fault.WRONG_SHAPE, Fault.OVERSIZED])
async def test_a_whole_answer_that_breaks_is_an_error(engine: ReplayEngine, client: EngineClient, fault: Fault) -> None:
    engine.enqueue(Reply(fault=fault))

    with pytest.raises(EngineBrokenStreamError):
        await client.complete(engine_call())


@pytest.mark.parametrize(
    ("status", "message", "expected", "is_trouble"),
    [
        (400, MARKER, EngineRejectedError, False),
        (400, f"max_tokens=9000 cannot be greater than max_model_len=8192 {MARKER}", ContextTooLongError, False),
        (400, f"maximum context length is 8192 tokens {MARKER}", ContextTooLongError, False),
        (404, MARKER, EngineRejectedError, False),
        (422, MARKER, EngineRejectedError, False),
        (429, MARKER, EngineOverloadedError, False),
        (503, MARKER, EngineOverloadedError, False),
        (500, MARKER, EngineError, True),
        (302, MARKER, EngineError, True),
        (500, "x" * 100_000, EngineError, True),
    ],
)
async def test_the_engines_refusals_become_ours_without_its_words(
    engine: ReplayEngine, client: EngineClient, *, status: int, message: str, expected: type, is_trouble: bool
) -> None:
    for ask in (client.complete, lambda call: anext(client.stream(call))):
        engine.enqueue(Reply(status=status, message=message))

        with pytest.raises(expected) as caught:
            await ask(engine_call())

        assert MARKER not in f"{caught.value} {caught.value.detail}"  # type: ignore[attr-defined]
        assert client.pulse.trouble.is_set() is is_trouble


async def test_an_engine_that_is_not_there_is_an_engine_error_at_once(tmp_path: Path) -> None:
    client = EngineClient(Address(socket=tmp_path / "nobody.sock"), model="local", concurrency=1)

    with pytest.raises(EngineError) as caught:
        await client.complete(engine_call())

    assert str(tmp_path) not in caught.value.public


async def test_the_canary_needs_a_token_and_not_a_health_page(engine: ReplayEngine, client: EngineClient) -> None:
    await client.canary()

    assert (engine.bodies[0]["max_tokens"], engine.bodies[0]["priority"]) == (1, 0)
    assert len(engine.bodies[0]["cache_salt"]) == 43

    engine.enqueue(Reply(status=500))
    with pytest.raises(EngineError):
        await client.canary()


async def test_an_upstream_without_a_name_is_asked_for_its_first_model(engine: ReplayEngine) -> None:
    engine.model = "first-model"
    client = EngineClient(Address(socket=engine.uds, is_external=True), model=None, concurrency=1)

    await client.complete(engine_call())
    engine.model = "second-model"
    engine.enqueue(Reply(status=404))
    with pytest.raises(EngineRejectedError):
        await client.complete(engine_call())
    await client.complete(engine_call())

    assert [body["model"] for body in engine.bodies] == ["first-model", "first-model", "second-model"]
    assert "cache_salt" not in engine.bodies[0]
    await client.aclose()


async def test_an_upstream_that_knows_no_json_schema_is_asked_in_its_own_dialect(engine: ReplayEngine) -> None:
    client = EngineClient(Address(socket=engine.uds, is_external=True), model="x", concurrency=1)
    call = replace(engine_call(), response_schema={"type": "object"})
    engine.enqueue(Reply(status=500))

    await client.complete(call)
    await client.complete(call)

    kinds = [body["response_format"] for body in engine.bodies]
    assert [kind["type"] for kind in kinds] == ["json_schema", "json_object", "json_object"]
    assert kinds[1]["schema"] == {"type": "object"}
    await client.aclose()


@pytest.mark.parametrize("reply", [Reply(status=500), Reply(fault=Fault.RESET)])
async def test_an_upstream_is_asked_again_for_no_other_reason(engine: ReplayEngine, reply: Reply) -> None:
    client = EngineClient(Address(socket=engine.uds, is_external=True), model="x", concurrency=1)
    schema = {"type": "object"} if reply.fault else None
    engine.enqueue(reply)

    with pytest.raises(EngineError):
        await client.complete(replace(engine_call(), response_schema=schema))

    assert len(engine.bodies) == 1
    await client.aclose()


async def test_an_upstream_without_any_model_is_told_so(engine: ReplayEngine) -> None:
    engine.model = ""
    client = EngineClient(Address(socket=engine.uds, is_external=True), model=None, concurrency=1)

    with pytest.raises(EngineError, match="no model loaded"):
        await client.complete(engine_call())
    await client.aclose()


async def test_a_loopback_port_works_as_the_socket_does() -> None:
    async with ReplayEngine(port=0, model="x") as engine:
        config = Config(home=Path("/nowhere"), engine=EngineConfig(upstream=engine.url, upstream_model="x"))
        client = EngineClient.from_config(config)

        assert (await client.complete(engine_call())).text.reveal() == DEFAULT_TEXT
        assert await client.models() == ("x",)
        await client.aclose()


async def test_the_engines_own_figures_are_read(engine: ReplayEngine, client: EngineClient) -> None:
    await client.complete(engine_call())
    task = asyncio.create_task(client.complete(engine_call()))
    engine.enqueue(Reply(delay_s=30))
    await until(lambda: engine.running == 1)

    load = await client.load()

    assert (load.running, load.finished) == (1.0, 1.0)
    task.cancel()


async def test_our_own_socket_is_the_default_and_another_machine_is_refused() -> None:
    config = Config(home=Path("/nowhere"))
    assert EngineClient.from_config(config).pulse.answered_s is None

    far = Config(home=Path("/nowhere"), engine=EngineConfig(upstream="http://192.0.2.7:8000"))
    with pytest.raises(ConfigError, match="loopback"):
        EngineClient.from_config(far)


async def test_more_requests_than_connections_wait_their_turn(engine: ReplayEngine) -> None:
    client = EngineClient(Address(socket=engine.uds), model="local", concurrency=1)

    await asyncio.gather(*(client.complete(engine_call()) for _ in range(40)))

    assert engine.connections <= 5
    await client.aclose()


async def test_a_caller_that_stops_reading_does_not_fill_the_memory(engine: ReplayEngine, client: EngineClient) -> None:
    engine.enqueue(Reply(fault=Fault.ENDLESS))
    async with contextlib.aclosing(client.stream(engine_call())) as deltas:
        await anext(deltas)
        await asyncio.sleep(0.3)
        gc.collect()

        held = [len(c._body) for c in gc.get_objects() if isinstance(c, Connection)]  # noqa: SLF001

    assert held
    assert max(held) < 2_000_000


async def test_silence_in_mid_answer_ends_with_a_timeout(engine: ReplayEngine) -> None:
    client = EngineClient(Address(socket=engine.uds), model="local", concurrency=1, stall_s=0.1)
    engine.enqueue(Reply(fault=Fault.HANG, after=2), Reply(fault=Fault.HANG))

    with pytest.raises(EngineTimeoutError):
        await collect(client)
    with pytest.raises(EngineTimeoutError):
        await client.complete(engine_call())
