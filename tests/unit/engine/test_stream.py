import json
from typing import Any

import pytest

from appliance.engine.stream import MAX_ANSWER_BYTES, MAX_EVENT_BYTES, AnswerReader, read_completion
from appliance.errors import EngineBrokenStreamError
from appliance.exchange import Delta, Usage

DONE = b"data: [DONE]\n\n"


def event(delta: Any, finish_reason: Any = None, **more: Any) -> bytes:
    value = {"choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}], **more}
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def usage(prompt: Any = 3, completion: Any = 2) -> bytes:
    value = {"choices": [], "usage": {"prompt_tokens": prompt, "completion_tokens": completion}}
    return b"data: " + json.dumps(value).encode() + b"\n\n"


WHOLE = event({"role": "assistant", "content": ""}) + event({"content": "No "}) + event({"content": "fever."}, "stop")


def read(data: bytes, *, step: int | None = None) -> list[Delta]:
    reader = AnswerReader()
    deltas = [
        delta
        for start in range(0, len(data), step or len(data))
        for delta in reader.feed(data[start : start + (step or len(data))])
    ]
    return [*deltas, reader.finish()]


@pytest.mark.parametrize("step", [None, 1, 7, 64])
def test_an_answer_reads_the_same_however_it_is_cut(step: int | None) -> None:
    deltas = read(WHOLE + usage() + DONE, step=step)

    assert "".join(delta.text.reveal() for delta in deltas) == "No fever."
    assert [delta.finish_reason for delta in deltas] == [None, None, "stop"]
    assert deltas[-1].usage == Usage(prompt_tokens=3, completion_tokens=2)


def test_other_servers_ways_of_writing_events_are_understood() -> None:
    odd = (
        b": ping\r\n\r\nevent: message\r\n"
        b'data:{"choices":[{"delta":{"content":"a"},\r\ndata:"finish_reason":null}]}\r\n\r\n'
    )

    deltas = read(odd + event({}, "length", usage={"prompt_tokens": 1}) + DONE)

    assert deltas[0].text.reveal() == "a"
    assert deltas[-1] == Delta(finish_reason="length", usage=Usage(prompt_tokens=1, completion_tokens=0))


def test_pieces_of_tool_calls_keep_their_index() -> None:
    first = {"index": 1, "id": "call_1", "type": "function", "function": {"name": "look_up"}}
    second = {"index": 1, "function": {"arguments": "{}"}}
    data = event({"content": None, "tool_calls": [first]}) + event({"tool_calls": [second]}) + event({}, "tool_calls")

    deltas = read(data + DONE)

    assert [(call.index, call.id, call.name, call.arguments.reveal()) for d in deltas for call in d.tool_calls] == [
        (1, "call_1", "look_up", ""),
        (1, "", "", "{}"),
    ]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        WHOLE,
        WHOLE + usage(),
        event({"content": "No "}) + DONE,
        WHOLE + b"data: [DONE]",
        WHOLE + event({"content": "and more"}) + DONE,
        WHOLE + DONE + event({"content": "and more"}),
        WHOLE + usage(prompt=-1) + DONE,
        WHOLE + usage(completion="2") + DONE,
        event({"content": "No "}, "abort") + DONE,
        event({"content": "No "}, 7) + DONE,
        event({"content": 7}, "stop") + DONE,
        event("text", "stop") + DONE,
        event({"tool_calls": 7}, "stop") + DONE,
        event({"tool_calls": [7]}, "stop") + DONE,
        event({"tool_calls": [{"id": 7}]}, "stop") + DONE,
        event({"tool_calls": [{"index": "0"}]}, "stop") + DONE,
        b'data: {"choices": 7}\n\n' + DONE,
        b'data: {"choices": [7]}\n\n' + DONE,
        b"data: {}\n\n" + DONE,
        b"data: []\n\n" + DONE,
        b"data: {\n\n" + DONE,
        b"data: \xff\n\n" + DONE,
        b"data: " + b"[" * 100_000 + b"\n\n" + DONE,
        event({"content": "No "}, error={"message": "died"}) + DONE,
        b'data: {"error": {"message": "SECRET"}}\n\n' + DONE,
        b"x" * (MAX_EVENT_BYTES + 1),
        b"data: " + b"x" * (MAX_EVENT_BYTES + 1) + b"\n",
        b"data: x\n" * (MAX_EVENT_BYTES // 2),
    ],
)
def test_an_answer_that_is_not_certainly_whole_is_broken(data: bytes) -> None:
    with pytest.raises(EngineBrokenStreamError) as caught:
        read(data) if data else AnswerReader().finish()

    assert "SECRET" not in f"{caught.value.public} {caught.value.detail}"


def test_an_endless_answer_ends_with_an_error() -> None:
    one = event({"content": "x" * 100_000})

    with pytest.raises(EngineBrokenStreamError):
        read(one * (MAX_ANSWER_BYTES // len(one) + 1), step=len(one))


def test_a_whole_answer_is_read() -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "look_up", "arguments": "{}"}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    body = {"choices": [{"message": message, "finish_reason": "tool_calls"}], "usage": {"prompt_tokens": 4}}

    completion = read_completion(json.dumps(body).encode())

    assert completion.text.reveal() == ""
    assert completion.tool_calls[0].name == "look_up"
    assert completion.usage == Usage(prompt_tokens=4, completion_tokens=0)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b'{"choices": []}',
        b'{"choices": [{"message": {"content": 7}, "finish_reason": "stop"}]}',
        b'{"choices": [{"message": {"content": "x"}, "finish_reason": null}]}',
        b'{"choices": [{"message": {"content": "x"}, "finish_reason": "abort"}]}',
        b'{"choices": [{"finish_reason": "stop"}]}',
    ],
)
def test_a_whole_answer_of_the_wrong_shape_is_broken(body: bytes) -> None:
    with pytest.raises(EngineBrokenStreamError):
        read_completion(body)
