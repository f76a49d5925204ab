"""What of a request that leaves the building is durable, and when; a log in memory is lost or kept on demand."""

import json

import pytest

from appliance.clinical_text import ClinicalText
from appliance.clock import Clock
from appliance.decision import Decision
from appliance.errors import AuditUnavailableError
from appliance.exchange import EvidenceState, ModelIdentity, Route, RouteKind, Subject, Surface, TaskRequest
from appliance.trail import Entry, Trail
from audit.errors import RecorderUnavailableError
from audit.record import Event, Kind
from tests.support.departures import ALLOWED, FACTS, MODEL
from tests.support.memory_log import MemoryLog, no_failure
from tests.support.pipeline_builder import an_actor

REQUEST = TaskRequest(
    task="discharge-summary",
    surface=Surface.TASKS,
    subject=Subject(patients=(ClinicalText("MRN-77001"),), user="dr.lee"),
    input=ClinicalText("{}"),
)
LABEL = "managed:example"
MODEL_IDENTITY = ModelIdentity(name="m", digest="a" * 64, pinned=False)


async def opened(trail: Trail, *, receipt: bool = True) -> Entry:
    """Return the entry of an exchange that is about to leave."""
    entry = await trail.open("ex_1", an_actor(), REQUEST, is_known_task=True, receipt=receipt)
    entry.permitted(ALLOWED)
    route = Route(kind=RouteKind.MANAGED, provider="example", reasons=("Because.",), state=EvidenceState.MEETS)
    entry.routed(route, MODEL_IDENTITY, {})
    return entry


def fails(_: Event) -> None:
    """Lose the connection."""
    raise RecorderUnavailableError("gone")


async def test_an_exchange_that_may_leave_holds_the_receipt_of_its_intent() -> None:
    log = MemoryLog()

    with_receipt = await opened(Trail(log, Clock()))
    without = await opened(Trail(log, Clock()), receipt=False)

    assert with_receipt.intent_receipt.startswith("audit1.")
    assert without.intent_receipt == ""


async def test_a_disclosure_is_durable_with_whom_it_concerns_and_where_it_goes() -> None:
    log = MemoryLog()
    trail = Trail(log, Clock())
    entry = await opened(trail)

    receipt = await trail.disclose(entry, FACTS, MODEL)

    disclosure = log.events[-1]
    assert disclosure.kind is Kind.DISCLOSURE
    assert (disclosure.patients, disclosure.user) == (("MRN-77001",), "dr.lee")
    assert (disclosure.client, disclosure.exchange_id) == (an_actor().client_id, "ex_1")
    assert (disclosure.route, disclosure.model, disclosure.facts) == (LABEL, MODEL, FACTS)
    assert (disclosure.task, disclosure.purpose) == ("discharge-summary", "TREAT")
    assert disclosure.policy_digest == ALLOWED.policy_digest
    assert receipt.sequence == len(log.events) - 1


async def test_decisions_become_durable_before_the_disclosure_and_only_once() -> None:
    log = MemoryLog()
    trail = Trail(log, Clock())
    entry = await opened(trail)
    entry.escalating(Decision(allowed=True, action="Escalate", reasons=("Yes.",), policy_ids=("p",), policy_digest="x"))

    await trail.disclose(entry, FACTS, MODEL)
    await trail.release(entry, facts={}, body=None)

    assert [(event.kind, event.code) for event in log.events] == [
        (Kind.INTENT, ""),
        (Kind.DECISION, "use_task"),
        (Kind.DECISION, "route"),
        (Kind.DECISION, "escalate"),
        (Kind.DISCLOSURE, ""),
        (Kind.RELEASE, ""),
    ]
    assert log.events[3].facts["action"] == "Escalate"


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_a_disclosure_that_is_not_acknowledged_is_none(moment: str) -> None:
    """Whether it was lost or kept, nobody may send; what was decided is written with the outcome."""
    log = MemoryLog()
    trail = Trail(log, Clock())
    entry = await opened(trail)
    setattr(log, moment, fails)

    with pytest.raises(AuditUnavailableError):
        await trail.disclose(entry, FACTS, MODEL)

    setattr(log, moment, no_failure)
    assert len(entry.waiting) == 2
    assert trail.disclosed == {}


async def test_what_the_caller_must_not_learn_of_a_route_is_sealed() -> None:
    log = MemoryLog()
    trail = Trail(log, Clock())
    entry = await trail.open("ex_1", an_actor(), REQUEST, is_known_task=True)
    route = Route(kind=RouteKind.REFUSED, reasons=("It stays.",), state=EvidenceState.MEETS)

    entry.routed(route, MODEL_IDENTITY, {"restricted": True}, sealed=ClinicalText('{"restrictions":["vip"]}'))
    await trail.release(entry, facts={}, body=None)

    (decision,) = [event for event in log.events if event.code == "route"]
    assert (decision.facts["restricted"], decision.body) == (True, b'{"restrictions":["vip"]}')
    assert "vip" not in json.dumps(await log.receipt("ex_1"))


async def test_disclosures_are_counted_by_provider() -> None:
    trail = Trail(MemoryLog(), Clock())
    entry = await opened(trail)

    await trail.disclose(entry, FACTS, MODEL)
    await trail.disclose(entry, {**FACTS, "provider": "other"}, MODEL)
    await trail.disclose(entry, FACTS, MODEL)

    assert trail.disclosed == {"example": 2, "other": 1}
