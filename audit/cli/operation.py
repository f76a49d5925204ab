"""The record of a change that a command makes to keys: durable before the change, or the change is not made."""

from audit.cli.trail import PROGRAM, operator, record_now
from audit.places import Places
from audit.record import Event, Kind


def record_operation(places: Places, code: str, **facts: str | int | bool | list[str]) -> None:
    """Record an operation of this machine's user.  Raises AppendError, and then the caller MUST change nothing."""
    event = Event(kind=Kind.OPERATION, code=code, client=PROGRAM, user=operator(), facts=facts)
    record_now(places.socket, event)
