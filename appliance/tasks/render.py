"""Put a caller's text into a prompt so that it stays data.

Templates mark source text with tags such as ``<source>``; chat templates mark turns with tokens such as
``<|im_start|>``.  A note that holds either could end its own source or open a turn (prompt injection, OWASP
LLM01).  So every ``<`` that could begin a tag or token becomes `NEUTRAL`: one character for one, and offsets into the
caller's text stay true.
"""

import json
import re
from collections.abc import Mapping

from appliance.policy.task import TaskPolicy

NOT_STATED = "(not stated)"
"""Stands for an optional field that the caller left out."""

NEUTRAL = "\u2039"
"""A single angle quotation mark: people and models read it as ``<``, no template does."""

_PLACEHOLDER = re.compile(r"\{([a-z_][a-z0-9_]*)\}")
_TAG = re.compile(r"<(?=[/|!A-Za-z])")
_TOKEN = re.compile(r"<(?=\|)")


def render(task: TaskPolicy, value: Mapping[str, object]) -> str:
    """Return the user's turn: the task's template with the input's fields, neutralised, in one pass."""
    return _PLACEHOLDER.sub(lambda match: neutral(_as_text(value.get(match[1]))), task.prompt.template).strip()


def neutral(text: str) -> str:
    """Return text that can hold no tag and no control token of a chat template."""
    return _TAG.sub(NEUTRAL, text)


def without_tokens(text: str) -> str:
    """Return text that can hold no control token; tags stay, for they are the caller's own conversation."""
    return _TOKEN.sub(NEUTRAL, text)


def _as_text(value: object) -> str:
    if value is None or value == "":
        return NOT_STATED
    return value.strip("\r\n") if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
