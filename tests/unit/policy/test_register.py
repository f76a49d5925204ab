from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from appliance.clock import Moment
from appliance.exchange import DataClass, Purpose
from appliance.policy.register import Service, Use
from tests.support.registers import a_model, a_provider, a_sandbox_provider, an_agreement

START, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
USE = Use(task="discharge-summary", purpose=Purpose.TREATMENT, data_class=DataClass.PHI)
YEAR = an_agreement(effective=START, expires=END)


def _at(moment: datetime) -> Moment:
    return Moment.at(moment)


@pytest.mark.parametrize(
    ("moment", "in_force"),
    [
        (_at(START - SECOND), False),
        (_at(START), True),
        (_at(END - SECOND), True),
        (_at(END), False),
        # A clock that jumped: whichever of the two readings is true, the agreement must be in force.
        (Moment(earliest=START - SECOND, latest=START + SECOND), False),
        (Moment(earliest=END - SECOND, latest=END), False),
        (Moment(earliest=START, latest=END - SECOND), True),
    ],
)
def test_an_agreement_is_in_force_from_its_first_moment_to_before_its_last(moment: Moment, *, in_force: bool) -> None:
    assert YEAR.in_force(moment) is in_force


def test_raising_the_class_of_a_request_never_brings_it_under_an_agreement() -> None:
    only_above = an_agreement(data_classes=frozenset({DataClass.SENSITIVE}))
    provider = a_provider(agreements=(only_above,))

    for data_class in DataClass:
        use = Use(task="discharge-summary", purpose=Purpose.TREATMENT, data_class=data_class)
        assert provider.agreement(a_model(), use, _at(START)) is None


def test_the_agreement_of_the_day_is_the_one_that_counts() -> None:
    follows = an_agreement(id="next", effective=END, expires=END + (END - START))
    provider = a_provider(agreements=(YEAR, follows))

    before = provider.agreement(a_model(), USE, _at(END - SECOND))
    after = provider.agreement(a_model(), USE, _at(END))

    assert (before, after) == (YEAR, follows)


def test_a_clock_that_may_stand_on_either_side_of_a_renewal_opens_neither() -> None:
    follows = an_agreement(id="next", effective=END, expires=END + (END - START))
    provider = a_provider(agreements=(YEAR, follows))

    assert provider.agreement(a_model(), USE, Moment(earliest=END - SECOND, latest=END)) is None


@pytest.mark.parametrize(
    "scope",
    [
        {"services": frozenset({Service.OPENAI_CHAT})},
        {"regions": frozenset({"eu-west-1"})},
        {"models": frozenset({"other"})},
        {"tasks": frozenset({"medical-coding"})},
        {"purposes": frozenset({Purpose.PAYMENT})},
        {"data_classes": frozenset({DataClass.SENSITIVE})},
    ],
)
def test_what_an_agreement_does_not_name_it_does_not_cover(scope: dict[str, Any]) -> None:
    provider = a_provider(agreements=(an_agreement(**scope),))

    assert provider.agreement(a_model(), USE, _at(START)) is None
    assert provider.closed(a_model(), USE, _at(START)) == (
        "agreement BAA-2026-014 with Example Cloud Inc. does not cover this model, task, purpose or data class"
    )


@pytest.mark.parametrize(
    ("moment", "said"),
    [
        (START, ""),
        (END, "agreement BAA-2026-014 with Example Cloud Inc. expired at 2027-01-01T00:00:00+00:00"),
        (START - SECOND, "no agreement with Example Cloud Inc. is in force yet"),
    ],
)
def test_a_closed_provider_says_why(moment: datetime, said: str) -> None:
    assert a_provider(agreements=(YEAR,)).closed(a_model(), USE, _at(moment)) == said


def test_a_provider_without_an_agreement_is_closed() -> None:
    assert a_provider(agreements=()).closed(a_model(), USE, _at(START)) == (
        "there is no agreement with Example Cloud Inc."
    )


def test_evidence_for_one_model_deployment_region_or_version_counts_for_no_other() -> None:
    provider, model = a_provider(), a_model()
    others = [
        a_provider(region="eu-west-1").identity(model),
        a_provider(api_version="2024-01-01").identity(model),
        a_provider(service=Service.OPENAI_CHAT).identity(model),
        provider.identity(a_model(name="frontier-2026-09-01")),
        provider.identity(a_model(deployment="ward")),
    ]

    assert provider.identity(model) == a_provider(recipient="Another Inc.", credential="x").identity(model)
    assert len({provider.identity(model).digest, *(each.digest for each in others)}) == 6
    assert not provider.identity(model).pinned


def test_a_stand_ins_model_is_called_so() -> None:
    assert a_sandbox_provider().identity(a_model()).name == "SANDBOX-frontier-2026-03-01"
    assert a_provider().identity(a_model()).name == "frontier-2026-03-01"


def test_a_model_is_found_by_its_name() -> None:
    assert a_provider().model("frontier-2026-03-01") == a_model()
    assert a_provider().model("unknown") is None
