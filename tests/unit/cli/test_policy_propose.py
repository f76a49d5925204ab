"""What an officer reads before letting something leave, and what keeps a proposal from being made."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from appliance.approval import Approved
from appliance.cli.policy_words import Stated, changes, state
from appliance.errors import PolicyInvalidError
from appliance.policy.load import load_bundle
from audit.approvals import Act
from tests.support.policy_folder import edit
from tests.support.registers import a_model, a_provider, a_sandbox_provider, an_agreement, write_register
from tests.support.release_office import FIRST, SECOND, ReleaseOffice


@pytest.fixture
def office(tmp_path: Path) -> ReleaseOffice:
    return ReleaseOffice.without_recorder(tmp_path)


def _approved(stated: Stated) -> Approved:
    return Approved(
        digest="a" * 64,
        approval="ap_1",
        case="C-1",
        requested_by=FIRST,
        approved_by=SECOND,
        register=stated.register,
        files=stated.files,
        sequence=1,
        time_ms=1,
    )


def _stated(policies: Path) -> Stated:
    return state(load_bundle(policies), policies)


def test_a_first_register_is_told_whole(policies: Path) -> None:
    write_register(policies, a_provider(), a_sandbox_provider())

    words = "\n".join(changes(None, _stated(policies)))

    assert "new: provider example-cloud: Example Cloud Inc., anthropic-messages in us-east-1 at " in words
    assert "new: SANDBOX provider" in words
    assert "new: model frontier-2026-03-01 of example-cloud, 3 and 15 USD a million tokens" in words
    assert "new: agreement BAA-2026-014 with example-cloud, from 2020-01-01T00:00:00+00:00 until 2099" in words
    assert "models all; tasks all; purposes TREAT; data phi" in words


def test_a_register_without_a_provider_says_that_nothing_leaves(policies: Path) -> None:
    assert changes(None, _stated(policies)) == ("Nothing may leave under this policy.",)


def test_the_same_folder_changes_nothing(policies: Path) -> None:
    write_register(policies, a_provider())
    stated = _stated(policies)

    assert changes(_approved(stated), stated) == ("Nothing changes.",)


def test_what_is_new_gone_added_removed_and_changed_is_told(policies: Path) -> None:
    write_register(policies, a_provider())
    before = _approved(_stated(policies))
    write_register(policies, a_provider(models=(a_model(deployment="ours"),), recipient="Other Inc."))
    (policies / "cases" / "extra.yaml").write_text("cases: []\n")
    edit(policies, "retention.yaml", old="bodies_years: 6", new="bodies_years: 7")
    (policies / "README.md").unlink()

    words = changes(before, _stated(policies))

    assert "file added: cases/extra.yaml" in words
    assert "file removed: README.md" in words
    assert "file changed: retention.yaml" in words
    assert any(line.startswith("gone: provider example-cloud: Example Cloud Inc.") for line in words)
    assert any(line.startswith("new: model frontier-2026-03-01 as ours of example-cloud") for line in words)


def test_a_folder_that_changes_while_it_is_read_is_refused(policies: Path) -> None:
    bundle = load_bundle(policies)
    edit(policies, "retention.yaml", old="bodies_years: 6", new="bodies_years: 7")

    with pytest.raises(PolicyInvalidError, match="changed while it was read"):
        state(bundle, policies)


def test_an_agreement_that_has_ended_is_not_proposed(office: ReleaseOffice) -> None:
    ended = an_agreement(expires=datetime(2021, 1, 1, tzinfo=UTC))
    write_register(office.config.policies, a_provider(agreements=(ended,)))

    refused = office.run("policy", "propose", "--case", "C-1", by=FIRST)

    assert (refused.code, "expired at 2021-01-01" in refused.err) == (1, True)


def test_a_folder_that_does_not_hold_is_not_proposed(office: ReleaseOffice) -> None:
    (office.config.policies / "providers.yaml").write_text("providers: [{}]\n")

    refused = office.run("policy", "propose", "--case", "C-1", by=FIRST)

    assert (refused.code, "providers.yaml:1" in refused.err) == (1, True)


def test_nothing_is_proposed_or_approved_while_no_recorder_takes_the_record(office: ReleaseOffice) -> None:
    proposed = office.run("policy", "propose", "--case", "C-1", by=FIRST)
    approval = office.requested(Act.CHANGE_REGISTER, office.digest)
    approved = office.run("policy", "approve", approval, by=SECOND)

    assert (proposed.code, approved.code) == (1, 1)
    assert "audit recorder" in approved.err
    assert "have not approved" in office.why_not


def test_where_the_receipt_cannot_be_put_the_approval_is_not_used_up(office: ReleaseOffice) -> None:
    approval = office.requested(Act.CHANGE_REGISTER, office.digest)
    (office.home / "approvals").write_text("no folder")

    refused = office.run("policy", "approve", approval, by=SECOND)

    assert (refused.code, "approvals: " in refused.err) == (1, True)
    assert not list((office.home / "custodian" / "approvals").glob("*.given.json"))


def test_an_approval_of_another_act_approves_no_policy(office: ReleaseOffice) -> None:
    approval = office.requested(Act.CHANGE_EXCLUSIONS, "add/exb_0/0")

    refused = office.run("policy", "approve", approval, by=SECOND)
    unknown = office.run("policy", "approve", "ap_0", by=SECOND)

    assert "is for change_exclusions, not for this" in refused.err
    assert "No approval goes by this id" in unknown.err


def test_looking_approves_nothing_and_needs_no_key(office: ReleaseOffice) -> None:
    approval = office.requested(Act.CHANGE_REGISTER, office.digest)

    looked = office.run("policy", "approve", approval, "--look", "--json")

    assert (looked.code, looked.json()["approved"], looked.json()["digest"]) == (0, False, office.digest)
    assert "have not approved" in office.why_not


def test_a_wrong_setting_of_the_trail_is_said_in_words(office: ReleaseOffice) -> None:
    (office.home / "trail.yaml").write_text("witness: nothing\n")

    refused = office.run("policy", "propose", "--case", "C-1", by=FIRST)

    assert (refused.code, "trail.yaml" in refused.err) == (1, True)
