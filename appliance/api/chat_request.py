"""From a parsed chat body to the appliance's own `TaskRequest`; nothing of the wire format goes further than this."""

import json

from pydantic import BaseModel

from appliance.api import subject
from appliance.api.dependencies import Caller
from appliance.api.schemas.chat import ChatBody, ChatMessage, Metadata, NamedToolChoice
from appliance.clinical_text import ClinicalText
from appliance.exchange import Message, Sampling, Surface, TaskRequest, ToolCall, Tools


def to_request(chat: ChatBody, caller: Caller) -> TaskRequest:
    """Return the request.  Raises InvalidRequestError if body and headers disagree about whom it is about."""
    stated = _stated(chat)
    return TaskRequest(
        task=chat.model,
        surface=Surface.CHAT,
        subject=subject.to_subject(stated, caller.stated),
        messages=tuple(_message(message) for message in chat.messages),
        sampling=_sampling(chat),
        tools=_tools(chat),
        data_class=subject.to_data_class(stated, caller.stated),
        restrictions=subject.to_restrictions(stated, caller.stated),
        stream=bool(chat.stream),
        deadline_s=subject.to_deadline(stated, caller.stated),
        request_id=caller.visit.request_id,
        trace_id=caller.visit.trace_id,
    )


def _stated(chat: ChatBody) -> subject.Stated:
    metadata = chat.metadata or Metadata()
    return subject.Stated(
        patients=tuple(subject.listed(metadata.patient)) if metadata.patient else (),
        user=subject.agreed(chat.user, metadata.user, field="user"),
        purpose=metadata.purpose,
        data_class=metadata.data_class,
        restrictions=tuple(subject.listed(metadata.restrictions)) if metadata.restrictions else (),
    )


def _message(message: ChatMessage) -> Message:
    return Message(
        role="system" if message.role == "developer" else message.role,
        content=ClinicalText(message.text()),
        tool_calls=tuple(
            ToolCall(id=call.id, name=call.function.name, arguments=ClinicalText(call.function.arguments), index=index)
            for index, call in enumerate(message.tool_calls or ())
        ),
        tool_call_id=message.tool_call_id,
    )


def _sampling(chat: ChatBody) -> Sampling:
    stop = (chat.stop,) if isinstance(chat.stop, str) else tuple(chat.stop or ())
    return Sampling(
        max_tokens=chat.max_completion_tokens or chat.max_tokens,
        temperature=chat.temperature,
        top_p=chat.top_p,
        seed=chat.seed,
        stop=stop,
        frequency_penalty=chat.frequency_penalty,
        presence_penalty=chat.presence_penalty,
    )


def _tools(chat: ChatBody) -> Tools:
    if chat.tools is None and chat.response_format is None:
        return Tools()
    choice = chat.tool_choice
    return Tools(
        tools=None if chat.tools is None else _json([_plain(tool) for tool in chat.tools]),
        tool_choice=None
        if choice is None
        else _json(_plain(choice) if isinstance(choice, NamedToolChoice) else choice),
        parallel_tool_calls=chat.parallel_tool_calls,
        response_format=None if chat.response_format is None else _json(_plain(chat.response_format)),
    )


def _plain(model: BaseModel) -> dict[str, object]:
    return model.model_dump(mode="json", by_alias=True, exclude_none=True)


def _json(value: object) -> ClinicalText:
    return ClinicalText(json.dumps(value, ensure_ascii=False, separators=(",", ":")))
