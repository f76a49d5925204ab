"""The bounds against the exact binomial sums that define them, and against scipy where it is installed."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.policy.bounds import bounds

CASES = st.integers(1, 300).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n)))
CONFIDENCE = st.sampled_from([0.5, 0.8, 0.9, 0.95, 0.99, 0.999])


def _at_most(edited: int, cases: int, share: float) -> float:
    """Return the chance of at most so many edits if each draft is edited with this chance."""
    return math.fsum(math.comb(cases, k) * share**k * (1 - share) ** (cases - k) for k in range(edited + 1))


@given(CASES, CONFIDENCE)
def test_the_upper_bound_is_the_share_at_which_so_few_edits_are_just_too_rare(
    counts: tuple[int, int], confidence: float
) -> None:
    cases, edited = counts

    upper = bounds(cases=cases, edited=edited, confidence=confidence)[1]

    if edited == cases:
        assert upper == 1.0
    else:
        assert _at_most(edited, cases, upper) == pytest.approx((1 - confidence) / 2, rel=1e-6)


@given(CASES, CONFIDENCE)
def test_the_lower_bound_is_the_share_at_which_so_many_edits_are_just_too_rare(
    counts: tuple[int, int], confidence: float
) -> None:
    cases, edited = counts

    lower = bounds(cases=cases, edited=edited, confidence=confidence)[0]

    if edited == 0:
        assert lower == 0.0
    else:
        assert 1 - _at_most(edited - 1, cases, lower) == pytest.approx((1 - confidence) / 2, rel=1e-5, abs=1e-9)


@given(CASES, CONFIDENCE)
def test_the_bounds_mirror_when_edited_and_unedited_change_places(counts: tuple[int, int], confidence: float) -> None:
    cases, edited = counts

    lower, upper = bounds(cases=cases, edited=edited, confidence=confidence)
    mirrored = bounds(cases=cases, edited=cases - edited, confidence=confidence)

    assert (1 - upper, 1 - lower) == pytest.approx(mirrored, abs=1e-11)


@given(CASES, CONFIDENCE)
def test_the_bounds_enclose_the_rate_and_one_more_edit_raises_them(counts: tuple[int, int], confidence: float) -> None:
    cases, edited = counts

    lower, upper = bounds(cases=cases, edited=edited, confidence=confidence)

    assert 0 <= lower <= edited / cases <= upper <= 1
    if edited < cases:
        more = bounds(cases=cases, edited=edited + 1, confidence=confidence)
        assert more[0] > lower
        assert more[1] > upper or upper == 1


@given(CASES, CONFIDENCE)
def test_the_bounds_are_those_of_scipy(counts: tuple[int, int], confidence: float) -> None:
    stats = pytest.importorskip("scipy.stats", reason="scipy is no dependency; install it to compare")
    cases, edited = counts

    interval = stats.binomtest(edited, cases).proportion_ci(confidence, method="exact")

    assert bounds(cases=cases, edited=edited, confidence=confidence) == pytest.approx(tuple(interval), abs=1e-9)
