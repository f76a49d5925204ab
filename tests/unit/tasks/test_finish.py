import json
import math

import pytest

from appliance.clinical_text import ClinicalText
from appliance.errors import OutputRejectedError
from appliance.exchange import Surface, Tools
from appliance.tasks.coding import WITHHELD_CODE
from appliance.tasks.finish import CUT_WARNING, NOT_FAITHFUL_WARNING, OWN_WORDS_WARNING, is_held
from appliance.tasks.icd10 import Icd10Table
from appliance.tasks.prepare import Prompt, prepare
from tests.support.task_requests import chat, finished, shipped, typed

NOTE = "Plan: Type 2 diabetes mellitus, stable.\nEssential hypertension."
OWN_FORMAT = Tools(response_format=ClinicalText('{"type":"json_object"}'))
NOTES = "Eye exam with Dr. Park, Wednesday 5 June at 11:00 am. Bring glasses. No contact lenses."
GOOD = "Hello, your eye exam with Dr. Park is on Wednesday 5 June at 11:00 am. Please bring glasses, no contact lenses."


def coding_prompt(icd10: Icd10Table) -> Prompt:
    return prepare(shipped("medical-coding"), typed("medical-coding", note=NOTE), icd10)


def test_chosen_codes_come_with_the_exact_words_of_the_note(icd10: Icd10Table) -> None:
    output = finished(coding_prompt(icd10), '{"m1":"E11.9","m2":"I10"}', task="medical-coding", icd10=icd10)

    assert output.value is not None
    codes = output.value["codes"]
    assert isinstance(codes, list)
    assert [each["code"] for each in codes] == ["E11.9", "I10"]
    for each in codes:
        evidence = each["evidence"]
        assert NOTE[evidence["start"] : evidence["end"]] == evidence["text"]
    assert json.loads(output.text.reveal()) == output.value


def test_a_mention_without_a_documented_code_yields_none(icd10: Icd10Table) -> None:
    output = finished(coding_prompt(icd10), '{"m1":"none","m2":"none"}', task="medical-coding", icd10=icd10)

    assert output.value == {"codes": []}


def test_a_code_chosen_twice_is_given_once(icd10: Icd10Table) -> None:
    note = "Asthma.\nUncomplicated asthma unspecified, and asthma attack."
    prompt = prepare(shipped("medical-coding"), typed("medical-coding", note=note), icd10)
    answer = json.dumps(dict.fromkeys(prompt.response_schema["properties"], "J45.909"))  # type: ignore[index]

    output = finished(prompt, answer, task="medical-coding", icd10=icd10)

    assert output.value is not None
    assert len(output.value["codes"]) == 1  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "answer",
    [
        '{"m1":"E11.999","m2":"I10"}',
        '{"m1":"I10","m2":"I10"}',
        '{"m1":"E11.9"}',
        "E11.9",
        "",
        "[]",
        '{"codes":["E11.9"]}',
    ],
)
def test_an_answer_outside_its_choices_is_withheld_and_not_quoted(icd10: Icd10Table, answer: str) -> None:
    with pytest.raises(OutputRejectedError) as caught:
        finished(coding_prompt(icd10), answer, task="medical-coding", icd10=icd10)

    assert "E11.999" not in caught.value.public + caught.value.detail


def test_a_structured_answer_that_was_cut_is_withheld(icd10: Icd10Table) -> None:
    with pytest.raises(OutputRejectedError, match="max_tokens"):
        finished(coding_prompt(icd10), '{"m1":"E1', task="medical-coding", icd10=icd10, finish_reason="length")


def test_a_note_without_any_diagnosis_has_no_codes(icd10: Icd10Table) -> None:
    prompt = prepare(shipped("medical-coding"), typed("medical-coding", note="Patient is well."), icd10)

    assert finished(prompt, "{}", task="medical-coding", icd10=icd10).value == {"codes": []}


def test_codes_invented_in_a_callers_own_format_are_withheld(icd10: Icd10Table) -> None:
    prompt = prepare(shipped("medical-coding"), chat("medical-coding", ("user", NOTE), tools=OWN_FORMAT), icd10)

    output = finished(prompt, '["E11.9","E11.999","Z99.999","B12"]', task="medical-coding", icd10=icd10)

    assert output.text.reveal() == f'["E11.9","{WITHHELD_CODE}","{WITHHELD_CODE}","B12"]'
    assert "2 codes" in output.warnings[-1]


def test_one_invented_code_is_counted_and_real_ones_are_not(icd10: Icd10Table) -> None:
    prompt = prepare(shipped("medical-coding"), chat("medical-coding", ("user", NOTE), tools=OWN_FORMAT), icd10)

    assert "1 code" in finished(prompt, "E11.999", task="medical-coding", icd10=icd10).warnings[-1]
    assert len(finished(prompt, "E11.9", task="medical-coding", icd10=icd10).warnings) == 1


def test_a_section_is_one_of_the_twenty(icd10: Icd10Table) -> None:
    prompt = prepare(shipped("document-classification"), typed("document-classification", text="Hives."), icd10)

    output = finished(prompt, '{"section":"ALLERGY"}', task="document-classification", icd10=icd10)

    assert output.value == {"section": "ALLERGY"}
    with pytest.raises(OutputRejectedError):
        finished(prompt, '{"section":"RECIPES"}', task="document-classification", icd10=icd10)


def test_a_free_text_fills_its_field(icd10: Icd10Table) -> None:
    prompt = prepare(shipped("discharge-summary"), typed("discharge-summary", notes="Asthma."), icd10)

    output = finished(prompt, " Asthma. \n", task="discharge-summary", icd10=icd10)

    assert output.value == {"summary": "Asthma."}
    assert output.warnings == ()


def test_a_text_that_was_cut_says_so(icd10: Icd10Table) -> None:
    prompt = prepare(shipped("discharge-summary"), typed("discharge-summary", notes="Asthma."), icd10)

    output = finished(prompt, "Asth", task="discharge-summary", icd10=icd10, finish_reason="length")

    assert output.warnings == (CUT_WARNING,)


def test_a_message_that_was_cut_gives_way_to_the_notes_own_words(icd10: Icd10Table) -> None:
    notes = "Flu shot on Monday at 9."
    prompt = prepare(shipped("scheduling-message"), typed("scheduling-message", request=notes), icd10)
    loop = f"Hello. {notes} Please bring your phone. Please bring your"

    output = finished(prompt, loop, task="scheduling-message", icd10=icd10, finish_reason="length")

    assert "phone" not in output.text.reveal()
    assert output.warnings == (OWN_WORDS_WARNING,)


@pytest.mark.parametrize("text", ["", " \n "])
def test_an_empty_draft_is_withheld(icd10: Icd10Table, text: str) -> None:
    prompt = prepare(shipped("discharge-summary"), typed("discharge-summary", notes="Asthma."), icd10)

    with pytest.raises(OutputRejectedError):
        finished(prompt, text, task="discharge-summary", icd10=icd10)


def test_a_free_conversation_has_no_typed_output(icd10: Icd10Table) -> None:
    turns = (("user", "a"), ("assistant", "b"), ("user", "c"))
    prompt = prepare(shipped("discharge-summary"), chat("discharge-summary", *turns), icd10)

    output = finished(prompt, "", task="discharge-summary", icd10=icd10)

    assert output.value is None


def test_a_message_that_says_what_the_notes_say_is_shown(icd10: Icd10Table) -> None:
    prompt = prepare(shipped("scheduling-message"), typed("scheduling-message", request=NOTES), icd10)

    output = finished(prompt, GOOD, task="scheduling-message", icd10=icd10)

    assert output.value == {"message": GOOD}
    assert output.warnings == ()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("5 June", "6 June"),
        ("Wednesday", "Thursday"),
        ("11:00 am", "11:00 pm"),
        ("Dr. Park", "Dr. Jones"),
        ("no contact lenses", "contact lenses"),
        ("at 11:00 am", ""),
        ("your eye exam", "your cancelled eye exam"),
        ("your eye exam", "your visit"),
        (GOOD, ""),
        (
            GOOD,
            GOOD + " We love spring flowers, garden parties, fresh bread, music, football, chess, poems.",
        ),
    ],
)
def test_a_message_that_changes_the_notes_gives_way_to_their_own_words(icd10: Icd10Table, old: str, new: str) -> None:
    prompt = prepare(shipped("scheduling-message"), typed("scheduling-message", request=NOTES), icd10)

    output = finished(prompt, GOOD.replace(old, new), task="scheduling-message", icd10=icd10)

    assert output.value is not None
    assert NOTES in str(output.value["message"])
    assert output.warnings == (OWN_WORDS_WARNING,)


def test_a_message_that_was_streamed_already_ends_with_a_warning(icd10: Icd10Table) -> None:
    request = chat("scheduling-message", ("user", NOTES), stream=True)
    prompt = prepare(shipped("scheduling-message"), request, icd10)

    output = finished(prompt, "Hello, come on Friday.", task="scheduling-message", icd10=icd10)

    assert output.text.reveal() == "Hello, come on Friday."
    assert output.warnings == (NOT_FAITHFUL_WARNING,)


@pytest.mark.parametrize(
    ("task", "surface", "tools", "held"),
    [
        ("medical-coding", Surface.TASKS, None, True),
        ("medical-coding", Surface.CHAT, None, True),
        ("medical-coding", Surface.CHAT, OWN_FORMAT, True),
        ("medical-coding", Surface.CHAT, Tools(tools=ClinicalText("[]")), False),
        ("document-classification", Surface.CHAT, None, True),
        ("document-classification", Surface.CHAT, OWN_FORMAT, False),
        ("scheduling-message", Surface.TASKS, None, True),
        ("scheduling-message", Surface.CHAT, None, False),
        ("discharge-summary", Surface.TASKS, None, False),
    ],
)
def test_what_must_be_checked_whole_is_held(task: str, surface: Surface, tools: Tools | None, *, held: bool) -> None:
    request = typed(task) if surface is Surface.TASKS else chat(task, ("user", "x"), tools=tools)

    assert is_held(shipped(task), request) is held


def test_nothing_here_is_a_number_that_json_has_not(icd10: Icd10Table) -> None:
    with pytest.raises(OutputRejectedError):
        finished(coding_prompt(icd10), json.dumps({"m1": math.inf}), task="medical-coding", icd10=icd10)
