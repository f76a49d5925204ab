"""The terms of a record: the few readable values that questions filter by, and that repeat from record to record.

Pure: it reads a leaf and the readable facts beside it, and reaches no I/O.  The store keeps each term once, by number,
and notes in which blocks of records it occurs, so that "every failed exchange of six years" reads the blocks that
hold one and no others.  They are copies for searching: `query` judges each record on its leaf, and `verify` works the
terms out anew.  No term is PHI: a leaf and its facts hold none.
"""

from collections.abc import Mapping
from types import MappingProxyType

from audit.canonical import Value
from audit.record import Kind, Leaf

COLUMNS = ("kind", "outcome", "code", "client", "tenant", "task", "purpose", "route", "model", "policy")
"""Terms that have a column of their own in the record table, in the order of the columns."""

AGREEMENT = "agreement"
"""Member of a disclosure's facts: the id of the business associate agreement that covered it."""

DECISION = "decision"
"""Member that says what was decided: `ALLOWED` or `DENIED`."""

ALLOWED = "allowed"
"""Decided: may go on."""

DENIED = "denied"
"""Decided: may not, or no route is open."""

REFUSED_ROUTE = "refused"
"""Route of an exchange that no route is open for (`record.Event.route`)."""

DECISIONS = (ALLOWED, DENIED)
"""What a decision can be."""

KIND_IDS = MappingProxyType({kind.value: place for place, kind in enumerate(Kind, 1)})
"""Numbers of the kinds in the store's dictionary: fixed, because partial indexes name them.  It only grows."""


MAX_TERM = 256
"""Characters of a term: nothing longer can be asked for (`question.MAX_TEXT`), nor does a database index it."""


def column_terms(leaf: Leaf, client: str) -> dict[str, str]:
    """Return the terms that have columns; `client` is the client id of the facts document."""
    values = (
        leaf.kind.value,
        leaf.outcome,
        leaf.code,
        client,
        leaf.tenant,
        leaf.task,
        leaf.purpose,
        leaf.route,
        leaf.model,
        leaf.policy_digest,
    )
    return {member: value for member, value in zip(COLUMNS, values, strict=True) if value and is_term(value)}


def fact_terms(kind: Kind, route: str, facts: Mapping[str, Value]) -> dict[str, str]:
    """Return the terms without a column, which stand in the facts: agreement and decision."""
    if kind is Kind.DISCLOSURE:
        agreement = facts.get("agreement")
        return {AGREEMENT: agreement} if isinstance(agreement, str) and agreement and is_term(agreement) else {}
    if kind is Kind.DECISION:
        decided = decision_of(route, facts)
        return {DECISION: decided} if decided else {}
    return {}


def decision_of(route: str, facts: Mapping[str, Value]) -> str:
    """Return what a decision event decided: a route, or whether the policy allows; empty if it says neither."""
    allowed = facts.get("allowed")
    if isinstance(allowed, bool):
        return ALLOWED if allowed else DENIED
    if route:
        return DENIED if route == REFUSED_ROUTE else ALLOWED
    return ""


def is_term(value: str) -> bool:
    """Say whether a database can index this text: PostgreSQL holds no NUL, and neither a page in one key."""
    return len(value) <= MAX_TERM and "\0" not in value
