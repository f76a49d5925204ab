"""What the console is made of, put together in one place from a trail and its recorder.

The recorder's client belongs to the event loop and everything else runs in threads, so each call goes over to the loop
and waits there; an error comes back to the thread that asked.
"""

from dataclasses import dataclass
from functools import partial
from typing import Protocol, Self

from anyio import from_thread

from audit.authority import Authority
from audit.console.disclosures import Disclosures
from audit.console.door import Door, Rights
from audit.console.exports import Exports
from audit.console.feeds import Feeds
from audit.console.limits import FAILURE_BURST, FAILURE_PER_S, OFFICER_BURST, OFFICER_PER_S, Rate
from audit.console.openings import Openings
from audit.console.people import PeopleKeys
from audit.console.reading import PROGRAM, Reading
from audit.console.state import State
from audit.officers import Officers
from audit.places import Places
from audit.record import Event, Receipt


class Recorder(Protocol):
    """The part of `RecorderClient` that the console needs."""

    async def append(self, event: Event) -> Receipt:
        """Record one event and return once it is durable.  Raises AppendError."""
        ...

    async def checkpoint(self) -> dict[str, object]:
        """Return the newest signed checkpoint: ``size`` and ``note``.  Raises AppendError."""
        ...

    async def health(self) -> dict[str, object]:
        """Return what the recorder says of itself.  Raises AppendError."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the surface stands on."""

    door: Door
    rights: Rights
    reading: Reading
    disclosures: Disclosures
    exports: Exports
    feeds: Feeds
    openings: Openings
    state: State

    @classmethod
    def of(cls, places: Places, recorder: Recorder) -> Self:
        """Return the parts over a trail and its recorder; nothing is opened yet."""
        record, people = partial(_record, recorder), PeopleKeys(places)
        authority = Authority(
            Officers(places.custodian), policies=places.settings.policies, program=PROGRAM, record=record
        )
        return cls(
            door=Door(
                authority,
                officers=Rate(burst=OFFICER_BURST, per_s=OFFICER_PER_S),
                failures=Rate(burst=FAILURE_BURST, per_s=FAILURE_PER_S),
            ),
            rights=authority,
            reading=Reading(places, record=record, people=people),
            disclosures=Disclosures(places, record=record, people=people),
            exports=Exports(
                places,
                append=partial(_append, recorder),
                checkpoint=partial(from_thread.run, recorder.checkpoint),
            ),
            feeds=Feeds(places, record=record),
            openings=Openings(places, record=record),
            state=State(places, health=partial(from_thread.run, recorder.health)),
        )


def _append(recorder: Recorder, event: Event) -> Receipt:
    return from_thread.run(recorder.append, event)


def _record(recorder: Recorder, event: Event) -> None:
    _append(recorder, event)
