"""What the demo asks over HTTPS and what must come back, step by step.

Each step states what must be true and holds what came against it, so the demo fails when the appliance does something
else, however good it looks.  Every request names one made-up patient, so that the trail can be asked for exactly these.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping

import httpx

from appliance.cli import demo_notes
from appliance.cli.demo_stage import Stage
from appliance.policy.question import SANDBOX

TASKS = ("document-classification", "medical-coding", "scheduling-message", "discharge-summary")
"""What the demo's client may use."""

TENANT = SANDBOX
"""The illustrative evidence counts there only, and the demo shows routes that it opens and closes."""

NUMBERS = (r"\d[\d.]* % of \d+", r"upper bound \d", r"threshold of \d")
"""What a refusal for want of quality must tell in its sentence: the rate and the cases, the bound, the threshold."""


def models(stage: Stage) -> None:
    """List the tasks that the client may use, as an OpenAI client lists models."""
    stage.title("GET /v1/models: what this client may use")
    answer = stage.http.get("/v1/models")
    names = sorted(str(model["id"]) for model in answer.json().get("data", []))
    stage.say("tasks", ", ".join(names))
    stage.expect("exactly the granted tasks are listed", holds=names == sorted(TASKS), found=names)


def classification(stage: Stage) -> None:
    """File a passage under its section."""
    stage.title("POST /api/v1/tasks/document-classification: under which heading does this passage belong?")
    body = _draft(stage, "document-classification", {"text": demo_notes.CLASSIFICATION})
    section = _output(body).get("section")
    stage.expect("the section is one of the headings", holds=isinstance(section, str) and bool(section), found=section)


def coding(stage: Stage) -> None:
    """Suggest codes with the words that support them."""
    stage.title("POST /api/v1/tasks/medical-coding: which ICD-10-CM codes does this visit support?")
    codes = _output(_draft(stage, "medical-coding", {"note": demo_notes.CODING})).get("codes")
    found = codes if isinstance(codes, list) else []
    stage.expect("at least one code is suggested", holds=bool(found), found=codes)
    stage.expect(
        "every code stands on the note's own words",
        holds=all(_is_quoted(code.get("evidence", {}), demo_notes.CODING) for code in found),
        found=codes,
    )


def message(stage: Stage) -> None:
    """Draft a message to a patient, with the typed API."""
    stage.title("POST /api/v1/tasks/scheduling-message: a message to the patient")
    body = _draft(stage, "scheduling-message", {"request": demo_notes.SCHEDULING, "channel": "portal"})
    text = _output(body).get("message")
    stage.expect("there is a message", holds=isinstance(text, str) and bool(text.strip()), found=text)


def streamed_message(stage: Stage) -> None:
    """Draft the same as an OpenAI client would, word by word."""
    stage.title("POST /v1/chat/completions, streaming: the same by OpenAI's API")
    asked = {
        "model": "scheduling-message",
        "messages": [{"role": "user", "content": demo_notes.SCHEDULING}],
        "stream": True,
    }
    with stage.http.stream("POST", "/v1/chat/completions", json=asked, headers=_about(stage)) as answer:
        stage.exchanges["chat"] = answer.headers.get("appliance-exchange", "")
        if answer.status_code != httpx.codes.OK:
            answer.read()
            stage.expect("it is answered", holds=False, found=_sentence(answer))
            return
        events = list(_events(answer))
    chunks = [json.loads(event) for event in events if event != "[DONE]"]
    choices = [choice for chunk in chunks for choice in chunk.get("choices", [])]
    pieces = [choice["delta"]["content"] for choice in choices if choice.get("delta", {}).get("content")]
    finish = [choice["finish_reason"] for choice in choices if choice.get("finish_reason")]
    stage.say("draft", "".join(pieces))
    reasons = [reason for chunk in chunks for reason in chunk.get("appliance", {}).get("reasons", [])]
    stage.provenance(answer.headers, reasons)
    stage.expect("it came piece by piece", holds=len(pieces) > 1, found=f"{len(pieces)} pieces")
    stage.expect("it ended as a whole answer", holds=events[-1:] == ["[DONE]"] and len(finish) == 1, found=finish)


def refusal(stage: Stage) -> None:
    """Ask for what the evidence does not allow."""
    stage.title("POST /api/v1/tasks/discharge-summary: what the evidence does not allow")
    answer = _post(stage, "discharge-summary", {"notes": demo_notes.DISCHARGE})
    body, sentence = _object(answer), _sentence(answer)
    stage.say("refused", sentence)
    stage.expect("no draft is given", holds=answer.status_code == httpx.codes.FORBIDDEN, found=answer.status_code)
    stage.expect("the code is route_refused", holds=body.get("code") == "route_refused", found=body.get("code"))
    missing = [pattern for pattern in NUMBERS if not re.search(pattern, sentence)]
    stage.expect("one sentence tells rate, bound and threshold", holds=not missing, found=sentence)


def wrong_key(stage: Stage) -> None:
    """Try to come in with a key that was never issued."""
    stage.title("GET /v1/models with a wrong key")
    answer = stage.http.get("/v1/models", headers={"Authorization": "Bearer sk-appl-0000000000000000-wrong"})
    stage.say("answer", _sentence(answer))
    stage.expect("it is refused", holds=answer.status_code == httpx.codes.UNAUTHORIZED, found=answer.status_code)


STEPS: tuple[Callable[[Stage], None], ...] = (
    models,
    classification,
    coding,
    message,
    streamed_message,
    refusal,
    wrong_key,
)
"""The requests, in the order in which they are shown."""


def _draft(stage: Stage, task: str, given: Mapping[str, str]) -> dict[str, object]:
    """Ask for a draft, show it with its provenance, and return the answer's body."""
    answer = _post(stage, task, given)
    body = _object(answer)
    if not stage.expect("it is answered", holds=answer.status_code == httpx.codes.OK, found=_sentence(answer)):
        return {}
    for line in _lines(_output(body)):
        stage.say("draft", line)
    told = body.get("warnings")
    for warning in told if isinstance(told, list) else []:
        stage.say("warning", warning)
    stage.provenance(answer.headers, body.get("reasons"))
    return body


def _lines(output: Mapping[str, object]) -> Iterator[str]:
    """Return a draft as a person reads it: one line a code, or the text."""
    for name, value in output.items():
        if isinstance(value, list):
            yield from (f"{code.get('code')}  {code.get('description')}  <- {_quote(code)}" for code in value)
        else:
            yield value if isinstance(value, str) else json.dumps({name: value}, ensure_ascii=False)


def _quote(code: Mapping[str, object]) -> str:
    evidence = code.get("evidence")
    return f'"{evidence.get("text")}"' if isinstance(evidence, dict) else "no evidence"


def _post(stage: Stage, task: str, given: Mapping[str, str]) -> httpx.Response:
    stage.say("input", next(iter(given.values())))
    answer = stage.http.post(f"/api/v1/tasks/{task}", json={"input": dict(given)}, headers=_about(stage))
    stage.exchanges[task] = answer.headers.get("appliance-exchange", "") or str(_object(answer).get("exchange", ""))
    return answer


def _about(stage: Stage) -> dict[str, str]:
    return {"Appliance-Patient": stage.patient, "Appliance-User": stage.user}


def _output(body: Mapping[str, object]) -> dict[str, object]:
    output = body.get("output")
    return output if isinstance(output, dict) else {}


def _object(answer: httpx.Response) -> dict[str, object]:
    try:
        body = answer.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _sentence(answer: httpx.Response) -> str:
    """Return what an error says, in either of the two forms."""
    body = _object(answer)
    error = body.get("error")
    said = error.get("message") if isinstance(error, dict) else body.get("detail")
    return str(said or f"HTTP {answer.status_code}")


def _is_quoted(evidence: Mapping[str, object], note: str) -> bool:
    start, end = evidence.get("start"), evidence.get("end")
    return isinstance(start, int) and isinstance(end, int) and note[start:end] == evidence.get("text") != ""


def _events(answer: httpx.Response) -> Iterator[str]:
    for line in answer.iter_lines():
        if line.startswith("data: "):
            yield line.removeprefix("data: ")
