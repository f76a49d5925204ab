"""What the broker's core and the providers' adapters promise each other.

An adapter turns an `Ask` into one vendor's request, by the vendor's own SDK, and the vendor's answer into `Text` and
one last `Ended`.  It decides nothing: before any byte leaves, the core's `BeforeSend` is called with the exact bytes,
and whatever that raises ends the call and reaches the core unchanged.  Everything that goes wrong after is one
`ProviderFaultError`, whose sentence is ours; no text of an SDK, which may echo the request, ever escapes from here.
"""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Literal, Protocol

from typing_extensions import override

from appliance.broker.outgoing import BeforeSend, Outgoing, ProviderFaultError
from appliance.broker.providers.ask import Ask
from appliance.clinical_text import ClinicalText
from appliance.policy.register import ManagedModel

__all__ = ["Adapter", "Ask", "BeforeSend", "Ended", "FinishReason", "Outgoing", "ProviderFaultError", "Secret", "Text"]

FinishReason = Literal["stop", "length", "tool_calls", "content_filter", "refusal"]
"""How an answer may end, as `wire.Finished` says it; anything else that a vendor says is no end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A piece of the answer's text or, with an index, of a tool call's arguments (JSON text)."""

    text: ClinicalText
    tool_index: int | None = None
    """Which tool call, counted from 0; None for text."""

    tool_id: str = ""
    """With the first piece of a tool call only, as the name is."""

    tool_name: str = ""
    """One of the names that were offered; another one never gets here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """The answer is whole."""

    finish_reason: FinishReason
    prompt_tokens: int
    completion_tokens: int
    model: str
    """The model that the provider says answered; the one asked for where the wire format does not say."""

    attempts: int
    """How often the bytes were sent."""


@dataclass(frozen=True, slots=True, repr=False)
class Secret:
    """A credential that does not print; read by the core from its file, handed to an SDK, kept nowhere."""

    _characters: str = field(repr=False)

    def hand_over(self) -> str:
        """Return the characters for an SDK.  The caller MUST NOT let them reach anything else."""
        return self._characters

    @override
    def __repr__(self) -> str:
        """Return a placeholder."""
        return "<secret>"

    __str__ = __repr__

    @override
    def __format__(self, spec: str) -> str:
        """Return the placeholder whatever the format asks for."""
        return repr(self)


class Adapter(Protocol):
    """One provider of the register, with its kept connections; owned by the core, used on one event loop."""

    def answer(
        self,
        ask: Ask,
        *,
        model: ManagedModel,
        secret: Secret,
        stream: bool,
        deadline_s: float,
        before_send: BeforeSend,
    ) -> AsyncGenerator[Text | Ended]:
        """Yield the answer's pieces and one `Ended` last; closing the generator stops the call.

        Raises ProviderFaultError, and whatever `before_send` raises.
        """
        ...

    async def aclose(self) -> None:
        """Close the kept connections."""
        ...
