import asyncio
import contextlib
import io
import re
import sys
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from appliance.errors import PhiGuardUnavailableError
from appliance.phi.findings import Finding, Kind
from appliance.phi.frames import (
    MAX_FRAME_BYTES,
    frame,
    from_wire,
    read_frame,
    site_from_wire,
    site_to_wire,
    to_wire,
    write_frame,
)
from appliance.phi.settings import IdFormat, Site
from appliance.phi.worker import GuardWorker, WorkerState
from appliance.phi.worker_process import serve
from tests.support import guard_process
from tests.support.guard_models import real_models

FOUND = Finding(kind=Kind.NAME, start=0, end=3, score=1.0, recognizer="echo")


def worker(how: str, *, start_s: float = 30) -> GuardWorker:
    command = (sys.executable, str(guard_process.__file__), how)
    return GuardWorker(Path("models"), site=Site(), command=command, start_s=start_s)


@contextlib.asynccontextmanager
async def running(how: str) -> AsyncGenerator[GuardWorker]:
    made = worker(how)
    async with made.running():
        yield made


async def until(made: GuardWorker, state: WorkerState) -> None:
    async with asyncio.timeout(10):
        while made.state is not state:
            await asyncio.sleep(0.02)


async def test_texts_are_answered_in_order() -> None:
    async with running("well") as made:
        found = await made.find(["abc", "de"])

        assert [[each.end for each in text] for text in found] == [[3], [2]]
        assert made.state is WorkerState.READY
        assert await made.find([]) == []
    assert made.state is WorkerState.STOPPED


async def test_many_questions_at_once_get_each_its_own_answer() -> None:
    async with running("well") as made:
        answers = await asyncio.gather(*(made.find(["x" * length]) for length in range(1, 30)))

    assert [answer[0][0].end for answer in answers] == list(range(1, 30))


@pytest.mark.parametrize("how", ["die", "garbage", "huge", "fewer", "form", "list", "outside", "backwards"])
async def test_a_process_that_errs_is_an_unavailable_guard_and_is_started_again(how: str) -> None:
    async with running(how) as made:
        with pytest.raises(PhiGuardUnavailableError) as caught:
            await made.find(["Siobhan Okonkwo"])

        await until(made, WorkerState.PAUSED)
        assert made.failure
        assert "Siobhan" not in caught.value.detail + made.failure
        await until(made, WorkerState.READY)


async def test_a_late_process_is_killed_and_started_again() -> None:
    async with running("hang") as made:
        await until(made, WorkerState.READY)
        with pytest.raises(PhiGuardUnavailableError) as caught:
            await made.find(["abc"], timeout_s=0.2)

        assert "in time" in caught.value.detail
        await until(made, WorkerState.PAUSED)


async def test_a_process_that_never_gets_ready_is_ended_and_started_again() -> None:
    made = worker("never", start_s=0.3)
    async with made.running():
        with pytest.raises(PhiGuardUnavailableError) as caught:
            await made.find(["abc"])

        assert "did not get ready" in caught.value.detail
        await until(made, WorkerState.STARTING)


async def test_a_caller_need_not_wait_until_the_process_is_ready() -> None:
    async with running("never") as made:
        with pytest.raises(PhiGuardUnavailableError) as caught:
            await made.find(["abc"], timeout_s=0.1)

        assert made.state is WorkerState.STARTING
        assert "not ready" in caught.value.detail


async def test_a_process_that_listens_no_more_is_an_unavailable_guard() -> None:
    async with running("deaf") as made:
        await until(made, WorkerState.READY)
        await made.find(["abc"])

        with pytest.raises(PhiGuardUnavailableError):
            await made.find(["x" * 3_000_000], timeout_s=5)


async def test_a_process_that_is_busy_when_the_guard_stops_is_killed() -> None:
    async with running("hang") as made:
        await until(made, WorkerState.READY)
        asked = asyncio.create_task(made.find(["abc"]))
        await asyncio.sleep(0.05)

    with pytest.raises(PhiGuardUnavailableError):
        await asked
    assert made.state is WorkerState.STOPPED


async def test_while_it_is_down_the_guard_is_unavailable_at_once() -> None:
    async with running("die") as made:
        with pytest.raises(PhiGuardUnavailableError):
            await made.find(["abc"])
        await until(made, WorkerState.PAUSED)

        with pytest.raises(PhiGuardUnavailableError):
            await made.find(["abc"])


async def test_a_process_that_cannot_load_says_which_part_fails() -> None:
    async with running("unready") as made:
        with pytest.raises(PhiGuardUnavailableError) as caught:
            await made.find(["abc"])

        assert "model file x" in caught.value.detail


async def test_a_program_that_cannot_be_started_is_an_unavailable_guard() -> None:
    made = GuardWorker(Path("models"), site=Site(), command=("/nonexistent/program",))
    async with made.running():
        with pytest.raises(PhiGuardUnavailableError) as caught:
            await made.find(["abc"])

    assert "cannot be started" in caught.value.detail


async def test_a_worker_that_was_never_started_finds_nothing_and_says_so() -> None:
    with pytest.raises(PhiGuardUnavailableError):
        await worker("well").find(["abc"])


async def test_a_caller_that_goes_away_does_not_stop_the_next() -> None:
    async with running("well") as made:
        await until(made, WorkerState.READY)
        gone = asyncio.create_task(made.find(["gone"]))
        await asyncio.sleep(0)
        gone.cancel()

        assert len(await made.find(["abc"])) == 1


async def test_another_site_is_sent_once() -> None:
    async with running("well") as made:
        await made.use(Site())
        await made.use(Site(facilities=("Elm Ward",)))

        assert made.state is WorkerState.READY


def test_a_site_comes_through_the_pipe_as_it_was() -> None:
    form = IdFormat(name="study", kind=Kind.OTHER_ID, pattern=re.compile(r"KX-\d{3}", re.IGNORECASE))
    site = Site(facilities=("Elm",), id_formats=(form,), ordinary=frozenset({"quill"}))

    assert site_from_wire(site_to_wire(site)) == site


@pytest.mark.parametrize(
    "written",
    [None, 3, {}, {"facilities": [], "formats": [["n", "MRN", "(", 0]], "ordinary": []}, {"facilities": 1}],
)
def test_a_site_of_another_form_is_refused(written: object) -> None:
    with pytest.raises(PhiGuardUnavailableError):
        site_from_wire(written)


def test_findings_come_through_the_pipe_as_they_were() -> None:
    assert from_wire([to_wire([FOUND])]) == [(FOUND,)]


def test_a_frame_is_read_as_it_was_written_even_with_half_characters() -> None:
    stream = io.BytesIO()
    write_frame(stream, {"texts": ["\ud800 é"]})
    stream.seek(0)

    assert read_frame(stream) == {"texts": ["\ud800 é"]}
    assert read_frame(stream) is None


@pytest.mark.parametrize("content", [b"\0", b"\0\0\0\5ab", b"\0\0\0\2[]", b"\0\0\0\2{x", b"\xff\xff\xff\xff"])
def test_a_broken_frame_is_refused(content: bytes) -> None:
    with pytest.raises(PhiGuardUnavailableError):
        read_frame(io.BytesIO(content))


def test_a_text_that_is_too_long_is_refused_before_it_is_sent() -> None:
    with pytest.raises(PhiGuardUnavailableError):
        frame({"texts": ["x" * MAX_FRAME_BYTES]})


def test_the_process_refuses_texts_before_it_has_its_models() -> None:
    assert said({"id": 1, "texts": ["abc"]}) == [
        {"id": 1, "error": "the guard's process got a request that it does not know"}
    ]


def test_the_process_names_the_model_file_that_is_missing(tmp_path: Path) -> None:
    (answer,) = said({"id": 1, "site": site_to_wire(Site())}, models=tmp_path)

    assert "model file" in str(answer["error"])


def test_the_process_answers_with_kinds_and_places() -> None:
    site = site_to_wire(Site())
    greeting, again, answer = said(
        {"id": 1, "site": site}, {"id": 2, "site": site}, {"id": 3, "texts": ["Siobhan Okonkwo"]}, models=real_models()
    )

    assert greeting == {"id": 1, "ready": True}
    assert again == {"id": 2, "ready": True}
    assert [each[:3] for text in answer["found"] for each in text] == [["NAME", 0, 15]]


def said(*requests: dict[str, object], models: Path = Path("models")) -> list[dict]:
    asked, answers = io.BytesIO(b"".join(map(frame, requests))), io.BytesIO()
    serve(asked, answers, models)
    answers.seek(0)
    return [dict(answer) for answer in iter(lambda: read_frame(answers), None)]
