"""A caller's tools and answer format, rebuilt key by key from its JSON.

Nothing unknown goes on to the engine, and every schema is checked by `engine.schemas` first.  What a task's own
policy asks for is trusted and does not come through here.
"""

import json
import re
from collections.abc import Mapping
from typing import Final, cast

from appliance.clinical_text import ClinicalText
from appliance.engine.schemas import check_schema
from appliance.errors import InvalidRequestError

Json = Mapping[str, object]
"""A JSON object."""

MAX_FORMAT_CHARACTERS: Final = 65_536
"""Of one ``tools`` or ``response_format``; OpenAI's own limit on a schema is 120,000 characters."""

MAX_TOOLS: Final = 64
"""OpenAI allows 128; each costs the engine a grammar and the model a prompt."""

_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""OpenAI's rule for function and schema names."""


def function_tools(text: ClinicalText) -> list[dict[str, object]]:
    """Return the caller's function tools.  Raises InvalidRequestError naming what is wrong."""
    tools = _load(text, field="tools")
    if not isinstance(tools, list) or not 1 <= len(tools) <= MAX_TOOLS:
        raise InvalidRequestError(f"tools must be a list of 1 to {MAX_TOOLS} functions.", field="tools")
    return [_function_tool(tool, field=f"tools[{index}]") for index, tool in enumerate(tools)]


def tool_choice(text: ClinicalText, *, functions: list[dict[str, object]]) -> str | dict[str, object]:
    """Return the caller's choice among its tools.  Raises InvalidRequestError when there is no such tool."""
    choice = _load(text, field="tool_choice")
    if choice in ("none", "auto", "required"):
        return str(choice)
    function = choice.get("function") if isinstance(choice, dict) else None
    name = function.get("name") if isinstance(function, dict) else None
    known = {cast("dict[str, object]", tool["function"])["name"] for tool in functions}
    if not isinstance(name, str) or name not in known:
        raise InvalidRequestError(
            "tool_choice must be 'none', 'auto', 'required' or name one of the functions in tools.", field="tool_choice"
        )
    return {"type": "function", "function": {"name": name}}


def answer_format(text: ClinicalText) -> dict[str, object] | None:
    """Return the caller's answer format, None for plain text.  Raises InvalidRequestError."""
    field = "response_format"
    wanted = _load(text, field=field)
    kind = wanted.get("type") if isinstance(wanted, dict) else None
    if not isinstance(wanted, dict) or kind not in ("text", "json_object", "json_schema"):
        raise InvalidRequestError("response_format.type must be 'text', 'json_object' or 'json_schema'.", field=field)
    if kind == "text":
        return None
    if kind == "json_object":
        return {"type": "json_object"}
    stated = wanted.get("json_schema")
    if not isinstance(stated, dict) or not isinstance(stated.get("schema"), dict):
        raise InvalidRequestError(
            "response_format.json_schema.schema must be a JSON schema object.", field=f"{field}.json_schema"
        )
    check_schema(stated["schema"], field=f"{field}.json_schema.schema")
    schema = {"name": _name(stated, field=f"{field}.json_schema"), "schema": stated["schema"], "strict": True}
    return {"type": "json_schema", "json_schema": schema}


def _function_tool(tool: object, *, field: str) -> dict[str, object]:
    function = tool.get("function") if isinstance(tool, dict) and tool.get("type") == "function" else None
    if not isinstance(function, dict):
        raise InvalidRequestError(f"{field} must be an object with type 'function' and a function.", field=field)
    rebuilt: dict[str, object] = {"name": _name(function, field=f"{field}.function")}
    description = function.get("description")
    if description is not None and not isinstance(description, str):
        raise InvalidRequestError(
            f"{field}.function.description must be a string.", field=f"{field}.function.description"
        )
    if description:
        rebuilt["description"] = description
    parameters = function.get("parameters", {"type": "object", "properties": {}})
    if not isinstance(parameters, dict):
        raise InvalidRequestError(
            f"{field}.function.parameters must be a JSON schema object.", field=f"{field}.function.parameters"
        )
    check_schema(parameters, field=f"{field}.function.parameters")
    # Where a server holds calls to their schema only when asked to (vLLM by its tool tags), ask.
    return {"type": "function", "function": {**rebuilt, "parameters": parameters, "strict": True}}


def _name(holder: Mapping[str, object], *, field: str) -> str:
    name = holder.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InvalidRequestError(
            f"{field}.name must be 1 to 64 letters, digits, underscores or dashes.", field=f"{field}.name"
        )
    return name


def _load(text: ClinicalText, *, field: str) -> object:
    if len(text) > MAX_FORMAT_CHARACTERS:
        raise InvalidRequestError(f"{field} is longer than {MAX_FORMAT_CHARACTERS} characters.", field=field)
    try:
        return cast("object", json.loads(text.reveal()))
    except (ValueError, RecursionError) as error:
        raise InvalidRequestError(f"{field} is not valid JSON.", field=field) from error
