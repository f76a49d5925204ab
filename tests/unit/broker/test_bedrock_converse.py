"""Bedrock's adapter against a stand-in that checks the signature and speaks the real event stream, over TLS."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, ClassVar, Self

import pytest

from appliance.broker.egress import Egress
from appliance.broker.outgoing import Outgoing, ProviderFaultError
from appliance.broker.providers.adapter import Ended, Secret, Text
from appliance.broker.providers.ask import Ask
from appliance.broker.providers.bedrock_converse import BedrockConverse
from appliance.policy.register import Ceilings, Service
from tests.support.bedrock_events import END, START, USAGE, event, exception, over, piece
from tests.support.bedrock_events import stream as stream_of
from tests.support.stand_ins import Behaviour, StandIn

SOURCE = "Summarise. <source>Mary Ellis came with fever. She was given ceftriaxone. She is stable.</source>"
WAYS = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])


class StoppedError(Exception):
    """What the broker's core raises when nothing may leave."""


@asynccontextmanager
async def bedrock(**settings: Any) -> AsyncIterator[tuple[StandIn, BedrockConverse]]:
    async with StandIn.running(Service.BEDROCK_CONVERSE, silence_s=30.0, retry_after_s=0, **settings) as stand_in:
        provider = stand_in.provider(ceilings=Ceilings(first_byte_s=0.3, answer_bytes=1024 * 1024))
        adapter = BedrockConverse(provider, Egress(provider.endpoint, provider.ceilings))
        try:
            yield stand_in, adapter
        finally:
            await adapter.aclose()


class ScriptedEgress:
    """An egress, a call and a reply in one, which answers with these bytes."""

    status = 200
    headers: ClassVar[dict[str, str]] = {}
    attempts = 1

    def __init__(self, content: bytes) -> None:
        self._content = content

    def call(self, _: object) -> Self:
        """Return the call, which is this."""
        return self

    async def send(self, _: object) -> Self:
        """Return the reply, which is this."""
        return self

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield the bytes."""
        yield self._content

    async def aclose(self) -> None:
        """Do nothing: there is nothing to close."""


@asynccontextmanager
async def scripted(content: bytes) -> AsyncIterator[tuple[StandIn, BedrockConverse]]:
    """Give an adapter whose provider answers with these bytes, whatever it is asked."""
    async with StandIn.running(Service.BEDROCK_CONVERSE) as stand_in:
        yield stand_in, BedrockConverse(stand_in.provider(), ScriptedEgress(content))


async def said(
    stand_in: StandIn, adapter: BedrockConverse, *, stream: bool, secret: str = "", **more: object
) -> tuple[list[Text], Ended, list[Outgoing]]:
    """Ask once and return the pieces, the end and what was about to leave."""
    body = {"messages": [{"role": "user", "content": SOURCE}], **more}
    seen: list[Outgoing] = []

    async def note(outgoing: Outgoing) -> None:
        seen.append(outgoing)

    [model] = stand_in.provider().models
    found = [
        each
        async for each in adapter.answer(
            Ask.from_body(json.dumps(body).encode()),
            model=model,
            secret=Secret(secret or stand_in.credential),
            stream=stream,
            deadline_s=5.0,
            before_send=note,
        )
    ]
    *pieces, ended = found
    assert isinstance(ended, Ended)
    return [each for each in pieces if isinstance(each, Text)], ended, seen


@WAYS
async def test_an_answer_comes_whole_and_what_left_is_what_was_shown_before(*, stream: bool) -> None:
    async with bedrock() as (stand_in, adapter):
        pieces, ended, [outgoing] = await said(stand_in, adapter, stream=stream)

    [received] = stand_in.received
    assert "Mary Ellis" in "".join(each.text.reveal() for each in pieces)
    assert (len(pieces) > 1) == stream
    assert ended.finish_reason == "stop"
    assert ended.prompt_tokens > 0 < ended.completion_tokens
    assert (outgoing.body, outgoing.path) == (received.body, received.target)
    assert outgoing.host == stand_in.provider().endpoint.host


@WAYS
async def test_nothing_of_botocores_leaves_beside_the_signature(*, stream: bool) -> None:
    async with bedrock() as (stand_in, adapter):
        await said(stand_in, adapter, stream=stream)

    assert {name.lower() for name, _ in stand_in.received[0].headers} == {
        "host",
        "user-agent",
        "accept-encoding",
        "content-length",
        "content-type",
        "x-amz-date",
        "x-amz-security-token",
        "authorization",
    }


@WAYS
async def test_a_tool_that_was_offered_may_be_called(*, stream: bool) -> None:
    tool = {"type": "function", "function": {"name": "order", "parameters": {"type": "object"}}}
    async with bedrock() as (stand_in, adapter):
        pieces, ended, _ = await said(
            stand_in, adapter, stream=stream, tools=json.dumps([tool]), tool_choice='"required"'
        )

    named = [each for each in pieces if each.tool_name]
    arguments = "".join(each.text.reveal() for each in pieces if each.tool_index == 0)
    assert [each.tool_name for each in named] == ["order"]
    assert isinstance(json.loads(arguments), dict)
    assert ended.finish_reason == "tool_calls"


FAULTS = {
    Behaviour.RESET: "unavailable",
    Behaviour.TRUNCATED: "broken",
    Behaviour.MALFORMED_EVENT: "broken",
    Behaviour.DUPLICATE_EVENT: "broken",
    Behaviour.FORBIDDEN: "unauthorized",
    Behaviour.SERVER_ERROR: "unavailable",
    Behaviour.EMPTY: "broken",
    Behaviour.ENDLESS: "broken",
    Behaviour.PROMPT_INJECTION: "broken",
}
"""Those in which this wire format is its own; `test_adapter_faults` has all of them for every adapter."""


@pytest.mark.parametrize("behaviour", FAULTS, ids=str)
async def test_each_fault_of_a_provider_has_one_name_and_our_own_words(behaviour: Behaviour) -> None:
    async with bedrock(behaviour=behaviour) as (stand_in, adapter):
        with pytest.raises(ProviderFaultError) as raised:
            await said(stand_in, adapter, stream=True)

    assert raised.value.fault == FAULTS[behaviour]
    assert "Mary" not in raised.value.reason


@WAYS
@pytest.mark.parametrize("behaviour", [Behaviour.REFUSAL, Behaviour.FILTERED], ids=str)
async def test_a_refusal_and_a_filter_are_answers(behaviour: Behaviour, *, stream: bool) -> None:
    async with bedrock(behaviour=behaviour) as (stand_in, adapter):
        _, ended, _ = await said(stand_in, adapter, stream=stream)

    assert ended.finish_reason in {"refusal", "content_filter"}


async def test_what_is_asked_to_be_repeated_is_repeated_with_the_same_bytes() -> None:
    async with bedrock() as (stand_in, adapter):
        stand_in.enqueue(Behaviour.RATE_LIMITED)
        _, ended, seen = await said(stand_in, adapter, stream=True)

    assert ended.attempts == len(stand_in.received) == 2
    assert seen[0] == seen[1]


async def test_a_stream_that_begins_with_an_exception_has_not_answered() -> None:
    async with scripted(exception("throttlingException", "Mary Ellis")) as (stand_in, adapter):
        with pytest.raises(ProviderFaultError) as raised:
            await said(stand_in, adapter, stream=True)

    assert (raised.value.fault, raised.value.answered) == ("busy", False)


async def test_half_an_event_at_the_end_breaks_the_answer() -> None:
    content = stream_of(START, piece("Stable."), over(), END, USAGE) + event(START)[:20]
    async with scripted(content) as (stand_in, adapter):
        with pytest.raises(ProviderFaultError) as raised:
            await said(stand_in, adapter, stream=True)

    assert (raised.value.fault, raised.value.answered) == ("broken", True)


async def test_an_error_inside_a_stream_breaks_the_answer() -> None:
    async with bedrock(behaviour=Behaviour.ERROR_MIDWAY) as (stand_in, adapter):
        with pytest.raises(ProviderFaultError) as raised:
            await said(stand_in, adapter, stream=True)

    assert (raised.value.fault, raised.value.answered) == ("broken", True)


@pytest.mark.parametrize(
    ("more", "fault"),
    [({"secret": "no JSON"}, "unauthorized"), ({"response_format": '{"type":"json_object"}'}, "rejected")],
)
async def test_what_cannot_be_asked_leaves_nothing(more: dict[str, str], fault: str) -> None:
    async with bedrock() as (stand_in, adapter):
        with pytest.raises(ProviderFaultError) as raised:
            await said(stand_in, adapter, stream=False, **more)

    assert (raised.value.fault, raised.value.sent) == (fault, False)
    assert stand_in.received == []


async def test_what_the_core_raises_ends_the_call_and_nothing_leaves() -> None:
    async def refuse(_: Outgoing) -> None:
        raise StoppedError

    async with bedrock() as (stand_in, adapter):
        ask = Ask.from_body(json.dumps({"messages": [{"role": "user", "content": SOURCE}]}).encode())
        [model] = stand_in.provider().models
        answer = adapter.answer(
            ask, model=model, secret=Secret(stand_in.credential), stream=True, deadline_s=5.0, before_send=refuse
        )
        with pytest.raises(StoppedError):
            await anext(answer)

    assert stand_in.received == []


async def test_closing_the_answer_hangs_up() -> None:
    async with bedrock(behaviour=Behaviour.ENDLESS) as (stand_in, adapter):
        ask = Ask.from_body(json.dumps({"messages": [{"role": "user", "content": SOURCE}]}).encode())
        [model] = stand_in.provider().models

        async def allow(_: Outgoing) -> None:
            return

        answer = adapter.answer(
            ask, model=model, secret=Secret(stand_in.credential), stream=True, deadline_s=5.0, before_send=allow
        )
        assert isinstance(await anext(answer), Text)
        await answer.aclose()

        with pytest.raises(StopAsyncIteration):
            await anext(answer)
