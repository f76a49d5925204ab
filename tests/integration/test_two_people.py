"""Two officers change what may leave, against a real recorder: the register, a closed provider, the exclusions."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from audit.approvals import WAIT_MS
from audit.officers import Officers
from tests.support.audit_commands import audit
from tests.support.policy_folder import edit
from tests.support.registers import a_provider, an_agreement, write_register
from tests.support.release_office import FIRST, READER, SECOND, ReleaseOffice
from tests.support.trail_builder import TrailBuilder, TurnableClock

NUMBER = "MRN-0047-11"


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> TrailBuilder:
    clock = TurnableClock(now_ms=time.time_ns() // 1_000_000)
    return TrailBuilder(home=tmp_path_factory.mktemp("two") / "home", clock=clock)


@pytest.fixture
def office(original: TrailBuilder, tmp_path: Path) -> Iterator[ReleaseOffice]:
    with ReleaseOffice.running(original.copy(tmp_path / "h").home) as office:
        yield office


@pytest.fixture(scope="module")
def shared(original: TrailBuilder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReleaseOffice]:
    """Give one office to the tests that leave nothing behind which another would notice; a start takes a second."""
    with ReleaseOffice.running(original.copy(tmp_path_factory.mktemp("shared") / "h").home) as office:
        yield office


def _proposed(office: ReleaseOffice) -> str:
    return office.asked("policy", "propose", "--case", "CHG-7")


def _approve(office: ReleaseOffice, approval: str, *, by: str = SECOND) -> None:
    done = office.run("policy", "approve", approval, by=by)
    assert done.code == 0, done.err


def test_a_policy_is_proposed_by_one_officer_and_approved_by_another(office: ReleaseOffice) -> None:
    approval = _proposed(office)
    before = office.why_not
    same = office.run("policy", "approve", approval, by=FIRST)
    _approve(office, approval)

    assert "have not approved" in before
    assert (same.code, "Who asks cannot approve" in same.err) == (1, True)
    assert office.why_not == ""
    (record,) = office.operations("register_approved")
    assert record.facts["policy"] == office.digest
    assert (record.facts["requested_by"], record.facts["approved_by"]) == (FIRST, SECOND)
    assert (record.facts["providers"], record.facts["agreements"]) == (["example-cloud"], ["BAA-2026-014"])


def test_a_person_is_told_what_to_do_next_and_a_program_the_same(shared: ReleaseOffice) -> None:
    proposed = shared.run("policy", "propose", "--case", "CHG-7", by=FIRST)
    added = shared.asked("exclusion", "add", "--kind", "vip", "--case", "C-1", "--patient-file", shared.numbers("7"))
    told = shared.run("exclusion", "confirm", added, "--json", by=SECOND)

    assert "new: agreement BAA-2026-014 with example-cloud" in proposed.out
    assert "Another officer approves it within 7 days: 'appliance policy approve ap_" in proposed.out
    assert {key: told.json()[key] for key in ("act", "count")} == {"act": "add", "count": 1}


def test_anybody_checks_the_approval_offline(office: ReleaseOffice) -> None:
    _approve(office, _proposed(office))
    path = office.home / "approvals" / f"{office.digest}.json"
    keys = office.home / "audit" / "verifier.keys"

    checked = audit("verify", str(path), "--public-key", str(keys), home=office.home)

    assert checked.code == 0, checked.err
    assert path.stat().st_mode & 0o777 == 0o644


def test_the_second_officer_reads_what_changes_before_approving_it(office: ReleaseOffice) -> None:
    _approve(office, _proposed(office))
    write_register(office.config.policies, a_provider(agreements=(an_agreement(id="BAA-2027-001"),)))
    approval = _proposed(office)

    looked = office.run("policy", "approve", approval, "--look")

    assert "gone: agreement BAA-2026-014 with example-cloud" in looked.out
    assert "new: agreement BAA-2027-001 with example-cloud" in looked.out
    assert "file changed: providers.yaml" in looked.out
    assert "have not approved" in office.why_not


def test_a_folder_that_changed_since_is_another_policy(office: ReleaseOffice) -> None:
    approval = _proposed(office)
    edit(office.config.policies, "retention.yaml", old="bodies_years: 6", new="bodies_years: 7")

    refused = office.run("policy", "approve", approval, by=SECOND)

    assert (refused.code, "put the folder back" in refused.err) == (1, True)
    assert "have not approved" in office.why_not


def test_an_older_policy_that_comes_back_is_not_approved_any_more(office: ReleaseOffice) -> None:
    policies = office.config.policies
    _approve(office, _proposed(office))
    old = (office.home / "approvals" / f"{office.digest}.json").read_bytes()
    old_digest = office.digest
    edit(policies, "retention.yaml", old="bodies_years: 6", new="bodies_years: 7")
    _approve(office, _proposed(office))
    edit(policies, "retention.yaml", old="bodies_years: 7", new="bodies_years: 6")
    gone = office.why_not
    (office.home / "approvals" / f"{old_digest}.json").write_bytes(old)

    assert "have not approved" in gone
    assert "took its place" in office.why_not


def test_the_same_person_under_a_new_key_is_no_second_one(office: ReleaseOffice) -> None:
    approval = _proposed(office)
    Officers(office.home / "custodian").revoke(FIRST, by="root")
    office.add_officer(FIRST, "release-officer")
    office.add_officer(FIRST.upper(), "release-officer")

    for name in (FIRST, FIRST.upper()):
        refused = office.run("policy", "approve", approval, by=name)
        assert (refused.code, "Who asks cannot approve" in refused.err) == (1, True)


def test_an_officer_who_was_revoked_counts_for_nobody(office: ReleaseOffice) -> None:
    approval = _proposed(office)
    Officers(office.home / "custodian").revoke(FIRST, by="root")
    of_revoked = office.run("policy", "approve", approval, by=SECOND)
    revoked = office.run("policy", "propose", "--case", "CHG-8", by=FIRST)

    assert (of_revoked.code, "no officer any more" in of_revoked.err) == (1, True)
    assert (revoked.code, "not a valid officer key" in revoked.err) == (1, True)
    assert "have not approved" in office.why_not


def test_an_officer_without_the_right_neither_proposes_nor_approves(shared: ReleaseOffice) -> None:
    approval = _proposed(shared)

    proposed = shared.run("policy", "propose", "--case", "CHG-7", by=READER)
    approved = shared.run("policy", "approve", approval, by=READER)

    assert [each.code for each in (proposed, approved)] == [1, 1]
    assert "may not change who may get what leaves" in approved.err
    assert len(shared.operations("denied")) == 2


def test_a_request_that_lapsed_is_asked_for_anew(shared: ReleaseOffice) -> None:
    approval = _proposed(shared)
    path = shared.home / "custodian" / "approvals" / f"{approval}.requested.json"
    members = json.loads(path.read_text())
    path.write_text(
        json.dumps({**members, "expires": members["time"] - WAIT_MS}, sort_keys=True, separators=(",", ":")) + "\n"
    )

    refused = shared.run("policy", "approve", approval, by=SECOND)

    assert (refused.code, "is expired" in refused.err) == (1, True)


def test_an_approval_given_in_the_console_is_carried_out_by_who_asked_once(office: ReleaseOffice) -> None:
    approval = _proposed(office)
    given = audit(
        "approval", "give", approval, "--officer-key-file", str(office.home / f"{SECOND}.key"), home=office.home
    )
    assert given.code == 0, given.err
    office.add_officer("r.third", "release-officer")
    third = office.run("policy", "approve", approval, by="r.third")
    _approve(office, approval, by=FIRST)
    again = office.run("policy", "approve", approval, by=FIRST)

    assert (third.code, "two other officers" in third.err) == (1, True)
    assert (again.code, "is spent" in again.err) == (1, True)
    assert office.why_not == ""


def test_one_person_closes_a_provider_and_two_open_it(shared: ReleaseOffice) -> None:
    _approve(shared, _proposed(shared))
    closed = shared.run("provider", "close", "example-cloud", "--reason", "breach notice")
    assert closed.code == 0, closed.err
    during = shared.closed.why("example-cloud")
    approval = shared.asked("provider", "open", "example-cloud", "--case", "INC-3")
    still = shared.closed.why("example-cloud")
    same = shared.run("provider", "open", "example-cloud", "--approval", approval, by=FIRST)
    opened = shared.run("provider", "open", "example-cloud", "--approval", approval, by=SECOND)

    assert "breach notice" in during
    assert during == still
    assert (same.code, "Who asks cannot approve" in same.err) == (1, True)
    assert (opened.code, shared.closed.why("example-cloud")) == (0, "")
    assert [len(shared.operations(code)) for code in ("provider_closed", "provider_opened")] == [1, 1]


def test_an_exclusion_protects_at_once_and_ends_only_by_two(shared: ReleaseOffice) -> None:
    added = shared.asked("exclusion", "add", "--kind", "opt-out", "--case", "PAT-1", "--patient-file",
                         shared.numbers(NUMBER))  # fmt: skip
    at_once = shared.excluded.kinds_of(["0000", "mrn 4711"])
    same = shared.run("exclusion", "confirm", added, by=FIRST)
    confirmed = shared.run("exclusion", "confirm", added, by=SECOND)
    ending = shared.asked("exclusion", "remove", "--case", "PAT-1", "--patient-file", shared.numbers("mrn004711"))
    meanwhile = shared.excluded.kinds_of([NUMBER])
    alone = shared.run("exclusion", "confirm", ending, by=FIRST)
    ended = shared.run("exclusion", "confirm", ending, by=SECOND)

    assert (same.code, confirmed.code, alone.code, ended.code) == (1, 0, 1, 0), confirmed.err + ended.err
    assert at_once == meanwhile == {"opt-out"}
    assert shared.excluded.kinds_of([NUMBER]) == frozenset()
    codes = ("exclusion_added", "exclusion_confirmed", "exclusion_removed")
    cases = [[each.facts["case"] for each in shared.operations(code)].count("PAT-1") for code in codes]
    assert cases == [1, 1, 1]


def test_no_record_number_reaches_a_file_a_record_or_an_answer(shared: ReleaseOffice) -> None:
    numbers = shared.numbers(NUMBER, "CANARY77123")
    added = shared.run("exclusion", "add", "--kind", "vip", "--case", "PAT-2", "--patient-file", numbers, by=FIRST)
    listed = shared.run("exclusion", "list")
    (shared.home / "numbers.txt").unlink()

    assert (added.code, listed.code) == (0, 0), added.err
    spellings = ("CANARY77123", "canary77123", "0047-11", "mrn004711")
    kept = [path.read_bytes() for path in shared.home.rglob("*") if path.is_file()]
    shown = (added.out + added.err + listed.out + listed.err).encode()
    assert not any(spelling.encode() in text for spelling in spellings for text in (*kept, shown))
