"""What a site decides about the guard: what becomes of each kind, how days are treated, and its own list of names.

`policies/phi.yaml` is read and checked by `policy`; the guard takes these values and knows no file.  The defaults are
the strictest that still leave a clinical text useful, so a part of them that is forgotten protects more, never less.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from appliance.phi.findings import Kind


class Mode(StrEnum):
    """How days leave the building."""

    SHIFT = "shift"
    """Every day of a patient moves by one secret number of days: intervals survive, but this is not Safe Harbor."""

    SAFE_HARBOR = "safe-harbor"
    """Only the year leaves, and ages over 89 become 90 or older (45 CFR 164.514(b)(2)(i)(C))."""


class Action(StrEnum):
    """What becomes of an identifier before a text leaves."""

    SURROGATE = "surrogate"
    """A made-up value of the same form, the same one throughout the exchange."""

    TAG = "tag"
    """A tag with a number, such as ``[MRN-1]``."""

    REFUSE = "refuse"
    """The whole text stays in the building."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IdFormat:
    """One local form of identifier that no general rule can know, such as a study number."""

    name: str
    kind: Kind
    pattern: re.Pattern[str]
    """Matches the whole identifier in normalised text; `policy` has checked that it runs in linear time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """The site's own list."""

    facilities: tuple[str, ...] = ()
    """Names of its hospitals, clinics, wards and towns, found in any case."""

    id_formats: tuple[IdFormat, ...] = ()

    ordinary: frozenset[str] = frozenset()
    """Words of this site that look like names and are none, in lower case; they silence the name models only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardSettings:
    """The whole of a site's decisions about the guard."""

    mode: Mode = Mode.SHIFT
    actions: Mapping[Kind, Action] = field(default_factory=lambda: MappingProxyType({}))
    """What differs from the default, `Action.SURROGATE`."""

    site: Site = field(default_factory=Site)

    def action(self, kind: Kind) -> Action:
        """Return what becomes of an identifier of this kind."""
        return self.actions.get(kind, Action.SURROGATE)
