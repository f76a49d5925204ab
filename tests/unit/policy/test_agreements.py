from datetime import UTC, datetime, timedelta

import pytest

from appliance.errors import PolicyInvalidError
from appliance.policy.agreements import check_expiry, pin_ends, warnings
from appliance.policy.register import Agreement
from tests.support.registers import (
    EFFECTIVE,
    EXPIRES,
    a_ca_pem,
    a_model,
    a_provider,
    a_register,
    an_agreement,
    an_endpoint,
)

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
END = datetime(2027, 1, 1, tzinfo=UTC)


def _ending(**changes: object) -> Agreement:
    return an_agreement(expires=END, **changes)


def test_a_register_with_an_ended_agreement_is_refused() -> None:
    register = a_register(a_provider(agreements=(_ending(),)))

    check_expiry(register, END - SECOND)
    with pytest.raises(PolicyInvalidError) as error:
        check_expiry(register, END)

    assert error.value.public == (
        "providers.yaml: agreement 'BAA-2026-014' of provider 'example-cloud' expired at 2027-01-01 00:00 UTC; remove "
        "it and enter the one that follows, or remove the provider."
    )


def test_a_register_with_an_ended_pin_is_refused() -> None:
    register = a_register(a_provider(endpoint=an_endpoint(ca_pem=a_ca_pem("old", expires=END))))

    check_expiry(register, END - SECOND)
    with pytest.raises(PolicyInvalidError, match=r"host 'api\.cloud\.example' expired at 2027-01-01"):
        check_expiry(register, END)


def test_a_pin_lasts_as_long_as_its_last_certificate() -> None:
    pem = a_ca_pem("old", expires=END) + a_ca_pem()

    assert pin_ends(a_provider(endpoint=an_endpoint(ca_pem=pem))) == EXPIRES


def test_an_empty_register_has_nothing_to_say() -> None:
    check_expiry({}, END)

    assert warnings({}, END) == ()


@pytest.mark.parametrize(
    ("before", "threshold", "days_left"),
    [
        (60 * DAY, 60, 60),
        (30 * DAY + SECOND, 60, 30),
        (30 * DAY, 30, 30),
        (8 * DAY, 30, 8),
        (7 * DAY, 7, 7),
        (DAY, 7, 1),
        (SECOND, 7, 0),
        (0 * DAY, 0, 0),
        (-400 * DAY, 0, 0),
    ],
)
def test_people_are_told_sixty_thirty_and_seven_days_ahead_and_at_the_end(
    before: timedelta, threshold: int, days_left: int
) -> None:
    [warning] = warnings(a_register(a_provider(agreements=(_ending(),))), END - before)

    assert (warning.threshold, warning.days_left, warning.expires) == (threshold, days_left, END)
    assert (warning.provider, warning.agreement) == ("example-cloud", "BAA-2026-014")


def test_nobody_is_told_before() -> None:
    assert warnings(a_register(a_provider(agreements=(_ending(),))), END - 60 * DAY - SECOND) == ()


@pytest.mark.parametrize(
    ("before", "sentence"),
    [
        (8 * DAY, "expires in 8 days, at 2027-01-01 00:00 UTC; from then on provider 'example-cloud' is closed. Renew"),
        (DAY, "expires in 1 day, at 2027-01-01 00:00 UTC; from then on"),
        (SECOND, "expires within a day, at 2027-01-01 00:00 UTC; from then on"),
        (-DAY, "expired at 2027-01-01 00:00 UTC: provider 'example-cloud' is closed until two officers approve"),
    ],
)
def test_the_warning_says_what_happens_and_what_to_do(before: timedelta, sentence: str) -> None:
    [warning] = warnings(a_register(a_provider(agreements=(_ending(),))), END - before)

    assert warning.sentence.startswith(f"Agreement BAA-2026-014 with Example Cloud Inc. {sentence}")


def test_an_agreement_that_another_follows_needs_no_warning() -> None:
    follows = an_agreement(id="B", effective=END)

    assert warnings(a_register(a_provider(agreements=(_ending(), follows))), END - DAY) == ()
    assert warnings(a_register(a_provider(agreements=(_ending(), follows))), END + DAY) == ()


@pytest.mark.parametrize(
    ("ending", "follows"),
    [
        ({}, {"tasks": frozenset({"discharge-summary"})}),
        ({"tasks": frozenset({"a", "b"})}, {"tasks": frozenset({"b"})}),
        ({}, {"models": frozenset({"frontier-2026-03-01"})}),
        ({}, {"regions": frozenset({"eu-west-1"})}),
        ({}, {"purposes": frozenset[str]()}),
        ({}, {"effective": END + DAY}),
        ({}, {"effective": EFFECTIVE, "expires": END}),
    ],
)
def test_one_that_covers_less_does_not_follow(ending: dict[str, object], follows: dict[str, object]) -> None:
    later = an_agreement(**{"id": "B", "effective": END, **follows})
    register = a_register(a_provider(models=(a_model(),), agreements=(_ending(**ending), later)))

    assert "BAA-2026-014" in [each.agreement for each in warnings(register, END - DAY)]


def test_one_that_covers_more_follows() -> None:
    few, more = frozenset({"a"}), frozenset({"a", "b"})
    for later in (an_agreement(id="B", effective=END, tasks=more), an_agreement(id="B", effective=END)):
        register = a_register(a_provider(agreements=(_ending(tasks=few), later)))

        assert warnings(register, END - DAY) == ()


def test_the_most_urgent_comes_first() -> None:
    later = a_provider(name="a-later", agreements=(an_agreement(id="L", expires=END + 3 * DAY),))
    sooner = a_provider(name="b-sooner", agreements=(_ending(),))

    assert [each.provider for each in warnings(a_register(later, sooner), END - DAY)] == ["b-sooner", "a-later"]
