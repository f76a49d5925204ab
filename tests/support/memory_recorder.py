"""A recorder that remembers events in memory, and can be told to be down."""

from dataclasses import dataclass, field

from audit.errors import RecorderUnavailableError
from audit.record import Event, Receipt


@dataclass(slots=True)
class MemoryRecorder:
    """Implements `audit.access.Recorder` and `audit.console.parts.Recorder`."""

    events: list[Event] = field(default_factory=list)
    is_down: bool = False

    async def append(self, event: Event) -> Receipt:
        """Remember an event, unless down."""
        if self.is_down:
            raise RecorderUnavailableError("no recorder answers")
        self.events.append(event)
        return Receipt(origin="test", sequence=len(self.events), leaf_hash=bytes(32), compact="audit1.x.y")

    async def health(self) -> dict[str, object]:
        """Say that it is open, unless down."""
        if self.is_down:
            raise RecorderUnavailableError("no recorder answers")
        return {"state": "open", "size": len(self.events), "witnesses": []}
