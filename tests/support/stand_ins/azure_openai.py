"""Azure OpenAI's chat: ``POST /openai/deployments/NAME/chat/completions?api-version=DATE``, with its filter's notes.

The wire form is OpenAI's.  What differs and has broken clients: the ``api-key`` header, the version in the query, a
first chunk without choices that carries the prompt's filter results, and 400 ``content_filter`` for a prompt.
"""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, unquote

from tests.support.stand_ins import openai_chat, server_sent
from tests.support.stand_ins.answer import Answer, Finish
from tests.support.stand_ins.asked import Asked, Problem, RefusedError, json_body
from tests.support.stand_ins.connection import Received
from tests.support.stand_ins.format import ErrorAnswer, Event, Rules
from tests.support.stand_ins.server_sent import compact, data_event

_PATH = re.compile(r"/openai/deployments/([^/]+)/chat/completions")
_VERSION = re.compile(r"\d{4}-\d\d-\d\d(-preview)?")
_KINDS = ("hate", "self_harm", "sexual", "violence")
_CODES = {
    Problem.UNAUTHORIZED: "401",
    Problem.FORBIDDEN: "AccessDenied",
    Problem.UNKNOWN: "DeploymentNotFound",
    Problem.RATE_LIMITED: "429",
    Problem.OVERLOADED: "ServiceUnavailable",
}


class AzureOpenAI:
    """Azure's form of requests, answers and errors."""

    stream_kind = server_sent.KIND

    def asked(self, received: Received, rules: Rules) -> Asked:
        """Read a request as Azure would."""
        path = _PATH.fullmatch(received.path)
        versions = parse_qs(received.query).get("api-version", [""])
        if received.method != "POST" or path is None or not _VERSION.fullmatch(versions[0]):
            raise RefusedError(Problem.UNKNOWN, "Resource not found")
        bearer = received.header("authorization").removeprefix("Bearer ")
        if rules.credential not in (received.header("api-key"), bearer):
            raise RefusedError(Problem.UNAUTHORIZED, "Access denied due to invalid subscription key")
        if unquote(path[1]) not in rules.models:
            raise RefusedError(Problem.UNKNOWN, "The API deployment for this resource does not exist")
        body = json_body(received)
        return openai_chat.asked_of({**body, "model": rules.answers_as})

    def whole(self, asked: Asked, answer: Answer) -> bytes:
        """Return the completion with the filter's notes."""
        completion = openai_chat.whole_of(asked, answer)
        completion["prompt_filter_results"] = _prompt_notes()
        completion["choices"][0]["content_filter_results"] = _notes(answer)
        return compact(completion)

    def events(self, asked: Asked, answer: Answer) -> Iterator[Event]:
        """Yield the chunks, the first without choices."""
        first = {"id": "", "object": "", "created": 0, "model": "", "choices": []}
        yield Event(data=data_event({**first, "prompt_filter_results": _prompt_notes()}))
        for chunk in openai_chat.chunks_of(asked, answer):
            ends = not chunk["choices"] or chunk["choices"][0]["finish_reason"] is not None
            if chunk["choices"]:
                chunk["choices"][0]["content_filter_results"] = _notes(answer) if ends else {}
            yield Event(data=data_event(chunk), is_end=ends, comes_once=ends and bool(chunk["choices"]))
        yield Event(data=server_sent.DONE, is_end=True)

    def malformed(self) -> bytes:
        """Return a chunk whose JSON breaks off."""
        return b'data: {"id": "chatcmpl-stand-in", "choices": [{"delta"\n\n'

    def broken_off(self) -> bytes:
        """Return the error inside a stream."""
        return data_event(openai_chat.error_of(Problem.SERVER_ERROR, server_sent.MIDWAY))

    def error(self, problem: Problem, message: str) -> ErrorAnswer:
        """Return Azure's error."""
        if problem is Problem.FILTERED:
            body = _prompt_filtered(message)
        elif problem not in _CODES:
            body = openai_chat.error_of(problem, message)
        else:
            body = {"error": {"code": _CODES[problem], "message": message}}
        return ErrorAnswer(status=problem.status, body=compact(body), headers={"apim-request-id": "req-stand-in"})


def _notes(answer: Answer) -> dict[str, Any]:
    filtered = answer.finish is Finish.FILTERED
    notes = {kind: {"filtered": False, "severity": "safe"} for kind in _KINDS}
    return notes | ({"violence": {"filtered": True, "severity": "medium"}} if filtered else {})


def _prompt_filtered(message: str) -> dict[str, Any]:
    results = {kind: {"filtered": kind == "violence", "severity": "high"} for kind in _KINDS}
    inner = {"code": "ResponsibleAIPolicyViolation", "content_filter_result": results}
    told = {"message": message, "type": None, "param": "prompt", "code": "content_filter", "status": 400}
    return {"error": {**told, "innererror": inner}}


def _prompt_notes() -> list[dict[str, Any]]:
    notes = {kind: {"filtered": False, "severity": "safe"} for kind in _KINDS}
    return [{"prompt_index": 0, "content_filter_results": notes}]
