"""Steps 4 to 7 on a managed route: who is asked, who is asked next, and who is never asked."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from appliance.admission.estimate import Estimator
from appliance.admission.gate import Priority
from appliance.clinical_text import ClinicalText
from appliance.config import CHECKOUT
from appliance.engine.condition import EngineCondition
from appliance.errors import (
    ApplianceError,
    EngineBrokenStreamError,
    EngineError,
    EngineRejectedError,
    EscalationError,
    InvalidRequestError,
    ModelRefusedError,
    NotPermittedError,
    ProviderBrokenStreamError,
    ProviderUnavailableError,
    RouteRefusedError,
    TooBusyError,
)
from appliance.exchange import DataClass, RouteKind, Subject, Surface, TaskRequest
from audit.record import Kind
from tests.support.departures import finished, says
from tests.support.excluded import ListedPatients
from tests.support.pipeline_builder import PipelineBench, chat
from tests.support.registers import a_model, a_sandbox_provider, write_register
from tests.support.routes import a_router

TASK = "discharge-summary"
"""Its illustrative evidence fails locally and meets on the managed route, in the sandbox."""

LOCAL_TASK = "scheduling-message"
"""Its illustrative evidence meets locally."""

DOWN = EngineCondition(state="engine_down", detail="no process")
FIRST, SECOND = "a-cloud", "b-cloud"

Make = Callable[..., PipelineBench]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Return what builds a pipeline on the shipped policy with two stand-ins as providers."""
    made: list[PipelineBench] = []

    def build(*, failover: bool = False, **settings: Any) -> PipelineBench:
        folder = shutil.copytree(CHECKOUT / "policies", tmp_path / f"policies-{len(made)}")
        write_register(
            folder,
            a_sandbox_provider(name=FIRST, models=(a_model(input_usd_per_million=1.0),)),
            a_sandbox_provider(name=SECOND, models=(a_model(input_usd_per_million=2.0),)),
        )
        if failover:
            _let_fail_over(folder)
        bench = PipelineBench(folder, CHECKOUT / "var" / "cache", **settings)
        bench.broker.answer = None
        bench.broker.parts = [says("Reason for admission: pain."), finished()]
        made.append(bench)
        return bench

    yield build
    for bench in made:
        bench.icd10.close()


def _let_fail_over(folder: Path) -> None:
    """Let the local task leave when the engine cannot generate, with evidence for the managed route."""
    path = folder / "tasks" / f"{LOCAL_TASK}.yaml"
    task = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump({**task, "failover": True, "escalation": True}))
    evidence = folder / "evidence.yaml"
    rows = yaml.safe_load(evidence.read_text())
    managed = {"task": LOCAL_TASK, "route": "managed", "cases": 500, "edited": 20, "source": "A test."}
    rows["evidence"].append({**managed, "illustrative": True})
    evidence.write_text(yaml.safe_dump(rows))


async def test_what_the_local_model_does_badly_leaves_without_an_identifier_and_is_told_so(make: Make) -> None:
    bench = make()

    answer = await bench.pipeline.answer(bench.actor, chat(TASK, "MRN 7345501: admitted with pain."))
    await bench.settle()

    assert answer.exchange.route.label() == f"managed:{FIRST}"
    assert answer.exchange.route.sandbox
    assert answer.exchange.model.name.startswith("SANDBOX-")
    assert b"7345501" not in bench.broker.bodies[0]
    assert bench.engine.calls == []
    kinds = [(event.kind, event.code) for event in bench.log.events]
    assert kinds == [
        (Kind.INTENT, ""),
        (Kind.DECISION, "use_task"),
        (Kind.DECISION, "route"),
        (Kind.DECISION, "escalate"),
        (Kind.DISCLOSURE, ""),
        (Kind.RELEASE, ""),
        (Kind.OUTCOME, ""),
    ]
    assert bench.last(Kind.DISCLOSURE).patients == ("MRN-77001",)
    assert bench.last(Kind.OUTCOME).facts["sandbox"] is True
    assert bench.last(Kind.OUTCOME).route == f"managed:{FIRST}"


async def test_the_broker_is_handed_the_proof_of_the_intent(make: Make) -> None:
    bench = make()

    await bench.pipeline.answer(bench.actor, chat(TASK, "Admitted with pain."))

    assert bench.broker.requests[0].intent_receipt


async def test_a_managed_request_holds_no_place_in_the_engine(make: Make) -> None:
    bench = make()
    seen: list[int] = []
    bench.log.after = lambda event: seen.append(bench.gate.running) if event.kind is Kind.DISCLOSURE else None

    await bench.pipeline.answer(bench.actor, chat(TASK, "Admitted with pain."))

    assert seen == [0]


async def test_a_stream_from_outside_flows_and_is_recorded_whole(make: Make) -> None:
    bench = make()
    bench.broker.parts = [says("Reason for "), says("admission: pain."), finished()]

    async with bench.pipeline.stream(bench.actor, chat(TASK, "Admitted with pain.", stream=True)) as stream:
        text = "".join([delta.text.reveal() async for delta in stream])
    await bench.settle()

    assert text == "Reason for admission: pain."
    assert stream.is_whole
    assert bench.last(Kind.OUTCOME).outcome == "answered"


async def test_a_provider_that_cannot_answer_is_stood_in_for_by_the_next_in_the_register(make: Make) -> None:
    bench = make()
    bench.broker.answer = ProviderUnavailableError(provider=FIRST)
    asked = bench.broker.disclose

    def second_answers(request: Any, *args: Any, **kwargs: Any) -> Any:
        bench.broker.answer = ProviderUnavailableError(provider=FIRST) if request.provider == FIRST else None
        return asked(request, *args, **kwargs)

    bench.broker.disclose = second_answers  # type: ignore[method-assign]

    answer = await bench.pipeline.answer(bench.actor, chat(TASK, "Admitted with pain."))
    await bench.settle()

    assert [request.provider for request in bench.broker.requests] == [FIRST, SECOND]
    assert answer.exchange.route.provider == SECOND
    assert [event.route for event in bench.log.events if event.code == "route"] == [
        f"managed:{FIRST}",
        f"managed:{SECOND}",
    ]


async def test_when_no_provider_can_answer_the_request_fails_and_says_which(make: Make) -> None:
    bench = make()
    bench.broker.answer = ProviderUnavailableError(provider=SECOND, retry_s=7)

    with pytest.raises(ProviderUnavailableError) as caught:
        await bench.pipeline.answer(bench.actor, chat(TASK, "Admitted with pain."))
    await bench.settle()

    assert (caught.value.provider, caught.value.retry_s) == (SECOND, 7)
    assert [request.provider for request in bench.broker.requests] == [FIRST, SECOND]
    assert bench.engine.calls == []
    assert bench.last(Kind.OUTCOME).outcome == "failed"


@pytest.mark.parametrize("failure", [EscalationError("No."), ProviderBrokenStreamError()])
async def test_another_refusal_of_the_broker_is_not_routed_around(make: Make, failure: ApplianceError) -> None:
    bench = make()
    bench.broker.answer = failure

    with pytest.raises(type(failure)):
        await bench.pipeline.answer(bench.actor, chat(TASK, "Admitted with pain."))

    assert len(bench.broker.requests) == 1


async def test_a_model_that_declined_has_answered_and_nobody_else_is_asked(make: Make) -> None:
    bench = make()
    bench.broker.parts = [says("I cannot help with that."), finished(finish_reason="refusal")]

    with pytest.raises(ModelRefusedError):
        await bench.pipeline.answer(bench.actor, _typed("Admitted with pain."))
    await bench.settle()

    assert len(bench.broker.requests) == 1
    assert bench.engine.calls == []
    outcome = bench.last(Kind.OUTCOME)
    assert (outcome.outcome, outcome.code) == ("refused", "model_refused")
    assert outcome.body == b"I cannot help with that."


async def test_a_loss_in_the_middle_of_a_stream_ends_it_and_nobody_goes_on_with_it(make: Make) -> None:
    bench = make()
    bench.broker.parts = [says("Reason for admission is pain.\n\nAnd then the next part.\n")]
    bench.broker.failure = ProviderBrokenStreamError()

    with pytest.raises(ProviderBrokenStreamError):
        await _read(bench, chat(TASK, "Admitted with pain.", stream=True))
    await bench.settle()

    assert len(bench.broker.requests) == 1
    assert bench.engine.calls == []
    assert bench.last(Kind.OUTCOME).outcome == "incomplete"


async def test_an_engine_that_is_down_is_stood_in_for_only_where_the_task_fails_over(make: Make) -> None:
    without, with_failover = make(), make(failover=True)
    for bench in (without, with_failover):
        bench.watch.condition = bench.watch.later = DOWN

    with pytest.raises(EngineError):
        await without.pipeline.answer(without.actor, chat(LOCAL_TASK, "Visit on Monday."))
    answer = await with_failover.pipeline.answer(with_failover.actor, chat(LOCAL_TASK, "Visit on Monday."))

    assert without.broker.requests == []
    assert answer.exchange.route.failover
    assert answer.exchange.route.kind is RouteKind.MANAGED


async def test_a_full_engine_is_stood_in_for_only_where_the_task_fails_over(make: Make) -> None:
    without, with_failover = make(queue=0, concurrency=1), make(failover=True, queue=0, concurrency=1)

    for bench in (without, with_failover):
        async with bench.gate.slot(Priority.STAT, bench.parts.clock.monotonic_s() + 60):
            if bench is without:
                with pytest.raises(TooBusyError):
                    await bench.pipeline.answer(bench.actor, chat(LOCAL_TASK, "Visit on Monday."))
            else:
                answer = await bench.pipeline.answer(bench.actor, chat(LOCAL_TASK, "Visit on Monday."))

    assert without.broker.requests == []
    assert answer.exchange.route.failover


async def test_a_full_engine_opens_nothing_for_a_patient_who_objected(make: Make) -> None:
    bench = make(failover=True, queue=0, concurrency=1)
    pipeline = bench.pipeline_with(excluded=ListedPatients({"MRN-77001": "opt-out"}))

    async with bench.gate.slot(Priority.STAT, bench.parts.clock.monotonic_s() + 60):
        with pytest.raises(TooBusyError):
            await pipeline.answer(bench.actor, chat(LOCAL_TASK, "Visit on Monday."))

    assert bench.broker.requests == []


async def test_an_engine_that_fails_the_request_is_stood_in_for_where_the_task_fails_over(make: Make) -> None:
    bench = make(failover=True)
    bench.engine.fails_after = 0

    answer = await bench.pipeline.answer(bench.actor, chat(LOCAL_TASK, "Visit on Monday."))

    assert answer.exchange.route.failover
    assert len(bench.engine.calls) == 1


@pytest.mark.parametrize("failure", [EngineRejectedError(), EngineBrokenStreamError()])
async def test_an_engine_that_answered_badly_is_not_stood_in_for(make: Make, failure: EngineError) -> None:
    bench = make(failover=True)
    bench.engine.fails_after, bench.engine.failure = 0, failure

    with pytest.raises(type(failure)):
        await bench.pipeline.answer(bench.actor, chat(LOCAL_TASK, "Visit on Monday."))

    assert bench.broker.requests == []


@pytest.mark.parametrize(
    "stated",
    [{"restrictions": frozenset({"opt-out"})}, {"data_class": DataClass.RESTRICTED}, {"subject": Subject()}],
    ids=["a restriction", "a higher class", "no patient"],
)
async def test_what_a_caller_states_can_only_keep_a_request_in_the_building(
    make: Make, stated: dict[str, object]
) -> None:
    bench = make()

    with pytest.raises(RouteRefusedError):
        await bench.pipeline.answer(bench.actor, chat(TASK, "Admitted with pain.", **stated))

    assert bench.broker.requests == []


async def test_a_long_chart_is_read_to_its_end_for_what_keeps_it_in_the_building(make: Make) -> None:
    bench = make()
    chart = "Admitted with pain. " * 500 + "These records are protected by 42 CFR Part 2."
    pipeline = bench.pipeline_with(estimator=Estimator(tokenizer=None, context_length=65_536))

    with pytest.raises(RouteRefusedError):
        await pipeline.answer(bench.actor, chat(TASK, chart))

    assert bench.broker.requests == []


async def test_a_restriction_that_nobody_knows_is_refused_by_name(make: Make) -> None:
    bench = make()

    with pytest.raises(InvalidRequestError) as caught:
        await bench.pipeline.answer(bench.actor, chat(TASK, "Pain.", restrictions=frozenset({"optout"})))

    assert caught.value.field == "restrictions"


async def test_policy_is_asked_again_once_it_is_known_what_would_leave(make: Make) -> None:
    bench = make()
    forbid = (
        '@id("no-day-leaves")\n@reason("No day leaves.")\nforbid (principal, action == Action::"Escalate", resource)'
    )
    folder = bench.policy._path  # noqa: SLF001
    with (folder / "escalation.cedar").open("a") as policy:
        policy.write(f'\n{forbid}\nwhen {{ context has kinds_left && context.kinds_left.contains("DATE") }};\n')
    bench.policy.reload(bench.parts.moments().latest)

    with pytest.raises(NotPermittedError):
        await bench.pipeline.answer(bench.actor, chat(TASK, "Admitted on 3 March 2024 with pain."))
    await bench.settle()

    assert bench.broker.requests == []
    assert bench.last(Kind.DECISION).facts["policies"] == ["no-day-leaves"]


async def test_a_bundle_that_two_people_did_not_approve_lets_nothing_leave(make: Make) -> None:
    bench = make()
    router = a_router(bench.policy, bench.parts.model, approval=lambda _: "two officers have not approved this policy")

    with pytest.raises(RouteRefusedError) as caught:
        await bench.pipeline_with(router=router).answer(bench.actor, chat(TASK, "Admitted with pain."))

    assert "two officers have not approved" in caught.value.public
    assert bench.broker.requests == []


async def _read(bench: PipelineBench, request: TaskRequest) -> None:
    async with bench.pipeline.stream(bench.actor, request) as stream:
        async for _ in stream:
            pass


def _typed(notes: str) -> TaskRequest:
    return TaskRequest(
        task=TASK,
        surface=Surface.TASKS,
        subject=Subject(patients=(ClinicalText("MRN-77001"),)),
        input=ClinicalText(json.dumps({"notes": notes})),
    )
