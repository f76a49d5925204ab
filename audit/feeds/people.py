"""The people of an event, where whoever asks can name them; PHI, so it has no repr and goes into FHIR only.

Leaves hold keyed commitments.  Names stand in the sealed header of an exchange's intent, which only the custodian's
keys open, or in a question that somebody asked by name.
"""

from collections.abc import Callable
from dataclasses import dataclass

from audit.query import Entry


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class People:
    """Who acted, and about whom."""

    user: str = ""
    patients: tuple[str, ...] = ()
    """Record numbers."""


NOBODY = People()
"""Nobody can be named."""

Naming = Callable[[Entry], People]
"""Returns the people of an event, or `NOBODY`."""


def name_nobody(_entry: Entry) -> People:
    """Return nobody: commitments only."""
    return NOBODY
