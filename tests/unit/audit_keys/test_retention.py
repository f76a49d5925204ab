"""A month's keys go when retention is over, nothing holds it, two officers agree and the trail knows; never before."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from audit.approvals import Act
from audit.errors import (
    AppendError,
    ApprovalError,
    FormatError,
    OpenError,
    PermissionDeniedError,
    RetentionError,
    SettingsError,
    StoreError,
)
from audit.keyring import destroyed_months, open_custodian, read_tombstone
from audit.keyring.holds import Holds, new_hold
from audit.record import Event
from audit.retention import Destroying, Retention, due_months, read_retention
from tests.support.key_steps import How, until_done
from tests.support.officers import FIRST, SECOND, Office
from tests.support.trails import new_trail

MONTH = "2026-11"
OVER = datetime(2032, 12, 1, tzinfo=UTC)
"""First moment after six years."""

OVER_MS = int(OVER.timestamp() * 1000)


@pytest.fixture
def office(tmp_path: Path) -> Office:
    new_trail(tmp_path)
    return Office(custodian=tmp_path / "custodian")


def destroying(office: Office, record: Callable[[Event], None], *, officer: str = FIRST) -> Destroying:
    return Destroying(
        custodian=office.custodian,
        retention=Retention(),
        approvals=office.approvals,
        officer=office.officer(officer),
        program="test",
        record=record,
    )


def approved(office: Office, month: str = MONTH) -> str:
    return office.approved(Act.DESTROY_MONTH, month, now_ms=OVER_MS).id


def refuse(event: Event) -> None:
    raise AppendError(f"{event.code}: no recorder")


def test_a_month_is_due_six_years_after_its_end() -> None:
    assert Retention().due_on("2026-11") == date(2032, 12, 1)
    assert Retention().due_on("2026-12") == date(2033, 1, 1)
    assert Retention(bodies_years=10).years == 10


def test_the_longer_of_the_two_rules_counts_because_the_index_secret_goes_too() -> None:
    assert Retention(bodies_years=1).years == 6


def test_a_destroyed_month_says_when_by_whom_and_under_what(office: Office) -> None:
    recorded: list[Event] = []
    custodian, approval = open_custodian(office.custodian), approved(office)

    done = destroying(office, recorded.append).destroy(MONTH, approval_id=approval, now=OVER)

    assert office.approvals.entry(approval).is_spent
    assert done.sentence().startswith(f"the keys of {MONTH} were destroyed on 2032-12-01 by {FIRST} and {SECOND} under")
    assert [(event.kind, event.code) for event in recorded] == [("operation", "month_destroyed")]
    assert recorded[0].facts == done.facts()
    assert recorded[0].facts["rule"] == "retention of 6 years after the month"
    assert read_tombstone(office.custodian, MONTH) == done
    assert destroyed_months(office.custodian) == (MONTH,)
    assert MONTH not in custodian.months()
    with pytest.raises(OpenError, match="destroyed on 2032-12-01"):
        custodian.secrets(MONTH)


def test_a_month_that_was_destroyed_is_never_made_or_read_again(office: Office) -> None:
    file = office.custodian / "months" / f"{MONTH}.json"
    backup = file.read_bytes()
    destroying(office, lambda _: None).destroy(MONTH, approval_id=approved(office), now=OVER)
    custodian = open_custodian(office.custodian)
    with pytest.raises(OpenError, match="destroyed on"):
        custodian.ensure(MONTH)

    file.write_bytes(backup)

    with pytest.raises(OpenError, match="destroyed on"):
        custodian.secrets(MONTH)
    assert [each.month for each in due_months(office.custodian, Retention(), today=OVER.date()) if each.is_back] == [
        MONTH
    ]
    assert destroying(office, refuse).destroy(MONTH, approval_id="", now=OVER).month == MONTH
    assert not file.exists()


def test_what_a_crash_left_of_a_months_file_goes_with_it(office: Office) -> None:
    rest = office.custodian / "months" / f".{MONTH}.json.0123456789abcdef"
    rest.write_bytes(b"{}")

    destroying(office, lambda _: None).destroy(MONTH, approval_id=approved(office), now=OVER)

    assert not rest.exists()


def test_no_record_no_destruction(office: Office) -> None:
    approval = approved(office)

    with pytest.raises(AppendError):
        destroying(office, refuse).destroy(MONTH, approval_id=approval, now=OVER)

    assert open_custodian(office.custodian).secrets(MONTH)
    assert destroying(office, lambda _: None).destroy(MONTH, approval_id=approval, now=OVER)


def test_a_young_month_is_kept_whoever_approves(office: Office) -> None:
    approval = approved(office)

    with pytest.raises(RetentionError, match="kept until 2032-12-01"):
        destroying(office, lambda _: None).destroy(MONTH, approval_id=approval, now=datetime(2032, 11, 30, tzinfo=UTC))


def test_a_held_month_is_kept_until_the_hold_is_released(office: Office) -> None:
    holds, approval = Holds(office.custodian), approved(office)
    hold = new_hold((MONTH,), case="M-17", reason="claim", exchange="", by="root", time_ms=OVER_MS)
    holds.keep(hold)
    assert due_months(office.custodian, Retention(), today=OVER.date())[0].holds == (hold.hold,)
    with pytest.raises(RetentionError, match=r"held by hold_[0-9a-f]{16} \(M-17\)"):
        destroying(office, lambda _: None).destroy(MONTH, approval_id=approval, now=OVER)

    holds.release(hold.hold)

    assert destroying(office, lambda _: None).destroy(MONTH, approval_id=approval, now=OVER)


def test_a_hold_that_cannot_be_read_holds_everything(office: Office) -> None:
    hold = new_hold((MONTH,), case="M-17", reason="", exchange="", by="root", time_ms=OVER_MS)
    Holds(office.custodian).keep(hold)
    path = office.custodian / "holds" / f"{hold.hold}.json"
    path.write_bytes(path.read_bytes().replace(b'["2026-11"]', b"[17]"))
    path.rename(path.with_name(path.name))

    with pytest.raises(FormatError, match="no hold"):
        destroying(office, lambda _: None).destroy(MONTH, approval_id=approved(office), now=OVER)


@pytest.mark.parametrize(
    "changes",
    [{"months": ()}, {"months": ("2026-13",)}, {"case": "a name"}, {"reason": "x" * 201}, {"reason": "two\nlines"}],
)
def test_a_hold_that_says_too_little_or_too_much_is_refused(changes: dict[str, object]) -> None:
    good: dict[str, object] = {
        "months": (MONTH,),
        "case": "M-17",
        "reason": "",
        "exchange": "",
        "by": "r",
        "time_ms": 1,
    }
    members = {**good, **changes}

    with pytest.raises(RetentionError):
        new_hold(members.pop("months"), **members)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["hold_0123456789abcdef", "../root", ""])
def test_an_unknown_hold_is_told(office: Office, name: str) -> None:
    with pytest.raises(RetentionError, match="audit keys due"):
        Holds(office.custodian).find(name)


def test_only_who_asked_can_use_the_approval(office: Office) -> None:
    approval = approved(office)

    with pytest.raises(PermissionDeniedError):
        destroying(office, lambda _: None, officer=SECOND).destroy(MONTH, approval_id=approval, now=OVER)


def test_an_approval_of_another_month_or_of_one_person_alone_destroys_nothing(office: Office) -> None:
    other = approved(office, "2026-12")
    alone = office.requested(Act.DESTROY_MONTH, MONTH, now_ms=OVER_MS).id

    for approval in (other, alone, "ap_" + "0" * 32):
        with pytest.raises(ApprovalError):
            destroying(office, lambda _: None).destroy(MONTH, approval_id=approval, now=OVER)


def test_a_month_that_is_not_here_is_told(office: Office) -> None:
    with pytest.raises(RetentionError, match="not here"):
        destroying(office, lambda _: None).destroy("2020-01", approval_id="", now=OVER)
    with pytest.raises(FormatError):
        destroying(office, lambda _: None).destroy("../root", approval_id="", now=OVER)


@pytest.mark.parametrize("how", ["kill", "error"])
def test_a_destruction_that_is_cut_short_is_recorded_and_can_be_finished(office: Office, how: How) -> None:
    approval, recorded, steps = approved(office), office.custodian.parent / "recorded", 0
    act = destroying(office, lambda _: recorded.write_text("recorded"))

    for steps in until_done(  # noqa: B007
        lambda: act.destroy(MONTH, approval_id=approval, now=OVER), folder=office.custodian, how=how
    ):
        gone = not (office.custodian / "months" / f"{MONTH}.json").exists()
        if gone or read_tombstone(office.custodian, MONTH):
            assert recorded.exists()
            assert act.destroy(MONTH, approval_id="", now=OVER).approval == approval
        else:
            again = approval if not office.approvals.entry(approval).is_spent else approved(office)
            assert act.destroy(MONTH, approval_id=again, now=OVER)

    assert steps >= 4


def test_the_shipped_policy_keeps_bodies_six_years(tmp_path: Path) -> None:
    assert read_retention(Path(__file__).parents[3] / "policies").years == 6
    assert read_retention(tmp_path).years == 6
    (tmp_path / "retention.yaml").write_text("")
    assert read_retention(tmp_path).years == 6


@pytest.mark.parametrize(
    "text", ["bodies_years: 0", "bodies_years: '6'", "disclosures_years: 5", "body_years: 6", "- 6", "a: [", "\x00"]
)
def test_a_wrong_policy_is_named_and_destroys_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "retention.yaml").write_text(text)

    with pytest.raises(SettingsError, match=r"retention\.yaml"):
        read_retention(tmp_path)


def test_a_tombstone_under_another_months_name_is_refused(office: Office) -> None:
    destroying(office, lambda _: None).destroy(MONTH, approval_id=approved(office), now=OVER)
    folder = office.custodian / "destroyed"
    (folder / f"{MONTH}.json").rename(folder / "2026-12.json")

    with pytest.raises(FormatError, match="another month"):
        open_custodian(office.custodian).secrets("2026-12")


def test_a_folder_of_another_user_is_named(office: Office) -> None:
    act = replace(destroying(office, lambda _: None), custodian=office.custodian / "absent")

    with pytest.raises(StoreError, match="user who owns it"):
        act.destroy(MONTH, approval_id="", now=OVER)
