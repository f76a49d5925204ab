"""What is asked of a managed model, parsed from the body that the gateway handed over.

The body is what `escalation.body.to_safe` writes.  It is parsed to the last key: a duplicate, an unknown or a missing
one, a tool choice that names no tool, a number out of range raise `AskError`, which names the field and never its
value.  So an adapter gets values that mean one thing, and nothing of a request goes on unread.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Self, cast

from appliance.broker.providers.ask_json import AskError, Fields, object_of
from appliance.clinical_text import ClinicalText

DEFAULT_ANSWER_TOKENS = 4096
"""Longest answer where the request states none: a discharge summary is about 1,000.  Always sent, so that the spend
ceiling knows the worst case before the call."""

MAX_STOPS = 4
"""OpenAI's limit, the lowest of the vendors'."""

MAX_TOOLS = 64
"""As the gateway's own (`engine.formats`)."""

Role = Literal["system", "user", "assistant", "tool"]
"""Who speaks in a turn; ``developer`` is read as ``system``."""

JsonObject = Mapping[str, object]
"""A JSON object that goes on as it is, such as a schema."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class AskedCall:
    """A tool call of an earlier answer, replayed by the caller."""

    id: str
    name: str
    arguments: ClinicalText
    """JSON text of an object."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Turn:
    """One turn of the conversation."""

    role: Role
    content: ClinicalText
    calls: tuple[AskedCall, ...] = ()
    """With ``assistant`` only."""

    answers: str = ""
    """With ``tool``: the id of the call that this is the result of."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Tool:
    """One function that the model may call."""

    name: str
    description: str
    parameters: JsonObject
    """A JSON schema."""

    strict: bool
    """Whether the vendor is asked to hold the arguments to the schema."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolChoice:
    """Whether and which tool must be called."""

    mode: Literal["auto", "none", "required", "named"] = "auto"
    name: str = ""
    """With ``named``: one of the tools."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class AnswerFormat:
    """What the answer's text must be."""

    kind: Literal["text", "json_object", "json_schema"] = "text"
    name: str = ""
    """Of the schema, with ``json_schema``."""

    schema: JsonObject | None = None
    strict: bool = False
    """Whether the vendor is asked to hold the answer to the schema, token by token."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Ask:
    """One request to a managed model."""

    turns: tuple[Turn, ...]
    """At least one; every result of a tool follows a turn that called it."""

    tools: tuple[Tool, ...] = ()
    choice: ToolChoice = ToolChoice()
    parallel_calls: bool | None = None
    """Whether several tools may be called in one answer; None leaves it to the vendor."""

    format: AnswerFormat = AnswerFormat()
    max_tokens: int = DEFAULT_ANSWER_TOKENS
    temperature: float | None = None
    top_p: float | None = None
    stop: tuple[str, ...] = ()

    @classmethod
    def from_body(cls, body: bytes) -> Self:
        """Return what the body asks.  Raises AskError naming the field that is wrong."""
        fields = Fields.of_json(body)
        turns = tuple(_turn(each) for each in fields.objects("messages"))
        tools = tuple(_tool(each) for each in fields.texted_list("tools", most=MAX_TOOLS))
        max_tokens = fields.whole("max_tokens", least=1)
        ask = cls(
            turns=turns,
            tools=tools,
            choice=_choice(fields.texted("tool_choice"), tools),
            parallel_calls=fields.flag("parallel_tool_calls"),
            format=_format(fields.texted("response_format")),
            max_tokens=DEFAULT_ANSWER_TOKENS if max_tokens is None else max_tokens,
            temperature=fields.number("temperature", most=2.0),
            top_p=fields.number("top_p", most=1.0),
            stop=fields.strings("stop", most=MAX_STOPS),
        )
        fields.check_all_read()
        if len(ask.tool_names()) < len(tools):
            raise AskError("tools", "must each have a name of its own")
        _check_order(ask.turns)
        return ask

    def tool_names(self) -> frozenset[str]:
        """Return the names that the answer may call."""
        return frozenset(tool.name for tool in self.tools)


def _turn(fields: Fields) -> Turn:
    role = fields.string("role")
    role = "system" if role == "developer" else role
    if role not in {"system", "user", "assistant", "tool"}:
        raise AskError(fields.path("role"), "must be system, user, assistant or tool")
    calls = tuple(_asked_call(each) for each in fields.objects("tool_calls", required=False))
    answers = fields.string("tool_call_id", required=False)
    turn = Turn(role=cast("Role", role), content=ClinicalText(fields.string("content")), calls=calls, answers=answers)
    fields.check_all_read()
    if calls and role != "assistant":
        raise AskError(fields.path("tool_calls"), "belongs to the assistant's turns only")
    if bool(answers) != (role == "tool"):
        raise AskError(fields.path("tool_call_id"), "must stand in a tool's turn, and only there")
    return turn


def _asked_call(fields: Fields) -> AskedCall:
    arguments = fields.string("arguments")
    object_of(arguments, path=fields.path("arguments"))
    call = AskedCall(id=fields.string("id"), name=fields.string("name"), arguments=ClinicalText(arguments))
    fields.check_all_read()
    if not call.id or not call.name:
        raise AskError(fields.path("id"), "and the name must not be empty")
    return call


def _tool(fields: Fields) -> Tool:
    function = fields.within("function")
    if fields.string("type") != "function":
        raise AskError(fields.path("type"), "must be function")
    tool = Tool(
        name=function.name("name"),
        description=function.string("description", required=False),
        parameters=function.mapping("parameters") or {"type": "object", "properties": {}},
        strict=function.flag("strict") or False,
    )
    function.check_all_read()
    fields.check_all_read()
    return tool


def _choice(stated: object, tools: Sequence[Tool]) -> ToolChoice:
    match stated:
        case None | "auto":
            return ToolChoice()
        case "none":
            return ToolChoice(mode="none")
        case "required" if tools:
            return ToolChoice(mode="required")
        case {"type": "function", "function": {"name": str(name)}} if any(tool.name == name for tool in tools):
            return ToolChoice(mode="named", name=name)
        case _:
            raise AskError("tool_choice", "must be auto, none, required or the name of one of the tools")


def _format(stated: object) -> AnswerFormat:
    match stated:
        case None | {"type": "text"}:
            return AnswerFormat()
        case {"type": "json_object"}:
            return AnswerFormat(kind="json_object")
        case {"type": "json_schema", "json_schema": {"name": str(name), "schema": dict(schema)} as whole} if name:
            return AnswerFormat(kind="json_schema", name=name, schema=schema, strict=whole.get("strict") is True)
        case _:
            raise AskError("response_format", "must be text, json_object, or json_schema with a name and a schema")


def _check_order(turns: Sequence[Turn]) -> None:
    if not any(turn.role == "user" for turn in turns):
        raise AskError("messages", "must hold a turn of the user")
    called: set[str] = set()
    for place, turn in enumerate(turns):
        called.update(call.id for call in turn.calls)
        if turn.answers and turn.answers not in called:
            raise AskError(f"messages[{place}].tool_call_id", "answers no call before it")
