import pytest

from appliance.policy import bounds as module
from appliance.policy.bounds import bounds


@pytest.mark.parametrize(
    ("edited", "cases", "confidence", "lower", "upper"),
    [
        # Published values: Clopper and Pearson's 95 % limits as in Newcombe, Statistics in Medicine 17 (1998), table I.
        (81, 263, 0.95, 0.2527, 0.3676),
        (15, 148, 0.95, 0.0578, 0.1617),
        (0, 20, 0.95, 0.0000, 0.1684),
        (1, 29, 0.95, 0.0009, 0.1776),
    ],
)
def test_the_bounds_are_the_published_ones(
    edited: int, cases: int, confidence: float, lower: float, upper: float
) -> None:
    assert bounds(cases=cases, edited=edited, confidence=confidence) == pytest.approx((lower, upper), abs=5e-5)


def test_the_reference_example_fails_locally_and_meets_managed() -> None:
    local = bounds(cases=500, edited=210, confidence=0.95)
    managed = bounds(cases=500, edited=120, confidence=0.95)

    assert local[1] == pytest.approx(0.4646, abs=5e-5)
    assert managed[1] == pytest.approx(0.2799, abs=5e-5)


def test_nothing_is_known_of_no_cases() -> None:
    assert bounds(cases=0, edited=0, confidence=0.95) == (0.0, 1.0)


@pytest.mark.parametrize("edited", [0, 1, 500_000, 999_999, 1_000_000])
def test_a_million_cases_are_computed(edited: int) -> None:
    lower, upper = bounds(cases=1_000_000, edited=edited, confidence=0.999)

    assert 0 <= lower <= edited / 1_000_000 <= upper <= 1
    assert upper - lower < 0.004


def test_arithmetic_that_does_not_converge_is_a_fault_of_ours() -> None:
    with pytest.raises(RuntimeError, match="did not converge"):
        module._fraction(1e12, 1e12, 0.5)  # noqa: SLF001
