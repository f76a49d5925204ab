"""Two implementations agree: the reader over a growing trail, page by page, and a loop over the events in memory."""

import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit.question import ORPHAN_GRACE_MS, Question, ask
from audit.record import Event, Kind
from audit.store.address import Address
from tests.support.question_trail import QuestionTrail

PEOPLE = ("MRN-1", "MRN-2", "MRN-3")
USERS = ("ito", "kim")
EXCHANGES = tuple(str(number) for number in range(12))
POLICIES = ("a" * 64, "a" * 12 + "b" * 52)
MODELS = ("smol@sha256:" + "c" * 64, "smol@sha256:" + "d" * 64)

MEMBERS: dict[str, tuple[Any, ...]] = {
    "kind": tuple(kind for kind in Kind if kind is not Kind.EPOCH),
    "exchange_id": ("", *EXCHANGES),
    "client": ("", "ehr", "lab"),
    "user": ("", *USERS),
    "patients": ((), PEOPLE[:1], PEOPLE[1:2], PEOPLE[2:], PEOPLE[:2], PEOPLE[1:]),
    "task": ("", "coding", "triage"),
    "purpose": ("TREAT", "BTG", "ETREAT"),
    "route": ("", "local", "refused", "managed:cloud"),
    "outcome": ("", "answered", "failed"),
    "code": ("", "policy_reloaded", "client_added", "gateway_started", "too_busy"),
    "policy_digest": ("", *POLICIES),
    "model": ("", *MODELS),
    "facts": ({}, {"allowed": True}, {"allowed": False}, {"agreement": "baa-1"}, {"agreement": "baa-2"}),
}
"""What each member of an event is drawn from."""

MOST_PAGES = 5
"""The trail grows at each page."""

ASKED = {
    "user": USERS,
    "client": ("ehr", "nobody"),
    "task": ("coding", "triage"),
    "purpose": ("TREAT", "BTG"),
    "kind": tuple(kind.value for kind in Kind),
    "outcome": ("answered", "failed"),
    "code": ("policy_reloaded", "too_busy"),
    "decision": ("allowed", "denied"),
    "route": ("local", "refused", "managed", "managed:cloud"),
    "policy": ("a" * 12, "a" * 12 + "b" * 10),
    "model": ("smol", MODELS[0], "d" * 10),
    "agreement": ("baa-1",),
    "exchange": EXCHANGES,
    "state": ("answered", "failed", "orphaned"),
    "topic": ("disclosures", "break-glass", "changes", "policy", "clients", "model", "reads"),
    "since": ("1h", "6h"),
    "until": ("10m", "50m"),
}
FILTERS = st.lists(
    st.sampled_from(list(ASKED)).flatmap(lambda name: st.tuples(st.just(name), st.sampled_from(ASKED[name]))),
    max_size=3,
).map(dict)


class Growing:
    """A trail and the events in it, which grow together; no dataclass, whose fields Hypothesis would print."""

    def __init__(self, store: Address) -> None:
        """Take an empty store."""
        self.trail = QuestionTrail(store)
        self.events: list[tuple[Event, int]] = []
        """Each event with its time; its place is its sequence number."""

    def grow(self, seed: int) -> None:
        """Let time pass, and then write events, drawn anew for each seed."""
        chance = random.Random(seed)  # noqa: S311 - examples, no keys
        self.trail.move(seconds=60 * chance.randrange(40))
        begin = self.trail.time_ms
        drawn = (
            {name: chance.choice(values) for name, values in MEMBERS.items()} for _ in range(chance.randrange(1, 9))
        )
        written = [Event(**{**event, "exchange_id": self.named(event["exchange_id"])}) for event in drawn]
        self.trail.add(*written)
        self.events += [(event, begin + 1000 * place) for place, event in enumerate(written)]

    def named(self, place: str) -> str:
        """Return an exchange's id: the few that events are drawn for move on as the trail grows."""
        return f"ex_{len(self.events) // 40 + int(place):032x}" if place else ""


@pytest.fixture
def growing(store: Address) -> Growing:
    return Growing(store)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seeds=st.lists(st.integers(0, 2**32), min_size=1, max_size=MOST_PAGES),
    drawn=FILTERS,
    patients=st.lists(st.sampled_from(PEOPLE), max_size=2, unique=True),
    by_event=st.booleans(),
)
def test_pages_of_a_growing_trail_lose_no_row_and_repeat_none(
    *,
    growing: Growing,
    seeds: list[int],
    drawn: dict[str, str],
    patients: list[str],
    by_event: bool,
) -> None:
    trail = growing.trail
    growing.grow(seeds[0])
    filters = {name: growing.named(value) if name == "exchange" else value for name, value in drawn.items()}
    question = ask(filters, now=trail.now(), patients=patients, by_event=by_event)
    expected = answer(list(growing.events), question)
    question = replace(question, limit=len(expected) // len(seeds) + 1)

    found: list[tuple[int, ...]] = []
    for seed in seeds:
        page = trail.find(question)
        found += [tuple(entry.leaf.sequence for entry in row.entries) for row in page.rows]
        if not page.next_cursor:
            break
        growing.grow(seed)
        following = ask({"cursor": page.next_cursor}, now=trail.now())
        question = replace(question, before=following.before, top=following.top, as_of_ms=following.as_of_ms)

    assert not page.next_cursor
    assert found == expected


def answer(events: list[tuple[Event, int]], question: Question) -> list[tuple[int, ...]]:
    """Return the rows that answer a question, each as the places of its events, newest first."""
    rows: list[tuple[int, ...]] = []
    shown: set[str] = set()
    for place in range(len(events) - 1, -1, -1):
        event, time_ms = events[place]
        exchange = [other for other, (member, _) in enumerate(events) if member.exchange_id == event.exchange_id]
        if not question.since_ms <= time_ms < question.until_ms:
            continue
        if question.state:
            together = [events[other][0] for other in exchange]
            stands = decides(event, time_ms, together, question) and any(fits(member, question) for member in together)
        else:
            stands = fits(event, question)
        if not stands or (not question.by_event and event.exchange_id in shown):
            continue
        if question.by_event:
            rows.append((place,))
        elif event.exchange_id:
            shown.add(event.exchange_id)
            rows.append(tuple(exchange))
        elif question.kind or question.topic or question.code:
            rows.append((place,))
    return rows


def decides(event: Event, time_ms: int, exchange: list[Event], question: Question) -> bool:
    """Say whether an exchange is in the state asked for because of this event."""
    if not event.exchange_id or not is_whose(event, question):
        return False
    if question.state != "orphaned":
        return event.kind is Kind.OUTCOME and event.outcome == question.state
    is_old = question.as_of_ms - time_ms >= ORPHAN_GRACE_MS
    return is_old and event.kind is Kind.INTENT and all(member.kind is not Kind.OUTCOME for member in exchange)


def is_whose(event: Event, question: Question) -> bool:
    """Say whether people, client, task and purpose are those asked for."""
    return (
        (not question.patients or any(patient in event.patients for patient in question.patients))
        and question.user in ("", event.user)
        and question.client in ("", event.client)
        and question.task in ("", event.task)
        and question.purpose in ("", event.purpose)
        and (question.topic != "break-glass" or event.purpose in ("BTG", "ETREAT"))
    )


def fits(event: Event, question: Question) -> bool:
    """Say whether one event fulfils every filter."""
    return (
        is_whose(event, question)
        and question.kind in ("", event.kind.value)
        and question.outcome in ("", event.outcome)
        and question.code in ("", event.code)
        and question.decision in ("", decided(event))
        and question.exchange_id in ("", event.exchange_id)
        and (not question.agreement or (event.kind is Kind.DISCLOSURE and is_under(event, question.agreement)))
        and (not question.route or event.route == question.route or is_managed(event, question.route))
        and event.policy_digest.startswith(question.policy)
        and (not question.model or any(question.model in part for part in (event.model, event.model.split(":")[-1])))
        and (not question.topic or is_about(event, question.topic))
    )


def decided(event: Event) -> str:
    if event.kind is not Kind.DECISION:
        return "nothing"
    if "allowed" in event.facts:
        return "allowed" if event.facts["allowed"] else "denied"
    return {"": "nothing", "refused": "denied"}.get(event.route, "allowed")


def is_under(event: Event, agreement: str) -> bool:
    return event.facts.get("agreement") == agreement


def is_managed(event: Event, route: str) -> bool:
    return route == "managed" and event.route.startswith("managed:")


def is_about(event: Event, topic: str) -> bool:
    kinds = {"disclosures": {Kind.DISCLOSURE}, "changes": {Kind.OPERATION, Kind.EPOCH}, "reads": {Kind.ACCESS}}
    codes = {
        "policy": {"policy_reloaded", "gateway_started"},
        "model": {"gateway_started"},
        "clients": {"client_added"},
    }
    if topic == "break-glass":
        return event.purpose in ("BTG", "ETREAT")
    if topic in kinds:
        return event.kind in kinds[topic]
    return event.kind is Kind.OPERATION and event.code in codes[topic]
