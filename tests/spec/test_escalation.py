"""# The way out: a task leaves the building only when everything opens it, and what comes back can do no harm."""

import json
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.policy.register import Provider
from audit.record import Kind
from tests.support.answering_provider import FOREIGN
from tests.support.canaries import NAME, PATIENT, PHONE, SSN, found_in
from tests.support.replay_engine import Reply
from tests.support.stand_ins import Behaviour
from tests.support.way_out import TASK, WayOut, registered, until, way_out

NOTE = f"Patient: {NAME}, record {PATIENT}, SSN {SSN}, phone {PHONE}. Admitted with pain; given furosemide 40 mg."
NAMED = {"Appliance-Patient": PATIENT, "Appliance-User": "dr.weiss"}

MEETS_LOCALLY = ("evidence.yaml", "edited: 210", "edited: 50")
"""The local drafts are good enough, so that only an outage or a flood could be a reason to ask elsewhere."""

FAILS_OVER = (f"tasks/{TASK}.yaml", "failover: false", "failover: true")

ACTS = re.compile(r"<[A-Za-z/!?]|\][(:]|https?://|[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""A tag, a link or image, an address, or what steers a terminal or a reader."""


@dataclass(frozen=True, slots=True)
class Form:
    """A surface, and whether the answer is streamed."""

    is_chat: bool
    is_streamed: bool

    def ask(self, way: WayOut, notes: str = NOTE, headers: dict[str, str] | None = None, **more: Any) -> httpx.Response:
        """Ask for a discharge summary of the patient."""
        with way.http() as http:
            return http.post(**self._request(notes, more), headers=NAMED if headers is None else headers)

    def _request(self, notes: str, more: dict[str, Any]) -> dict[str, Any]:
        if self.is_chat:
            messages = [{"role": "user", "content": notes}]
            body = {"model": TASK, "messages": messages, "stream": self.is_streamed, **more}
            return {"url": "/v1/chat/completions", "json": body}
        body = {"input": {"notes": notes}, "stream": self.is_streamed, **more}
        return {"url": f"/api/v1/tasks/{TASK}", "json": body}

    def shown(self, answer: httpx.Response) -> str:
        """Return the words that the caller is shown, decoded."""
        told = self.told(answer)
        if self.is_chat and self.is_streamed:
            return "".join(c["delta"].get("content") or "" for each in told for c in each.get("choices", []))
        if self.is_chat:
            return str(told[0]["choices"][0]["message"]["content"])
        if self.is_streamed:
            return "".join(each.get("text", "") for each in told)
        return str(told[0]["output"]["summary"])

    def told(self, answer: httpx.Response) -> list[Any]:
        """Return the objects of the answer: one, or those of its events."""
        if not answer.headers["content-type"].startswith("text/event-stream"):
            return [answer.json()]
        return [json.loads(line[6:]) for line in answer.text.splitlines() if line.startswith("data: {")]

    def code(self, answer: httpx.Response) -> str:
        """Return the code of the error that the answer is, or ends with; empty if it is none."""
        last = self.told(answer)[-1]
        return str(last.get("error", last).get("code", ""))


CHAT, CHAT_STREAM, TYPED, TYPED_STREAM = (Form(chat, streamed) for chat in (True, False) for streamed in (False, True))
FORMS = pytest.mark.parametrize(
    "form", [CHAT, CHAT_STREAM, TYPED, TYPED_STREAM], ids=["chat", "chat streamed", "typed", "typed streamed"]
)
STREAMS = pytest.mark.parametrize("form", [CHAT_STREAM, TYPED_STREAM], ids=["chat", "typed"])


@pytest.fixture(scope="module")
def way(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WayOut]:
    with way_out(tmp_path_factory.mktemp("way")) as made:
        TYPED.ask(made)  # The vendors' SDKs are loaded with the first request that leaves.
        yield made


@pytest.fixture(autouse=True)
def _fresh(way: WayOut) -> None:
    way.fresh()


@FORMS
def test_with_evidence_agreement_approval_and_a_named_patient_a_task_leaves_without_an_identifier(
    way: WayOut, form: Form
) -> None:
    answer = form.ask(way)

    assert answer.status_code == 200, answer.text
    assert NAME in form.shown(answer)
    assert (way.left, found_in(way.first.received[0].body), way.asked()) == (1, set(), [])


@FORMS
def test_an_answer_of_a_stand_in_says_sandbox_in_its_head_its_body_and_its_record(way: WayOut, form: Form) -> None:
    answer = form.ask(way)
    records = way.records(answer)

    member = form.told(answer)[0]
    assert answer.headers["Appliance-Sandbox"] == "SANDBOX"
    assert member.get("appliance", member)["managed"]["sandbox"] == "SANDBOX"
    assert "SANDBOX" in member.get("appliance", member)["warnings"][0]
    [disclosure] = [event for event in records if event.kind is Kind.DISCLOSURE]
    assert disclosure.facts["sandbox"] is True
    assert "SANDBOX" in disclosure.model


def test_without_a_named_patient_nothing_leaves(way: WayOut) -> None:
    assert refusals(way, headers={}) == {"route_refused"}


def test_a_task_that_no_agreement_covers_stays(way: WayOut) -> None:
    with way.changed(providers=both(way, tasks=frozenset({"medical-coding"}))):
        way.reload()
        way.approve()

        assert refusals(way) == {"route_refused"}


@pytest.mark.parametrize("edited", ["edited: 150", "edited: 119"], ids=["fails", "still meets"])
def test_evidence_that_somebody_changed_opens_nothing_until_two_people_have_approved_it(
    way: WayOut, edited: str
) -> None:
    with way.changed(("evidence.yaml", "edited: 120", edited)):
        way.reload()
        unapproved = refusals(way)
        way.approve()
        approved = TYPED.ask(way)

    assert unapproved == {"route_refused"}
    assert (approved.status_code == 200) == (edited == "edited: 119")


def test_an_agreement_edited_while_in_use_counts_only_once_two_different_people_have_approved_it(way: WayOut) -> None:
    with way.changed(providers=both(way, id="BAA-2027-001", document_sha256="6" * 64)):
        edited = TYPED.ask(way)
        way.reload()
        loaded = refusals(way)
        way.approve(requested_by="p.first", approved_by="P.First")
        by_one_person = refusals(way)
        way.approve()
        by_two = TYPED.ask(way)

    assert edited.headers["Appliance-Agreement"] == "BAA-2026-014"
    assert (loaded, by_one_person) == ({"route_refused"}, {"route_refused"})
    assert by_two.headers["Appliance-Agreement"] == "BAA-2027-001"


def test_a_clock_set_back_after_the_end_of_an_agreement_opens_nothing(way: WayOut) -> None:
    ends, hours = datetime.now(UTC) + timedelta(hours=1), timedelta(hours=2)
    with way.changed(providers=both(way, expires=ends)):
        way.reload()
        way.approve()
        before = TYPED.ask(way)
        way.clock.turn(hours)
        after = TYPED.ask(way)
        way.clock.turn(-hours)
        set_back = TYPED.ask(way)

    assert before.status_code == 200
    assert [each.json()["code"] for each in (after, set_back)] == ["route_refused"] * 2
    assert way.left == 1


HEADERS = {
    "Appliance-Data-Class": ["phi", "sensitive", "restricted", "public", ""],
    "Appliance-Restriction": ["vip", "none", "", "!vip"],
    "Appliance-Purpose": ["TREAT", "ETREAT", "BTG", "HPAYMT", ""],
    "Appliance-Patient": ["QX-1", "QX-2, QX-3", PATIENT, ""],
    "Appliance-User": ["dr.weiss", "root"],
    "Appliance-Deadline": ["5", "0"],
    **{
        f"{first}{name}": [value]
        for first in ("Appliance-", "X-", "X-Appliance-")
        for name, value in {
            "Route": "managed:first", "Provider": "first", "Agreement": "BAA-2026-014", "Evidence": "meets",
            "Failover": "true", "Sandbox": "SANDBOX", "Tenant": "sandbox", "Emergency": "1", "Override": "yes",
        }.items()
    },
    "X-Forwarded-For": ["127.0.0.1"],
    "X-HTTP-Method-Override": ["PUT"],
}  # fmt: skip
FIELDS = {
    "user": ["dr.weiss", "root"],
    "purpose": ["TREAT", "BTG"],
    "data_class": ["phi", "sensitive", "public"],
    "restrictions": [[], ["vip"], "none"],
    "metadata": [{"data_class": "phi"}, {"purpose": "TREAT"}, {"route": "managed"}, {"restrictions": ""}, None],
    "patient": ["QX-1", ["QX-1"]],
    "stream": [True, False],
    "temperature": [0, 1],
    **{name: ["managed:first", True, {}] for name in ("route", "provider", "failover", "evidence", "extra_body")},
}
MODELS = [TASK, "medical-coding", f"{TASK}@first", "managed:first", "claude-stand-in-1-20261101", "DISCHARGE-SUMMARY"]
CLOSED = {
    "a text under 42 CFR Part 2": (f"Substance use disorder program. {NOTE}", {}),
    "a patient who objected": (NOTE, {"Appliance-Patient": "QX-9"}),
    "nobody named": (NOTE, {}),
}
"""Requests that must stay, whatever is said beside them; the last one only where no patient is named beside it."""


def chosen(menu: dict[str, list[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """Return strategies for a few entries of a menu."""
    entries = st.sampled_from(sorted(menu)).flatmap(lambda name: st.tuples(st.just(name), st.sampled_from(menu[name])))
    return st.lists(entries, max_size=4).map(dict)


@settings(max_examples=40)
@given(
    why=st.sampled_from(sorted(CLOSED)),
    headers=chosen(HEADERS),
    fields=chosen(FIELDS),
    model=st.sampled_from(MODELS),
    form=st.sampled_from([CHAT, TYPED]),
)
def test_no_header_field_or_name_of_a_model_opens_a_way_out(
    way: WayOut, why: str, headers: dict[str, str], fields: dict[str, Any], model: str, form: Form
) -> None:
    notes, stated = CLOSED[why]
    way.excluded.kinds = {"QX-9": "opt-out"}
    if why == "nobody named":
        headers = {name: value for name, value in headers.items() if name != "Appliance-Patient"}
        fields = {name: value for name, value in fields.items() if name != "patient"}
    if form is CHAT:
        fields = {**fields, "model": model}

    answer = form.ask(way, notes, {**headers, **stated}, **fields)

    assert way.left == 0, answer.text
    assert found_in(answer.content) <= ({NAME, *NAME.split(), PATIENT, PHONE, SSN} if answer.is_success else set())


def test_an_outage_or_a_flood_opens_nothing_for_a_task_that_does_not_fail_over(way: WayOut) -> None:
    with way.changed(MEETS_LOCALLY):
        way.reload()
        way.approve()
        flood = flooded(way)
        with outage(way):
            lost = TYPED.ask(way)
            until(lambda: not way.gateway.appliance.engine.condition.is_ready)
            began_s = time.monotonic()
            waited = TYPED.ask(way, headers={**NAMED, "Appliance-Deadline": "1"})
            took_s = time.monotonic() - began_s

    assert {each.status_code for each in flood} == {200, 429}
    assert all(int(each.headers["Retry-After"]) > 0 for each in flood if each.status_code == 429)
    assert took_s > 0.9
    for each in (lost, waited):
        assert (each.status_code, int(each.headers["Retry-After"]) > 0) == (503, True)
        assert "usual template" in each.text
    assert way.left == 0


def test_a_task_that_fails_over_leaves_through_the_same_checks(way: WayOut) -> None:
    restricted = {**NAMED, "Appliance-Restriction": "vip"}
    with way.changed(MEETS_LOCALLY, FAILS_OVER):
        way.reload()
        way.approve()
        at_rest = TYPED.ask(way)
        flood = flooded(way)
        overflow = way.left
        with outage(way):
            kept = [TYPED.ask(way, headers=headers).status_code for headers in ({}, restricted)]
            stood_in = TYPED.ask(way)
        left = way.left

    assert at_rest.headers["Appliance-Route"] == "local"
    assert {each.headers["Appliance-Route"] for each in flood} == {"local", "managed:first"}
    assert kept == [503, 503]
    assert stood_in.json()["managed"]["failover"] is True
    assert left == overflow + 1


@STREAMS
@pytest.mark.parametrize(
    "loss", [Behaviour.RESET_MIDWAY, Behaviour.TRUNCATED, Behaviour.MALFORMED_EVENT, Behaviour.ERROR_MIDWAY]
)
def test_a_loss_in_the_middle_of_a_stream_is_an_error_and_an_incomplete_record_and_nobody_goes_on(
    way: WayOut, form: Form, loss: Behaviour
) -> None:
    way.first.enqueue(loss)

    answer = form.ask(way, NOTE + " Slept well. Walks with help." * 30)
    records = way.records(answer)

    assert form.code(answer) == "provider_stream_broken"
    assert "[DONE]" not in answer.text
    assert "event: done" not in answer.text
    assert records[-1].outcome == "incomplete"
    assert (way.left, way.asked()) == (1, [])


@FORMS
def test_a_model_that_declines_has_answered_and_nobody_else_is_asked(way: WayOut, form: Form) -> None:
    way.first.enqueue(Behaviour.REFUSAL)

    answer = form.ask(way)
    records = way.records(answer)

    if form.is_chat:
        assert "can't help" in answer.text
        assert records[-1].outcome == "answered"
    else:
        assert form.code(answer) == "model_refused"
    assert (way.left, way.asked()) == (1, [])


HOSTILE = [
    Behaviour.PROMPT_INJECTION, Behaviour.HTML, Behaviour.MARKDOWN, Behaviour.ANSI, Behaviour.LOOKALIKE_SURROGATES,
    Behaviour.FOREIGN_IDENTIFIERS, Behaviour.OVERSIZED, Behaviour.ENDLESS, Behaviour.REDIRECT,
]  # fmt: skip


@FORMS
@pytest.mark.parametrize("behaviour", HOSTILE)
def test_a_hostile_answer_comes_back_harmless_or_as_a_clear_error(
    way: WayOut, form: Form, behaviour: Behaviour, caplog: pytest.LogCaptureFixture
) -> None:
    way.first.enqueue(behaviour)

    answer = form.ask(way)
    records = way.records(answer)

    failure = form.code(answer)
    assert failure in {"", "provider_stream_broken"}
    if failure:
        assert found_in(json.dumps(form.told(answer)[-1]).encode()) == set()
        assert records[-1].outcome in {"failed", "incomplete"}
    else:
        assert not ACTS.search(form.shown(answer))
        assert [value for value in FOREIGN if value in form.shown(answer)] == []
    assert (way.left, way.first.lured, way.asked()) == (1, 0, [])
    assert found_in(f"{way.lines}{caplog.text}{way.metrics()}{answer.headers}".encode()) == set()


def refusals(way: WayOut, *, headers: dict[str, str] | None = None) -> set[str]:
    """Ask on both surfaces for what must not leave, and return the codes."""
    before = way.left
    codes = {form.code(form.ask(way, headers=headers)) for form in (CHAT, TYPED)}
    assert way.left == before
    return codes


def both(way: WayOut, **changes: Any) -> tuple[Provider, ...]:
    """Return the register with its agreements changed as asked."""
    told = registered(way.first, way.second)
    return tuple(replace(each, agreements=tuple(replace(a, **changes) for a in each.agreements)) for each in told)


def flooded(way: WayOut) -> list[httpx.Response]:
    """Ask more often at once than the engine has places."""
    way.gateway.engine.enqueue(*[Reply(delay_s=0.7)] * 2)
    with ThreadPoolExecutor(8) as callers:
        return list(callers.map(lambda _: TYPED.ask(way), range(8)))


@contextmanager
def outage(way: WayOut) -> Iterator[None]:
    """Take the engine away until the block ends."""
    way.run(way.gateway.engine.stop())
    try:
        yield
    finally:
        way.run(way.gateway.engine.start())
        until(lambda: way.gateway.appliance.engine.condition.is_ready)
