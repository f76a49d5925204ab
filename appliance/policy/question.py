"""What can be asked of the policy: always an actor, an action, a resource, and the facts of the moment.

Four words ask everything, for example *may the client "Ward 3 EHR" `UseTask` the task ``discharge-summary`` for
treatment?*  There are few actions and no shortcuts: what has no resource of its own (the trail, the appliance) has a
synthetic one, so that every check looks alike.  The words here and in ``policies/schema.cedarschema`` are the same;
both lists only grow, because old records name them.  Facts MUST NOT hold text of a request.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from appliance.exchange import Actor
from appliance.policy.task import TaskPolicy

Fact = str | int | bool | frozenset[str]
"""A fact as Cedar can read it; counts and names of kinds, never what was found."""

SANDBOX = "sandbox"
"""The tenant in which nobody's patient is: illustrative evidence counts there, and stand-ins of providers serve it."""


class Action(StrEnum):
    """What an actor wants to do."""

    USE_TASK = "UseTask"
    """Send a request to a task and get its draft."""

    ESCALATE = "Escalate"
    """Let a request go to a managed model outside the building."""

    READ_TRAIL = "ReadTrail"
    """See what was recorded: who, when, which task and route, but no text."""

    OPEN_BODY = "OpenBody"
    """Open a sealed request or answer."""

    EXPORT_TRAIL = "ExportTrail"
    """Take a copy of the trail out of the appliance."""

    APPROVE_ROUTE = "ApproveRoute"
    """Approve by name a change toward more exposure."""

    OPERATE = "Operate"
    """Start, stop, configure, register clients, reload policy."""

    CHANGE_REGISTER = "ChangeRegister"
    """Propose, approve or take back a change of the register of providers or of the excluded patients."""


class PrincipalKind(StrEnum):
    """Which door an actor was proven at."""

    CLIENT = "Client"
    """A program, proven by the gateway."""

    OFFICER = "Officer"
    """A named person of compliance, privacy or quality, proven by the console."""

    OPERATOR = "Operator"
    """A named person of IT, proven by the machine."""


class ResourceKind(StrEnum):
    """What an action is done to."""

    TASK = "Task"
    TRAIL = "Trail"
    APPLIANCE = "Appliance"
    REGISTER = "Register"
    """What is written down about providers, agreements and excluded patients."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """One thing that an action is done to; its attributes come from the bundle, never from a request."""

    kind: ResourceKind
    name: str
    owner: str = ""
    """Client id whose exchanges a part of the trail tells of; empty for the whole trail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One question to the bundle in force (`decide.decide`)."""

    actor: Actor
    action: Action
    resource: Resource
    facts: Mapping[str, Fact] = field(default_factory=dict)
    """The context of the schema, such as ``{"purpose": "TREAT"}``; one that it does not know denies."""

    principal: PrincipalKind = PrincipalKind.CLIENT


def task_resource(task: TaskPolicy) -> Resource:
    """Return the resource of one task."""
    return Resource(kind=ResourceKind.TASK, name=task.name)


def trail_resource(owner: str = "") -> Resource:
    """Return the part of the trail that tells of one client's exchanges, or the whole trail."""
    return Resource(kind=ResourceKind.TRAIL, name="trail", owner=owner)


def appliance_resource() -> Resource:
    """Return this appliance."""
    return Resource(kind=ResourceKind.APPLIANCE, name="appliance")


def register_resource() -> Resource:
    """Return the register of providers and excluded patients."""
    return Resource(kind=ResourceKind.REGISTER, name="register")
