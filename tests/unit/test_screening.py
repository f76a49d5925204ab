"""Step 8 for answers from outside the building: what they may carry back, and what a model that declined means."""

from collections.abc import AsyncGenerator, Iterator
from datetime import date

import pytest

from appliance.clinical_text import ClinicalText
from appliance.config import CHECKOUT
from appliance.errors import ModelRefusedError
from appliance.exchange import Completion, Delta, ToolCall, Usage
from appliance.phi.rules import find
from appliance.phi.settings import GuardSettings
from appliance.phi.surrogates import SurrogateMap
from appliance.policy.bundle import Bundle
from appliance.screening import Screening
from appliance.tasks.icd10 import Icd10Table
from appliance.tasks.prepare import Prompt

SENT = "Patient: John Smith, MRN 8841201."
USAGE = Usage(prompt_tokens=9, completion_tokens=4)


@pytest.fixture(scope="module")
def icd10() -> Iterator[Icd10Table]:
    table = Icd10Table.open(CHECKOUT / "var" / "cache")
    yield table
    table.close()


@pytest.fixture
def surrogates() -> SurrogateMap:
    made = SurrogateMap(b"x" * 32, GuardSettings(), today=date(2026, 11, 23))
    made.prepare([SENT], [find(SENT)])
    return made


@pytest.fixture
def left(surrogates: SurrogateMap) -> str:
    """Return what left the building."""
    return surrogates.replace(SENT, find(SENT))


def _screening(
    bundle: Bundle, icd10: Icd10Table, surrogates: SurrogateMap | None, *, needs_output: bool = False
) -> Screening:
    prompt = Prompt(messages=(), response_schema=None, source=ClinicalText(SENT), is_typed=needs_output)
    return Screening(
        task=bundle.tasks["discharge-summary"],
        prompt=prompt,
        icd10=icd10,
        surrogates=surrogates,
        needs_output=needs_output,
    )


def _completion(text: str, *, finish_reason: str = "stop", calls: tuple[ToolCall, ...] = ()) -> Completion:
    return Completion(text=ClinicalText(text), tool_calls=calls, finish_reason=finish_reason, usage=USAGE)


async def _pieces(text: str, finish_reason: str) -> AsyncGenerator[Delta]:
    for character in text:
        yield Delta(text=ClinicalText(character))
    yield Delta(finish_reason=finish_reason, usage=USAGE)


def test_an_answer_from_outside_comes_back_with_the_callers_own_values(
    bundle: Bundle, icd10: Icd10Table, surrogates: SurrogateMap, left: str
) -> None:
    screening = _screening(bundle, icd10, surrogates)
    call = ToolCall(id="1", name="file", arguments=ClinicalText(f'{{"about": "{left}"}}'))

    answer = screening.whole(_completion(f"Seen: {left}", calls=(call,)))

    assert answer.text.reveal() == f"Seen: {SENT}"
    assert answer.tool_calls[0].arguments.reveal() == f'{{"about": "{SENT}"}}'
    assert screening.ending.is_whole


async def test_a_streamed_answer_from_outside_comes_back_the_same(
    bundle: Bundle, icd10: Icd10Table, surrogates: SurrogateMap, left: str
) -> None:
    screening = _screening(bundle, icd10, surrogates)

    pieces = [delta.text.reveal() async for delta in screening.flowing(_pieces(f"Seen: {left}", "stop"))]

    assert "".join(pieces) == f"Seen: {SENT}"


def test_what_steers_a_terminal_or_the_reading_direction_does_not_come_in(
    bundle: Bundle, icd10: Icd10Table, surrogates: SurrogateMap
) -> None:
    hostile = "Take\x1b[2J two\u202e tab\tlets\r\n\x9b31mnow\x00\U000e0041."

    answer = _screening(bundle, icd10, surrogates).whole(_completion(hostile))

    assert answer.text.reveal() == "Take[2J two tab\tlets\n31mnow."


def test_an_answer_of_the_local_model_is_left_as_it_wrote_it(bundle: Bundle, icd10: Icd10Table) -> None:
    answer = _screening(bundle, icd10, None).whole(_completion("One\r\ntwo."))

    assert answer.text.reveal() == "One\r\ntwo."


def test_a_link_that_the_caller_never_sent_does_not_come_in(
    bundle: Bundle, icd10: Icd10Table, surrogates: SurrogateMap
) -> None:
    screening = _screening(bundle, icd10, surrogates)

    answer = screening.whole(_completion("Chart: ![x](https://collector.example.com/?q=notes) end."))

    assert "collector" not in answer.text.reveal()
    assert sum(screening.ending.withheld.values()) == 1


@pytest.mark.parametrize("reason", ["refusal", "content_filter"])
def test_a_model_that_declined_gave_no_typed_output(
    bundle: Bundle, icd10: Icd10Table, surrogates: SurrogateMap, reason: str
) -> None:
    screening = _screening(bundle, icd10, surrogates, needs_output=True)

    with pytest.raises(ModelRefusedError):
        screening.whole(_completion("I cannot help with that.", finish_reason=reason))

    assert screening.ending.finish_reason == reason
    assert not screening.ending.is_whole


async def test_a_chat_caller_hears_that_the_model_declined_in_its_own_words(
    bundle: Bundle, icd10: Icd10Table, surrogates: SurrogateMap
) -> None:
    screening = _screening(bundle, icd10, surrogates)

    deltas = [delta async for delta in screening.flowing(_pieces("I cannot help.", "refusal"))]

    assert "".join(delta.text.reveal() for delta in deltas) == "I cannot help."
    assert deltas[-1].finish_reason == "refusal"
    assert screening.ending.is_whole
    assert screening.ending.output is None
