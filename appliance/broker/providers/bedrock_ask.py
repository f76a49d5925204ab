"""Puts an ask in the words of Bedrock's Converse operations, or says that it cannot be put so.

Nothing that was asked for is left out in silence: what Converse has no words for is refused before any byte leaves.
Turns of one role that follow each other become one, as Converse wants roles to alternate.
"""

import json
from collections.abc import Iterable, Mapping
from itertools import groupby

from appliance.broker.providers.ask import Ask, Tool, Turn
from appliance.broker.providers.bedrock_codec import UnfitError
from appliance.policy.register import ManagedModel

Block = Mapping[str, object]


def to_converse(ask: Ask, model: ManagedModel) -> dict[str, object]:
    """Return the parameters of the operation.  Raises UnfitError."""
    if ask.format.kind == "json_object":
        raise UnfitError("JSON of no stated schema")
    if ask.parallel_calls is False and ask.tools:
        raise UnfitError("one tool call at most")
    parameters: dict[str, object] = {
        "modelId": model.deployment or model.name,
        "messages": [
            {"role": role, "content": [block for turn in turns for block in _blocks(turn)]}
            for role, turns in groupby((turn for turn in ask.turns if turn.role != "system"), key=_role)
        ],
        "inferenceConfig": _inference(ask),
    }
    instructions = [{"text": turn.content.reveal()} for turn in ask.turns if turn.role == "system"]
    optional = {"system": instructions, "toolConfig": _tools(ask), "outputConfig": _format(ask)}
    return parameters | {name: value for name, value in optional.items() if value}


def _role(turn: Turn) -> str:
    return "assistant" if turn.role == "assistant" else "user"


def _blocks(turn: Turn) -> Iterable[Block]:
    """Yield what a turn says; Converse refuses an empty text, and one that says nothing but a tool's name is usual."""
    text = turn.content.reveal()
    if turn.role == "tool":
        yield {"toolResult": {"toolUseId": turn.answers, "content": [{"text": text}]}}
    elif text.strip():
        yield {"text": text}
    for call in turn.calls:
        yield {"toolUse": {"toolUseId": call.id, "name": call.name, "input": json.loads(call.arguments.reveal())}}


def _inference(ask: Ask) -> Mapping[str, object]:
    stated = {"temperature": ask.temperature, "topP": ask.top_p, "stopSequences": list(ask.stop) or None}
    return {"maxTokens": ask.max_tokens} | {name: value for name, value in stated.items() if value is not None}


def _tools(ask: Ask) -> Mapping[str, object]:
    """Return tools and choice; the tools stand there too where earlier turns called some, as Converse wants it."""
    is_called = any(turn.calls for turn in ask.turns)
    if not ask.tools or (ask.choice.mode == "none" and not is_called):
        return {}
    tools = {"tools": [{"toolSpec": _tool(tool)} for tool in ask.tools]}
    choices = {"required": {"any": {}}, "named": {"tool": {"name": ask.choice.name}}}
    choice = choices.get(ask.choice.mode)
    return tools | ({"toolChoice": choice} if choice else {})


def _tool(tool: Tool) -> Mapping[str, object]:
    stated: dict[str, object] = {"name": tool.name, "inputSchema": {"json": tool.parameters}}
    if tool.description:
        stated["description"] = tool.description
    if tool.strict:
        stated["strict"] = True
    return stated


def _format(ask: Ask) -> Mapping[str, object]:
    if ask.format.kind != "json_schema":
        return {}
    schema = {"name": ask.format.name, "schema": json.dumps(ask.format.schema, ensure_ascii=False)}
    return {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": schema}}}
