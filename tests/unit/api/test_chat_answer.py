"""How a model that declined is told in OpenAI's form; the SDK's own types are the judge."""

import json
from collections.abc import AsyncGenerator

import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from appliance.api.chat_answer import DONE, ChunkFraming, to_completion
from appliance.clinical_text import ClinicalText
from appliance.errors import ModelRefusedError
from appliance.exchange import (
    Answer,
    Completion,
    Delta,
    EvidenceState,
    Exchange,
    ModelIdentity,
    Route,
    RouteKind,
    ToolCall,
    Usage,
)
from appliance.passage import Stream
from appliance.screening import Ending

USAGE = Usage(prompt_tokens=20, completion_tokens=8)
EXCHANGE = Exchange(
    id="ex_1",
    task="letter",
    route=Route(kind=RouteKind.MANAGED, provider="example", reasons=("Because.",), state=EvidenceState.MEETS),
    model=ModelIdentity(name="model", digest="a" * 64),
    receipt="audit1.x.y",
)


def completion(text: str, finish_reason: str, *tool_calls: ToolCall) -> ChatCompletion:
    """Return an answer as the SDK reads it."""
    made = Completion(text=ClinicalText(text), tool_calls=tool_calls, finish_reason=finish_reason, usage=USAGE)
    told = to_completion(Answer(exchange=EXCHANGE, completion=made), created=1)
    return ChatCompletion.model_validate(told, strict=True)


async def chunks(*deltas: Delta) -> list[ChatCompletionChunk]:
    """Return a stream as the SDK reads it."""

    async def pieces() -> AsyncGenerator[Delta]:
        for delta in deltas:
            yield delta

    stream = Stream(EXCHANGE, Ending(is_whole=True), pieces())
    framing = ChunkFraming(created=1, include_usage=False)
    events = [event async for event in framing.events(stream)]
    last = framing.end(stream)
    assert last.endswith(DONE)
    events.append(last.removesuffix(DONE))
    return [ChatCompletionChunk.model_validate(json.loads(event.removeprefix(b"data: "))) for event in events]


@pytest.mark.parametrize(("text", "told"), [("I cannot.", "I cannot."), ("", ModelRefusedError.sentence)])
def test_a_model_that_declined_is_told_as_openai_tells_it(text: str, told: str) -> None:
    (choice,) = completion(text, "refusal").choices

    assert (choice.message.content, choice.message.refusal, choice.finish_reason) == (None, told, "stop")


def test_a_filtered_answer_is_told_as_one() -> None:
    (choice,) = completion("The patient", "content_filter").choices

    told = (choice.message.content, choice.message.refusal, choice.finish_reason)
    assert told == ("The patient", None, "content_filter")


def test_a_tool_call_has_no_empty_content() -> None:
    call = ToolCall(id="call_1", name="look_up", arguments=ClinicalText("{}"))

    (choice,) = completion("", "tool_calls", call).choices

    assert (choice.message.content, len(choice.message.tool_calls or ())) == (None, 1)


async def test_a_stream_that_is_a_refusal_has_no_content() -> None:
    said = await chunks(Delta(text=ClinicalText("I cannot."), finish_reason="refusal", usage=USAGE))

    assert [chunk.choices[0].delta.content or "" for chunk in said] == ["", ""]
    assert (said[-1].choices[0].delta.refusal, said[-1].choices[0].finish_reason) == ("I cannot.", "stop")


async def test_a_stream_that_ends_in_a_refusal_never_passes_for_a_whole_answer() -> None:
    said = await chunks(Delta(text=ClinicalText("The patient")), Delta(finish_reason="refusal", usage=USAGE))

    last = said[-1].choices[0]
    assert "".join(chunk.choices[0].delta.content or "" for chunk in said) == "The patient"
    assert (last.delta.refusal, last.finish_reason) == (ModelRefusedError.sentence, "content_filter")


async def test_a_stream_that_is_whole_has_no_refusal() -> None:
    said = await chunks(Delta(text=ClinicalText("Done.")), Delta(finish_reason="stop", usage=USAGE))

    assert [chunk.choices[0].delta.refusal for chunk in said] == [None, None, None]
    assert said[-1].choices[0].finish_reason == "stop"
