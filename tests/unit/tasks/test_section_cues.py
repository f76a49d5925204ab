import csv
from pathlib import Path

import pytest

from appliance.config import CHECKOUT
from appliance.tasks.section_cues import hints, question
from tests.support.task_requests import shipped

DIALOGUES = CHECKOUT.parent / "shared" / "data" / "clinical" / "mts-dialog" / "MTS-Dialog-ValidationSet.csv"

EASY = [
    ("Doctor: Any allergies? Patient: Penicillin gives me hives.", "ALLERGY"),
    ("Doctor: Do you smoke or drink alcohol? Patient: Half a pack a day.", "FAM/SOCHX"),
    ("Doctor: Any surgeries? Patient: They removed my appendix and my tonsils.", "PASTSURGICAL"),
    ("She takes metformin 500 mg twice a day and lisinopril 10 mg daily.", "MEDICATIONS"),
    ("When was your last tetanus shot? Flu vaccine in October.", "IMMUNIZATIONS"),
    ("CT and chest x-ray show no mass.", "IMAGING"),
    ("Gravida 2 para 1, last menstrual period in May.", "GYNHX"),
    ("Discharged home in stable condition.", "DISPOSITION"),
]


@pytest.mark.parametrize(("text", "section"), EASY)
def test_an_easy_passage_points_to_its_section(text: str, section: str) -> None:
    assert hints(text)[0] == section


def test_every_section_of_the_schema_can_be_pointed_to_or_is_the_rest() -> None:
    (field,) = shipped("document-classification").output_schema["properties"].values()  # type: ignore[union-attr]

    assert len(field["enum"]) == 20  # type: ignore[index, call-overload]
    assert {section for _, section in EASY} <= set(field["enum"])  # type: ignore[index, call-overload, arg-type]


def test_a_passage_without_any_word_points_to_the_rest() -> None:
    assert '"OTHER_HISTORY"' in question("...")


def test_the_hint_alone_is_right_for_most_dialogues_it_was_not_made_from() -> None:
    if not Path(DIALOGUES).exists():
        pytest.skip("needs MTS-Dialog's validation set in ../shared/data")
    with DIALOGUES.open(newline="") as file:
        rows = list(csv.DictReader(file))

    right = sum(hints(row["dialogue"])[:1] == (row["section_header"],) for row in rows)

    assert right / len(rows) > 0.6
