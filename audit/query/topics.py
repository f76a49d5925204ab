"""What a question asks of an event's terms: each filter, and each question that has a name.

Pure.  A filter of terms is asked twice, of the store's dictionary to know which blocks to read, and of each leaf to
judge it, so both ask the same thing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from audit.question import MANAGED, ORPHANED, Question, Topic
from audit.record import Kind
from audit.terms import AGREEMENT, DECISION

EMERGENCY_PURPOSES = frozenset({"BTG", "ETREAT"})
"""Purposes (HL7 v3 PurposeOfUse) under which the usual rules are passed by: break the glass, emergency treatment."""

WHO = frozenset({"client", "tenant", "task", "purpose"})
"""Terms that every event of an exchange shares: who asked, and for what."""

STARTED = "gateway_started"
"""Operation that names the policy and the model that a gateway began with."""

_CODES: Mapping[Topic, tuple[str, ...]] = MappingProxyType(
    {
        Topic.POLICY: (STARTED, "policy_"),
        Topic.MODEL: (STARTED, "model_"),
        Topic.KEYS: ("root_", "passphrase_", "month_", "months_", "legal_hold", "key_"),
        Topic.CLIENTS: ("client_",),
        Topic.ROUTES: ("route_",),
        Topic.OFFICERS: ("officer_",),
    }
)
"""How the codes of the operations of a topic begin."""

_SHA256 = "@sha256:"
_MIN_DIGITS = 8
"""As many digits as name a digest without doubt; fewer are taken for a name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TermFilter:
    """What one filter asks of one term."""

    member: str
    values: frozenset[str] = frozenset()
    """The values that it accepts, where they can be listed."""

    accepts: Callable[[str], bool]


def term_filters(question: Question) -> tuple[TermFilter, ...]:
    """Return what a question asks of the terms of one event."""
    exact = (
        ("client", question.client),
        ("tenant", question.tenant),
        ("task", question.task),
        ("purpose", question.purpose),
        ("kind", question.kind),
        ("outcome", question.outcome),
        ("code", question.code),
        (DECISION, question.decision),
        (AGREEMENT, question.agreement),
    )
    filters = [_one_of(member, value) for member, value in exact if value]
    if question.route:
        filters.append(_route(question.route))
    if question.model:
        filters.append(TermFilter(member="model", accepts=_model(question.model)))
    if question.policy:
        filters.append(TermFilter(member="policy", accepts=_beginning(question.policy)))
    if question.topic:
        filters.extend(_topic(Topic(question.topic)))
    return tuple(filters)


def deciding_filters(question: Question) -> tuple[TermFilter, ...]:
    """Return what a question about a state asks of the event that decides it, and of no other."""
    if question.state == ORPHANED:
        return (_one_of("kind", Kind.INTENT.value),)
    return (_one_of("kind", Kind.OUTCOME.value), _one_of("outcome", question.state))


def shows_lone_events(question: Question) -> bool:
    """Say whether events outside every exchange answer a question that lists exchanges: it asks for such events."""
    return bool(question.kind or question.topic or question.code)


def _topic(topic: Topic) -> list[TermFilter]:
    match topic:
        case Topic.DISCLOSURES:
            return [_one_of("kind", Kind.DISCLOSURE.value)]
        case Topic.BREAK_GLASS:
            return [_one_of("purpose", *EMERGENCY_PURPOSES)]
        case Topic.CHANGES:
            return [_one_of("kind", Kind.OPERATION.value, Kind.EPOCH.value)]
        case Topic.READS:
            return [_one_of("kind", Kind.ACCESS.value)]
        case _:
            return [
                _one_of("kind", Kind.OPERATION.value),
                TermFilter(member="code", accepts=_beginning(*_CODES[topic])),
            ]


def _one_of(member: str, *values: str) -> TermFilter:
    wanted = frozenset(values)
    return TermFilter(member=member, values=wanted, accepts=wanted.__contains__)


def _route(route: str) -> TermFilter:
    if route == MANAGED:
        return TermFilter(member="route", accepts=_beginning(f"{MANAGED}:"))
    return _one_of("route", route)


def _beginning(*words: str) -> Callable[[str], bool]:
    return lambda value: value.startswith(words)


def _model(asked: str) -> Callable[[str], bool]:
    """Accept a model by its whole label, its name, its digest, or the digest's first digits."""
    digest = asked.removeprefix("sha256:")

    def accepts(label: str) -> bool:
        name, _, stated = label.partition(_SHA256)
        is_prefix = len(digest) >= _MIN_DIGITS and stated.startswith(digest)
        return asked in (label, name) or is_prefix

    return accepts
