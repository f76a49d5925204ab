"""Anybody at the machine closes a provider at once; opening is another matter."""

from pathlib import Path

import pytest

from appliance.approval import ClosingList
from audit.approvals import Act
from tests.support.approvals import approve
from tests.support.recorder_stand_in import recorder_that_refuses
from tests.support.release_office import FIRST, SECOND, ReleaseOffice

NAME = "example-cloud"


@pytest.fixture
def office(tmp_path: Path) -> ReleaseOffice:
    return ReleaseOffice.without_recorder(tmp_path)


def _close(office: ReleaseOffice, name: str = NAME, reason: str = "breach notice") -> int:
    return office.run("provider", "close", name, "--reason", reason).code


def test_a_provider_is_closed_without_officer_recorder_or_policy(office: ReleaseOffice) -> None:
    (office.home / "policies" / "providers.yaml").write_text("no register")

    done = office.run("provider", "close", NAME, "--reason", "breach notice")

    assert (done.code, "No recorder took the record" in done.err) == (0, True)
    assert "breach notice" in office.closed.why(NAME)
    assert office.closed.why("another") == ""


def test_a_recorder_that_refuses_keeps_no_provider_open(office: ReleaseOffice) -> None:
    with recorder_that_refuses(office.home):
        done = office.run("provider", "close", NAME, "--reason", "breach notice")

    assert (done.code, "No recorder took the record" in done.err) == (0, True)
    assert office.closed.why(NAME)


def test_a_program_reads_what_was_closed(office: ReleaseOffice) -> None:
    done = office.run("provider", "close", NAME, "--reason", "  breach \n notice ", "--json").json()
    listed = office.run("provider", "closings", "--json").json()

    assert (done["provider"], done["reason"], done["recorded"]) == (NAME, "breach notice", False)
    assert listed == [{key: value for key, value in done.items() if key != "recorded"}]
    assert "breach notice" in office.run("provider", "closings").out


def test_where_nothing_was_closed_the_list_is_empty(office: ReleaseOffice) -> None:
    assert office.run("provider", "closings", "--json").json() == []


@pytest.mark.parametrize(("name", "reason"), [("no name", "x"), ("", "x"), (NAME, " "), (NAME, "x" * 201)])
def test_a_name_or_reason_without_form_is_refused(office: ReleaseOffice, name: str, reason: str) -> None:
    assert _close(office, name, reason) == 1
    assert not (office.home / "approvals").exists()


def test_closing_twice_says_so(office: ReleaseOffice) -> None:
    assert (_close(office), _close(office)) == (0, 1)


def test_closing_keeps_what_else_is_closed(office: ReleaseOffice) -> None:
    _close(office, "first")
    _close(office, "second")

    assert office.closed.names(["first", "second", "third"]) == {"first", "second"}


@pytest.mark.parametrize("content", [None, b"{"])
def test_where_the_list_is_lost_everything_stays_closed_and_no_command_opens_it(
    office: ReleaseOffice, content: bytes | None
) -> None:
    approve(office.home, office.digest)
    path = office.home / "approvals" / "closed.json"
    path.unlink()
    if content is not None:
        path.write_bytes(content)

    done = [
        office.run("provider", "close", NAME, "--reason", "x"),
        office.run("provider", "open", NAME, "--case", "C-1", by=FIRST),
        office.run("provider", "closings"),
    ]

    assert all(each.code == 1 and "two officers then begin a new list" in each.err for each in done)
    assert office.closed.names([NAME, "another"]) == {NAME, "another"}


def test_what_nobody_closed_cannot_be_opened(office: ReleaseOffice) -> None:
    _close(office, "another")

    refused = office.run("provider", "open", NAME, "--case", "C-1", by=FIRST)

    assert (refused.code, "No provider of this name is closed by hand" in refused.err) == (1, True)


def test_an_approval_to_open_holds_for_one_closing_only(office: ReleaseOffice) -> None:
    _close(office)
    earlier = office.requested(Act.CHANGE_REGISTER, f"open/{NAME}/{'0' * 16}")

    refused = office.run("provider", "open", NAME, "--approval", earlier, by=SECOND)

    assert (refused.code, "as it is closed now" in refused.err) == (1, True)
    assert office.closed.why(NAME)


def test_nothing_opens_while_no_recorder_takes_the_record(office: ReleaseOffice) -> None:
    _close(office)
    closing = ClosingList.read(office.home / "approvals" / "closed.json")
    assert closing is not None
    approval = office.requested(Act.CHANGE_REGISTER, f"open/{NAME}/{closing.closed[0].id}")

    refused = office.run("provider", "open", NAME, "--approval", approval, by=SECOND)

    assert (refused.code, "audit recorder" in refused.err) == (1, True)
    assert office.closed.why(NAME)


def test_asking_to_open_needs_a_case(office: ReleaseOffice) -> None:
    _close(office)

    refused = office.run("provider", "open", NAME, by=FIRST)

    assert (refused.code, "A case number has" in refused.err) == (1, True)
