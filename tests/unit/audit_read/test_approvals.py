import json
from pathlib import Path

import pytest

from audit.access import APPROVAL_GIVEN, APPROVAL_REQUESTED
from audit.approvals import GOOD_MS, WAIT_MS, Act, Approval, Approvals, Desk, approval_view
from audit.errors import ApprovalError, FormatError, PermissionDeniedError, RecorderUnavailableError
from audit.officers import Officers
from audit.permission import Permissions
from audit.record import Event, Kind
from tests.support.officers import FIRST, NOW_MS, POLICIES, READER, SECOND, Office

EXCHANGE = "ex_" + "1" * 32
DIGEST = "a" * 64


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path / "custodian")


def test_an_approval_of_another_officer_is_good_for_what_it_names(office: Office) -> None:
    approval = office.approved(Act.OPEN_BODY, EXCHANGE)

    checked = office.approvals.check(approval.id, action=Act.OPEN_BODY, subject=EXCHANGE, now_ms=NOW_MS)

    assert checked == approval
    assert (checked.requested_by, checked.approved_by, checked.case) == (FIRST, SECOND, "CASE-7")
    assert checked.facts() == {
        "approval": approval.id,
        "case": "CASE-7",
        "requested_by": FIRST,
        "approved_by": SECOND,
    }


def test_each_step_is_recorded_under_the_name_of_who_took_it(office: Office) -> None:
    approval = office.approved(Act.OPEN_BODY, EXCHANGE)

    asked, given = office.recorded
    assert [(each.kind, each.code, each.user) for each in (asked, given)] == [
        (Kind.ACCESS, APPROVAL_REQUESTED, FIRST),
        (Kind.ACCESS, APPROVAL_GIVEN, SECOND),
    ]
    assert asked.facts == {
        "action": "open_body",
        "subject": EXCHANGE,
        "approval": approval.id,
        "case": "CASE-7",
        "requested_by": FIRST,
    }
    assert given.facts["approved_by"] == SECOND


def _down(_event: Event) -> None:
    raise RecorderUnavailableError("no recorder answers")


def _desk_without_recorder(office: Office) -> Desk:
    return Desk(office.approvals, permissions=Permissions.load(POLICIES), record=_down)


def test_what_is_not_recorded_does_not_count(office: Office) -> None:
    request = office.requested(Act.OPEN_BODY, EXCHANGE)
    desk = _desk_without_recorder(office)

    with pytest.raises(RecorderUnavailableError):
        desk.request(Act.OPEN_BODY, EXCHANGE, case="C", officer=office.officer(FIRST), now_ms=NOW_MS)
    with pytest.raises(RecorderUnavailableError):
        desk.approve(request.id, officer=office.officer(SECOND), now_ms=NOW_MS)

    assert [each.state(NOW_MS) for each in office.approvals.entries()] == ["waiting"]


def test_a_restore_is_approved_while_the_trail_takes_no_record(office: Office) -> None:
    desk = _desk_without_recorder(office)

    request = desk.request(
        Act.RESTORE, "hospital.example/a", case="DR-1", officer=office.officer(READER), now_ms=NOW_MS
    )
    given = desk.approve(request.id, officer=office.officer(FIRST), now_ms=NOW_MS)

    assert office.approvals.check(given.id, action="restore", subject="hospital.example/a", now_ms=NOW_MS) == given


def test_who_asks_cannot_approve(office: Office) -> None:
    request = office.requested(Act.OPEN_BODY, EXCHANGE)

    with pytest.raises(ApprovalError, match="Who asks cannot approve"):
        office.desk.approve(request.id, officer=office.officer(FIRST), now_ms=NOW_MS)

    assert office.recorded[-1].code == APPROVAL_REQUESTED


def test_another_case_of_letters_is_no_other_person(office: Office) -> None:
    Officers(office.custodian).add(FIRST.upper(), roles=("privacy-officer",))
    request = office.requested(Act.OPEN_BODY, EXCHANGE)

    with pytest.raises(ApprovalError, match="Who asks cannot approve"):
        office.desk.approve(request.id, officer=office.officer(FIRST.upper()), now_ms=NOW_MS)


def _agreed(office: Office, approval_id: str, by: str, *, action: Act = Act.CHANGE_REGISTER) -> Approval:
    return office.desk.agreed(approval_id, action=action, officer=office.officer(by), now_ms=NOW_MS)


def test_a_second_officer_agrees_and_either_of_the_two_goes_on(office: Office) -> None:
    request = office.requested(Act.CHANGE_REGISTER, DIGEST)

    agreed = _agreed(office, request.id, SECOND)

    assert (agreed.requested_by, agreed.approved_by) == (FIRST, SECOND)
    assert [_agreed(office, request.id, name) for name in (FIRST, SECOND)] == [agreed, agreed]


def test_who_asks_does_not_agree_alone(office: Office) -> None:
    request = office.requested(Act.CHANGE_REGISTER, DIGEST)

    with pytest.raises(ApprovalError, match="Who asks cannot approve"):
        _agreed(office, request.id, FIRST)


def test_a_third_officer_does_not_go_on_with_what_two_have_agreed(office: Office) -> None:
    Officers(office.custodian).add("p.third", roles=("privacy-officer",))
    approval = office.approved(Act.CHANGE_REGISTER, DIGEST)

    with pytest.raises(ApprovalError, match="two other officers"):
        _agreed(office, approval.id, "p.third")
    with pytest.raises(PermissionDeniedError):
        _agreed(office, approval.id, READER)


def test_what_is_agreed_for_one_act_is_not_for_another(office: Office) -> None:
    approval = office.approved(Act.CHANGE_EXCLUSIONS, "add/exb_1/0")

    with pytest.raises(ApprovalError, match="is for change_exclusions, not for this"):
        _agreed(office, approval.id, SECOND)


def test_what_is_spent_is_asked_for_anew_where_it_was_asked_for(office: Office) -> None:
    approval = office.approved(Act.CHANGE_REGISTER, DIGEST)
    office.approvals.spend(approval.id)

    with pytest.raises(ApprovalError, match="'appliance policy propose'"):
        _agreed(office, approval.id, SECOND)
    with pytest.raises(ApprovalError, match="'appliance policy propose'"):
        office.approvals.spend(approval.id)


def test_who_has_not_the_right_can_neither_ask_nor_approve(office: Office) -> None:
    request = office.requested(Act.OPEN_BODY, EXCHANGE)

    with pytest.raises(PermissionDeniedError):
        office.desk.request(Act.OPEN_BODY, EXCHANGE, case="C", officer=office.officer(READER), now_ms=NOW_MS)
    with pytest.raises(PermissionDeniedError):
        office.desk.approve(request.id, officer=office.officer(READER), now_ms=NOW_MS)


@pytest.mark.parametrize(
    ("action", "subject"), [(Act.OPEN_BODY, "ex_" + "2" * 32), (Act.EXPORT_BODIES, EXCHANGE), ("open_bodies", EXCHANGE)]
)
def test_an_approval_is_for_one_act_on_one_subject(office: Office, action: str, subject: str) -> None:
    approval = office.approved(Act.OPEN_BODY, EXCHANGE)

    with pytest.raises(ApprovalError, match="ask for one of its own"):
        office.approvals.check(approval.id, action=action, subject=subject, now_ms=NOW_MS)


def test_a_request_that_nobody_approved_is_no_approval(office: Office) -> None:
    request = office.requested(Act.OPEN_BODY, EXCHANGE)

    with pytest.raises(ApprovalError, match=f"audit approval give {request.id}"):
        office.approvals.check(request.id, action=Act.OPEN_BODY, subject=EXCHANGE, now_ms=NOW_MS)


def test_an_approval_ends_by_itself(office: Office) -> None:
    approval = office.approved(Act.OPEN_BODY, EXCHANGE)
    office.approvals.check(approval.id, action=Act.OPEN_BODY, subject=EXCHANGE, now_ms=NOW_MS + GOOD_MS - 1)

    with pytest.raises(ApprovalError, match="is expired"):
        office.approvals.check(approval.id, action=Act.OPEN_BODY, subject=EXCHANGE, now_ms=NOW_MS + GOOD_MS)


def test_a_request_lapses_after_a_week(office: Office) -> None:
    request = office.requested(Act.OPEN_BODY, EXCHANGE)

    with pytest.raises(ApprovalError, match="is expired; nothing is left"):
        office.desk.approve(request.id, officer=office.officer(SECOND), now_ms=NOW_MS + WAIT_MS)


def test_an_approval_is_spent_once(office: Office) -> None:
    approval = office.approved(Act.OPEN_BODY, EXCHANGE)
    office.approvals.spend(approval.id)

    with pytest.raises(ApprovalError, match="is spent"):
        office.approvals.spend(approval.id)
    with pytest.raises(ApprovalError, match="is spent"):
        office.approvals.check(approval.id, action=Act.OPEN_BODY, subject=EXCHANGE, now_ms=NOW_MS)


def test_an_approval_is_given_once(office: Office) -> None:
    approval = office.approved(Act.OPEN_BODY, EXCHANGE)

    with pytest.raises(ApprovalError, match="is given; nothing is left"):
        office.desk.approve(approval.id, officer=office.officer(SECOND), now_ms=NOW_MS)
    with pytest.raises(ApprovalError, match="given already"):
        office.approvals.write_given(approval)


@pytest.mark.parametrize("name", ["", "ap_" + "0" * 32, "../officers", "ap_" + "0" * 31 + "\n", "AP_" + "0" * 32])
def test_an_unknown_approval_is_nobodys(office: Office, name: str) -> None:
    with pytest.raises(ApprovalError, match="audit approval list"):
        office.approvals.check(name, action=Act.OPEN_BODY, subject=EXCHANGE, now_ms=NOW_MS)


@pytest.mark.parametrize("case", ["", "Mrs Canary", "a" * 65, "x\n", "-1"])
def test_a_case_is_a_number_and_no_sentence(office: Office, case: str) -> None:
    with pytest.raises(ApprovalError, match="and no name"):
        office.requested(Act.OPEN_BODY, EXCHANGE, case=case)


@pytest.mark.parametrize("subject", ["", "Mrs Canary", "a" * 129, "../x"])
def test_a_subject_is_an_id(office: Office, subject: str) -> None:
    with pytest.raises(ApprovalError, match="The subject is"):
        office.requested(Act.OPEN_BODY, subject)


def test_approvals_are_listed_newest_first_with_their_state(office: Office) -> None:
    old = office.approved(Act.OPEN_BODY, EXCHANGE)
    new = office.requested(Act.DESTROY_MONTH, "2026-11", now_ms=NOW_MS + 1)
    office.approvals.spend(old.id)

    views = [approval_view(each, now_ms=NOW_MS + 2) for each in office.approvals.entries()]

    assert [(view["approval"], view["state"]) for view in views] == [(new.id, "waiting"), (old.id, "spent")]
    assert views[0]["approved"] == ""
    assert views[1]["approved"] == views[1]["requested"]


def test_there_are_none_before_the_first(tmp_path: Path) -> None:
    assert Approvals(tmp_path / "absent").entries() == ()


def _damage(office: Office, name: str, **changes: object) -> None:
    file = office.custodian / "approvals" / name
    members = {**json.loads(file.read_text()), **changes}
    file.write_text(json.dumps(members, separators=(",", ":"), sort_keys=True) + "\n")


def test_a_file_in_which_one_person_approves_alone_counts_for_nothing(office: Office) -> None:
    approval = office.approved(Act.OPEN_BODY, EXCHANGE)
    _damage(office, f"{approval.id}.given.json", by=FIRST)

    with pytest.raises(ApprovalError, match="who asked cannot approve"):
        office.approvals.check(approval.id, action=Act.OPEN_BODY, subject=EXCHANGE, now_ms=NOW_MS)


def test_a_file_of_another_approval_is_damage(office: Office) -> None:
    approval = office.requested(Act.OPEN_BODY, EXCHANGE)
    _damage(office, f"{approval.id}.requested.json", id="ap_" + "0" * 32)

    with pytest.raises(FormatError, match="belongs to another"):
        office.approvals.entry(approval.id)


def test_an_act_of_a_newer_release_is_not_guessed(office: Office) -> None:
    approval = office.requested(Act.OPEN_BODY, EXCHANGE)
    _damage(office, f"{approval.id}.requested.json", action="sell_body")

    with pytest.raises(FormatError, match="use the release"):
        office.approvals.entry(approval.id)
