"""Excluding patients by command: what protects happens at once, what ends protection waits, and no number is shown."""

import io
from pathlib import Path

import pytest

from appliance.cli import doctor_exclusions
from appliance.cli.exclusion_book import Book
from appliance.errors import ConfigError
from appliance.exclusions import MAX_ENTRIES, PEPPER_NAME
from audit.approvals import Act
from tests.support.command_line import Done
from tests.support.exclusions import NOW, add, confirm_all
from tests.support.release_office import FIRST, READER, SECOND, ReleaseOffice

NUMBER = "CANARY77123"


@pytest.fixture
def office(tmp_path: Path) -> ReleaseOffice:
    return ReleaseOffice.without_recorder(tmp_path)


def _add(office: ReleaseOffice, *, kind: str = "opt-out", file: str = "", case: str = "PAT-1", by: str = FIRST) -> Done:
    given = ("--patient-file", file or office.numbers(NUMBER))
    return office.run("exclusion", "add", "--kind", kind, "--case", case, *given, by=by)


def test_an_exclusion_protects_even_while_no_recorder_runs(office: ReleaseOffice) -> None:
    added = _add(office)

    assert (added.code, "no recorder took the record" in added.err) == (1, True)
    assert office.excluded.kinds_of([NUMBER]) == {"opt-out"}


def test_adding_again_asks_for_the_confirmation_that_is_missing(office: ReleaseOffice) -> None:
    _add(office)
    (first,) = Book(office.config).entries()
    _add(office)
    (second,) = Book(office.config).entries()

    assert first.batch != second.batch
    assert first.number == second.number


def test_numbers_that_are_confirmed_already_are_not_added_again(office: ReleaseOffice) -> None:
    (entry,) = add(office.config, NUMBER)
    Book(office.config).confirm(entry.batch, NOW, lambda _entries: SECOND)

    again = _add(office)

    assert (again.code, "excluded under this kind already" in again.err) == (1, True)


def test_only_an_officer_who_may_change_what_leaves_adds(office: ReleaseOffice) -> None:
    reader = _add(office, by=READER)
    nobody = _add(office, by="")

    assert "may not change who may get what leaves" in reader.err
    assert "--officer-key-file" in nobody.err
    assert Book(office.config).entries() == ()


def test_a_kind_that_the_policy_keeps_no_patients_under_is_refused(office: ReleaseOffice) -> None:
    refused = _add(office, kind="horoscope")

    assert (refused.code, "opt-out" in refused.err, "vip" in refused.err) == (1, True, True)


def test_a_policy_that_does_not_load_protects_nobody_less(office: ReleaseOffice) -> None:
    (office.home / "policies" / "providers.yaml").write_text("no register")

    _add(office)

    assert office.excluded.kinds_of([NUMBER]) == {"opt-out"}


@pytest.mark.parametrize("case", ["", "x" * 65, "Mr. Canary, room 7"])
def test_a_case_number_that_is_none_is_refused_before_anything_changes(office: ReleaseOffice, case: str) -> None:
    refused = _add(office, case=case)

    assert (refused.code, "A case number has" in refused.err) == (1, True)
    assert Book(office.config).entries() == ()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "No record number"),
        (b"\n \n", "No record number"),
        (b"CANARY77123\n---\n", "Line 2 has no letter"),
        (b"\xff\xfe", "no UTF-8"),
        (b"7" * (4 * 1024 * 1024 + 1), "More than 4 MiB"),
    ],
    ids=["empty", "blank", "signs", "bytes", "huge"],
)
def test_a_file_of_something_else_is_refused_without_repeating_it(
    office: ReleaseOffice, content: bytes, told: str
) -> None:
    path = office.home / "numbers.txt"
    path.write_bytes(content)

    refused = _add(office, file=str(path))

    assert (refused.code, told in refused.err) == (1, True)
    assert NUMBER not in refused.err
    assert Book(office.config).entries() == ()


def test_numbers_are_asked_for_and_a_missing_file_is_said(office: ReleaseOffice) -> None:
    without = office.run("exclusion", "add", "--kind", "vip", "--case", "C-1", by=FIRST)
    missing = _add(office, file=str(office.home / "nothing.txt"))

    assert "--patient-file" in without.err
    assert "nothing.txt" in missing.err


def test_numbers_come_from_standard_input_too(office: ReleaseOffice, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"\xef\xbb\xbfCANARY77123\r\n")))

    _add(office, file="-")

    assert office.excluded.kinds_of([NUMBER]) == {"opt-out"}


def test_the_list_shows_who_and_when_and_no_number(office: ReleaseOffice) -> None:
    (entry,) = add(office.config, NUMBER)

    shown, told = office.run("exclusion", "list"), office.run("exclusion", "list", "--json")

    assert entry.id in shown.out
    assert told.json()[0]["added_by"] == FIRST
    assert not any(text in shown.out + told.out for text in (NUMBER, NUMBER.lower(), entry.number))


def test_nothing_ends_while_no_recorder_takes_the_record(office: ReleaseOffice) -> None:
    (entry,) = add(office.config, NUMBER)
    asked = office.run("exclusion", "remove", entry.id, "--case", "PAT-1", by=FIRST)

    assert (asked.code, office.excluded.kinds_of([NUMBER])) == (1, {"opt-out"})
    assert "audit recorder" in asked.err


def test_ending_names_what_is_on_the_list(office: ReleaseOffice) -> None:
    add(office.config, NUMBER)
    unknown = office.run("exclusion", "remove", "exc_0", "--case", "PAT-1", by=FIRST)
    nobody = office.run("exclusion", "remove", "--case", "PAT-1", "--patient-file", office.numbers("another"), by=FIRST)
    empty = Book(office.config).find([])

    assert "Nothing on the list goes by this id" in unknown.err
    assert "None of these record numbers is excluded" in nobody.err
    assert empty == ()


def test_where_no_list_is_nothing_is_found(office: ReleaseOffice) -> None:
    assert Book(office.config).find([NUMBER]) == ()


def test_an_approval_of_something_else_confirms_nothing(office: ReleaseOffice) -> None:
    (entry,) = add(office.config, NUMBER)
    register = office.requested(Act.CHANGE_REGISTER, "a" * 64)
    nothing = office.requested(Act.CHANGE_EXCLUSIONS, "merge/nothing")
    other = office.requested(Act.CHANGE_EXCLUSIONS, f"remove/{entry.id}/{'0' * 64}")

    refused = [office.run("exclusion", "confirm", each, by=SECOND) for each in (register, nothing, other)]

    assert [each.code for each in refused] == [1, 1, 1]
    assert "is for change_register" in refused[0].err
    assert "for no change of the exclusions" in refused[1].err
    assert "has changed since" in refused[2].err
    assert office.excluded.kinds_of([NUMBER]) == {"opt-out"}


def test_more_numbers_than_a_list_holds_are_refused_before_it_is_begun(office: ReleaseOffice) -> None:
    with pytest.raises(ConfigError, match="at most 50000"):
        add(office.config, *["7"] * (MAX_ENTRIES + 1))

    assert not (office.config.secrets / PEPPER_NAME).exists()


def _checked(office: ReleaseOffice) -> tuple[str, str]:
    (finding,) = doctor_exclusions.exclusions(office.config)
    return finding.verdict.value, finding.found


def test_doctor_says_what_is_excluded_and_what_waits(office: ReleaseOffice) -> None:
    before = _checked(office)
    add(office.config, NUMBER)
    waiting = _checked(office)
    confirm_all(office.config)

    assert before == ("ok", "record numbers that never leave: 0")
    assert waiting == (
        "warning",
        "record numbers that never leave: 1; additions that wait for a second officer: 1",
    )
    assert _checked(office) == ("ok", "record numbers that never leave: 1")


def test_doctor_says_why_nothing_may_leave(office: ReleaseOffice) -> None:
    add(office.config, NUMBER)
    office.config.exclusions.write_bytes(b"")

    verdict, found = _checked(office)

    assert (verdict, "nothing may leave: The list of exclusions is damaged" in found) == ("warning", True)
