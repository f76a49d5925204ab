"""The parts of an answer in OpenAI's Responses form: the response, its items, and the events that build them up."""

from collections.abc import Iterator, Sequence
from typing import Any

from tests.support.stand_ins.answer import Answer, Finish, ToolCall, cut
from tests.support.stand_ins.asked import Asked
from tests.support.stand_ins.openai_chat import CREATED

_MESSAGE_ID = "msg_stand_in"
_REASONS = {Finish.LENGTH: "max_output_tokens", Finish.FILTERED: "content_filter"}


def response_of(asked: Asked, answer: Answer, *, output: Sequence[dict[str, Any]], status: str = "") -> dict[str, Any]:
    """Return the response object as it stands at one time."""
    reason = None if status else _REASONS.get(answer.finish)
    response = {
        "id": "resp_stand_in",
        "object": "response",
        "created_at": CREATED,
        "status": status or ("incomplete" if reason else "completed"),
        "error": None,
        "incomplete_details": {"reason": reason} if reason else None,
        "instructions": None,
        "max_output_tokens": asked.max_tokens or None,
        "model": asked.model,
        "output": output,
        "parallel_tool_calls": not asked.one_call,
        "store": False,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "truncation": "disabled",
        "metadata": {},
    }
    return {**response, "usage": None if status else _usage(answer)}


def items_of(answer: Answer) -> list[dict[str, Any]]:
    """Return the finished items."""
    status = "incomplete" if answer.finish in _REASONS else "completed"
    message = _message(status, [_part(answer, answer.text)])
    return [message] * bool(answer.text) + [_call(call, call.arguments) for call in answer.calls]


def events_of_items(answer: Answer) -> Iterator[dict[str, Any]]:
    """Yield the events that build the items up, without their numbers."""
    index = 0
    if answer.text or answer.is_endless:
        yield from _message_events(answer)
        index = 1
    for number, call in enumerate(answer.calls, index):
        yield from _call_events(call, number)


def _message_events(answer: Answer) -> Iterator[dict[str, Any]]:
    at = {"output_index": 0}
    part_at = {"item_id": _MESSAGE_ID, "output_index": 0, "content_index": 0}
    refused = answer.finish is Finish.REFUSAL
    kind, field = ("response.refusal", "refusal") if refused else ("response.output_text", "text")
    logprobs: dict[str, Any] = {} if refused else {"logprobs": []}
    yield {"type": "response.output_item.added", **at, "item": _message("in_progress", [])}
    yield {"type": "response.content_part.added", **part_at, "part": _part(answer, "")}
    for piece in answer.pieces():
        yield {"type": f"{kind}.delta", **part_at, "delta": piece, **logprobs}
    yield {"type": f"{kind}.done", **part_at, field: answer.text, **logprobs}
    yield {"type": "response.content_part.done", **part_at, "part": _part(answer, answer.text)}
    yield {"type": "response.output_item.done", **at, "item": items_of(answer)[0]}


def _call_events(call: ToolCall, number: int) -> Iterator[dict[str, Any]]:
    at = {"output_index": number}
    item_at = {"item_id": f"fc_{call.id}", **at}
    yield {"type": "response.output_item.added", **at, "item": {**_call(call, ""), "status": "in_progress"}}
    for piece in cut(call.arguments):
        yield {"type": "response.function_call_arguments.delta", **item_at, "delta": piece}
    done = {"type": "response.function_call_arguments.done", **item_at, "name": call.name}
    yield {**done, "arguments": call.arguments}
    yield {"type": "response.output_item.done", **at, "item": _call(call, call.arguments)}


def _message(status: str, content: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {"id": _MESSAGE_ID, "type": "message", "status": status, "role": "assistant", "content": content}


def _part(answer: Answer, text: str) -> dict[str, Any]:
    if answer.finish is Finish.REFUSAL:
        return {"type": "refusal", "refusal": text}
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _call(call: ToolCall, arguments: str) -> dict[str, Any]:
    head = {"id": f"fc_{call.id}", "type": "function_call", "status": "completed", "call_id": call.id}
    return {**head, "name": call.name, "arguments": arguments}


def _usage(answer: Answer) -> dict[str, Any]:
    prompt, completion = answer.prompt_tokens, answer.completion_tokens
    return {
        "input_tokens": prompt,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": completion,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": prompt + completion,
    }
