"""Asks a provider's adapter as the broker's core does, and keeps what was about to leave and what came back."""

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from appliance.broker.outgoing import Outgoing
from appliance.broker.providers.adapter import Adapter, Ended, Secret, Text
from appliance.broker.providers.ask import Ask
from appliance.policy.register import Ceilings
from tests.support.stand_ins import StandIn

SOURCE = "Ms. Ida Crane was seen on 3 May 2031.\nShe takes 40 mg of furosemide."
"""What every request is about; the stand-ins answer by copying it."""

TURNS = (
    {"role": "system", "content": "You draft summaries."},
    {"role": "user", "content": f"Record:\n<source>\n{SOURCE}\n</source>"},
)
NOTE = {
    "type": "function",
    "function": {
        "name": "file_note",
        "description": "Files a note.",
        "parameters": {"type": "object", "properties": {"note": {"type": "string"}}, "required": ["note"]},
    },
}
"""A tool on offer."""

SMALL = Ceilings(answer_bytes=200_000)
"""A bound small enough to reach in a test."""


@dataclass(slots=True, kw_only=True)
class Said:
    """One call and what came of it."""

    outgoing: list[Outgoing] = field(default_factory=list)
    pieces: list[Text] = field(default_factory=list)
    ended: Ended | None = None

    async def allow(self, outgoing: Outgoing) -> None:
        """Let everything leave, and remember it (`BeforeSend`)."""
        self.outgoing.append(outgoing)

    def keep(self, piece: Text | Ended) -> None:
        """Remember what came."""
        if isinstance(piece, Ended):
            self.ended = piece
        else:
            self.pieces.append(piece)

    @property
    def text(self) -> str:
        """Return the answer's text."""
        return "".join(each.text.reveal() for each in self.pieces if each.tool_index is None)

    @property
    def calls(self) -> list[tuple[str, Any]]:
        """Return the tool calls: their names, and their arguments parsed."""
        names = {each.tool_index: each.tool_name for each in self.pieces if each.tool_name}
        return [
            (name, json.loads("".join(each.text.reveal() for each in self.pieces if each.tool_index == index)))
            for index, name in names.items()
        ]


def an_ask(**changes: Any) -> Ask:
    """Return a request about `SOURCE`, changed as asked; the keys are those of `escalation.body`."""
    as_text = {
        key: json.dumps(changes.pop(key)) for key in ("tools", "tool_choice", "response_format") if key in changes
    }
    body: dict[str, Any] = {
        "messages": TURNS,
        "tools": None,
        "tool_choice": None,
        "response_format": None,
        "max_tokens": 400,
        "temperature": 0.2,
        "top_p": 0.9,
        "stop": [],
    }
    return Ask.from_body(json.dumps({**body, **as_text, **changes}).encode())


def asking(
    adapter: Adapter, stand_in: StandIn, said: Said, *, ask: Ask | None = None, stream: bool
) -> AsyncGenerator[Text | Ended]:
    """Return the answer as it comes."""
    return adapter.answer(
        ask or an_ask(),
        model=stand_in.provider().models[0],
        secret=Secret(stand_in.credential),
        stream=stream,
        deadline_s=15.0,
        before_send=said.allow,
    )


async def ask_of(adapter: Adapter, stand_in: StandIn, said: Said, *, ask: Ask | None = None, stream: bool) -> Said:
    """Ask, gather everything into `said`, and close the adapter.  Raises as `Adapter.answer` does."""
    try:
        async with aclosing(asking(adapter, stand_in, said, ask=ask, stream=stream)) as answer:
            async for piece in answer:
                said.keep(piece)
    finally:
        await adapter.aclose()
    return said
