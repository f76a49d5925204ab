"""Says an ask in OpenAI's words: the parts that Chat Completions, Responses and Azure share or nearly share.

Nothing is asked to be kept by the vendor (``store`` is false wherever it exists), and a schema is asked for strictly
only where it is one that the vendor's strict mode takes.
"""

from collections.abc import Mapping

from appliance.broker.outgoing import ProviderFaultError
from appliance.broker.providers.ask import Ask, Tool, Turn
from appliance.broker.providers.strict import fits_strict

LEAST_TOKENS = 16
"""Of an answer that Responses takes a bound for."""

Json = Mapping[str, object]


def chat_request(ask: Ask, *, model: str) -> dict[str, object]:
    """Return the arguments of a chat completion."""
    request: dict[str, object] = {
        "model": model,
        "messages": [_message(turn) for turn in ask.turns],
        "max_completion_tokens": ask.max_tokens,
        **_sampling(ask),
    }
    if ask.stop:
        request["stop"] = list(ask.stop)
    if ask.tools:
        request["tools"] = [{"type": "function", "function": _function(tool)} for tool in ask.tools]
        name = {"type": "function", "function": {"name": ask.choice.name}}
        request["tool_choice"] = name if ask.choice.mode == "named" else ask.choice.mode
    if ask.format.kind == "json_object":
        request["response_format"] = {"type": "json_object"}
    if ask.format.kind == "json_schema":
        request["response_format"] = {"type": "json_schema", "json_schema": _schema(ask)}
    return request


def responses_request(ask: Ask, *, model: str) -> dict[str, object]:
    """Return the arguments of a response.  Raises ProviderFaultError for what this wire format cannot say."""
    if ask.stop:
        raise ProviderFaultError("rejected", "Responses knows no stop sequences; leave 'stop' out.", sent=False)
    if ask.max_tokens < LEAST_TOKENS:
        raise ProviderFaultError(
            "rejected", f"Responses takes no bound under {LEAST_TOKENS} tokens; raise 'max_tokens'.", sent=False
        )
    request: dict[str, object] = {
        "model": model,
        "input": [item for turn in ask.turns for item in _items(turn)],
        "max_output_tokens": ask.max_tokens,
        "store": False,
        "truncation": "disabled",
        **_sampling(ask),
    }
    if ask.tools:
        request["tools"] = [{"type": "function", **_function(tool)} for tool in ask.tools]
        name = {"type": "function", "name": ask.choice.name}
        request["tool_choice"] = name if ask.choice.mode == "named" else ask.choice.mode
    if ask.format.kind == "json_object":
        request["text"] = {"format": {"type": "json_object"}}
    if ask.format.kind == "json_schema":
        request["text"] = {"format": {"type": "json_schema", **_schema(ask)}}
    return request


def _message(turn: Turn) -> Json:
    message: dict[str, object] = {"role": turn.role, "content": turn.content.reveal()}
    if turn.calls:
        message["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments.reveal()}}
            for call in turn.calls
        ]
    if turn.answers:
        message["tool_call_id"] = turn.answers
    return message


def _items(turn: Turn) -> list[Json]:
    content = turn.content.reveal()
    if turn.role == "tool":
        return [{"type": "function_call_output", "call_id": turn.answers, "output": content}]
    calls: list[Json] = [
        {"type": "function_call", "call_id": call.id, "name": call.name, "arguments": call.arguments.reveal()}
        for call in turn.calls
    ]
    return [{"role": turn.role, "content": content}, *calls] if content or not calls else calls


def _function(tool: Tool) -> Json:
    described = {"description": tool.description} if tool.description else {}
    strict = tool.strict and fits_strict(tool.parameters)
    return {"name": tool.name, **described, "parameters": tool.parameters, "strict": strict}


def _schema(ask: Ask) -> Json:
    schema = ask.format.schema
    return {"name": ask.format.name, "schema": schema, "strict": ask.format.strict and fits_strict(schema)}


def _sampling(ask: Ask) -> dict[str, object]:
    stated = {
        "temperature": ask.temperature,
        "top_p": ask.top_p,
        "parallel_tool_calls": ask.parallel_calls if ask.tools else None,
    }
    return {name: value for name, value in stated.items() if value is not None}
