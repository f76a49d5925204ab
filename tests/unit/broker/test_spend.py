"""A day's money is spent once, over restarts too, and what nobody can count is not spent."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from appliance.broker.not_sent import NotSentError
from appliance.broker.spend import MILLION, Spend, cost_micro_usd
from appliance.policy.register import Ceilings
from tests.support.registers import a_model, a_provider

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
TODAY = NOON.date()
PROVIDER = a_provider(ceilings=Ceilings(usd_per_day=1.0))


class _Time:
    now = NOON

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def time() -> _Time:
    return _Time()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "spend.json"


def test_a_price_is_rounded_up_to_a_millionth() -> None:
    model = a_model(input_usd_per_million=0.15, output_usd_per_million=0.6)

    assert cost_micro_usd(model, prompt_tokens=1, completion_tokens=0) == 1
    assert cost_micro_usd(model, prompt_tokens=1000, completion_tokens=100) == 210


def test_what_is_reserved_counts_before_the_call_and_is_corrected_after(file: Path, time: _Time) -> None:
    spend = Spend(file, now=time)
    day = spend.reserve(PROVIDER, 900_000)
    assert spend.of("example-cloud") == 900_000

    spend.settle(PROVIDER, day=day, reserved=900_000, spent=1_500)

    assert (day, spend.of("example-cloud"), spend.of("another")) == (TODAY, 1_500, 0)


def test_above_the_ceiling_nothing_is_reserved(file: Path, time: _Time) -> None:
    spend = Spend(file, now=time)
    spend.reserve(PROVIDER, MILLION)

    with pytest.raises(NotSentError, match="ceiling_reached") as refused:
        spend.reserve(PROVIDER, 1)

    assert "has 1.00 USD a day, and 1.00 are spent" in refused.value.reason
    assert spend.of("example-cloud") == MILLION


def test_a_restart_and_a_crash_in_the_middle_of_a_call_forget_nothing(file: Path, time: _Time) -> None:
    Spend(file, now=time).reserve(PROVIDER, 700_000)

    again = Spend(file, now=time)

    assert again.of("example-cloud") == 700_000
    with pytest.raises(NotSentError):
        again.reserve(PROVIDER, 700_000)
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_new_day_begins_with_nothing_spent(file: Path, time: _Time) -> None:
    spend = Spend(file, now=time)
    yesterday = spend.reserve(PROVIDER, MILLION)
    time.now += timedelta(days=1)
    assert spend.of("example-cloud") == 0

    spend.reserve(PROVIDER, 10)
    spend.settle(PROVIDER, day=yesterday, reserved=MILLION, spent=0)

    assert spend.of("example-cloud") == 10


def test_a_clock_that_is_set_back_gives_no_second_day(file: Path, time: _Time) -> None:
    Spend(file, now=time).reserve(PROVIDER, MILLION)
    time.now -= timedelta(days=3)

    with pytest.raises(NotSentError):
        Spend(file, now=time).reserve(PROVIDER, 1)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"nonsense",
        b"[]",
        b"[" * 100_000,
        b"\xff",
        json.dumps({"format": 2, "day": "2026-11-23", "micro_usd": {}}).encode(),
        json.dumps({"format": 1, "day": "someday", "micro_usd": {}}).encode(),
        json.dumps({"format": 1, "day": "2026-11-23", "micro_usd": {"a": -1}}).encode(),
        json.dumps({"format": 1, "day": "2026-11-23", "micro_usd": {"a": 1.5}}).encode(),
        json.dumps({"format": 1, "day": "2026-11-23", "micro_usd": {"a": True}}).encode(),
    ],
    ids=lambda content: repr(content[:40]),
)
def test_a_file_that_is_no_count_spends_nothing_until_a_person_has_looked(
    file: Path, time: _Time, content: bytes
) -> None:
    file.write_bytes(content)
    spend = Spend(file, now=time)

    with pytest.raises(NotSentError, match="ceiling_reached") as refused:
        spend.reserve(PROVIDER, 1)

    assert "remove the file, then restart" in refused.value.reason
    assert "cannot be read" in spend.fault()
    assert file.read_bytes() == content, "what a person has to look at is left as it is"
    file.unlink()
    assert Spend(file, now=time).reserve(PROVIDER, 1) == TODAY


def test_what_cannot_be_written_is_not_spent_and_is_tried_again(tmp_path: Path, time: _Time) -> None:
    folder = tmp_path / "broker"
    spend = Spend(folder / "spend.json", now=time)

    with pytest.raises(NotSentError, match="ceiling_reached") as refused:
        spend.reserve(PROVIDER, 5)

    assert "cannot be kept" in refused.value.reason
    assert "cannot be kept" in spend.fault()
    assert spend.of("example-cloud") == 0
    folder.mkdir()
    assert spend.fault() == ""
    spend.reserve(PROVIDER, 7)
    assert Spend(folder / "spend.json", now=time).of("example-cloud") == 7


def test_a_count_that_cannot_be_corrected_stays_at_the_most(file: Path, time: _Time) -> None:
    spend = Spend(file, now=time)
    day = spend.reserve(PROVIDER, 500)
    spend.settle(PROVIDER, day=date.min, reserved=500, spent=0)

    assert spend.of("example-cloud") == 500
    spend.settle(PROVIDER, day=day, reserved=900, spent=0)
    assert spend.of("example-cloud") == 0, "never below nothing"
