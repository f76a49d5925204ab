"""The one path: what is recorded when, and what happens at each step that can fail."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from appliance.config import CHECKOUT
from appliance.engine.condition import EngineCondition
from appliance.errors import (
    AuditUnavailableError,
    ContextTooLongError,
    DeadlineExceededError,
    EngineBrokenStreamError,
    EngineError,
    EngineTimeoutError,
    InvalidRequestError,
    NotPermittedError,
    OutputRejectedError,
    RouteRefusedError,
    TooBusyError,
    UnknownTaskError,
)
from appliance.exchange import RouteKind, Sampling
from appliance.passage import Stream
from audit.errors import AppendError
from audit.record import Event, Kind
from tests.support.pipeline_builder import PipelineBench, an_actor, chat

TASK = "scheduling-message"
DOWN = EngineCondition(state="engine_down", detail="no process")


@pytest.fixture
def bench() -> Iterator[PipelineBench]:
    bench = PipelineBench(CHECKOUT / "policies", CHECKOUT / "var" / "cache")
    yield bench
    bench.icd10.close()


async def test_an_answer_leaves_intent_decisions_release_and_outcome(bench: PipelineBench) -> None:
    answer = await bench.pipeline.answer(bench.actor, chat(TASK, "Visit on Monday."))
    await bench.settle()

    assert answer.completion.text.reveal() == "Your visit is on Monday."
    assert answer.exchange.route.kind is RouteKind.LOCAL
    assert bench.log.kinds() == [Kind.INTENT, Kind.DECISION, Kind.DECISION, Kind.RELEASE, Kind.OUTCOME]
    assert {event.exchange_id for event in bench.log.events} == {answer.exchange.id}
    assert bench.last(Kind.OUTCOME).outcome == "answered"


async def test_the_engine_is_asked_only_after_the_intent_is_durable(bench: PipelineBench) -> None:
    asked: list[int] = []
    bench.log.after = lambda event: asked.append(len(bench.engine.calls)) if event.kind is Kind.INTENT else None

    await bench.pipeline.answer(bench.actor, chat(TASK, "Visit on Monday."))

    assert asked == [0]


async def test_without_a_recorder_there_is_no_answer_and_the_engine_is_not_asked(bench: PipelineBench) -> None:
    bench.log.before = _fail_on(Kind.INTENT)

    with pytest.raises(AuditUnavailableError) as caught:
        await bench.pipeline.answer(bench.actor, chat(TASK, "Visit on Monday."))

    assert bench.engine.calls == []
    assert caught.value.exchange_id.startswith("ex_")


async def test_an_answer_whose_release_cannot_be_recorded_is_not_given(bench: PipelineBench) -> None:
    bench.log.before = _fail_on(Kind.RELEASE)

    with pytest.raises(AuditUnavailableError):
        await bench.pipeline.answer(bench.actor, chat(TASK, "Visit on Monday."))
    await bench.settle()

    assert bench.last(Kind.OUTCOME).outcome == "failed"
    assert Kind.RELEASE not in bench.log.kinds()


async def test_an_outcome_is_written_when_the_recorder_is_back(bench: PipelineBench) -> None:
    bench.log.before = _fail_on(Kind.OUTCOME)
    await bench.pipeline.answer(bench.actor, chat(TASK, "Visit on Monday."))
    assert bench.trail.owed == 1

    bench.log.before = lambda _: None
    await bench.settle()

    assert bench.last(Kind.OUTCOME).outcome == "answered"


async def test_an_unknown_task_is_refused_and_recorded(bench: PipelineBench) -> None:
    with pytest.raises(UnknownTaskError):
        await bench.pipeline.answer(bench.actor, chat("no-such-task", "Hello."))

    assert {event.task for event in bench.log.events} == {""}
    assert b"no-such-task" in (bench.last(Kind.INTENT).body or b"")
    assert bench.last(Kind.OUTCOME).code == "unknown_task"
    assert bench.last(Kind.OUTCOME).outcome == "refused"


async def test_a_task_that_was_not_granted_is_refused_with_the_decision_recorded(bench: PipelineBench) -> None:
    stranger = an_actor(tasks=frozenset({"medical-coding"}))

    with pytest.raises(NotPermittedError) as caught:
        await bench.pipeline.answer(stranger, chat(TASK, "Visit on Monday."))

    assert caught.value.decision.allowed is False
    assert bench.last(Kind.DECISION).facts["allowed"] is False
    assert bench.last(Kind.OUTCOME).code == "not_permitted"
    assert bench.engine.calls == []


async def test_a_task_without_an_open_route_is_refused_with_its_numbers(bench: PipelineBench) -> None:
    with pytest.raises(RouteRefusedError) as caught:
        await bench.pipeline.answer(bench.actor, chat("discharge-summary", "Admitted with chest pain."))

    assert "42.0 %" in caught.value.public
    assert "30 %" in caught.value.public
    assert caught.value.downtime_text
    assert bench.last(Kind.OUTCOME).route == "refused"
    assert bench.engine.calls == []


async def test_illustrative_evidence_opens_nothing_outside_the_sandbox(bench: PipelineBench) -> None:
    with pytest.raises(RouteRefusedError):
        await bench.pipeline.answer(an_actor(tenant="general-hospital"), chat(TASK, "Visit on Monday."))

    assert bench.last(Kind.DECISION).facts["evidence"] == "insufficient"


async def test_a_request_waits_for_an_engine_that_starts(bench: PipelineBench) -> None:
    bench.watch.condition = EngineCondition(state="engine_starting", detail="")

    answer = await bench.pipeline.answer(bench.actor, chat(TASK, "Visit on Monday."))

    assert answer.exchange.route.kind is RouteKind.LOCAL


async def test_an_engine_that_stays_down_is_told_with_the_downtime_text(bench: PipelineBench) -> None:
    bench.watch.condition = bench.watch.later = DOWN

    with pytest.raises(EngineError) as caught:
        await bench.pipeline.answer(bench.actor, chat(TASK, "Visit on Monday."))

    assert caught.value.downtime_text
    assert bench.last(Kind.OUTCOME).outcome == "failed"


async def test_the_prompt_that_does_not_fit_never_reaches_the_engine(bench: PipelineBench) -> None:
    request = chat("discharge-summary", "word " * 6000)

    with pytest.raises((ContextTooLongError, InvalidRequestError)):
        await bench.pipeline.answer(bench.actor, request)

    assert bench.engine.calls == []
    assert bench.last(Kind.OUTCOME).outcome == "refused"


async def test_more_tokens_than_the_task_allows_are_refused(bench: PipelineBench) -> None:
    request = chat(TASK, "Visit on Monday.", sampling=Sampling(max_tokens=100_000))

    with pytest.raises(InvalidRequestError) as caught:
        await bench.pipeline.answer(bench.actor, request)

    assert caught.value.field == "max_tokens"


async def test_priority_and_cache_salt_are_the_gateways_own(bench: PipelineBench) -> None:
    await bench.pipeline.answer(bench.actor, chat(TASK, "Visit on Monday."))

    assert bench.engine.calls[0].priority == 10
    assert len(bench.engine.calls[0].cache_salt) == 43


async def test_an_answer_after_the_deadline_is_not_given(bench: PipelineBench) -> None:
    bench.engine.hangs = True

    with pytest.raises(EngineTimeoutError):
        await bench.pipeline.answer(bench.actor, chat(TASK, "Visit on Monday.", deadline_s=0.05))

    assert bench.engine.closed_early == 1


async def test_a_caller_that_hangs_up_cancels_the_generation_and_is_recorded(bench: PipelineBench) -> None:
    bench.engine.hangs = True
    waiting = asyncio.create_task(bench.pipeline.answer(bench.actor, chat(TASK, "Visit on Monday.")))
    while not bench.engine.calls:
        await asyncio.sleep(0.01)

    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await bench.settle()

    assert bench.engine.closed_early == 1
    assert bench.last(Kind.OUTCOME).outcome == "cancelled"


async def test_a_full_appliance_refuses_and_records_it(bench: PipelineBench) -> None:
    bench.engine.hangs = True
    waiting = [asyncio.create_task(bench.pipeline.answer(bench.actor, chat(TASK, "Visit."))) for _ in range(4)]
    while bench.gate.waiting < 2:
        await asyncio.sleep(0.01)

    with pytest.raises(TooBusyError) as caught:
        await bench.pipeline.answer(bench.actor, chat(TASK, "Visit."))

    assert caught.value.retry_after_s >= 1
    assert bench.last(Kind.OUTCOME).code == "too_busy"
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    await bench.settle()


async def test_a_deadline_that_passes_in_the_queue_is_told(bench: PipelineBench) -> None:
    bench.engine.hangs = True
    waiting = [asyncio.create_task(bench.pipeline.answer(bench.actor, chat(TASK, "Visit."))) for _ in range(2)]
    while bench.gate.running < 2:
        await asyncio.sleep(0.01)

    with pytest.raises((DeadlineExceededError, TooBusyError)):
        await bench.pipeline.answer(bench.actor, chat(TASK, "Visit.", deadline_s=0.05))

    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    await bench.settle()


async def test_an_identifier_that_the_caller_never_sent_is_withheld(bench: PipelineBench) -> None:
    bench.engine.says("Call 617-555-0123 to confirm.")

    answer = await bench.pipeline.answer(bench.actor, chat(TASK, "Visit on Monday."))
    await bench.settle()

    assert "617-555-0123" not in answer.completion.text.reveal()
    assert any("withheld" in warning for warning in answer.exchange.warnings)
    assert bench.last(Kind.OUTCOME).facts["withheld"] == ["PHONE:1"]


async def test_an_answer_that_fails_the_tasks_check_is_withheld(bench: PipelineBench) -> None:
    bench.engine.says("not json")

    with pytest.raises(OutputRejectedError):
        await bench.pipeline.answer(bench.actor, chat("document-classification", "ROS: negative."))

    assert bench.last(Kind.OUTCOME).code == "output_rejected"


async def test_an_unforeseen_fault_is_recorded_too(bench: PipelineBench) -> None:
    bench.engine.calls = None  # type: ignore[assignment]

    with pytest.raises(AttributeError):
        await bench.pipeline.answer(bench.actor, chat(TASK, "Visit on Monday."))
    await bench.settle()

    assert bench.last(Kind.OUTCOME).code == "broken"


async def test_a_stream_is_released_before_its_first_piece_and_sealed_whole(bench: PipelineBench) -> None:
    async with bench.pipeline.stream(bench.actor, chat(TASK, "Visit on Monday.", stream=True)) as stream:
        assert bench.log.kinds()[-1] is Kind.RELEASE
        text = await _read(stream)
    await bench.settle()

    assert text == "Your visit is on Monday."
    assert stream.is_whole
    assert stream.output == {"message": "Your visit is on Monday."}
    assert bench.last(Kind.OUTCOME).body == b"Your visit is on Monday."
    assert bench.last(Kind.OUTCOME).facts["completion_tokens"] == 8


async def test_a_stream_that_breaks_off_is_incomplete_and_never_whole(bench: PipelineBench) -> None:
    bench.engine.says("First sentence.\n\n", "Second sentence.\n\n", "Third.")
    bench.engine.fails_after, bench.engine.failure = 2, EngineBrokenStreamError()

    async with bench.pipeline.stream(bench.actor, chat(TASK, "Visit on Monday.", stream=True)) as stream:
        with pytest.raises(EngineBrokenStreamError) as caught:
            await _read(stream)
    await bench.settle()

    assert not stream.is_whole
    assert caught.value.exchange_id == stream.exchange.id
    assert bench.last(Kind.OUTCOME).outcome == "incomplete"
    assert bench.last(Kind.OUTCOME).code == "engine_stream_broken"


async def test_an_engine_that_fails_before_the_first_piece_is_an_error_and_not_a_stream(bench: PipelineBench) -> None:
    bench.engine.fails_after = 0

    with pytest.raises(EngineError):
        async with bench.pipeline.stream(bench.actor, chat(TASK, "Visit on Monday.", stream=True)):
            pytest.fail("there must be no stream")

    assert Kind.RELEASE not in bench.log.kinds()


async def test_leaving_a_stream_early_stops_the_engine_and_is_recorded_as_cancelled(bench: PipelineBench) -> None:
    bench.engine.says("First sentence.\n\n", "Second sentence.\n\n", "Third.")

    async with bench.pipeline.stream(bench.actor, chat(TASK, "Visit on Monday.", stream=True)) as stream:
        await anext(aiter(stream))
    await bench.settle()

    assert bench.engine.closed_early == 1
    assert bench.last(Kind.OUTCOME).outcome == "cancelled"
    assert bench.last(Kind.OUTCOME).code == "caller_gone"


async def test_a_stream_past_its_deadline_ends_with_an_error(bench: PipelineBench) -> None:
    bench.engine.hangs = True
    request = chat(TASK, "Visit on Monday.", stream=True, deadline_s=0.2)

    async with bench.pipeline.stream(bench.actor, request) as stream:
        with pytest.raises(EngineTimeoutError):
            await _read(stream)
    await bench.settle()

    assert bench.last(Kind.OUTCOME).code == "engine_timeout"


async def test_a_structured_answer_is_streamed_only_after_its_check(bench: PipelineBench) -> None:
    bench.engine.says('{"section": ', '"no such section"}')

    async with bench.pipeline.stream(
        bench.actor, chat("document-classification", "ROS: negative.", stream=True)
    ) as stream:
        with pytest.raises(OutputRejectedError):
            await _read(stream)
    await bench.settle()

    assert bench.last(Kind.OUTCOME).outcome == "failed"


async def test_a_caller_sees_the_tasks_that_it_may_use(bench: PipelineBench) -> None:
    tasks = bench.pipeline.tasks_for(an_actor(tasks=frozenset({TASK})))

    assert [task.name for task in tasks] == [TASK]


async def test_what_is_owed_at_the_end_is_paid_within_its_patience(bench: PipelineBench) -> None:
    bench.log.before = _fail_on(Kind.OUTCOME)
    await bench.pipeline.answer(bench.actor, chat(TASK, "Visit on Monday."))

    await bench.trail.aclose(patience_s=0.05)

    assert bench.trail.owed == 1


def _fail_on(kind: Kind) -> Callable[[Event], None]:
    def fail(event: Event) -> None:
        if event.kind is kind:
            raise AppendError("the disk is full")

    return fail


async def _read(stream: Stream) -> str:
    pieces: AsyncIterator = aiter(stream)
    return "".join([delta.text.reveal() async for delta in pieces])
