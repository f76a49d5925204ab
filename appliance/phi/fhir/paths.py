"""Say where in a resource something stands, and refuse by that place alone.

Names of elements come from the table, never from the input: a key that R4 does not know may be a patient's name.
"""

from typing import NoReturn

from typing_extensions import override

from appliance.errors import PhiBlockedError

MOST_STEPS = 16
"""Of a path that is told whole; Synthea's deepest has 12, and a person finds the place by its two ends."""


class Place:
    """The path to what is looked at now, such as ``Patient.name[0].given``; it belongs to one walk."""

    def __init__(self) -> None:
        """Start above the resource."""
        self._steps: list[str | int] = []

    def enter(self, step: str | int) -> None:
        """Go down to an element known to the table, or to an index of its list."""
        self._steps.append(step)

    def leave(self) -> None:
        """Go up again."""
        self._steps.pop()

    @property
    def depth(self) -> int:
        """Return how many steps down this is."""
        return len(self._steps)

    def refuse(self, reason: str) -> NoReturn:
        """Refuse the whole resource because of what stands here; `reason` MUST hold nothing of the input."""
        raise PhiBlockedError(f"The FHIR resource was not sent: {self} {reason}.")

    @override
    def __str__(self) -> str:
        """Return the path as FHIRPath writes it."""
        steps = [f"[{step}]" if isinstance(step, int) else f".{step}" for step in self._steps]
        if len(steps) > MOST_STEPS:
            steps = [*steps[: MOST_STEPS // 2], " ... ", *steps[-MOST_STEPS // 2 :]]
        return "".join(steps).lstrip(".") or "the resource"
