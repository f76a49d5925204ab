"""When the same bytes go again: at the provider's word alone."""

import pytest

from appliance.broker.retry import MOST_WAIT_S, repeat_after_s, wait_of

DATE = "Mon, 23 Nov 2026 17:00:00 GMT"


@pytest.mark.parametrize("status", [429, 503, 529])
def test_three_statuses_with_a_time_ask_for_it(status: int) -> None:
    assert repeat_after_s(status, {"retry-after": "2"}) == 2.0
    assert repeat_after_s(status, {"retry-after": "0"}) == 0.25
    assert repeat_after_s(status, {"retry-after": "Mon, 23 Nov 2026 17:00:07 GMT", "date": DATE}) == 7.0


@pytest.mark.parametrize("status", [200, 400, 401, 403, 408, 409, 425, 500, 502, 504])
def test_no_other_status_does(status: int) -> None:
    assert repeat_after_s(status, {"retry-after": "1"}) is None


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"retry-after": ""},
        {"retry-after": "soon"},
        {"retry-after": "-1"},
        {"retry-after": "1.5"},
        {"retry-after": "\u0662"},
        {"retry-after": "Mon, 23 Nov 2026 17:00:07 GMT"},
        {"retry-after": "Mon, 23 Nov 2026 17:00:07 GMT", "date": "yesterday"},
        {"retry-after": "Mon, 23 Nov 2026 16:00:07 GMT", "date": DATE},
        {"retry-after": "Mon, 23 Nov 2026 17:00:07", "date": DATE},
        {"retry-after": "1", "x-should-retry": "false"},
    ],
)
def test_without_a_time_that_can_be_read_nothing_goes_again(headers: dict[str, str]) -> None:
    assert repeat_after_s(429, headers) is None


def test_a_wait_is_bounded() -> None:
    assert wait_of({"retry-after": "9" * 5000}) == MOST_WAIT_S
    assert wait_of({"retry-after": "Mon, 23 Nov 2099 17:00:00 GMT", "date": DATE}) == MOST_WAIT_S
