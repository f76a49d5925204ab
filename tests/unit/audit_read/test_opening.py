import sqlite3
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from audit.access import BODY_OPENED, SHOW
from audit.approvals import Act
from audit.errors import ApprovalError, OpenError, RecorderUnavailableError, VerificationError
from audit.keyring import open_custodian
from audit.opening import Bodies, Keys, Opening, opened_view, subject_of
from audit.places import find_places
from audit.query import Entry, Reader
from audit.record import Event
from audit.rows import Rows
from tests.support.officers import FIRST, NOW_MS, SECOND, Office
from tests.support.trail_builder import BODY, PATIENT, USER, TrailBuilder


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> TrailBuilder:
    builder = TrailBuilder(home=tmp_path_factory.mktemp("opening") / "h")
    builder.add_exchanges(2)
    return builder


@dataclass(slots=True)
class Bench:
    """A trail, its officers, and what an opening records."""

    trail: TrailBuilder
    office: Office
    recorded: list[Event] = field(default_factory=list)
    is_down: bool = False
    destroyed: dict[str, str] = field(default_factory=dict)
    """Sentences by month."""

    def record(self, event: Event) -> None:
        """Remember an event, unless down."""
        if self.is_down:
            raise RecorderUnavailableError("no recorder answers")
        self.recorded.append(event)

    def opening(self, approval: str, *, officer: str = FIRST, now_ms: int = NOW_MS) -> Opening:
        """Return one officer's use of an approval."""
        return Opening(
            officer=self.office.officer(officer),
            approval_id=approval,
            approvals=self.office.approvals,
            program="test",
            record=self.record,
            now_ms=now_ms,
        )

    def entries(self, name: str = "1") -> tuple[Entry, ...]:
        """Return the events of the first exchange, or of another name."""
        with Rows.open(find_places(self.trail.home).readers) as rows:
            return Reader(rows).look_up(name)

    def open(self, opening: Opening, name: str = "1") -> Bodies:
        """Open, with the custodian's keys."""
        custodian = open_custodian(self.office.custodian)
        keys = Keys(secrets=custodian.secrets, destroyed=self.destroyed.get)
        with Rows.open(find_places(self.trail.home).readers) as rows:
            reader = Reader(rows)
            return opening.open(reader, reader.look_up(name), keys=keys)

    def approved(self, name: str = "1") -> str:
        """Return the id of an approval for an exchange."""
        return self.office.approved(Act.OPEN_BODY, subject_of(self.entries(name))).id


@pytest.fixture
def bench(built: TrailBuilder, tmp_path: Path) -> Bench:
    trail = built.copy(tmp_path / "h")
    return Bench(trail=trail, office=Office(trail.home / "custodian"))


def test_an_approved_body_is_opened_and_recorded_with_who_and_why(bench: Bench) -> None:
    approval = bench.approved()

    bodies = bench.open(bench.opening(approval))

    assert bodies.opened[1].body == BODY
    [event] = bench.recorded
    assert (event.code, event.user, event.patients) == (BODY_OPENED, FIRST, (PATIENT,))
    assert event.facts == {
        "read": subject_of(bench.entries()),
        "records": ["1", "3"],
        "approval": approval,
        "case": "CASE-7",
        "requested_by": FIRST,
        "approved_by": SECOND,
    }


def test_an_approval_opens_once(bench: Bench) -> None:
    approval = bench.approved()
    bench.open(bench.opening(approval))

    with pytest.raises(ApprovalError, match="is spent"):
        bench.open(bench.opening(approval))

    assert len(bench.recorded) == 1


def test_an_approval_opens_its_own_exchange_only(bench: Bench) -> None:
    approval = bench.approved("1")

    with pytest.raises(ApprovalError, match="not for this"):
        bench.open(bench.opening(approval), "5")

    assert bench.recorded == []


def test_only_who_asked_may_open(bench: Bench) -> None:
    approval = bench.approved()

    with pytest.raises(ApprovalError, match="another officer's"):
        bench.open(bench.opening(approval, officer=SECOND))

    assert bench.recorded == []


def test_a_late_opening_is_refused(bench: Bench) -> None:
    approval = bench.approved()

    with pytest.raises(ApprovalError, match="expired"):
        bench.open(bench.opening(approval, now_ms=NOW_MS + 2 * 24 * 3600 * 1000))


def test_without_a_record_nothing_is_shown_and_the_approval_stays(bench: Bench) -> None:
    approval = bench.approved()
    bench.is_down = True

    with pytest.raises(RecorderUnavailableError):
        bench.open(bench.opening(approval))

    bench.is_down = False
    assert bench.open(bench.opening(approval)).opened[1].body == BODY


def test_a_body_that_does_not_open_is_known_before_anything_is_recorded(bench: Bench) -> None:
    approval = bench.approved()
    bench.trail.sql("UPDATE record SET ciphertext = X'00' WHERE sequence = 3")

    with pytest.raises(VerificationError):
        bench.open(bench.opening(approval))

    assert bench.recorded == []


def test_a_body_that_is_gone_is_named(bench: Bench) -> None:
    approval = bench.approved()
    with closing(sqlite3.connect(bench.trail.trail.database)) as connection, connection:
        connection.execute("UPDATE record SET wrapped_key = NULL WHERE sequence = 1")

    with pytest.raises(OpenError, match="record 1 is damaged"):
        bench.open(bench.opening(approval))


def test_what_was_destroyed_is_told_instead_of_an_error_and_spends_nothing(bench: Bench) -> None:
    approval = bench.approved()
    sentence = "destroyed on 2033-01-04 by p.first and p.second under CASE-1"
    bench.destroyed = {"2026-11": sentence}

    bodies = bench.open(bench.opening(approval))

    views = [opened_view(entry, bodies) for entry in bench.entries()]
    assert bodies.opened == {}
    assert [view["body_destroyed"] for view in views if view["sealed_body"]] == [sentence] * len(bodies.destroyed)
    assert [event.code for event in bench.recorded] == [SHOW]
    assert bench.office.approvals.entry(approval).state(NOW_MS) == "given"


def test_an_opened_event_is_shown_with_its_people_and_its_text(bench: Bench) -> None:
    bodies = bench.open(bench.opening(bench.approved()))

    views = [opened_view(entry, bodies) for entry in bench.entries()]

    assert (views[0]["user"], views[0]["patients"], views[0]["body"]) == (USER, [PATIENT], BODY.decode())
    assert ["body" in view for view in views] == [True, False, True, False]


def test_an_event_without_a_body_stays_as_it_is(bench: Bench) -> None:
    entry = bench.entries("0")[0]

    view = opened_view(entry, Bodies(opened={}, destroyed={}))

    assert "body" not in view
    assert subject_of((entry,)) == entry.leaf.event_id


def test_what_was_opened_has_no_repr_that_tells_it(bench: Bench) -> None:
    bodies = bench.open(bench.opening(bench.approved()))

    assert PATIENT not in repr(bodies)
    assert "Canary" not in repr(replace(bodies, destroyed={}))
