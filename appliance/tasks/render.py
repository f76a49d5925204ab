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
_TURN = re.compile(r"^--- (user|assistant)$\n?", re.MULTILINE)
"""Line that begins a turn in a template with worked examples."""

_TAG = re.compile(r"<(?=[/|!A-Za-z])")
_TOKEN = re.compile(r"<(?=\|)")


def render(task: TaskPolicy, value: Mapping[str, object]) -> list[tuple[str, str]]:
    """Return the turns of a typed request as role and text: the template's worked examples, then the caller's.

    The template is cut into turns before the fields are put in, so no field can open one.
    """
    first, *rest = _TURN.split(task.prompt.template)
    turns = [("user", first), *zip(rest[::2], rest[1::2], strict=True)]
    return [(role, _filled(text, value)) for role, text in turns if text.strip()]


def _filled(text: str, value: Mapping[str, object]) -> str:
    """Return one turn with its fields, neutralised, put in at once: no field can name another."""
    return _PLACEHOLDER.sub(lambda match: neutral(_as_text(value.get(match[1]))), text).strip()


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
