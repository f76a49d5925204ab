"""How much an event should alarm whoever watches, the same in every feed.

Only the trail's own words decide: how an exchange ended, what left, and who opened or ended something.
"""

from enum import IntEnum

from audit.query import Entry
from audit.record import Kind, Outcome


class Alarm(IntEnum):
    """Grades, as ArcSight numbers them from 0 to 10."""

    ROUTINE = 3
    NOTABLE = 5
    """Refused, failed, read, changed: a person may want to know."""

    SERIOUS = 8
    """Bytes left the building, a body was opened, keys were ended, somebody was denied the trail."""


_GRAVE_CODES = frozenset({"body_opened", "denied", "month_destroyed", "trail_restored", "officer_added", "root_moved"})
_EMERGENCY = frozenset({"BTG", "ETREAT"})
"""HL7 v3 PurposeOfUse: break the glass, emergency treatment."""

_QUIET = frozenset({Outcome.ANSWERED.value, Outcome.CANCELLED.value, ""})


def alarm_of(entry: Entry) -> Alarm:
    """Return the grade of an event."""
    leaf = entry.leaf
    if leaf.kind is Kind.DISCLOSURE or leaf.code in _GRAVE_CODES or leaf.purpose in _EMERGENCY:
        return Alarm.SERIOUS
    if leaf.outcome not in _QUIET or not is_success(entry) or leaf.kind in {Kind.OPERATION, Kind.ACCESS, Kind.EPOCH}:
        return Alarm.NOTABLE
    return Alarm.ROUTINE


def is_success(entry: Entry) -> bool:
    """Say whether what the event tells of came about: it was allowed, and it did not end badly."""
    denied = entry.facts.get("allowed") is False or entry.leaf.code == "denied"
    return not denied and entry.leaf.outcome in _QUIET - {Outcome.CANCELLED.value}
