"""Build the prompt of a task from what the caller sent.

The task's own system prompt always comes first and cannot be removed; a caller's system turns follow it.  Typed
requests go through the task's template; free conversations keep their turns.  Source text is neutralised in both.
This module asks no model and decides nothing about routes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from appliance.clinical_text import ClinicalText
from appliance.errors import InvalidRequestError
from appliance.exchange import Message, TaskRequest
from appliance.policy.task import JsonOutput, TaskPolicy
from appliance.tasks import coding, section_cues
from appliance.tasks.coding import Coding
from appliance.tasks.icd10 import Icd10Table
from appliance.tasks.inputs import check_text, everything_sent, is_held, is_typed, read_input
from appliance.tasks.render import render, without_tokens

OWN_FORMAT_WARNING = (
    "The request brings its own tools or response format: the task's typed output and its checks do not apply."
)

EARLIER_TURNS_WARNING = "This task answers the last user turns only; earlier turns were not read."


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """What the engine is asked, and what `finish` needs to check the answer."""

    messages: tuple[Message, ...]
    response_schema: Mapping[str, object] | None
    """JSON Schema that the engine is held to; None for free text or the caller's own response format."""

    source: ClinicalText
    """Everything that the caller sent, joined."""

    is_typed: bool
    """True when the task's own output and checks apply."""

    warnings: tuple[str, ...] = ()
    """What the caller should know whatever the answer is."""

    main: ClinicalText = field(default_factory=lambda: ClinicalText(""))
    """What the task's chat field holds, as the caller wrote it; empty for a free conversation."""

    may_replace: bool = True
    """False when the answer will have been streamed before it is checked."""

    coding: Coding | None = None
    """Mentions and choices of a note to be coded."""


def prepare(task: TaskPolicy, request: TaskRequest, icd10: Icd10Table) -> Prompt:
    """Return the prompt.  Raises InvalidRequestError naming the field."""
    check_text(task, request)
    return _typed(task, request, icd10) if is_typed(task, request) else _free(task, request)


def _typed(task: TaskPolicy, request: TaskRequest, icd10: Icd10Table) -> Prompt:
    value = read_input(task, request)
    main = str(value[task.chat_field])
    read = coding.read_note(ClinicalText(main), icd10) if task.finish == coding.NAME else None
    *examples, (_, turn) = render(task, value)
    if read is not None:
        turn = f"{turn}\n\n{read.question()}"
    if task.finish == section_cues.NAME:
        turn = f"{turn}\n\n{section_cues.question(main)}"
    turns = (Message(role=role, content=ClinicalText(text)) for role, text in (*examples, ("user", turn)))
    return Prompt(
        messages=(*_system(task, request), *turns),
        response_schema=_schema(task, read),
        source=everything_sent(request),
        is_typed=True,
        warnings=(EARLIER_TURNS_WARNING,) if any(each.role == "assistant" for each in request.messages) else (),
        main=ClinicalText(main),
        may_replace=is_held(task, request) or not request.stream,
        coding=read,
    )


def _free(task: TaskPolicy, request: TaskRequest) -> Prompt:
    if not any(message.role == "user" for message in request.messages):
        raise InvalidRequestError("Send at least one message of the user's.", field="messages")
    turns = tuple(_without_tokens(message) for message in request.messages if message.role != "system")
    return Prompt(
        messages=(*_system(task, request), *turns),
        response_schema=None,
        source=everything_sent(request),
        is_typed=False,
        warnings=() if request.tools.is_empty() else (OWN_FORMAT_WARNING,),
    )


def _system(task: TaskPolicy, request: TaskRequest) -> tuple[Message, ...]:
    """Return one system turn: the task's words, then the caller's.  Many chat templates take only one."""
    callers = [_without_tokens(message).content for message in request.messages if message.role == "system"]
    own = ClinicalText(task.prompt.system.strip())
    return (Message(role="system", content=ClinicalText.join([own, *callers], "\n\n")),)


def _schema(task: TaskPolicy, read: Coding | None) -> Mapping[str, object] | None:
    if read is not None:
        return read.schema()
    return task.output.engine_schema if isinstance(task.output, JsonOutput) else None


def _without_tokens(message: Message) -> Message:
    return replace(message, content=ClinicalText(without_tokens(message.content.reveal())))
