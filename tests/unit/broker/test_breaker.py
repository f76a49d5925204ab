"""A provider that fails is left alone, and tried again with one request."""

from typing import Literal

import pytest

from appliance.broker.breaker import FAILURES, FIRST_PAUSE_S, LAST_PAUSE_S, Breaker
from appliance.broker.not_sent import NotSentError
from tests.support.turned_clock import TurnedClock


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock()


@pytest.fixture
def breaker(clock: TurnedClock) -> Breaker:
    return Breaker(clock.monotonic_s)


def _fail(breaker: Breaker, times: int = FAILURES) -> None:
    for _ in range(times):
        breaker.enter()
        breaker.failed("unavailable")


def test_some_failures_close_nothing(breaker: Breaker) -> None:
    _fail(breaker, FAILURES - 1)

    assert (breaker.state, breaker.reason()) == ("open", "")
    breaker.enter()


def test_a_success_forgets_the_failures_before_it(breaker: Breaker) -> None:
    _fail(breaker, FAILURES - 1)
    breaker.succeeded()
    _fail(breaker, FAILURES - 1)

    assert breaker.state == "open"


def test_failures_in_a_row_close_the_way_for_a_pause(breaker: Breaker, clock: TurnedClock) -> None:
    _fail(breaker)

    with pytest.raises(NotSentError) as refused:
        breaker.enter()
    assert (refused.value.code, refused.value.retry_after_s) == ("provider_closed", int(FIRST_PAUSE_S))
    clock.advance(FIRST_PAUSE_S - 0.5)
    assert breaker.state == "closed"
    assert "for 1 s more" in breaker.reason()


def test_after_the_pause_one_request_tries_and_no_second_one(breaker: Breaker, clock: TurnedClock) -> None:
    _fail(breaker)
    clock.advance(FIRST_PAUSE_S)

    assert breaker.state == "probing"
    breaker.enter()
    with pytest.raises(NotSentError, match="provider_closed"):
        breaker.enter()


def test_a_probe_that_succeeds_opens_the_way(breaker: Breaker, clock: TurnedClock) -> None:
    _fail(breaker)
    clock.advance(FIRST_PAUSE_S)
    breaker.enter()
    breaker.succeeded()

    breaker.enter()
    breaker.enter()
    assert breaker.state == "open"


def test_a_probe_that_fails_doubles_the_pause_up_to_a_bound(breaker: Breaker, clock: TurnedClock) -> None:
    _fail(breaker)
    pauses = []
    for _ in range(8):
        waited = 0
        while breaker.state == "closed":
            clock.advance(1)
            waited += 1
        pauses.append(waited)
        _fail(breaker, 1)

    assert pauses == [10, 20, 40, 80, 160, 300, 300, 300]


def test_a_probe_that_was_given_up_lets_the_next_one_try(breaker: Breaker, clock: TurnedClock) -> None:
    _fail(breaker)
    clock.advance(FIRST_PAUSE_S)
    breaker.enter()
    breaker.left()

    breaker.enter()


def test_a_refused_credential_closes_the_way_at_once(breaker: Breaker) -> None:
    breaker.enter()
    breaker.failed("unauthorized")

    assert breaker.state == "closed"


def test_a_request_that_the_provider_does_not_like_is_no_failure_of_the_provider(breaker: Breaker) -> None:
    for _ in range(2 * FAILURES):
        breaker.enter()
        breaker.failed("rejected")

    assert breaker.state == "open"


@pytest.mark.parametrize("fault", ["unavailable", "busy", "timeout", "broken"])
def test_what_counts_as_a_failure(breaker: Breaker, fault: Literal["unavailable", "busy", "timeout", "broken"]) -> None:
    for _ in range(FAILURES):
        breaker.enter()
        breaker.failed(fault)

    assert breaker.state == "closed"


def test_a_provider_that_asks_for_more_time_gets_it_within_bounds(breaker: Breaker, clock: TurnedClock) -> None:
    _fail(breaker, FAILURES - 1)
    breaker.enter()
    breaker.failed("busy", retry_after_s=60)
    clock.advance(59)
    assert breaker.state == "closed"

    clock.advance(1)
    breaker.enter()
    breaker.failed("busy", retry_after_s=10**9)
    clock.advance(LAST_PAUSE_S)
    assert breaker.state == "probing"
