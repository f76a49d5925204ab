"""What we rely on in vLLM, tried on the pinned version with the shipped model and the shipped command."""

import asyncio
import contextlib
import json
import os
import signal
import stat
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

import pytest

from appliance.admission.estimate import Estimator
from appliance.clinical_text import ClinicalText
from appliance.engine.client import EngineClient
from appliance.engine.messages import EngineCall
from appliance.errors import ContextTooLongError, EngineBrokenStreamError, EngineError, EngineRejectedError
from appliance.exchange import Delta, Sampling, Tools
from tests.support.calls import engine_call, turn
from tests.support.real_engine import RealEngine, real_engine, reason_to_skip

pytestmark = [pytest.mark.engine, pytest.mark.skipif(bool(reason_to_skip()), reason=reason_to_skip())]

SCHEMA = {
    "type": "object",
    "properties": {"urgent": {"type": "boolean"}, "topic": {"enum": ["cardiology", "dermatology"]}},
    "required": ["urgent", "topic"],
    "additionalProperties": False,
}
TOOL = {"name": "book", "parameters": SCHEMA}
LONG = "Write a very long story about a hospital by the sea, with many people in it."


@pytest.fixture(scope="module")
def engine() -> Iterator[RealEngine]:
    with real_engine() as engine:
        yield engine


@pytest.fixture
async def client(engine: RealEngine) -> AsyncIterator[EngineClient]:
    client = engine.client()
    yield client
    await client.aclose()


def text(value: object) -> ClinicalText:
    return ClinicalText(json.dumps(value))


def long_call(tokens: int, **sampling: Any) -> EngineCall:
    return engine_call(LONG, sampling=Sampling(max_tokens=tokens, temperature=0.0, **sampling))


async def collect(client: EngineClient, call: EngineCall, seen: list[Delta] | None = None) -> list[Delta]:
    seen = [] if seen is None else seen
    async with contextlib.aclosing(client.stream(call)) as deltas:
        async for delta in deltas:
            seen.append(delta)  # what came before an error is kept too
    return seen


def words(deltas: list[Delta]) -> str:
    return "".join(delta.text.reveal() for delta in deltas)


async def test_a_canary_comes_back_and_the_model_has_our_name_for_it(client: EngineClient) -> None:
    await client.canary()

    assert await client.models() == ("local",)


async def test_a_stream_says_the_same_as_a_whole_answer_and_both_count_tokens(client: EngineClient) -> None:
    whole = await client.complete(long_call(24))
    deltas = await collect(client, long_call(24))

    assert words(deltas) == whole.text.reveal()
    assert deltas[-1].finish_reason == whole.finish_reason == "length"
    assert deltas[-1].usage == whole.usage
    assert whole.usage.completion_tokens == 24


async def test_a_tasks_schema_is_enforced(client: EngineClient) -> None:
    for stream in (False, True):
        call = replace(engine_call("Chest pain since an hour. Classify."), response_schema=SCHEMA)
        answer = words(await collect(client, call)) if stream else (await client.complete(call)).text.reveal()

        value = json.loads(answer)
        assert value.keys() == {"urgent", "topic"}
        assert value["topic"] in {"cardiology", "dermatology"}


async def test_a_callers_schema_is_enforced(client: EngineClient) -> None:
    wanted = {"type": "json_schema", "json_schema": {"name": "a", "schema": SCHEMA}}

    answer = await client.complete(engine_call("Classify.", tools=Tools(response_format=text(wanted))))

    assert isinstance(json.loads(answer.text.reveal()), dict)


async def test_a_json_object_is_begun_and_nothing_else(client: EngineClient) -> None:
    call = engine_call("Classify.", tools=Tools(response_format=text({"type": "json_object"})))

    answer = await client.complete(call)

    # Without a schema a small model may go on to max_tokens; what it writes is JSON as far as it comes.
    assert answer.text.reveal().lstrip().startswith("{")
    assert answer.finish_reason == "length" or isinstance(json.loads(answer.text.reveal()), dict)


@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "book"}}])
async def test_a_forced_tool_call_keeps_to_its_schema(client: EngineClient, choice: object) -> None:
    tools = Tools(tools=text([{"type": "function", "function": TOOL}]), tool_choice=text(choice))
    call = engine_call("Book the skin clinic.", tools=tools)

    whole = await client.complete(call)
    deltas = await collect(client, call)

    assert whole.tool_calls[0].name == "book"
    assert json.loads(whole.tool_calls[0].arguments.reveal()).keys() == {"urgent", "topic"}
    streamed = "".join(piece.arguments.reveal() for delta in deltas for piece in delta.tool_calls)
    assert json.loads(streamed).keys() == {"urgent", "topic"}


async def test_the_model_may_be_left_to_choose_or_be_kept_from_tools(client: EngineClient) -> None:
    for choice in ("auto", "none"):
        tools = Tools(tools=text([{"type": "function", "function": TOOL}]), tool_choice=text(choice))

        completion = await client.complete(engine_call("Say hello.", tools=tools))

        assert completion.text.reveal() or completion.tool_calls


async def test_a_seed_makes_an_answer_repeatable(client: EngineClient) -> None:
    calls = [engine_call(LONG, sampling=Sampling(max_tokens=24, temperature=1.0, seed=seed)) for seed in (7, 7, 8)]

    first, again, other = [(await client.complete(call)).text.reveal() for call in calls]

    assert first == again != other


async def test_an_answer_ends_before_its_stop_text(client: EngineClient) -> None:
    whole = (await client.complete(long_call(24))).text.reveal()
    stop = whole.split()[6]

    stopped = await client.complete(long_call(24, stop=(stop,)))

    assert stopped.finish_reason == "stop"
    assert stop not in stopped.text.reveal()


async def test_a_caller_that_hangs_up_stops_the_generation_inside_vllm(client: EngineClient) -> None:
    async with contextlib.aclosing(client.stream(long_call(4000))) as deltas:
        await anext(deltas)
        assert (await client.load()).running == 1

    async with asyncio.timeout(10):
        while (await client.load()).running:
            await asyncio.sleep(0.05)
    generated = (await client.load()).generated_tokens
    await asyncio.sleep(1)
    assert (await client.load()).generated_tokens == generated


async def test_a_cancelled_whole_answer_stops_inside_vllm_too(client: EngineClient) -> None:
    task = asyncio.create_task(client.complete(long_call(4000)))
    async with asyncio.timeout(20):
        while not (await client.load()).running:
            await asyncio.sleep(0.05)

    task.cancel()

    async with asyncio.timeout(10):
        while (await client.load()).running:
            await asyncio.sleep(0.05)


async def test_too_much_for_the_context_is_told_apart_from_other_refusals(client: EngineClient) -> None:
    with pytest.raises(ContextTooLongError):
        await client.complete(engine_call("word " * 9000))
    with pytest.raises(ContextTooLongError):
        await client.complete(engine_call("word", sampling=Sampling(max_tokens=9000)))
    with pytest.raises(EngineRejectedError):
        await client.complete(engine_call("word", sampling=Sampling(temperature=-1.0)))


async def test_our_own_count_is_never_below_the_engines(engine: RealEngine, client: EngineClient) -> None:
    estimator = Estimator.from_model(engine.config.engine.model, at_most=8192)
    conversations = [
        (turn("Chest pain. " * 900),),
        (turn("Be brief.", role="system"), turn("BP 140/90, HR 88; \N{DEGREE SIGN}C 38.2 \u2014 " * 300)),
        tuple(turn("Ja, gerne. " * 60, role=("user", "assistant")[i % 2]) for i in range(21)),
    ]

    for messages in conversations:
        ours = estimator.check(messages, max_tokens=1, tools=Tools())
        completion = await client.complete(EngineCall(messages=messages, sampling=Sampling(max_tokens=1)))

        assert completion.usage.prompt_tokens <= ours
        assert ours <= completion.usage.prompt_tokens * 1.05 + 100


async def test_the_socket_is_this_users_alone_and_no_port_is_open_to_other_machines(engine: RealEngine) -> None:
    mode = engine.config.engine_socket.stat().st_mode
    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) & 0o077 == 0

    listening = {address for pid in _pids_of_session(engine.process.pid) for address in _listeners(pid)}
    assert {
        address for address in listening if not address.startswith(("0100007F", "7F", "0000000000000000FFFF"))
    } == set()


async def test_the_log_holds_no_request(engine: RealEngine, client: EngineClient) -> None:
    await client.complete(engine_call("MARKER-PATIENT-4711 has a fever."))

    assert "MARKER-PATIENT-4711" not in engine.log.read_text(errors="replace")


async def test_stopping_lets_what_is_in_flight_finish() -> None:
    with real_engine(by_sentinel=True) as engine:  # as a site does: systemd's signal reaches the sentinel alone
        client = engine.client()
        seen: list[Delta] = []
        task = asyncio.create_task(collect(client, long_call(150), seen))
        async with asyncio.timeout(60):
            while b'"running"' not in engine.config.engine_state.read_bytes():
                await asyncio.sleep(0.05)
            while not seen:
                await asyncio.sleep(0.05)

        engine.signal(signal.SIGTERM)

        deltas = await asyncio.wait_for(task, 120)
        assert deltas[-1].finish_reason == "length"
        assert deltas[-1].usage is not None
        assert deltas[-1].usage.completion_tokens == 150
        assert await asyncio.to_thread(engine.process.wait, 60) == 0


async def test_an_engine_killed_in_mid_stream_never_finishes_the_answer() -> None:
    with real_engine() as engine:
        client = engine.client()
        seen: list[Delta] = []
        task = asyncio.create_task(collect(client, long_call(2000), seen))
        async with asyncio.timeout(60):
            while len(seen) < 5:
                await asyncio.sleep(0.05)

        engine.kill_all()

        began = time.monotonic()
        with pytest.raises(EngineBrokenStreamError):
            await task
        assert time.monotonic() - began < 5
        assert not any(delta.finish_reason for delta in seen)
        with pytest.raises(EngineError):
            await client.canary()


def _pids_of_session(session: int) -> list[int]:
    pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208  # names only
    found = []
    for pid in pids:
        with contextlib.suppress(OSError):
            if os.getsid(pid) == session:
                found.append(pid)
    return found


def _listeners(pid: int) -> list[str]:
    """Return the hexadecimal local addresses of TCP sockets in state LISTEN (0A) that the process holds."""
    inodes = set()
    with contextlib.suppress(OSError):
        for name in os.listdir(f"/proc/{pid}/fd"):  # noqa: PTH208  # names only
            with contextlib.suppress(OSError):
                inodes.add(os.readlink(f"/proc/{pid}/fd/{name}"))  # noqa: PTH115  # names only
    addresses = []
    for table in ("tcp", "tcp6"):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/net/{table}") as lines:  # noqa: PTH123  # as above
            rows = [line.split() for line in list(lines)[1:]]
        addresses += [row[1] for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in inodes]
    return addresses
