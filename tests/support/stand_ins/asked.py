"""What a request asks for, whatever the vendor's form; and how a vendor says no.

The formats read requests into this as strictly as the vendor does, since a request that only a lenient test server
takes is a fault found in production.
"""

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from tests.support.stand_ins.connection import Received

PROVIDER_WORDS = "words-of-the-provider-7c1d"
"""Stands in every error text; none of it may come back to a caller, into a record or into a log."""

_SOURCE = re.compile(r"<source>\s*(.*?)\s*</source>", re.DOTALL)


class Problem(Enum):
    """A vendor's no, and its usual status."""

    INVALID = ("invalid", 400)
    FILTERED = ("filtered", 400)
    """A filter stopped the prompt itself."""

    UNAUTHORIZED = ("unauthorized", 401)
    FORBIDDEN = ("forbidden", 403)
    UNKNOWN = ("unknown", 404)
    RATE_LIMITED = ("rate_limited", 429)
    SERVER_ERROR = ("server_error", 500)
    OVERLOADED = ("overloaded", 503)

    @property
    def status(self) -> int:
        """Return the HTTP status."""
        return self.value[1]


class RefusedError(Exception):
    """Say no to a request; becomes the vendor's own error."""

    def __init__(self, problem: Problem, message: str) -> None:
        super().__init__(message)
        self.problem = problem
        self.message = message


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """One tool on offer."""

    name: str
    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request, understood."""

    model: str
    stream: bool
    source: str
    """The text between ``<source>`` tags; without any, the last turn of the user."""

    max_tokens: int
    """0 without a bound."""

    tools: tuple[Tool, ...] = ()
    forced_tool: str = ""
    """Name of the tool that must be called."""

    may_call: bool = True
    """False: tools are forbidden, or the last turn brought a tool's result."""

    one_call: bool = False
    """True: several calls at once are not wanted."""

    schema: Mapping[str, Any] | None = None
    """What a structured answer must fit."""

    stop: tuple[str, ...] = ()
    with_usage: bool = True
    """OpenAI's chat streams count tokens only when asked to."""

    def wanted_tools(self) -> Sequence[Tool]:
        """Return the tools that the model calls: the forced one, else all that it may."""
        if self.forced_tool:
            return [tool for tool in self.tools if tool.name == self.forced_tool]
        if not self.may_call:
            return []
        return self.tools[:1] if self.one_call else self.tools


def invalid(message: str) -> RefusedError:
    """Return a no to a malformed request."""
    return RefusedError(Problem.INVALID, message)


def json_body(received: Received) -> dict[str, Any]:
    """Return the JSON object that a request holds.  Raises RefusedError if it holds none."""
    if received.header("content-type").partition(";")[0].strip() != "application/json":
        raise invalid("content-type: application/json is required")
    try:
        body = json.loads(received.body)
    except ValueError as error:
        raise invalid("the body is not JSON") from error
    if not isinstance(body, dict):
        raise invalid("the body is no object")
    return body


def check_fields(body: Mapping[str, Any], *, allowed: Collection[str], required: Collection[str]) -> None:
    """Refuse what the vendor does not know, nulls where it wants none, and what is missing."""
    for name, value in body.items():
        if name not in allowed:
            raise invalid(f"{name}: Extra inputs are not permitted")
        if value is None:
            raise invalid(f"{name}: Input should not be null")
    for name in required:
        if name not in body:
            raise invalid(f"{name}: Field required")


def check_number(body: Mapping[str, Any], name: str, *, low: float, high: float) -> None:
    """Refuse a number outside its range."""
    value = body.get(name, low)
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise invalid(f"{name}: Input should be a number from {low} to {high}")


def source_of(texts: Sequence[str]) -> str:
    """Return the source text of the user's turns."""
    found = [part for text in texts for part in _SOURCE.findall(text)]
    return "\n".join(found) if found else (texts[-1] if texts else "")


def check_choice(forced: str, tools: Sequence[Tool]) -> None:
    """Refuse a forced tool that is not on offer, and a choice without tools."""
    if forced and forced not in {tool.name for tool in tools}:
        raise invalid(f"tool_choice: tool '{forced}' is not among the tools")
