"""The policy bundle: everything that was written down, checked as a whole, under one digest.

It is a value without a file behind it, so that `decide` and `choose` can use it and reach no disk.  `load` builds
it, `current` holds the one in force, and every record names its digest.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from cedarpy import PolicySet, Schema

from appliance.phi.settings import GuardSettings
from appliance.policy.evidence import Evidence
from appliance.policy.register import Register
from appliance.policy.registers import Retention, Role
from appliance.policy.restrictions import Restriction
from appliance.policy.task import TaskPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One Cedar policy and where it stands."""

    id: str
    """Its ``@id``; records and decisions name it."""

    effect: Literal["permit", "forbid"]
    reason: str
    """Its ``@reason``: the plain sentence that a decision gives."""

    file: str
    line: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """One policy, whole and checked; never changed after `load.load_bundle` returned it."""

    digest: str
    """SHA-256 over the listing of every file that takes part, 64 hex digits."""

    tasks: Mapping[str, TaskPolicy]
    providers: Register
    """The managed providers by name, with their agreements."""

    restrictions: tuple[Restriction, ...]
    """What stays in the building, whatever is signed."""

    roles: Mapping[str, Role]
    retention: Retention
    evidence: tuple[Evidence, ...]
    guard: GuardSettings
    """What the PHI guard does with identifiers, and the site's own list."""

    statements: Mapping[str, Statement]
    """The Cedar policies by id."""

    policies: PolicySet
    """The same, parsed once: parsing them for each decision would cost more than the decision."""

    schema: Schema
