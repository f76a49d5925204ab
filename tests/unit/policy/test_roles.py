from pathlib import Path

import pytest

from appliance.errors import PolicyInvalidError
from appliance.policy.bundle import Bundle
from appliance.policy.load import load_bundle
from appliance.policy.question import Action
from appliance.policy.roles import disagreements, facts_of
from tests.support.policy_folder import client, edit


def test_the_shipped_register_and_the_policies_agree(bundle: Bundle) -> None:
    assert list(disagreements(bundle)) == []


def test_the_facts_of_an_ordinary_moment_claim_no_agreement(bundle: Bundle) -> None:
    assert facts_of(bundle, Action.ESCALATE, client())["agreement_in_force"] is False


def test_a_wider_policy_needs_a_wider_register(policies: Path) -> None:
    edit(policies, "trail.cedar", old='contains("privacy-officer")', new='contains("privacy-officer") || true')
    edit(policies, "roles.yaml", old="[ReadTrail, ExportTrail]", new="[ReadTrail, OpenBody, ExportTrail]")

    with pytest.raises(PolicyInvalidError, match=r"roles.yaml:.* .* ReadTrail to role 'quality-officer'"):
        load_bundle(policies)
