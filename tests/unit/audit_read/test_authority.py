from pathlib import Path

import pytest

from audit.access import DENIED, OFFICER_ADDED
from audit.authority import Authority
from audit.errors import PermissionDeniedError, RecorderUnavailableError, SettingsError
from audit.officers import Officers
from audit.record import Event
from tests.support.officers import POLICIES, READER, Office


def _down(_event: Event) -> None:
    raise RecorderUnavailableError("no recorder answers")


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path / "custodian")


@pytest.fixture
def recorded() -> list[Event]:
    return []


@pytest.fixture
def authority(office: Office, recorded: list[Event]) -> Authority:
    return Authority(Officers(office.custodian), policies=POLICIES, program="test", record=recorded.append)


def test_a_key_names_its_officer(office: Office, authority: Authority) -> None:
    assert authority.known(office.keys[READER]).name == READER


@pytest.mark.parametrize("key", ["", "x", "ofk_00000000_" + "A" * 43])
def test_every_other_key_gets_the_same_answer(authority: Authority, key: str) -> None:
    with pytest.raises(PermissionDeniedError, match="not a valid officer key"):
        authority.known(key)


def test_nobody_acts_whose_adding_is_not_in_the_trail(
    office: Office, authority: Authority, recorded: list[Event]
) -> None:
    without = Authority(Officers(office.custodian), policies=POLICIES, program="test", record=_down)

    with pytest.raises(RecorderUnavailableError):
        without.officer(office.keys[READER])
    authority.officer(office.keys[READER])
    authority.officer(office.keys[READER])

    assert [event.code for event in recorded] == [OFFICER_ADDED] * 3


def test_what_the_policy_permits_is_not_recorded_as_denied(
    office: Office, authority: Authority, recorded: list[Event]
) -> None:
    authority.check(office.officer(READER), "ReadTrail")

    assert recorded == []


def test_an_attempt_without_the_right_is_recorded(office: Office, authority: Authority, recorded: list[Event]) -> None:
    with pytest.raises(PermissionDeniedError):
        authority.check(office.officer(READER), "OpenBody")

    assert [(event.code, event.user, event.client, event.facts) for event in recorded] == [
        (DENIED, READER, "test", {"action": "OpenBody"})
    ]


def test_no_is_no_even_when_it_cannot_be_recorded(office: Office) -> None:
    authority = Authority(Officers(office.custodian), policies=POLICIES, program="test", record=_down)

    with pytest.raises(PermissionDeniedError):
        authority.check(office.officer(READER), "OpenBody")


def test_without_a_policy_nobody_may_do_anything(office: Office, tmp_path: Path, recorded: list[Event]) -> None:
    authority = Authority(
        Officers(office.custodian), policies=tmp_path / "absent", program="test", record=recorded.append
    )

    with pytest.raises(SettingsError):
        authority.check(office.officer(READER), "ReadTrail")
