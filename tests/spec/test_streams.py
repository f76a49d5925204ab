"""# Honest streams: a truncated or spliced answer is never shown as success."""

import json
import time

import pytest

from tests.spec.conftest import Hospital
from tests.support.replay_engine import Fault, Reply

TEXT = "We look forward to seeing you in the morning. " * 10
BREAKS = (Fault.RESET, Fault.TRUNCATED, Fault.NO_FINISH, Fault.MALFORMED, Fault.WRONG_SHAPE, Fault.ERROR_EVENT)


def test_a_whole_stream_ends_with_its_finish_and_done(hospital: Hospital) -> None:
    hospital.engine.enqueue(Reply(text=TEXT))

    events = stream(hospital)

    assert events[-1] == "[DONE]"
    assert json.loads(events[-2])["choices"][0]["finish_reason"] == "stop"


@pytest.mark.parametrize("fault", BREAKS)
def test_a_stream_that_breaks_off_ends_with_an_error_and_without_a_finish(hospital: Hospital, fault: Fault) -> None:
    hospital.engine.enqueue(Reply(text=TEXT, fault=fault, after=40))

    events = stream(hospital)

    assert events[-1] != "[DONE]"
    assert "error" in json.loads(events[-1])
    assert not any('"finish_reason":"stop"' in event.replace(" ", "") for event in events)


def test_the_trail_says_that_the_stream_was_incomplete(hospital: Hospital) -> None:
    hospital.engine.enqueue(Reply(text=TEXT, fault=Fault.RESET, after=40))

    first = json.loads(stream(hospital)[0])
    shown = wait_for_outcome(hospital, first["appliance"]["exchange"])

    assert shown["outcome"] == "incomplete"


def test_a_caller_that_hangs_up_stops_the_engine_and_the_record_says_so(hospital: Hospital) -> None:
    hospital.engine.enqueue(Reply(text=TEXT, token_delay_s=0.1))
    aborted = hospital.engine.aborted

    with hospital.http.stream("POST", "/v1/chat/completions", json=body()) as answer:
        next(answer.iter_lines())
        exchange = answer.headers["Appliance-Exchange"]
    shown = wait_for_outcome(hospital, exchange)

    assert hospital.engine.aborted == aborted + 1
    assert shown["outcome"] == "cancelled"


def test_what_the_caller_never_sent_is_withheld_also_across_pieces(hospital: Hospital) -> None:
    hospital.engine.enqueue(Reply(text="Please call 617 - 555 - 0 1 2 3 or 617-555-0123 to confirm."))

    text = "".join(json.loads(event)["choices"][0]["delta"].get("content") or "" for event in pieces(stream(hospital)))

    assert "617-555-0123" not in text
    assert "withheld" in text


def body() -> dict:
    """Return a streamed request."""
    return {
        "model": "scheduling-message",
        "stream": True,
        "messages": [{"role": "user", "content": "Visit moved to Thursday at 10."}],
    }


def stream(hospital: Hospital) -> list[str]:
    """Send a streamed request and return the data of its events."""
    with hospital.http.stream("POST", "/v1/chat/completions", json=body()) as answer:
        assert answer.status_code == 200, answer.read()
        return [line.removeprefix("data: ") for line in answer.iter_lines() if line.startswith("data: ")]


def pieces(events: list[str]) -> list[str]:
    """Return the events that carry a piece of the answer."""
    return [event for event in events if event != "[DONE]" and json.loads(event).get("choices")]


def wait_for_outcome(hospital: Hospital, exchange: str) -> dict:
    """Return the row of an exchange once its outcome is there."""
    for _ in range(50):
        rows = json.loads(hospital.appliance.audit("query", "--exchange", exchange, "--json").stdout)
        rows = rows if isinstance(rows, list) else rows["rows"]
        if rows and rows[0].get("outcome"):
            return rows[0]
        time.sleep(0.1)
    raise AssertionError(f"no outcome of {exchange}")
