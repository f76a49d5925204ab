"""Read what the caller sent for a task: typed fields on the tasks surface, the last turns on the chat surface.

Every error names the field and what it should be, and never its value.
"""

from collections.abc import Iterator
from itertools import takewhile

from appliance.clinical_text import ClinicalText
from appliance.errors import InvalidRequestError
from appliance.exchange import Surface, TaskRequest
from appliance.policy.task import JsonOutput, TaskPolicy
from appliance.tasks import coding, message_facts
from appliance.tasks.schemas import BadJsonError, fault, parse_object


def is_typed(task: TaskPolicy, request: TaskRequest) -> bool:
    """Say whether the task's own input, prompt template and output apply, rather than a free conversation.

    On the chat surface they do when the caller brings neither tools nor a format of its own, and either the task
    has structured output or there is one user turn and nothing of the model's.
    """
    if request.surface is Surface.TASKS:
        return True
    turns = [message.role for message in request.messages if message.role != "system"]
    return request.tools.is_empty() and (isinstance(task.output, JsonOutput) or turns == ["user"])


def is_held(task: TaskPolicy, request: TaskRequest) -> bool:
    """Say whether nothing may be streamed before `finish` has checked the whole answer.

    A message to a patient is held on the tasks surface; a chat caller that streams it is warned at its end.
    """
    if not is_typed(task, request):
        return task.finish == coding.NAME and request.tools.tools is None
    is_message = task.finish == message_facts.NAME and request.surface is Surface.TASKS
    return is_message or isinstance(task.output, JsonOutput)


def texts_of(request: TaskRequest) -> tuple[ClinicalText, ...]:
    """Return each text that a model would read: what the guard inspects."""
    return tuple(text for _, text in _named(request))


def everything_sent(request: TaskRequest) -> ClinicalText:
    """Return all text of a request, joined: what an answer may repeat."""
    return ClinicalText.join(_sent(request), "\n")


def check_text(task: TaskPolicy, request: TaskRequest) -> None:
    """Refuse text that cannot be sent on or is too long.  Raises InvalidRequestError."""
    for field, text in _named(request):
        _check_characters(field, text)
    size = sum(len(text) for _, text in _named(request))
    if size > task.limits.input_characters:
        field = "input" if request.surface is Surface.TASKS else "messages"
        raise InvalidRequestError(
            f"{field} has {size} characters; this task takes {task.limits.input_characters}. Send the relevant part.",
            field=field,
        )


def read_input(task: TaskPolicy, request: TaskRequest) -> dict[str, object]:
    """Return the typed input, checked against the task's schema.  Raises InvalidRequestError."""
    if request.surface is Surface.CHAT:
        return _from_chat(task, request)
    if request.input is None:
        raise InvalidRequestError("Send the task's input as a JSON object.", field="input")
    try:
        value = parse_object(request.input)
    except BadJsonError as error:
        raise InvalidRequestError(f"The task's input cannot be read: {error}.", field="input") from error
    found = fault(task.input_schema, value)
    if found:
        field = f"input.{found[0]}".rstrip(".")
        raise InvalidRequestError(f"{field} {found[1]}", field=field)
    for name, part in value.items():
        # JSON may escape half of a pair, which the text of the request did not show.
        if isinstance(part, str):
            _check_characters(f"input.{name}", ClinicalText(part))
    return value


def _check_characters(field: str, text: ClinicalText) -> None:
    try:
        text.reveal_bytes()
    except UnicodeEncodeError as error:
        raise InvalidRequestError(
            f"{field} holds half of a surrogate pair; send whole characters.", field=field
        ) from error


def _from_chat(task: TaskPolicy, request: TaskRequest) -> dict[str, object]:
    """Fill the task's chat field with the user turns at the end of the conversation."""
    last = list(takewhile(lambda message: message.role == "user", reversed(request.messages)))
    if not last:
        raise InvalidRequestError("The last message must be the user's.", field="messages")
    text = ClinicalText.join((message.content for message in reversed(last)), "\n\n")
    value: dict[str, object] = {task.chat_field: text.reveal()}
    found = fault(task.input_schema, value)
    if found:
        field = f"messages[{len(request.messages) - 1}].content"
        raise InvalidRequestError(f"{field}, taken as this task's '{task.chat_field}', {found[1]}", field=field)
    return value


def _named(request: TaskRequest) -> Iterator[tuple[str, ClinicalText]]:
    if request.input is not None:
        yield "input", request.input
    for index, message in enumerate(request.messages):
        yield f"messages[{index}].content", message.content
        for number, call in enumerate(message.tool_calls):
            yield f"messages[{index}].tool_calls[{number}].function.arguments", call.arguments
    tools = request.tools
    for field, text in (
        ("tools", tools.tools),
        ("tool_choice", tools.tool_choice),
        ("response_format", tools.response_format),
    ):
        if text is not None:
            yield field, text


def _sent(request: TaskRequest) -> Iterator[ClinicalText]:
    for _, text in _named(request):
        yield text
    if request.people is not None:
        yield request.people
    yield from request.subject.patients
    yield ClinicalText(request.subject.user)
