from datetime import timedelta
from pathlib import Path

import pytest

from appliance.errors import PolicyInvalidError
from appliance.policy.current import CurrentPolicy
from tests.support.policy_folder import edit
from tests.support.registers import EXPIRES, a_provider, write_register

NOW = EXPIRES - timedelta(days=1)


def test_nothing_starts_without_a_policy(tmp_path: Path) -> None:
    with pytest.raises(PolicyInvalidError):
        CurrentPolicy(tmp_path / "nowhere")


def test_a_good_bundle_replaces_the_one_before(policies: Path) -> None:
    current = CurrentPolicy(policies)
    before = current.bundle
    edit(policies, "retention.yaml", old="bodies_years: 6", new="bodies_years: 7")

    assert current.bundle is before
    assert current.reload(NOW) is current.bundle

    assert current.bundle.retention.bodies_years == 7
    assert current.last_error == ""


def test_a_bad_bundle_keeps_the_one_before_and_says_so_until_it_is_mended(policies: Path) -> None:
    current = CurrentPolicy(policies)
    before = current.bundle
    edit(policies, "retention.yaml", old="bodies_years: 6", new="bodies_years: -6")

    with pytest.raises(PolicyInvalidError):
        current.reload(NOW)

    assert current.bundle is before
    assert current.last_error.startswith("retention.yaml:4: 'bodies_years'")
    edit(policies, "retention.yaml", old="bodies_years: -6", new="bodies_years: 6")
    current.reload(NOW)
    assert current.last_error == ""


def test_a_register_with_an_ended_agreement_starts_and_cannot_be_put_in_force_later(policies: Path) -> None:
    current = CurrentPolicy(write_register(policies, a_provider()))

    assert current.reload(NOW) is current.bundle
    with pytest.raises(PolicyInvalidError, match="agreement 'BAA-2026-014' of provider 'example-cloud' expired at"):
        current.reload(EXPIRES)

    assert current.last_error.startswith("providers.yaml: agreement")
