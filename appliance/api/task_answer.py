"""A pipeline's answer in the appliance's own form: one JSON object, or named events.

Events of a stream: ``exchange`` (what is known before the first word), ``delta`` (a piece of the text), ``output`` (the
typed, checked output), ``done`` (finish reason, usage, warnings); or ``error`` (problem+json) and nothing after it.
"""

import json
from collections.abc import AsyncIterator

from typing_extensions import override

from appliance.api import problems, provenance
from appliance.api.chat_answer import to_usage
from appliance.api.sse import Framing
from appliance.errors import ApplianceError
from appliance.exchange import Answer, Usage
from appliance.passage import Stream
from appliance.policy.task import TaskPolicy


def to_object(answer: Answer) -> dict[str, object]:
    """Return the answer as one object."""
    return {
        "task": answer.exchange.task,
        **provenance.member(answer.exchange),
        "output": None if answer.output is None else dict(answer.output),
        "finish_reason": answer.completion.finish_reason,
        "usage": to_usage(answer.completion.usage),
    }


def summary_of(task: TaskPolicy) -> dict[str, object]:
    """Return what the list of tasks shows."""
    return {"task": task.name, "title": task.title, "description": task.description, "priority": task.priority}


def description_of(task: TaskPolicy) -> dict[str, object]:
    """Return everything that an integration must know to use the task."""
    return {
        **summary_of(task),
        "data_class": task.data_class,
        "prompt_version": task.prompt_version,
        "chat_field": task.chat_field,
        "input_schema": task.input_schema,
        "output_schema": task.output_schema,
        "limits": task.limits.model_dump(mode="json"),
        "sampling": task.sampling.model_dump(mode="json"),
        "threshold": task.threshold.model_dump(mode="json"),
        "when_unmet": task.when_unmet,
        "escalation": task.escalation,
        "failover": task.failover,
        "downtime_text": task.downtime_text,
    }


class EventFraming(Framing):
    """Writes one stream as named events."""

    def __init__(self) -> None:
        """Start without a finish reason."""
        self._finish = ""
        self._usage = Usage(prompt_tokens=0, completion_tokens=0)

    @override
    async def events(self, stream: Stream) -> AsyncIterator[bytes]:
        """Yield what is known first, then one event for each piece."""
        yield _event("exchange", {"task": stream.exchange.task, **provenance.member(stream.exchange)})
        async for delta in stream:
            self._finish = delta.finish_reason or self._finish
            self._usage = delta.usage or self._usage
            text = delta.text.reveal()
            if text:
                yield _event("delta", {"text": text})

    @override
    def end(self, stream: Stream) -> bytes:
        """Return the typed output and the end."""
        output = b"" if stream.output is None else _event("output", {"output": dict(stream.output)})
        warnings = provenance.warnings(stream.exchange.route, stream.warnings)
        told = {"finish_reason": self._finish, "usage": to_usage(self._usage), "warnings": warnings}
        return output + _event("done", told)

    @override
    def error(self, error: ApplianceError) -> bytes:
        """Return the problem; nothing follows it."""
        return _event("error", problems.problem_body(error))


def _event(name: str, data: object) -> bytes:
    return f"event: {name}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n".encode("ascii")
