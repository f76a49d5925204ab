"""Server-sent events as the vendors write them (WHATWG HTML 9.2), with and without a name."""

import json
from typing import Any

from tests.support.stand_ins.asked import PROVIDER_WORDS

KIND = "text/event-stream; charset=utf-8"
DONE = b"data: [DONE]\n\n"
"""OpenAI's own end of a chat stream."""

MIDWAY = f"Overloaded: {PROVIDER_WORDS}"
"""What a vendor says when it breaks off."""


def compact(value: object) -> bytes:
    """Return JSON without spaces."""
    return json.dumps(value, separators=(",", ":")).encode()


def data_event(value: object) -> bytes:
    """Return an event without a name."""
    return b"data: " + compact(value) + b"\n\n"


def named_event(value: dict[str, Any]) -> bytes:
    """Return an event named by its own type, as Anthropic and OpenAI's Responses do."""
    return b"event: " + str(value["type"]).encode() + b"\ndata: " + compact(value) + b"\n\n"
