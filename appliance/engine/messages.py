"""What the engine may be asked: its request is built from an allowlist and never forwarded.

Most of vLLM's advisories are "a request field reached the engine unchecked" (n, logprobs, min_tokens,
structured_outputs.regex, chat_template, cache_salt, ...).  So every field below is put in by name, and a
caller's own priority or cache salt has no way in: both are the gateway's.  The answer's tools and format are
the caller's JSON, rebuilt by `engine.formats`.
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from appliance.engine.formats import Json, answer_format, function_tools, tool_choice
from appliance.exchange import Actor, Message, Sampling, Subject, Tools

_SAMPLING: Final = (
    "max_tokens",
    "temperature",
    "top_p",
    "seed",
    "frequency_penalty",
    "presence_penalty",
)
"""The fields of `Sampling` that go on under their own name."""


class Dialect(StrEnum):
    """Whose extensions of OpenAI's API the engine understands."""

    VLLM = "vllm"
    """Our own engine: takes ``priority`` and ``cache_salt``."""

    OPENAI = "openai"
    """An external upstream (`config.engine.upstream`): gets the plain API only."""

    LLAMA_CPP = "llama_cpp"
    """llama-cpp-python's server: as OPENAI, but takes a schema beside ``json_object`` and knows no ``json_schema``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineCall:
    """One generation, ready for the engine."""

    messages: tuple[Message, ...]
    sampling: Sampling = field(default_factory=Sampling)
    tools: Tools = field(default_factory=Tools)
    priority: int = 10
    """Smaller runs first in vLLM; `admission.gate.Priority` (design section 5)."""

    cache_salt: str = ""
    """From `cache_salt`; empty only for the canary of an external upstream."""

    response_schema: Json | None = None
    """JSON schema of a task with typed output; goes before the caller's own `response_format`."""


def to_body(call: EngineCall, *, model: str, stream: bool, dialect: Dialect = Dialect.VLLM) -> dict[str, object]:
    """Return the engine's request.  Raises InvalidRequestError naming the field of a bad tool or format."""
    body: dict[str, object] = {
        "model": model,
        "messages": [_message(message) for message in call.messages],
        "n": 1,
        "stream": stream,
    }
    if stream:
        body["stream_options"] = {"include_usage": True}
    body.update(_sampling(call.sampling))
    body.update(_tools(call.tools))
    if call.response_schema is not None:
        schema = {"name": "answer", "schema": dict(call.response_schema), "strict": True}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    if dialect is Dialect.LLAMA_CPP:
        body.update(_schema_beside_json_object(body))
    if dialect is Dialect.VLLM:
        body["priority"] = call.priority
        if call.cache_salt:
            body["cache_salt"] = call.cache_salt
    return body


def cache_salt(secret: bytes, actor: Actor, subject: Subject) -> str:
    """Return the salt that keeps one client's patients apart in the engine's prefix cache (CVE-2025-46570).

    Whose prompt is cached can be told from timing, so only requests of one client about the same patients (or,
    without any, by the same user) share a cache.  43 characters, unguessable without the gateway's secret.
    """
    patients = tuple(sorted(patient.reveal() for patient in subject.patients))
    if patients:
        whose = ("patient", *patients)
    elif subject.user:
        whose = ("user", subject.user)
    else:
        whose = ("client",)
    parts = [part.encode() for part in (actor.tenant, actor.client_id, *whose)]
    message = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    return base64.urlsafe_b64encode(hmac.digest(secret, message, hashlib.sha256)).rstrip(b"=").decode()


def _message(message: Message) -> dict[str, object]:
    role = "system" if message.role == "developer" else message.role
    body: dict[str, object] = {"role": role, "content": message.content.reveal()}
    if message.tool_calls:
        body["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments.reveal()}}
            for call in message.tool_calls
        ]
    if message.tool_call_id is not None:
        body["tool_call_id"] = message.tool_call_id
    return body


def _sampling(sampling: Sampling) -> dict[str, object]:
    values = {name: getattr(sampling, name) for name in _SAMPLING}
    body = {name: value for name, value in values.items() if value is not None}
    if sampling.stop:
        body["stop"] = list(sampling.stop)
    return body


def _schema_beside_json_object(body: Json) -> Json:
    wanted = body.get("response_format")
    stated = wanted.get("json_schema") if isinstance(wanted, dict) else None
    return {"response_format": {"type": "json_object", "schema": stated["schema"]}} if isinstance(stated, dict) else {}


def _tools(tools: Tools) -> dict[str, object]:
    body: dict[str, object] = {}
    if tools.tools is not None:
        functions = function_tools(tools.tools)
        body["tools"] = functions
        if tools.tool_choice is not None:
            body["tool_choice"] = tool_choice(tools.tool_choice, functions=functions)
        if tools.parallel_tool_calls is not None:
            body["parallel_tool_calls"] = tools.parallel_tool_calls
    if tools.response_format is not None:
        wanted = answer_format(tools.response_format)
        if wanted is not None:
            body["response_format"] = wanted
    return body
