"""What a request says when it leaves: its turns, tools and wishes, as JSON whose every text went through the guard.

The structure is built with `ClinicalText` leaves, the guard replaces the leaves, and only then are there bytes.  A
leaf that is forgotten cannot slip through: JSON is made of `SafeText` and of our own words only.
"""

import json
from collections.abc import Iterator, Mapping, Sequence

from appliance.clinical_text import ClinicalText, SafeText
from appliance.engine.messages import EngineCall
from appliance.exchange import Message

Structure = Mapping[str, "Structure"] | Sequence["Structure"] | ClinicalText | SafeText | str | float | bool | None
"""JSON with texts in it that do not print."""


def structure_of(call: EngineCall) -> Structure:
    """Return what the call says; everything that a caller wrote is a `ClinicalText`, the rest is the task's own."""
    tools, sampling = call.tools, call.sampling
    return {
        "messages": [_turn(message) for message in call.messages],
        "tools": tools.tools,
        "tool_choice": tools.tool_choice,
        "parallel_tool_calls": tools.parallel_tool_calls,
        "response_format": _format(call),
        "max_tokens": sampling.max_tokens,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "stop": [ClinicalText(text) for text in sampling.stop],
    }


def leaves(structure: Structure) -> Iterator[ClinicalText]:
    """Yield each text, in a fixed order."""
    match structure:
        case ClinicalText():
            yield structure
        case SafeText() | str() | float() | int() | None:
            return
        case Mapping():
            for part in structure.values():
                yield from leaves(part)
        case _:
            for part in structure:
                yield from leaves(part)


def to_safe(structure: Structure, replacements: Iterator[SafeText]) -> SafeText:
    """Return the JSON text, each leaf replaced by the next of the replacements."""
    return SafeText.of_json(_filled(structure, replacements))


def _filled(structure: Structure, replacements: Iterator[SafeText]) -> Structure:
    match structure:
        case ClinicalText():
            return next(replacements)
        case SafeText() | str() | float() | int() | None:
            return structure
        case Mapping():
            return {name: _filled(part, replacements) for name, part in structure.items()}
        case _:
            return [_filled(part, replacements) for part in structure]


def _format(call: EngineCall) -> Structure:
    """Return the answer's form as JSON text: the task's own schema goes before the caller's, as at the engine."""
    if call.response_schema is None:
        return call.tools.response_format
    schema = {"name": "answer", "schema": dict(call.response_schema), "strict": True}
    return json.dumps({"type": "json_schema", "json_schema": schema}, ensure_ascii=False, separators=(",", ":"))


def _turn(message: Message) -> Structure:
    calls: Sequence[Structure] = [
        {"id": ClinicalText(call.id), "name": ClinicalText(call.name), "arguments": call.arguments}
        for call in message.tool_calls
    ]
    turn: dict[str, Structure] = {"role": message.role, "content": message.content}
    if calls:
        turn["tool_calls"] = calls
    if message.tool_call_id is not None:
        turn["tool_call_id"] = ClinicalText(message.tool_call_id)
    return turn
