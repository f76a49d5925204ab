from pathlib import Path

import pytest

from appliance.errors import PolicyInvalidError
from appliance.policy.bundle import Bundle
from appliance.policy.load import load_bundle
from appliance.policy.question import Action
from appliance.policy.roles import disagreements, facts_of
from tests.support.policy_folder import client, edit
from tests.support.registers import a_sandbox_provider


def test_the_shipped_register_and_the_policies_agree(bundle: Bundle) -> None:
    assert list(disagreements(bundle)) == []


def test_the_facts_of_an_ordinary_moment_claim_no_agreement(bundle: Bundle) -> None:
    assert facts_of(bundle, Action.ESCALATE, client())["agreement_in_force"] is False


def test_a_role_may_escalate_whatever_tasks_do_and_whoever_is_registered(bundle: Bundle, policies: Path) -> None:
    assert [role for role, written in bundle.roles.items() if Action.ESCALATE in written.actions] == ["integration"]
    edit(policies, "tasks/discharge-summary.yaml", old="escalation: true", new="escalation: false")

    assert list(disagreements(load_bundle(policies))) == []


def test_the_facts_of_a_provider_are_its_own(bundle: Bundle) -> None:
    facts = facts_of(bundle, Action.ESCALATE, client(), a_sandbox_provider())

    assert (facts["provider"], facts["sandbox"], facts["model"]) == ("stand-in", True, "frontier-2026-03-01")


def test_a_policy_that_lets_another_role_change_the_register_needs_its_line(policies: Path) -> None:
    edit(policies, "operation.cedar", old='contains("release-officer")', new='contains("quality-officer")')

    with pytest.raises(PolicyInvalidError, match="the policies permit ChangeRegister to role 'quality-officer'"):
        load_bundle(policies)


def test_a_wider_policy_needs_a_wider_register(policies: Path) -> None:
    edit(policies, "trail.cedar", old='contains("privacy-officer")', new='contains("privacy-officer") || true')
    edit(policies, "roles.yaml", old="[ReadTrail, ExportTrail]", new="[ReadTrail, OpenBody, ExportTrail]")

    with pytest.raises(PolicyInvalidError, match=r"roles.yaml:.* .* ReadTrail to role 'quality-officer'"):
        load_bundle(policies)
