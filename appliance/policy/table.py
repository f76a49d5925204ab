"""The whole policy as a table: every actor, every action, every resource, with the answer and its reason.

The answers come from `decide`, so what is shown and what is done are the same.  An escalation is shown at its best
moment (`roles.facts_of`): what may leave at all, if evidence, agreement and request allow.  ``appliance policy table``
prints it, and ``tests/golden/decisions.txt`` keeps it under version control: a change of policy is a diff that a
privacy officer can read.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby

from appliance.exchange import Actor
from appliance.policy.bundle import Bundle
from appliance.policy.decide import decide
from appliance.policy.question import (
    Action,
    PrincipalKind,
    Question,
    Resource,
    ResourceKind,
    trail_resource,
)
from appliance.policy.register import Provider
from appliance.policy.roles import TASK_ACTIONS, TRAIL_ACTIONS, facts_of, holder, resource_of

NOT_PERMITTED = "No policy permits it."
"""Stands in the table for the longer sentence that the actor itself is told."""

NARROWEST = 32
"""Characters of the column that names what an action is done to."""

_THE_ONE = {ResourceKind.APPLIANCE: "this appliance", ResourceKind.REGISTER: "the register"}

_EVERY = {True: "every task", False: "any part of the trail"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One question and its answer."""

    who: str
    action: Action
    on: str
    """The resource in plain words, such as ``task medical-coding``."""

    allowed: bool
    reason: str
    policy_ids: tuple[str, ...]

    def to_json(self) -> Mapping[str, object]:
        """Return the row for programs."""
        return {
            "who": self.who,
            "action": self.action.value,
            "on": self.on,
            "allowed": self.allowed,
            "reason": self.reason,
            "policy_ids": list(self.policy_ids),
        }


def table(bundle: Bundle, clients: Iterable[Actor]) -> tuple[Row, ...]:
    """Return what each client may do, by name, and then what anyone with each role may do."""
    rows: list[Row] = []
    for actor in sorted(clients, key=lambda each: (each.name, each.client_id)):
        roles = ", ".join(sorted(actor.roles)) or "no role"
        who = f"Client {actor.name} ({roles}; tenant {actor.tenant})"
        rows.extend(_rows(bundle, who, PrincipalKind.CLIENT, actor))
    for role in sorted(bundle.roles):
        kind, actor = holder(bundle, role)
        if kind is not PrincipalKind.CLIENT:
            rows.extend(_rows(bundle, f"{kind} with role {role}", kind, actor))
    return tuple(rows)


def render(rows: Iterable[Row]) -> str:
    """Return the table as text: one block an actor, one line a question, or one where all have the same answer."""
    blocks: list[str] = []
    for who, asked in groupby(rows, key=lambda row: row.who):
        lines = [who]
        for action, answers in groupby(asked, key=lambda row: row.action):
            lines += _lines(action, list(answers))
        blocks.append("\n".join(lines) + "\n")
    return "\n".join(blocks)


def _lines(action: Action, rows: list[Row]) -> Iterator[str]:
    alike = len(rows) > 1 and len({(row.allowed, row.policy_ids) for row in rows}) == 1
    width = max(NARROWEST, *(len(row.on) for row in rows))
    for row in rows[:1] if alike else rows:
        on = _EVERY[action in TASK_ACTIONS] if alike else row.on
        reason = row.reason if row.policy_ids else NOT_PERMITTED
        yield f"  {'yes' if row.allowed else 'no ':<3}  {action:<14}  {on:<{width}}  {reason}".rstrip()


def _rows(bundle: Bundle, who: str, kind: PrincipalKind, actor: Actor) -> Iterator[Row]:
    for action in Action:
        for on, resource, provider in _asked(bundle, action, kind, actor):
            facts = facts_of(bundle, action, actor, provider)
            question = Question(actor=actor, action=action, resource=resource, facts=facts, principal=kind)
            decision = decide(bundle, question)
            yield Row(
                who=who,
                action=action,
                on=on,
                allowed=decision.allowed,
                reason=decision.sentence(),
                policy_ids=decision.policy_ids,
            )


def _asked(
    bundle: Bundle, action: Action, kind: PrincipalKind, actor: Actor
) -> Iterator[tuple[str, Resource, Provider | None]]:
    """Yield what the action is done to, in words and as a resource; an escalation goes to each provider by itself."""
    if action is Action.ESCALATE and kind is PrincipalKind.CLIENT and bundle.providers:
        for name, provider in sorted(bundle.providers.items()):
            for on, resource in _resources(bundle, action, kind, actor):
                yield f"{on} to {name}", resource, provider
    else:
        for on, resource in _resources(bundle, action, kind, actor):
            yield on, resource, None


def _resources(bundle: Bundle, action: Action, kind: PrincipalKind, actor: Actor) -> Iterator[tuple[str, Resource]]:
    if action in TASK_ACTIONS:
        yield from ((f"task {name}", Resource(kind=ResourceKind.TASK, name=name)) for name in sorted(bundle.tasks))
    elif action in TRAIL_ACTIONS:
        if kind is PrincipalKind.CLIENT:
            yield "its own exchanges", trail_resource(actor.client_id)
        yield "the whole trail", trail_resource()
    else:
        yield _THE_ONE[resource_of(action).kind], resource_of(action)
