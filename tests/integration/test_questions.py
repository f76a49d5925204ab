"""What officers ask, on each store: every question finds what it should, and nothing else."""

from typing import Any

import pytest

from audit.question import ORPHAN_GRACE_MS, ask
from audit.record import Event, Kind
from audit.store.address import Address
from tests.support.disclosures import AGREEMENT, MODEL, POLICY, PROVIDER, managed_exchange, operation, reading
from tests.support.question_trail import QuestionTrail

LOCAL, MANAGED, REFUSED, LOST, EMERGENCY = (f"ex_{number:032x}" for number in range(1, 6))


def _local(exchange_id: str, *, outcome: str = "answered", **changes: Any) -> list[Event]:
    shared: dict[str, Any] = {
        "exchange_id": exchange_id,
        "client": "ehr-lab",
        "user": "kim.tech",
        "patients": ("MRN-1", "MRN-2"),
        "tenant": "site",
        "task": "medical-coding",
        "purpose": "HPAYMT",
        **changes,
    }
    decided = {**shared, "route": "local", "model": "smol@sha256:" + "0" * 64, "policy_digest": "a" * 64}
    ended = [Event(kind=Kind.OUTCOME, **decided, outcome=outcome, code="too_busy" if outcome == "failed" else "")]
    return [
        Event(kind=Kind.INTENT, **shared),
        Event(kind=Kind.DECISION, **decided, code="route", facts={"reasons": ["x"]}),
        *(ended if outcome else []),
    ]


@pytest.fixture
def trail(store: Address) -> QuestionTrail:
    trail = QuestionTrail(store)
    trail.add(Event(kind=Kind.EPOCH, facts={"format": 1}), *_local(LOCAL), *managed_exchange(MANAGED))
    denied = Event(
        kind=Kind.DECISION, exchange_id=REFUSED, client="ehr-main", code="use_task", facts={"allowed": False}
    )
    refused = Event(kind=Kind.OUTCOME, exchange_id=REFUSED, client="ehr-main", outcome="refused", code="not_permitted")
    trail.add(Event(kind=Kind.INTENT, exchange_id=REFUSED, client="ehr-main"), denied, refused)
    trail.add(*_local(LOST, outcome=""), *_local(EMERGENCY, purpose="BTG", patients=("MRN-9",), outcome="failed"))
    trail.move(days=40)
    trail.add(
        operation("policy_reloaded", policy_digest="c" * 64),
        operation("gateway_started", model=MODEL),
        operation("client_added"),
        operation("month_destroyed"),
        operation("route_opened"),
        operation("officer_added"),
        reading(patients=("MRN-2",)),
    )
    return trail


def _found(trail: QuestionTrail, filters: dict[str, str], *patients: str, by_event: bool = False) -> list[str]:
    page = trail.find(ask(filters, now=trail.now(), patients=patients, by_event=by_event))
    events = [row.entries[-1].leaf for row in page.rows]
    return [leaf.code if not leaf.exchange_id else leaf.exchange_id for leaf in events]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"client": "ehr-lab"}, [EMERGENCY, LOST, LOCAL]),
        ({"task": "medical-coding"}, [EMERGENCY, LOST, LOCAL]),
        ({"purpose": "HPAYMT"}, [LOST, LOCAL]),
        ({"tenant": "nowhere"}, []),
        ({"route": "local"}, [EMERGENCY, LOST, LOCAL]),
        ({"route": "managed"}, [MANAGED]),
        ({"provider": PROVIDER}, [MANAGED]),
        ({"provider": "other-cloud"}, []),
        ({"decision": "denied"}, [REFUSED]),
        ({"decision": "allowed"}, [EMERGENCY, LOST, MANAGED, LOCAL]),
        ({"model": "frontier"}, [MANAGED]),
        ({"model": MODEL}, [MANAGED]),
        ({"model": "sha256:" + "f" * 64}, [MANAGED]),
        ({"model": "f" * 8}, [MANAGED]),
        ({"model": "fff"}, []),
        ({"policy": POLICY}, [MANAGED]),
        ({"policy": "a" * 12}, [EMERGENCY, LOST, LOCAL]),
        ({"agreement": AGREEMENT}, [MANAGED]),
        ({"agreement": "baa-other"}, []),
        ({"exchange": LOST}, [LOST]),
        ({"user": "ito.nurse"}, [MANAGED]),
        ({"code": "too_busy"}, [EMERGENCY]),
        ({"state": "refused"}, [REFUSED]),
        ({"state": "failed"}, [EMERGENCY]),
        ({"state": "answered"}, [MANAGED, LOCAL]),
        ({"state": "cancelled"}, []),
        ({"state": "orphaned"}, [LOST]),
        ({"state": "orphaned", "route": "local"}, [LOST]),
        ({"state": "orphaned", "topic": "disclosures"}, []),
        ({"state": "answered", "topic": "disclosures"}, [MANAGED]),
        ({"state": "answered", "exchange": LOST}, []),
        ({"topic": "disclosures"}, [MANAGED]),
        ({"topic": "break-glass"}, [EMERGENCY]),
        ({"topic": "policy"}, ["gateway_started", "policy_reloaded"]),
        ({"topic": "model"}, ["gateway_started"]),
        ({"topic": "keys"}, ["month_destroyed"]),
        ({"topic": "clients"}, ["client_added"]),
        ({"topic": "routes"}, ["route_opened"]),
        ({"topic": "officers"}, ["officer_added"]),
        ({"topic": "reads"}, ["query"]),
    ],
)
def test_each_question_finds_what_it_asks_for_newest_first(
    trail: QuestionTrail, filters: dict[str, str], expected: list[str]
) -> None:
    assert _found(trail, filters) == expected


def test_every_change_is_one_question(trail: QuestionTrail) -> None:
    assert len(_found(trail, {"topic": "changes"})) == 7


def test_a_request_about_two_patients_is_found_by_each(trail: QuestionTrail) -> None:
    assert _found(trail, {}, "MRN-1") == [LOST, LOCAL]
    assert _found(trail, {}, "MRN-2") == [LOST, LOCAL]
    assert _found(trail, {}, "MRN-2", "MRN-9") == [EMERGENCY, LOST, LOCAL]
    assert _found(trail, {}, "mrn-1") == []


def test_who_looked_a_patient_up_is_a_question(trail: QuestionTrail) -> None:
    assert _found(trail, {"topic": "reads"}, "MRN-2") == ["query"]
    assert _found(trail, {"topic": "reads"}, "MRN-9") == []


def test_people_and_terms_narrow_each_other(trail: QuestionTrail) -> None:
    assert _found(trail, {"state": "orphaned"}, "MRN-1") == [LOST]
    assert _found(trail, {"user": "kim.tech", "state": "failed"}) == [EMERGENCY]
    assert _found(trail, {"user": "kim.tech"}, "MRN-9") == [EMERGENCY]
    assert _found(trail, {"user": "ito.nurse"}, "MRN-9") == []


def test_an_outcome_outside_every_exchange_is_no_state_of_one(store: Address) -> None:
    trail = QuestionTrail(store)
    trail.add(Event(kind=Kind.OUTCOME, outcome="answered"))

    assert _found(trail, {"state": "answered"}) == []
    assert _found(trail, {"kind": "outcome"}) == [""]


def test_an_intent_is_no_orphan_within_the_hour(store: Address) -> None:
    trail = QuestionTrail(store)
    trail.add(*_local(LOST, outcome=""))
    intent_ms = trail.leaves[0].time_ms

    trail.time_ms = intent_ms + ORPHAN_GRACE_MS - 1
    early = _found(trail, {"state": "orphaned"})
    trail.time_ms = intent_ms + ORPHAN_GRACE_MS

    assert early == []
    assert _found(trail, {"state": "orphaned"}) == [LOST]


def test_what_was_no_orphan_on_the_first_page_is_none_on_the_next(store: Address) -> None:
    trail = QuestionTrail(store)
    trail.add(*_local(LOST, outcome=""), *_local(LOCAL, outcome=""))
    trail.move(days=1)
    first = trail.find(ask({"state": "orphaned"}, now=trail.now(), limit=1))
    late = [event for event in _local(LOST) if event.kind is Kind.OUTCOME]
    trail.add(*late)

    second = trail.find(ask({"state": "orphaned", "cursor": first.next_cursor}, now=trail.now(), limit=1))
    anew = trail.find(ask({"state": "orphaned"}, now=trail.now()))

    assert [row.entries[0].leaf.exchange_id for row in (*first.rows, *second.rows)] == [LOCAL, LOST]
    assert [row.entries[0].leaf.exchange_id for row in anew.rows] == [LOCAL]


def test_a_rare_term_is_found_far_back_and_common_ones_page_by_page(store: Address) -> None:
    trail = QuestionTrail(store)
    trail.add(operation("client_added"))
    for batch in range(6):
        trail.add(*(operation("policy_reloaded", task=f"task-{batch % 2}") for _ in range(200)))
    trail.add(operation("client_added"))

    rare = trail.find(ask({"topic": "clients"}, now=trail.now()))
    common = trail.find(ask({"topic": "policy", "task": "task-0"}, now=trail.now(), limit=600))

    assert [row.entries[0].leaf.sequence for row in rare.rows] == [1201, 0]
    assert len(common.rows) == 600
    assert not common.next_cursor


def test_a_rare_term_is_found_at_both_edges_of_a_block(store: Address) -> None:
    trail = QuestionTrail(store)
    edges = {0, 255, 512, 767}
    trail.add(*(operation("client_added" if place in edges else "policy_reloaded") for place in range(900)))

    page = trail.find(ask({"topic": "clients"}, now=trail.now()))

    assert {row.entries[0].leaf.sequence for row in page.rows} == edges


def test_somebody_in_every_record_is_found_to_the_last(store: Address) -> None:
    trail = QuestionTrail(store)
    for _ in range(5):
        trail.add(*(reading("robot") for _ in range(500)))

    page = trail.find(ask({"user": "robot", "topic": "reads"}, now=trail.now(), limit=1000))
    rest = trail.find(ask({"user": "robot", "topic": "reads", "cursor": page.next_cursor}, now=trail.now(), limit=1000))

    assert [row.entries[0].leaf.sequence for row in (*page.rows, *rest.rows)] == list(range(2499, 499, -1))


def test_months_without_keys_are_named_and_those_with_keys_searched(trail: QuestionTrail) -> None:
    question = ask({}, now=trail.now(), patients=["MRN-2"])
    with trail.reader() as reader:
        here = {month: key for month, key in trail.keys.items() if month > "2026-11"}
        page = reader.find(question, here)
        before = reader.find(question, {month: key for month, key in trail.keys.items() if month not in here})
        none = reader.find(question, {})

        assert page.months_not_searched == ("2026-11",)
        assert before.months_not_searched == ("2026-12",)
        assert none.months_not_searched == ("2026-11", "2026-12")
        assert reader.months_not_searched(question, trail.keys) == ()
        assert reader.months_not_searched(ask({}, now=trail.now()), {}) == ()
    assert not none.rows


def test_the_trail_is_read_in_order_and_found_by_moment(trail: QuestionTrail) -> None:
    with trail.reader() as reader:
        size = reader.rows.size()
        middle = reader.first_at(trail.leaves[5].time_ms, size)

        assert [entry.leaf.sequence for entry in reader.span(2, end=7)] == [2, 3, 4, 5, 6]
        assert middle == 5
        assert reader.first_at(trail.time_ms, size) == size
