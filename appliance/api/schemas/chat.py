"""The body of ``POST /v1/chat/completions``: which of OpenAI's parameters are served, and which are refused by name.

A parameter is served, accepted only at the value that changes nothing, or refused; none is ignored.  `null` means
absent, as it does at OpenAI.  The engine's own request is built from what is parsed here; nothing is forwarded.
"""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from appliance.api.schemas.invalid import validate
from appliance.errors import InvalidRequestError, UnsupportedParameterError

MAX_MESSAGES = 256
"""A conversation of a shift; the context ends long before."""

MAX_TOOLS = 128
"""OpenAI's own limit."""

MAX_STOPS = 4
"""OpenAI's own limit."""

MAX_TOKENS = 1_000_000
"""Above every context that exists; the task's own limit and the model's context are checked later, by number."""

_NEUTRAL: Mapping[str, tuple[object, ...]] = {
    "n": (1,),
    "logprobs": (False,),
    "top_logprobs": (0,),
    "logit_bias": ({},),
    "store": (False,),
    "modalities": (["text"],),
    "service_tier": ("auto", "default"),
}
"""Parameters that are accepted at these values only: there they ask for what happens anyway."""

_REFUSED = frozenset({
    "audio", "function_call", "functions", "moderation", "prediction", "prompt_cache_key", "prompt_cache_options",
    "prompt_cache_retention", "reasoning_effort", "safety_identifier", "verbosity", "web_search_options",
})  # fmt: skip
"""OpenAI's parameters that would mean something and are not served."""

_REFUSED_IN_MESSAGE = ("name", "audio", "function_call", "refusal", "annotations")
"""OpenAI's members of a message that are not served; empty ones, as SDKs replay them, are dropped."""

_Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
_Model = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True, allow_inf_nan=False)


class FunctionCall(BaseModel):
    """The function that an earlier answer asked to call."""

    model_config = _Model
    name: _Name
    arguments: str


class ReplayedToolCall(BaseModel):
    """A tool call of an earlier answer, sent back by the caller."""

    model_config = _Model
    id: Annotated[str, StringConstraints(min_length=1, max_length=128)]
    type: Literal["function"] = "function"
    function: FunctionCall


class TextPart(BaseModel):
    """A part of a message's content; only text is served."""

    model_config = _Model
    type: Literal["text"]
    text: str


class ChatMessage(BaseModel):
    """One turn of the conversation, in OpenAI's form."""

    model_config = _Model
    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | Annotated[list[TextPart], Field(min_length=1, max_length=MAX_MESSAGES)] | None = None
    tool_calls: Annotated[list[ReplayedToolCall], Field(max_length=MAX_TOOLS)] | None = None
    tool_call_id: Annotated[str, StringConstraints(min_length=1, max_length=128)] | None = None

    def text(self) -> str:
        """Return the content as one text, its parts on lines of their own."""
        if isinstance(self.content, list):
            return "\n".join(part.text for part in self.content)
        return self.content or ""


class Function(BaseModel):
    """A function that the model may ask to call."""

    model_config = _Model
    name: _Name
    description: str | None = None
    parameters: dict[str, object] | None = None
    strict: bool | None = None


class Tool(BaseModel):
    """A tool of the caller; only functions are served."""

    model_config = _Model
    type: Literal["function"]
    function: Function


class NamedFunction(BaseModel):
    """The name in a tool choice."""

    model_config = _Model
    name: _Name


class NamedToolChoice(BaseModel):
    """A tool choice that names one function."""

    model_config = _Model
    type: Literal["function"]
    function: NamedFunction


class JsonSchemaFormat(BaseModel):
    """The schema that the answer must follow."""

    model_config = ConfigDict(**_Model, serialize_by_alias=True)
    name: _Name
    description: str | None = None
    content: dict[str, object] = Field(alias="schema")
    strict: bool | None = None


class ResponseFormat(BaseModel):
    """The form of the answer."""

    model_config = _Model
    type: Literal["text", "json_object", "json_schema"]
    json_schema: JsonSchemaFormat | None = None


class StreamOptions(BaseModel):
    """What a stream shall say beside the text."""

    model_config = _Model
    include_usage: bool | None = None
    include_obfuscation: Literal[False] | None = None


class Metadata(BaseModel):
    """OpenAI's free key-value pairs; these five keys are read."""

    model_config = _Model
    patient: Annotated[str, StringConstraints(max_length=512)] | None = None
    """One record number, or several separated by commas."""

    user: Annotated[str, StringConstraints(max_length=512)] | None = None
    purpose: Annotated[str, StringConstraints(max_length=512)] | None = None
    data_class: Annotated[str, StringConstraints(max_length=512)] | None = None
    """``phi``, ``sensitive`` or ``restricted``; it can only raise what the policy derives."""

    restrictions: Annotated[str, StringConstraints(max_length=512)] | None = None
    """Names of restrictions that apply, separated by commas; they add to what the policy finds."""


class ChatBody(BaseModel):
    """The served parameters."""

    model_config = _Model
    model: Annotated[str, StringConstraints(min_length=1, max_length=256)]
    """The name of a task; ``GET /v1/models`` lists them."""

    messages: Annotated[list[ChatMessage], Field(min_length=1, max_length=MAX_MESSAGES)]
    max_tokens: Annotated[int, Field(ge=1, le=MAX_TOKENS)] | None = None
    max_completion_tokens: Annotated[int, Field(ge=1, le=MAX_TOKENS)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    seed: int | None = None
    stop: (
        Annotated[str, StringConstraints(min_length=1, max_length=256)]
        | Annotated[list[Annotated[str, StringConstraints(min_length=1, max_length=256)]], Field(max_length=MAX_STOPS)]
        | None
    ) = None
    frequency_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
    presence_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    tools: Annotated[list[Tool], Field(min_length=1, max_length=MAX_TOOLS)] | None = None
    tool_choice: Literal["none", "auto", "required"] | NamedToolChoice | None = None
    parallel_tool_calls: bool | None = None
    response_format: ResponseFormat | None = None
    user: Annotated[str, StringConstraints(max_length=512)] | None = None
    metadata: Metadata | None = None


def parse_chat(body: dict[str, object]) -> ChatBody:
    """Return the served parameters of a body.  Raises InvalidRequestError and its kin, naming the field."""
    served = {name: value for name, value in body.items() if value is not None and not _is_neutral(name, value)}
    _check_parts(served.get("messages"))
    chat = validate(ChatBody, served)
    _check_messages(chat)
    _check_together(chat)
    return chat


def _is_neutral(name: str, value: object) -> bool:
    if name in _REFUSED:
        raise UnsupportedParameterError(f"The parameter '{name}' is not supported; remove it.", field=name)
    if name not in _NEUTRAL:
        return False
    if any(value == neutral and type(value) is type(neutral) for neutral in _NEUTRAL[name]):
        return True
    raise UnsupportedParameterError(f"This value of '{name}' is not supported; remove the parameter.", field=name)


def _check_parts(messages: object) -> None:
    """Refuse images, audio, files and names by name, before the model reports only that the type is wrong."""
    for index, message in enumerate(messages if isinstance(messages, list) else ()):
        if isinstance(message, dict):
            _check_part_of(message, f"messages[{index}]")


def _check_part_of(message: dict[str, object], where: str) -> None:
    for name in _REFUSED_IN_MESSAGE:
        if message.pop(name, None):
            field = f"{where}.{name}"
            raise UnsupportedParameterError(f"The parameter '{field}' is not supported; remove it.", field=field)
    content = message.get("content")
    for index, part in enumerate(content if isinstance(content, list) else ()):
        if isinstance(part, dict) and part.get("type") != "text":
            sentence = "Only text parts are supported; images, audio and files are not."
            raise UnsupportedParameterError(sentence, field=f"{where}.content[{index}].type")


def _check_messages(chat: ChatBody) -> None:
    for index, message in enumerate(chat.messages):
        where = f"messages[{index}]"
        if message.tool_calls and message.role != "assistant":
            raise _invalid(f"{where}.tool_calls", "belongs to messages of the role 'assistant'")
        if (message.role == "tool") != (message.tool_call_id is not None):
            raise _invalid(f"{where}.tool_call_id", "is required for the role 'tool', and allowed there only")
        if not message.text().strip() and not message.tool_calls and message.role != "tool":
            raise _invalid(f"{where}.content", "must not be empty")


def _check_together(chat: ChatBody) -> None:
    if chat.stream_options and not chat.stream:
        raise _invalid("stream_options", "is allowed with 'stream': true only")
    if chat.max_tokens and chat.max_completion_tokens and chat.max_tokens != chat.max_completion_tokens:
        raise _invalid("max_tokens", "and 'max_completion_tokens' differ; send one of them")
    _check_tool_choice(chat)
    wanted = chat.response_format
    if wanted and (wanted.type == "json_schema") != (wanted.json_schema is not None):
        raise _invalid("response_format.json_schema", "is required for the type 'json_schema', and allowed there only")


def _check_tool_choice(chat: ChatBody) -> None:
    if chat.tool_choice is not None and chat.tool_choice != "none" and not chat.tools:
        raise _invalid("tool_choice", "needs 'tools'")
    names = {tool.function.name for tool in chat.tools or ()}
    if isinstance(chat.tool_choice, NamedToolChoice) and chat.tool_choice.function.name not in names:
        raise _invalid("tool_choice.function.name", "must be one of 'tools'")


def _invalid(field: str, wanted: str) -> InvalidRequestError:
    return InvalidRequestError(f"'{field}' {wanted}.", field=field)
