"""A recorder that remembers events in memory, and can be told to be down."""

from dataclasses import dataclass, field

from audit.errors import AppendError, RecorderUnavailableError
from audit.record import Event, Receipt


@dataclass(slots=True)
class MemoryRecorder:
    """Implements `audit.access.Recorder` and `audit.console.parts.Recorder`."""

    events: list[Event] = field(default_factory=list)
    is_down: bool = False
    refusal: AppendError | None = None
    """Raised at every append when it is set."""

    async def append(self, event: Event) -> Receipt:
        """Remember an event, unless down."""
        if self.is_down:
            raise RecorderUnavailableError("no recorder answers")
        if self.refusal is not None:
            raise self.refusal
        self.events.append(event)
        return Receipt(origin="test", sequence=len(self.events), leaf_hash=bytes(32), compact="audit1.x.y")

    async def checkpoint(self) -> dict[str, object]:
        """Give none: nothing here signs."""
        if self.is_down:
            raise RecorderUnavailableError("no recorder answers")
        return {"size": 0, "note": ""}

    async def health(self) -> dict[str, object]:
        """Say that it is open, unless down."""
        if self.is_down:
            raise RecorderUnavailableError("no recorder answers")
        return {"state": "open", "size": len(self.events), "witnesses": []}
