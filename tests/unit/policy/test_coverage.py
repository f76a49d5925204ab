from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from appliance.errors import PolicyInvalidError
from appliance.exchange import Purpose
from appliance.policy.register import Agreement, Provider, Service
from tests.support.registers import (
    EFFECTIVE,
    EXPIRES,
    a_model,
    a_provider,
    a_sandbox_provider,
    an_agreement,
    read_back,
    write_register,
)

RENEWAL = EFFECTIVE + timedelta(days=365)
"""When the first of two agreements expires."""

DAY = timedelta(days=1)


def _refusal(policies: Path, *providers: Provider) -> str:
    write_register(policies, *providers)
    with pytest.raises(PolicyInvalidError) as error:
        read_back(policies)
    return error.value.public


def _first(**changes: Any) -> Agreement:
    return an_agreement(**{"id": "A-1", "document_sha256": "1" * 64, "expires": RENEWAL, **changes})


def _second(**changes: Any) -> Agreement:
    return an_agreement(**{"id": "A-2", "document_sha256": "2" * 64, "effective": RENEWAL, **changes})


def test_an_agreement_may_follow_another_at_its_very_end(policies: Path) -> None:
    provider = a_provider(agreements=(_second(), _first()))

    held = read_back(write_register(policies, provider))

    assert [each.id for each in held["example-cloud"].agreements] == ["A-1", "A-2"]


def test_a_gap_between_two_agreements_is_refused(policies: Path) -> None:
    refusal = _refusal(policies, a_provider(agreements=(_first(), _second(effective=RENEWAL + DAY))))

    assert refusal == (
        "providers.yaml:56: agreements 'A-1' and 'A-2' leave a gap from 2020-12-31 00:00 UTC on; "
        "let one begin when the other expires, or remove the earlier."
    )


def test_an_overlap_of_two_agreements_is_refused(policies: Path) -> None:
    refusal = _refusal(policies, a_provider(agreements=(_first(), _second(effective=RENEWAL - timedelta(seconds=1)))))

    assert refusal == (
        "providers.yaml:56: agreements 'A-1' and 'A-2' cover the same use at the same time; "
        "let one begin when the other expires."
    )


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"tasks": frozenset({"discharge-summary"})}, {"tasks": frozenset({"medical-coding"})}),
        ({"purposes": frozenset({Purpose.TREATMENT})}, {"purposes": frozenset({Purpose.PAYMENT})}),
        ({"models": frozenset({"a"})}, {"models": frozenset({"b"})}),
        ({}, {"services": frozenset({Service.OPENAI_CHAT})}),
        ({}, {"regions": frozenset({"eu-west-1"})}),
    ],
)
def test_agreements_for_different_uses_may_run_beside_each_other(
    policies: Path, first: dict[str, Any], second: dict[str, Any]
) -> None:
    models = (a_model(name="a"), a_model(name="b"))
    agreements = (_first(**first, expires=EXPIRES), _second(**second, effective=EFFECTIVE))

    held = read_back(write_register(policies, a_provider(models=models, agreements=agreements)))

    assert held["example-cloud"].agreements == agreements


def test_an_agreement_for_one_task_hides_no_gap_of_another(policies: Path) -> None:
    later = RENEWAL + DAY
    between = _second(expires=later, tasks=frozenset({"discharge-summary"}))
    last = an_agreement(id="A-3", document_sha256="3" * 64, effective=later)

    refusal = _refusal(policies, a_provider(agreements=(_first(), between, last)))

    assert "agreements 'A-1' and 'A-3' leave a gap from 2020-12-31" in refusal


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"services": frozenset({Service.OPENAI_CHAT})}, "11: no agreement covers service 'anthropic-messages'; add"),
        ({"regions": frozenset({"eu-west-1"})}, "12: no agreement covers this service in region 'us-east-1'; add it"),
        ({"models": frozenset({"other"})}, "20: no agreement covers model 'frontier-2026-03-01'; add it to one, or"),
        ({"tasks": frozenset({"translation"})}, "49: there is no tasks/translation.yaml; mend or remove this name."),
        ({"models": frozenset({"unknown"})}, "49: 'unknown' is no model of this provider; mend or remove it."),
        ({"parties": ("General Hospital", "Another Inc.")}, "39: 'Example Cloud Inc.', who gets the data, is no party"),
        ({"expires": EFFECTIVE}, "44: it expires before it is in force; mend one of the two dates."),
    ],
)
def test_an_agreement_that_leaves_something_open_is_refused(policies: Path, changes: dict[str, Any], said: str) -> None:
    models = (a_model(), a_model(name="other"))

    refusal = _refusal(policies, a_provider(models=models, agreements=(an_agreement(**changes),)))

    assert refusal.startswith(f"providers.yaml:{said}")


def test_a_service_and_a_region_of_two_papers_are_no_cover(policies: Path) -> None:
    here = an_agreement(services=frozenset({Service.OPENAI_CHAT}))
    there = an_agreement(id="B", document_sha256="b" * 64, regions=frozenset({"eu-west-1"}))

    refusal = _refusal(policies, a_provider(agreements=(here, there)))

    assert "no agreement covers this service in region 'us-east-1'" in refusal


def test_an_agreement_that_stands_twice_is_refused(policies: Path) -> None:
    refusal = _refusal(policies, a_provider(agreements=(an_agreement(), an_agreement())))

    assert refusal.endswith("agreement 'BAA-2026-014' stands above; keep one of the two.")


@pytest.mark.parametrize("change", [{"document_sha256": "9" * 64}, {"expires": RENEWAL}, {"effective": RENEWAL}])
def test_one_contract_number_is_one_document_for_all_providers(policies: Path, change: dict[str, Any]) -> None:
    refusal = _refusal(policies, a_provider(), a_sandbox_provider(agreements=(an_agreement(**change),)))

    assert "agreement 'BAA-2026-014' stands above with another document, party or date; mend one of the" in refusal


def test_one_document_under_two_numbers_is_refused(policies: Path) -> None:
    refusal = _refusal(policies, a_provider(), a_sandbox_provider(agreements=(an_agreement(id="BAA-15"),)))

    assert "agreements 'BAA-2026-014' and 'BAA-15' have the same signed document; enter each one's own" in refusal


def test_one_agreement_may_stand_at_two_providers(policies: Path) -> None:
    assert len(read_back(write_register(policies, a_provider(), a_sandbox_provider()))) == 2
