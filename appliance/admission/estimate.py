"""Whether prompt and answer fit the model's context, counted with the model's own tokenizer before the engine is asked.

The tokenizer is a file of the pinned model; nothing is fetched.  The chat template's own tokens are a rounded-up
allowance, measured against the real templates of SmolLM2 and Llama 3.x, so that the count is never below the engine's
(`tests/integration/test_engine_real.py`).  Counts are told to the caller; the text never is.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tokenizers import Tokenizer

from appliance.config import Config
from appliance.engine.profiles import PROFILES
from appliance.errors import ConfigError, ContextTooLongError
from appliance.exchange import Message, Tools

PER_MESSAGE_TOKENS: Final = 6
"""Role and turn marks: SmolLM2's template needs 5, Llama 3's 5."""

TEMPLATE_TOKENS: Final = 48
"""Once a prompt: SmolLM2's default system turn is 21 and its cue 3; Llama 3.1's date header and cue are 31."""

PER_TOOL_CALL_TOKENS: Final = 16
"""JSON around the name and arguments of a replayed tool call."""

TOOLS_FACTOR: Final = 2
"""Llama 3.1's template prints tools as indented JSON, up to twice the tokens of what the caller sent."""

UPSTREAM_CONTEXT: Final = 131_072
"""For another server in the engine's place, which is not asked: the longest context usual in local models.  What is
shorter there it refuses itself, and `engine.client` tells it apart."""

PIECE_CHARACTERS: Final = 8192
"""Text is counted in pieces of this size, at most 13 ms each (measured); each cut adds at most a token or two."""

UPSTREAM_BYTES_PER_TOKEN: Final = 3
"""English clinical text has about four; tables and codes about three."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimator:
    """Count tokens of one model."""

    tokenizer: Tokenizer | None
    """None for another server in the engine's place: then bytes are counted."""

    context_length: int

    @classmethod
    def from_config(cls, config: Config) -> "Estimator":
        """Read the tokenizer of the configured model.  Raises ConfigError."""
        if config.engine.upstream is not None:
            return cls(tokenizer=None, context_length=UPSTREAM_CONTEXT)
        return cls.from_model(config.engine.model, at_most=PROFILES[config.engine.profile].context_length)

    @classmethod
    def from_model(cls, folder: Path, *, at_most: int) -> "Estimator":
        """Read ``tokenizer.json`` and ``config.json`` of a model.  Raises ConfigError naming the file."""
        file = folder / "tokenizer.json"
        if not file.is_file():
            raise ConfigError(f"{file} is missing; run 'appliance model prepare'.")
        return cls(tokenizer=Tokenizer.from_file(str(file)), context_length=min(at_most, _stated(folder)))

    def check(self, messages: Sequence[Message], *, max_tokens: int, tools: Tools) -> int:
        """Return the tokens that the prompt needs at most.  Raises ContextTooLongError with the numbers."""
        room = self.context_length - max_tokens
        overhead = TEMPLATE_TOKENS + sum(
            PER_MESSAGE_TOKENS + PER_TOOL_CALL_TOKENS * len(message.tool_calls) for message in messages
        )
        texts = list(_texts(messages, tools))
        size = sum(len(text.encode("utf-8", "surrogatepass")) for text in texts)
        if size + overhead <= room:
            return size + overhead  # a byte is at most one token: no need to count
        needed = overhead + self._count(texts, at_most=room - overhead)
        if needed > room:
            raise ContextTooLongError(
                f"The prompt needs at least {needed} tokens and max_tokens asks for {max_tokens}, but the model's "
                f"context is {self.context_length}; shorten the input or lower max_tokens.",
                field="messages",
            )
        return needed

    def _count(self, texts: Iterable[str], *, at_most: int) -> int:
        """Count the tokens, and stop when there are too many: two million characters must not hold up the others."""
        if self.tokenizer is None:
            return sum(-(-len(text.encode("utf-8", "surrogatepass")) // UPSTREAM_BYTES_PER_TOKEN) for text in texts)
        count = 0
        for text in texts:
            for start in range(0, len(text), PIECE_CHARACTERS):
                piece = text[start : start + PIECE_CHARACTERS].encode("utf-8", "replace").decode()
                count += len(self.tokenizer.encode(piece, add_special_tokens=False))
                if count > at_most:
                    return count
        return count


def _texts(messages: Iterable[Message], tools: Tools) -> Iterable[str]:
    for message in messages:
        yield message.content.reveal()
        for call in message.tool_calls:
            yield call.name
            yield call.arguments.reveal()
    if tools.tools is not None:
        yield from [tools.tools.reveal()] * TOOLS_FACTOR


def _stated(folder: Path) -> int:
    """Return the context length that the model's own configuration states."""
    file = folder / "config.json"
    try:
        return int(json.loads(file.read_bytes())["max_position_embeddings"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{file} states no max_position_embeddings; run 'appliance model verify'.") from error
