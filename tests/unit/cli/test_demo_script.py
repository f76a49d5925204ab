"""The demo believes nothing: whatever is not as it must be, it names and fails."""

import io
import json
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from rich.console import Console

from appliance.cli import demo_notes, demo_script
from appliance.cli.demo_stage import Stage
from appliance.cli.supervisor_state import Running
from appliance.config import Config

HEADERS = {
    "Appliance-Exchange": "ex_1",
    "Appliance-Route": "local",
    "Appliance-Evidence": "meets; illustrative",
    "Appliance-Model": "m@sha256:0",
    "Appliance-Receipt": "audit1.abc",
}
SENTENCE = (
    "42.0 % of 500 local drafts were edited; the 95 % upper bound 46.4 % is above this task's threshold of 30 %; "
    "no route is open."
)


def _ok(output: object) -> httpx.Response:
    return httpx.Response(200, headers=HEADERS, json={"output": output, "reasons": ["8 % of 500 drafts were edited."]})


def _code(start: int, end: int, text: str) -> dict[str, object]:
    return {"code": "E11.9", "description": "d", "evidence": {"text": text, "start": start, "end": end}}


def _stream(*lines: str) -> httpx.Response:
    return httpx.Response(200, headers=HEADERS, text="".join(f"data: {line}\n\n" for line in lines))


def _chunk(content: str | None, finish: str | None = None) -> str:
    choice = {"delta": {"content": content} if content else {}, "finish_reason": finish}
    return json.dumps({"choices": [choice], "appliance": {"reasons": ["because"]}})


def _play(step: Callable[[Stage], None], answer: httpx.Response) -> Stage:
    """Play one step against a gateway that gives one answer."""
    running = Running(
        pid=1, boot="b", since="", home=Path("/h"), url="https://a", console_url="", metrics_url="", ca=Path("/ca")
    )
    transport = httpx.MockTransport(lambda _request: answer)
    with httpx.Client(base_url="https://appliance.test", transport=transport) as http:
        out = Console(file=io.StringIO())
        stage = Stage(config=Config(home=Path("/h")), running=running, http=http, out=out, patient="DEMO-1")
        step(stage)
    return stage


def _failed(stage: Stage) -> list[str]:
    return [check.what for check in stage.checks if not check.holds]


GOOD: dict[Callable[[Stage], None], httpx.Response] = {
    demo_script.models: httpx.Response(200, json={"data": [{"id": task} for task in demo_script.TASKS]}),
    demo_script.classification: _ok({"section": "MEDICATIONS"}),
    demo_script.coding: _ok({"codes": [_code(0, 11, demo_notes.CODING[:11])]}),
    demo_script.message: _ok({"message": "Dear patient, we look forward to seeing you."}),
    demo_script.streamed_message: _stream(_chunk("Dear "), _chunk("patient"), _chunk(None, "stop"), "[DONE]"),
    demo_script.refusal: httpx.Response(
        403, headers={"Appliance-Exchange": "ex_1"}, json={"code": "route_refused", "detail": SENTENCE}
    ),
    demo_script.wrong_key: httpx.Response(401, json={"error": {"message": "Send a valid API key."}}),
}

BAD: list[tuple[Callable[[Stage], None], httpx.Response, str]] = [
    (demo_script.models, httpx.Response(200, json={"data": [{"id": "everything"}]}), "granted tasks"),
    (demo_script.classification, _ok({"section": ""}), "one of the headings"),
    (demo_script.classification, httpx.Response(503, json={"detail": "not now"}), "it is answered"),
    (demo_script.classification, httpx.Response(502, text="<html>"), "it is answered"),
    (demo_script.coding, _ok({"codes": []}), "at least one code"),
    (demo_script.coding, _ok({"codes": [_code(0, 5, "fever")]}), "note's own words"),
    (demo_script.coding, _ok({"codes": [_code(0, 0, "")]}), "note's own words"),
    (demo_script.coding, _ok({"codes": [{"code": "E11.9"}]}), "note's own words"),
    (demo_script.message, _ok({"message": " "}), "there is a message"),
    (demo_script.message, _ok({"message": 7}), "there is a message"),
    (demo_script.message, httpx.Response(200, json={"output": {"message": "m"}}), "local model"),
    (demo_script.message, httpx.Response(200, json={"output": {"message": "m"}}), "says why"),
    (demo_script.message, httpx.Response(200, json={"output": {"message": "m"}}), "receipt"),
    (demo_script.streamed_message, httpx.Response(503, json={"error": {"message": "no"}}), "it is answered"),
    (demo_script.streamed_message, _stream(_chunk("all at once", "stop"), "[DONE]"), "piece by piece"),
    (demo_script.streamed_message, _stream(_chunk("cut "), _chunk("off")), "whole answer"),
    (demo_script.refusal, _ok({"summary": "a draft"}), "no draft"),
    (demo_script.refusal, httpx.Response(403, json={"code": "not_permitted", "detail": SENTENCE}), "route_refused"),
    (demo_script.refusal, httpx.Response(403, json={"code": "route_refused", "detail": "No."}), "bound and threshold"),
    (demo_script.wrong_key, httpx.Response(200, json={"data": []}), "it is refused"),
]


@pytest.mark.parametrize("step", GOOD, ids=lambda step: step.__name__)
def test_what_is_as_it_must_be_passes(step: Callable[[Stage], None]) -> None:
    stage = _play(step, GOOD[step])

    assert _failed(stage) == []
    assert stage.checks


@pytest.mark.parametrize(("step", "answer", "named"), BAD, ids=lambda value: getattr(value, "__name__", None))
def test_what_is_not_as_it_must_be_is_named(step: Callable[[Stage], None], answer: httpx.Response, named: str) -> None:
    assert any(named in what for what in _failed(_play(step, answer)))


def test_every_exchange_is_kept_for_the_trail_also_of_a_failure() -> None:
    stage = _play(demo_script.message, httpx.Response(504, json={"exchange": "ex_9", "detail": "too late"}))

    assert stage.exchanges == {"scheduling-message": "ex_9"}


def test_a_long_draft_is_cut_and_counted() -> None:
    stage = _play(demo_script.message, _ok({"message": "\n".join(["line"] * 30)}))

    file = stage.out.file
    assert isinstance(file, io.StringIO)
    assert "... and 18 more lines" in file.getvalue()
