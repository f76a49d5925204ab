"""The shipped tasks with the real vLLM and the real small model: what it answers passes our checks and makes sense.

The questions are easy on purpose: the model has 135 million parameters.  Quality is measured elsewhere, on evidence.
"""

from collections.abc import Iterator
from contextlib import closing

import pytest

from appliance.cli import demo_notes
from appliance.engine.messages import EngineCall
from appliance.exchange import Sampling, TaskRequest
from appliance.tasks.finish import Output, finish
from appliance.tasks.icd10 import Icd10Table
from appliance.tasks.prepare import prepare
from tests.support.real_engine import RealEngine, real_engine, reason_to_skip
from tests.support.task_requests import icd10_folder, shipped, typed

pytestmark = [pytest.mark.engine, pytest.mark.skipif(bool(reason_to_skip()), reason=reason_to_skip() or "it is there")]

EASY_PASSAGES = (
    ("Doctor: Any allergies? Patient: Penicillin gives me hives.", "ALLERGY"),
    ("Doctor: Do you smoke or drink alcohol? Patient: I smoke half a pack a day.", "FAM/SOCHX"),
    ("Doctor: Any surgeries? Patient: They removed my appendix, and I had a hysterectomy.", "PASTSURGICAL"),
    (demo_notes.CLASSIFICATION, "ALLERGY"),
)


@pytest.fixture(scope="module")
def engine() -> Iterator[RealEngine]:
    with real_engine() as running:
        yield running


@pytest.fixture(scope="module")
def icd10(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Icd10Table]:
    with closing(Icd10Table.open(icd10_folder(tmp_path_factory))) as table:
        yield table


async def test_a_plain_visit_gets_its_codes(engine: RealEngine, icd10: Icd10Table) -> None:
    output = await ask(engine, icd10, typed("medical-coding", note=demo_notes.CODING))

    assert output.value is not None
    codes = [each["code"] for each in output.value["codes"]]  # type: ignore[attr-defined]
    assert {"E11.9", "I10"} <= set(codes)


async def test_easy_passages_are_mostly_filed_rightly(engine: RealEngine, icd10: Icd10Table) -> None:
    filed = [await ask(engine, icd10, typed("document-classification", text=text)) for text, _ in EASY_PASSAGES]

    right = [output.value == {"section": section} for output, (_, section) in zip(filed, EASY_PASSAGES, strict=True)]
    assert sum(right) >= 3


async def test_a_message_holds_the_notes_day_and_time(engine: RealEngine, icd10: Icd10Table) -> None:
    output = await ask(engine, icd10, typed("scheduling-message", request=demo_notes.SCHEDULING))

    assert output.value is not None
    message = str(output.value["message"])
    assert all(part in message for part in ("Friday 8 May", "2 pm", "room 12"))


@pytest.mark.parametrize(
    ("task", "field"), [("discharge-summary", "notes"), ("prior-authorization-letter", "clinical_notes")]
)
async def test_a_long_draft_passes_its_checks(engine: RealEngine, icd10: Icd10Table, task: str, field: str) -> None:
    output = await ask(engine, icd10, typed(task, **{field: demo_notes.DISCHARGE}), max_tokens=120)

    assert output.value is not None
    assert len(output.text) > 20


async def ask(engine: RealEngine, icd10: Icd10Table, request: TaskRequest, *, max_tokens: int | None = None) -> Output:
    task = shipped(request.task)
    prompt = prepare(task, request, icd10)
    sampling = Sampling(
        max_tokens=max_tokens or task.limits.default_max_tokens,
        temperature=task.sampling.temperature,
        top_p=task.sampling.top_p,
        seed=1,
    )
    call = EngineCall(
        messages=prompt.messages,
        sampling=sampling,
        tools=request.tools,
        response_schema=prompt.response_schema,
        priority=0,
        cache_salt="test",
    )
    client = engine.client()
    try:
        return finish(task, prompt, await client.complete(call), icd10)
    finally:
        await client.aclose()
